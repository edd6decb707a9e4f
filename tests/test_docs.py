"""Every example of the README and the guide, run."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shlex
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import structlog
import time_machine
import tomlkit
from typer.testing import Result

from tests import documents
from tests.commands import run
from tests.digest.builders import chosen, content
from tests.documents import CHECKOUT, DOCUMENTS, GUIDE, README, Block, commands, exists, named
from tests.fakesite import make_paper
from tests.world import World
from watcher import effective
from watcher.demo import run_demo
from watcher.digest import render_digest
from watcher.errors import ConfigError
from watcher.settings import Config, load
from watcher.settings.cadence import check_cron

ROLES = {
    "toml": {"", "refused", "subscriptions.d/"},
    "text": {"", "garden.txt", "arrived.txt", "record"},
    "css": {"templates/"},
    "jinja": {"templates/"},
    "sh": {"", "fresh", "machine", "browser"},
    "console": {""},
    "json": {"watcher", "log"},
    "cron": {""},
    "postfix": {"main", "master"},
    "nginx": {""},
    "python": {"endpoint"},
    "yaml": {"prometheus.yml"},
}
"""What a block may be. A `machine` block changes more than a test may; its commands are looked at.
A `text` block is what the `refused` one before it is told, a file of its name, or DNS records.
`postfix` blocks are run by `tests/mail/test_postfix_bounce.py`, `nginx` ones by
`tests/web_face/test_proxy.py`, the `endpoint` by `tests/pipeline/test_one_click.py`,
`prometheus.yml` by `tests/test_alerts.py`; `browser` ones need Chromium."""

FIT_FOR_A_MACHINE = {
    *("make", "pipx", "python3", "pip", "ln", "cp", "chgrp", "chmod"),
    *("createdb", "dropdb", "pg_dump", "pg_restore"),
    *("docker", "echo", "mkdir"),
    *("openssl", "systemctl", "systemd-sysusers", "journalctl", "tar", "watcher"),
}

READY = ("--yes", "--to", "ada@example.org", "--any", "hypernetwork*", "--maildir", "--offline")
LATER = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Home:
    """An empty home directory at the instant of a world's clock; `run` takes a line of shell."""

    path: Path
    world: World

    def run(self, line: str) -> Result:
        """Run `VARIABLE=… watcher …`; what it printed."""
        variables, arguments = parted(line)
        assert arguments[0] == "watcher", line
        if arguments[1] == "init" and os.geteuid() == 0:  # root's is the machine's own
            arguments += ["--config", str(self.path / ".config/paper-watcher/config.toml")]
        site = {"WATCHER_HTTP__BASE_URL": self.world.site.url}
        return invoke(arguments[1:], variables | site, self.world.now)


def parted(line: str) -> tuple[dict[str, str], list[str]]:
    """The variables before a command, and its words."""
    words = shlex.split(line, comments=True)
    variables = {}
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    return variables, words


def invoke(arguments: list[str], variables: dict[str, str], now: dt.datetime) -> Result:
    """Run a command in this process."""
    try:
        with time_machine.travel(now):
            result = run(arguments, env=variables)
    finally:
        structlog.reset_defaults()  # the log went to a stream that is closed now
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Nothing is set up; on the site are papers of today, one of them about hypernetworks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with World(tmp_path) as world:
        world.fill(50)
        for number, title in enumerate(("Growing a Hypernetwork Garden", "A Proof of Proteins")):
            world.add(make_paper(number, world.now - dt.timedelta(hours=1), title=title))
        yield Home(tmp_path, world)


@pytest.fixture
def home(fresh: Home) -> Home:
    """Set up for Ada, and checked once."""
    for line in (shlex.join(("watcher", "init", *READY)), "watcher check-now"):
        result = fresh.run(line)
        assert result.exit_code == 0, result.stderr
    return fresh


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which `make demo` was called."""
    folder = tmp_path_factory.mktemp("checkout")
    with ExitStack() as stack:
        stack.callback(structlog.reset_defaults)
        assert run_demo(folder / "demo-mail", lambda _: None) == ()
    return folder


@pytest.mark.parametrize("document", DOCUMENTS, ids=named(DOCUMENTS))
def test_every_block_is_of_a_kind_that_is_run(document: documents.Document) -> None:
    assert document.text.count("```") == 2 * len(document.blocks)
    for before, block in pairwise((None, *document.blocks)):
        assert block is not None
        role = re.match(r"subscriptions\.d/|templates/|\w+\.txt|\w+\.yml|\w*", block.role)
        assert role, str(block)
        assert role[0] in ROLES.get(block.language, ()), str(block)
        if block.language == "text" and not block.role:
            assert before is not None, str(block)
            assert before.role == "refused", str(block)


def test_templates_and_the_sheet_are_used_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (template,) = documents.blocks("jinja", "templates/digest.html.j2")
    (sheet,) = documents.blocks("css", "templates/mail.css")
    for block in (template, sheet):
        (tmp_path / block.role).write_text(block.text, encoding="utf-8")
    rendered = render_digest(content(chosen()), tmp_path / "templates")
    assert rendered.complaint == ""
    assert "meets on Thursdays, and has 1 new paper to choose from" in rendered.html
    assert "To stop it, write to" in rendered.html
    assert '<p class="foot meeting" style="margin:8px 0 0;font-style:italic">' in rendered.html
    head, _, body = rendered.html.partition("</style>")
    assert head.index(".link{color:#8ab6f2!important}") < head.index(
        ".link{color:#7fc8a9!important}"
    )
    assert body.count("color:#12664f") == body.count('class="link"') > 0


def configured(block: Block, folder: Path) -> Config:
    """The block as a configuration, with what it needs besides, loaded and compiled."""
    document = tomlkit.parse(block.text)
    if block.role.startswith("subscriptions.d/"):
        path = folder / block.role
        path.parent.mkdir()
        path.write_text(block.text, encoding="utf-8")
        document = tomlkit.parse("")
    elif "subscriptions" not in document:
        document.append("subscriptions", tomlkit.aot())
        document["subscriptions"].append(tomlkit.item({"to": ["ada@example.org"]}))
    if "smtp" not in document and document.get("mail", {}).get("transport") is None:
        document.setdefault("mail", tomlkit.table())["transport"] = "maildir"
    for name in re.findall(r'_file = "(\S+)"', block.text):
        (folder / name).touch(0o600)
        (folder / name).write_text("a-secret-that-has-many-characters\n")
    main = folder / "config.toml"
    main.touch(0o600)
    main.write_text(tomlkit.dumps(document), encoding="utf-8")
    config = load(main, state_dir=folder, environ={})
    for broken in config.broken:
        raise broken
    compiled, _ = effective.compile_rules(config, {})
    return compiled


TOML = [*documents.blocks("toml", ""), *documents.blocks("toml", "subscriptions.d/grace.toml")]
TOML += documents.blocks("toml", "subscriptions.d/lab.toml")


@pytest.mark.parametrize("block", TOML, ids=named(TOML))
def test_configurations_load(block: Block, tmp_path: Path) -> None:
    config = configured(block, tmp_path)
    assert config.warnings == ()
    assert not config.broken
    assert config.settings.subscriptions


def test_the_guide_says_what_the_subscriptions_of_a_file_are_called(tmp_path: Path) -> None:
    [block] = documents.blocks("toml", "subscriptions.d/lab.toml")
    for subscription in configured(block, tmp_path).settings.subscriptions:
        assert f"`{subscription.id}`" in GUIDE.prose


REFUSED = documents.blocks("toml", "refused")


@pytest.mark.parametrize("block", REFUSED, ids=named(REFUSED))
def test_what_is_refused_is_refused_in_these_words(block: Block, tmp_path: Path) -> None:
    following = GUIDE.blocks[GUIDE.blocks.index(block) + 1]
    with pytest.raises(ConfigError) as refused:
        configured(block, tmp_path)
    said = f"{refused.value.key}: {refused.value.message}"
    assert following.text.strip().split(": ", 1)[-1] in said
    if following.text.startswith("subscriptions"):
        assert "any[0]" in said


RUN = [
    *documents.blocks("sh", "", "fresh"),
    *(
        pytest.param(block, marks=pytest.mark.browser)
        for block in documents.blocks("sh", "browser")
    ),
]


@pytest.mark.parametrize("block", RUN, ids=str)
def test_commands_do_what_they_are_shown_to_do(
    block: Block, request: pytest.FixtureRequest
) -> None:
    at_home = request.getfixturevalue("fresh" if block.role == "fresh" else "home")
    assert isinstance(at_home, Home)
    for line in commands(block):
        if "restore" in line:
            [copy] = at_home.path.glob("papers.db")
            assert copy.stat().st_size
        elif "backup papers.db" in line:
            (at_home.path / "papers.db").unlink(missing_ok=True)
        elif "--new-database" in line:
            for path in at_home.path.rglob("watcher.db*"):
                path.unlink()
        result = at_home.run(line)
        assert result.exit_code == 0, f"{line}: {result.output}"
        assert result.output, line


MACHINE = documents.blocks("sh", "machine")


@pytest.mark.parametrize("block", MACHINE, ids=named(MACHINE))
def test_commands_for_a_machine_are_there(block: Block) -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    for line in commands(block):
        _, words = parted(line)
        command = Path(words[0]).name
        assert command in FIT_FOR_A_MACHINE, line
        if command == "watcher":
            exists(words[1:])
        elif command == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), line
        for word in words[1:]:
            assert not word.startswith("systemd/") or (CHECKOUT / word).is_file(), line
            if extra := re.fullmatch(r"\.\[([\w,]+)\]", word):
                assert set(extra[1].split(",")) <= set(extras["optional-dependencies"]), line


CONSOLE = documents.blocks("console", "")


@pytest.mark.parametrize("block", CONSOLE, ids=named(CONSOLE))
def test_what_commands_print_is_what_is_shown(
    block: Block, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    for file in documents.blocks("text", "garden.txt", "arrived.txt"):
        Path(file.role).write_text(file.text, encoding="utf-8")
    line, _, shown = block.text.partition("\n")
    assert line.startswith("$ watcher ")
    result = invoke(shlex.split(line)[2:], {}, LATER)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == shown


def alike(shown: object, real: object, where: str = "$") -> None:
    """Assert that both have the same keys and kinds of values; null may stand for anything."""
    if shown is None or real is None:
        return
    assert type(shown) is type(real), where
    if isinstance(shown, dict) and isinstance(real, dict):
        assert set(shown) == set(real), where
        for key, value in shown.items():
            alike(value, real[key], f"{where}.{key}")
    elif isinstance(shown, list) and isinstance(real, list) and real:
        for each in shown:
            alike(each, real[0], f"{where}[]")


JSON = documents.blocks("json", "watcher")


@pytest.mark.parametrize("block", JSON, ids=named(JSON))
def test_json_has_the_keys_that_are_shown(block: Block, home: Home) -> None:
    alike(json.loads(block.text), json.loads(home.run(block.role).stdout))


def test_the_log_has_the_keys_that_are_shown(home: Home) -> None:
    [block] = documents.blocks("json", "log")
    said = home.run("WATCHER_LOG__FORMAT=json watcher check-now -v").stderr
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    shown = json.loads(block.text)
    [real, *_] = [line for line in lines if line["event"] == shown["event"]]
    alike(shown, real)


def test_the_line_for_cron_is_one() -> None:
    [block] = documents.blocks("cron", "")
    *fields, command = block.text.strip().split(" ", 5)
    check_cron(" ".join(fields))
    words = shlex.split(command)
    assert Path(words[0]).name == "watcher"
    exists(words[1:])


def test_the_picture_shows_what_the_demo_mails(demo: Path) -> None:
    *_, last = sorted((demo / "demo-mail").glob("*.html"))
    html = last.read_text(encoding="utf-8")
    assert "4 new papers" in html
    assert "reached 20 votes" in html
    assert "A digest of four papers" in README.text
