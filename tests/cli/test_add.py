"""`add`: a checked file, or none."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.world import DAILY, WEIGHTS, World
from watcher.cli.drafts import split, stem_of
from watcher.settings import load


@pytest.fixture
def folder(world: World) -> Path:
    world.configure(DAILY, WEIGHTS, '[topics.mine]\nany = ["zorblax"]\n')
    return world.directory / "subscriptions.d"


def test_the_file_the_sentence_and_when_it_counts(world: World, folder: Path, ask: Asker) -> None:
    world.config_path.chmod(0o640)
    said = ask(
        *("add", "Bob.Jones@example.org", "--any", "zorblax, model zoo", "--any", '"LoRA"'),
        *(
            "--none",
            "survey",
            "--topic",
            "mine",
            "--author",
            "Ha, David",
            "--organization",
            "google",
        ),
        *("--all", "nets", "--min-upvotes", "5", "--digest", "mon-fri 8:00"),
        *("--timezone", "Asia/Tokyo", "--language", "ja"),
        *("--source", "daily", "--max-age-days", "7"),
    )
    path = folder / "bob-jones.toml"
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        f"{path} is written.\n"
        "\nbob-jones/bob-jones\n"
        "  to        Bob.Jones@example.org\n"
        "  digest    weekdays at 08:00 (Asia/Tokyo); next Fri 2026-02-20 08:00 JST\n"
        "  sources   daily\n"
        '  rule      mentions zorblax or model zoo or "LoRA" or the topic mine AND mentions nets'
        " AND is by Ha, David AND is from google AND has at least 5 votes, and never mentions"
        " survey, published in the last 7 days\n"
        "\nA running daemon takes it up at its next check, Thu 2026-02-19 07:30 UTC; SIGHUP"
        " (`systemctl reload watcher`) makes it do so now.\n"
    )
    assert path.read_text() == (
        "# Made by `watcher add` on 2026-02-19.\n\n"
        '[[subscriptions]]\nto = ["Bob.Jones@example.org"]\ndigest = "mon-fri 8:00"\n'
        'timezone = "Asia/Tokyo"\nlanguage = "ja"\nsources = ["daily"]\n'
        "max_age_days = 7  # older papers are no news; 0: no limit\n\n"
        '[[subscriptions.rules]]\nany = ["zorblax", "model zoo", "\\"LoRA\\""]\nall = ["nets"]\n'
        'none = ["survey"]\ntopics = ["mine"]\nauthors = ["Ha, David"]\n'
        'organizations = ["google"]\nmin_upvotes = 5\n'
    )
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(folder.iterdir()) == [path]
    assert ask("check-config", "--offline").code == 0


def test_one_address_may_have_several_and_names_are_never_taken_over(
    world: World, folder: Path, ask: Asker
) -> None:
    for number in ("", "-2", "-3"):
        said = ask("subscriptions", "add", "bob@example.org", "--any", "zorblax")
        assert said.out.startswith(f"{folder}/bob{number}.toml is written.\n")
    said = ask("add", "bob@example.org", "--any", "zorblax", "--name", "Bob")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"watcher: {folder}/bob.toml is there already; give another --name, or edit it\n"
    )
    said = ask("add", "bob@example.org", "--any", "zorblax", "--name", "Für Bob!", "--json")
    assert said.json["id"] == "für-bob/Für Bob!"
    assert said.json["file"] == f"{folder}/für-bob.toml"
    assert said.json["taken_up_at"] == "2026-02-19T07:30:00+00:00"
    assert len(load(world.config_path, environ={}).settings.subscriptions) == 5


def test_every_paper_has_to_be_meant(folder: Path, ask: Asker) -> None:
    said = ask("add", "bob@example.org")
    assert said.code == 2
    assert said.err == (
        "watcher: which papers? Give --any KEYWORD, --topic TOPIC, --author NAME … or"
        " --every-paper\n"
    )
    said = ask("add", "bob@example.org", "--every-paper", "--any", "x")
    assert said.err == ("watcher: --every-paper contradicts the rule beside it; leave one out\n")
    assert not folder.exists()
    said = ask("add", "bob@example.org", "--every-paper")
    assert said.code == 0
    assert "  rule      every paper\n" in said.out
    assert tomllib.loads((folder / "bob.toml").read_text()) == {
        "subscriptions": [{"to": ["bob@example.org"]}]
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("bob", "--any", "x"), 'ADDRESS: "bob" is not an e-mail address'),
        (("bob@example.org", "--any", "x AND y"), "--any: `x AND y`: AND is not an operator"),
        (("bob@example.org", "--all", "*x"), "--all: "),
        (("bob@example.org", "--any", "x", "--none", "-y"), "--none: "),
        (
            ("bob@example.org", "--topic", "mien"),
            "--topic: there is no topic `mien`; did you mean `mine`",
        ),
        (("bob@example.org", "--author", " "), "--author: "),
        (("bob@example.org", "--organization", "!"), "--organization: "),
        (("bob@example.org", "--any", "x", "--min-upvotes", "-1"), "--min-upvotes: "),
        (("bob@example.org", "--any", "x", "--digest", "often"), '--digest: "often" is not known'),
        (("bob@example.org", "--any", "x", "--timezone", "Mars"), '--timezone: "Mars" is not'),
        (("bob@example.org", "--any", "x", "--language", "it"), '--language: "it" is not one of'),
        (
            ("bob@example.org", "--any", "x", "--source", "dayly"),
            '--source: there is no source "dayly"',
        ),
        (("bob@example.org", "--any", "x", "--name", "a/b"), '--name: "a/b" holds a slash'),
        (("bob@example.org", "--any", "x", "--max-age-days", "-2"), "--max-age-days: "),
        (("bob@example.org", "--any", "x", "--none", "x"), "--none: "),
        ((" ", "--any", "x"), "ADDRESS: "),
    ],
)
def test_what_is_wrong_is_named_by_its_flag_and_nothing_is_written(
    arguments: tuple[str, ...], complaint: str, folder: Path, ask: Asker
) -> None:
    said = ask("add", *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"watcher: {complaint}")
    assert "paper-watcher-" not in said.err
    assert not folder.exists()


def test_all_that_is_wrong_is_told_at_once(folder: Path, ask: Asker) -> None:
    said = ask("add", "bob", "--any", "x", "--digest", "often", "--timezone", "Mars")
    assert [line.split(":")[1] for line in said.err.splitlines()] == [
        " ADDRESS",
        " --digest",
        " --timezone",
    ]


def test_a_topic_of_the_configuration_that_is_wrong_is_told_in_its_place(
    world: World, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS, '[topics.mine]\nany = ["x AND y"]\n')
    said = ask("add", "bob@example.org", "--topic", "mine")
    assert said.code == 78
    line = world.config_path.read_text().splitlines().index('any = ["x AND y"]') + 1
    assert said.err.startswith(f"watcher: {world.config_path}, line {line}, topics.mine.any[0]: ")


def test_a_name_before_the_address_is_no_part_of_the_file(folder: Path, ask: Asker) -> None:
    said = ask("add", "Bob Jones <bob@example.org>", "--any", "x", "--json")
    assert said.json["file"] == f"{folder}/bob.toml"
    assert said.json["to"] == ["bob@example.org"]


def test_bytes_that_are_no_text(folder: Path, ask: Asker) -> None:
    said = ask("add", "bob@example.org", "--any", "\udcff")
    assert (said.code, said.err) == (78, "watcher: a flag holds bytes that are no UTF-8 text\n")
    assert not folder.exists()


def test_keys_of_the_environment_do_not_disturb(folder: Path, ask: Asker) -> None:
    said = ask("add", "bob@example.org", "--any", "x", env={"WATCHER_SMTP__PORT": "26"})
    assert said.code == 0


def test_a_configuration_that_is_not_there_or_broken_is_told(
    world: World, folder: Path, ask: Asker
) -> None:
    said = ask("add", "bob@example.org", "--any", "x", "--config", f"{folder}/none.toml")
    assert said.code == 78
    assert said.err == (
        f"watcher: {folder}/none.toml: there is no such file; `watcher init` makes one\n"
    )
    world.config_path.write_text("subscriptions = 7\n")
    assert ask("add", "bob@example.org", "--any", "x").code == 78
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_told(world: World, folder: Path, ask: Asker) -> None:
    folder.write_text("a file\n")
    said = ask("add", "bob@example.org", "--any", "x")
    assert said.code == 78
    assert str(folder) in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("address", "stem"),
    [
        ("ada@example.org", "ada"),
        ("Ada.Byron+papers@example.org", "ada-byron-papers"),
        ("/../etc/x@example.org", "etc-x"),
        ("jörg@example.org", "jörg"),
        ("'*'@example.org", "papers"),
        ("Ａｄａ@example.org", "ada"),
    ],
)
def test_a_stem_is_fit_for_a_file(address: str, stem: str) -> None:
    assert stem_of(address) == stem


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("a, b c,,d ", ("a", "b c", "d")),
        ('"a, b", c', ('"a, b"', "c")),
        ('"open, b', ('"open', "b")),
        (" ", ()),
    ],
)
def test_commas_part_but_not_inside_quotes(written: str, parts: tuple[str, ...]) -> None:
    assert split(written) == parts
