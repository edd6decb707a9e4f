"""Secrets stay out of logs, errors, JSON and the database, whatever goes wrong."""

from __future__ import annotations

import base64
import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.fakesite import faults, make_paper
from tests.signing import ed25519_key
from tests.smtpserver import SmtpServer
from tests.switch import dead_mans_switch
from tests.test_daemon import Service
from tests.world import DAILY, WEIGHTS, ZORBLAX, World

TOKEN = "hf_TokenThatNobodyMaySee"
PASSWORD = "PasswordThatNobodyMaySee"
SECRET = "UnsubscribingSecretThatNobodyMaySee"
PAGES = "SecretOfThePagesThatNobodyMaySee"
STATUS = "StatusPasswordThatNobodyMaySee"
UUID = "uuid-that-nobody-may-see"
PROXY = "ProxyPasswordThatNobodyMaySee"
KEY = ed25519_key()

TABLES = f"""
[log]
level = "debug"
format = "{{form}}"
[dkim]
domain = "example.org"
ed25519_selector = "papers"
ed25519_key = '''
{KEY}'''
[web]
public_url = "https://papers.example.org"
secret = "{PAGES}"
operator_password = "{STATUS}"
[health]
ping_url = "{{switch}}/{UUID}"
"""


KEYS = ["smtp.password", "http.token", "mail.unsubscribe_secret"]
KEYS += ["dkim.ed25519_key", "health.ping_url", "web.secret", "web.operator_password"]


def forms(secret: str) -> set[bytes]:
    """The secret as it may travel: plain, and as logins encode it."""
    plain = secret.encode()
    login = b"\0ada\0" + plain
    return {plain, base64.b64encode(plain).rstrip(b"="), base64.b64encode(login).rstrip(b"=")}


SHORT = SECRET[:20]
HIDDEN_AS = (TOKEN, PASSWORD, SHORT, PAGES[:20], STATUS[:15], UUID, PROXY)
HIDDEN = {form for secret in HIDDEN_AS for form in forms(secret)}
HIDDEN |= forms(SECRET) | forms(PAGES) | forms(STATUS)
HIDDEN |= {line.encode() for line in KEY.splitlines() if "-----" not in line}


def told(place: str, content: bytes) -> list[str]:
    """Which secrets stand in it."""
    return [f"{form!r} in {place}" for form in sorted(HIDDEN) if form in content]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        running.now = dt.datetime.now(dt.UTC)
        running.fill(8)
        running.add(make_paper(99, running.now, title=ZORBLAX))
        running.smtp.login, running.smtp.is_auth_in_clear = ("ada", PASSWORD), True
        yield running


def configure(world: World, form: str, switch: str, *more: str) -> None:
    tables = TABLES.format(form=form, switch=switch)
    world.configure(f'username = "ada"\npassword = "{PASSWORD}"\n', tables, DAILY, WEIGHTS, *more)
    text = world.config_path.read_text()
    text = text.replace("[http]", f'[http]\ntoken = "{TOKEN}"')
    url = "https://example.org/stop?token={token}"
    text = text.replace(
        "[mail]", f'[mail]\nunsubscribe_url = "{url}"\nunsubscribe_secret = "{SECRET}"'
    )
    world.config_path.write_text(text)


class Giver:
    """Takes the secrets out of the configuration, and gives them where `place` says."""

    def __init__(self, world: World, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world, self._place, self._monkeypatch = world, place, monkeypatch
        self._directory = world.directory / "credentials"
        self._directory.mkdir(mode=0o700)

    def move(self) -> None:
        """All that stand in the file, unless that is their place."""
        if self._place == "file":
            return
        text = self._world.config_path.read_text()
        for name in KEYS:
            key = name.partition(".")[2]
            found = re.search(
                rf"^{key} = ('{{3}}\n.*?'{{3}}|\".*?\")\n", text, re.DOTALL | re.MULTILINE
            )
            assert found, name
            text = text.replace(found[0], "")
            self.give(name, found[1].strip("'\"").removeprefix("\n"))
        assert told("the configuration", text.encode()) == []
        self._world.config_path.write_text(text)

    def give(self, name: str, value: str) -> None:
        """That one, in the place of what was given before."""
        if self._place == "environment":
            variable = f"WATCHER_{name.upper().replace('.', '__')}"
            self._monkeypatch.setenv(variable, value)
        else:
            (self._directory / name).write_text(value)
            self._monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(self._directory))


@pytest.mark.parametrize(
    ("form", "place"), [("json", "file"), ("plain", "credentials"), ("plain", "environment")]
)
def test_a_day_of_work_and_of_trouble_tells_no_secret(
    world: World, form: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Giver(world, place, monkeypatch)
    with dead_mans_switch() as switch:
        configure(world, form, switch.url)
        secrets.move()
        with Service(world, "-vv") as running:
            running.wait_for("READY=1")
            assert switch.wait_for(1) == [f"/{UUID}"]
            world.smtp.wait_for(1)
            world.smtp.drop_connections()
            world.smtp.login = ("ada", "another")  # the password is wrong from here on
            world.add(make_paper(98, world.now, title=ZORBLAX))
            running.process.send_signal(10)
            running.wait_for("STATUS=next check")
            running.wait_for("STATUS=next check")
            configure(world, form, switch.url, "nonsense = [")
            secrets.move()
            running.process.send_signal(1)
            running.wait_for("RELOADING=1")
            running.wait_for("READY=1")
            running.stop()
    found = told("the log", running.log().encode())
    assert "535" in running.log()
    assert "not taken over" in running.log()
    configure(world, form, switch.url)  # nobody listens there any more
    secrets.move()
    world.site.faults["*"] = faults.answering(401)
    ask = Asker(world)
    for command in (
        *(("check-now", "-vv"), ("check-now", "--json"), ("status", "--json"), ("status",)),
        *(("history", "--json"), ("check-config", "--json"), ("doctor", "--json")),
        *(("doctor",), ("send-test", "--json"), ("subscriptions", "list", "--json")),
    ):
        said = ask(*command)
        found += told(" ".join(command), (said.out + said.err).encode())
    for path in world.state_dir.rglob("*"):
        if path.is_file():
            found += told(path.name, path.read_bytes())
    for mail in world.smtp.messages:
        found += told("a mail", mail.message)
    assert found == []
    assert (world.state_dir / "watcher.db").stat().st_size > 50_000


@pytest.mark.parametrize(
    "changed",
    [
        ("password = ", "pasword = "),
        ("token = ", "tokken = "),
        ("unsubscribe_secret = ", "unsubscribe_secrets = "),
        (f'password = "{PASSWORD}"', f'password = ["{PASSWORD}"]'),
        (f'token = "{TOKEN}"', f'token = "{TOKEN} two words"'),
        (f'token = "{TOKEN}"', f'token = "{TOKEN}'),
        (f'"{SECRET}"', f'"{SECRET[:20]}"'),
        (f'"{STATUS}"', f'"{STATUS[:15]}"'),
        ("http://", f"http://{PROXY}:{PROXY}@"),
        (f'password = "{PASSWORD}"', f"password = {PASSWORD}"),
        ("[log]", f'[http.more]\nproxy = "me:{PROXY}@"\n[log]'),
        ("-----BEGIN", "-----BEGUN"),
    ],
    ids=str,
)
def test_a_mistake_in_one_is_told_without_it(world: World, changed: tuple[str, str]) -> None:
    configure(world, "plain", "https://hc-ping.com")
    text = world.config_path.read_text()
    assert changed[0] in text
    world.config_path.write_text(text.replace(*changed, 1))
    ask = Asker(world)
    for command in (("check-config", "--offline"), ("check-now", "--json"), ("doctor",)):
        said = ask(*command)
        assert said.code, command
        assert told(" ".join(command), (said.out + said.err).encode()) == []


@pytest.mark.parametrize("place", ["credentials", "environment"])
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("smtp.pasword", PASSWORD),
        ("http.token", f"{TOKEN}\n{TOKEN}"),
        ("http.token", f"{TOKEN} two words"),
        ("mail.unsubscribe_secret", SHORT),
        ("web.secret", PAGES[:20]),
        ("web.operator_password", STATUS[:15]),
        ("health.ping_url", f"nonsense {UUID}"),
        ("dkim.ed25519_key", KEY.replace("BEGIN", "BEGUN")),
        ("http.proxy", f"me:{PROXY}@"),
        ("http.base_url", f"http://{PROXY}:{PROXY}@127.0.0.1"),
        ("store.url", f"postgresql://127.0.0.1:1/papers?user=me&password={PROXY}"),
    ],
)
def test_nor_a_mistake_in_one_that_is_given_elsewhere(
    world: World, place: str, name: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(world, "plain", "https://hc-ping.com")
    secrets = Giver(world, place, monkeypatch)
    secrets.move()
    secrets.give(name, wrong)
    ask = Asker(world)
    for command in (("check-config", "--offline"), ("check-now", "--json"), ("doctor",)):
        said = ask(*command)
        assert told(" ".join(command), (said.out + said.err).encode()) == []
        assert name.partition(".")[2] in (said.out + said.err).lower()


def test_a_server_that_does_not_answer_is_named_without_its_password(world: World) -> None:
    configure(world, "plain", "https://127.0.0.1:1")
    text = world.config_path.read_text()
    url = f"postgresql://me:{PROXY}@127.0.0.1:1/papers"
    world.config_path.write_text(text.replace("sqlite:///watcher.db", url))
    ask = Asker(world)
    for command in (("status",), ("status", "--json"), ("check-now", "-vv"), ("doctor",)):
        said = ask(*command)
        assert "127.0.0.1:1/papers" in said.out + said.err
        assert told(" ".join(command), (said.out + said.err).encode()) == []


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://127.0.0.1:1/papers?user=me&password={PROXY}",
        f"postgresql://127.0.0.1:1/papers?user=a@b&sslpassword={PROXY}",
        f"postgresql://me:pa@{PROXY}@127.0.0.1:1/papers",
    ],
)
def test_a_url_that_would_show_its_password_is_refused(world: World, url: str) -> None:
    configure(world, "plain", "https://127.0.0.1:1")
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace("sqlite:///watcher.db", url))
    ask = Asker(world)
    for command in (
        *(("status",), ("status", "--json"), ("check-now",), ("doctor",)),
        *(("backup", "copy.db"), ("check-config", "--json")),
    ):
        said = ask(*command)
        assert said.code == (3 if command == ("doctor",) else 78), command
        assert told(" ".join(command), (said.out + said.err).encode()) == []


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
def test_a_mail_server_that_quotes_the_login_makes_nobody_see_it(world: World, method: str) -> None:
    configure(world, "plain", "https://127.0.0.1:1")
    world.smtp.auth_methods, world.smtp.login = (method,), ("ada", "another")
    world.smtp.refusal = '500 5.5.1 Command unrecognized: "{said}"'
    ask = Asker(world)
    found = []
    for command in (
        *(("check-now", "-vv"), ("check-now", "--json"), ("status",), ("status", "--json")),
        *(("doctor",), ("send-test",)),
    ):
        said = ask(*command)
        found += told(" ".join(command), (said.out + said.err).encode())
    assert "Command unrecognized" in said.out + said.err
    for path in world.state_dir.rglob("*"):
        if path.is_file():
            found += told(path.name, path.read_bytes())
    world.smtp.login = ("ada", PASSWORD)
    ask("check-now", "--send", "--all")
    assert world.smtp.messages
    for mail in world.smtp.messages:
        found += told("a mail", mail.message)
    assert found == []


def test_an_error_that_nobody_foresaw_tells_none_either(world: World) -> None:
    """A traceback names the lines of the program, not what its variables hold."""
    with SmtpServer(login=("ada", PASSWORD), is_auth_in_clear=True) as server:
        program = (
            "import aiosmtplib\n"
            "async def broken(*_): raise RuntimeError('nobody foresaw this')\n"
            "aiosmtplib.SMTP.auth_plain = broken\n"
            "from watcher.__main__ import main\nmain()\n"
        )
        configure(world, "json", "https://127.0.0.1:1")
        text = world.config_path.read_text()
        world.config_path.write_text(
            text.replace(f"port = {world.smtp.port}", f"port = {server.port}")
        )
        place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
        with subprocess.Popen(
            [sys.executable, "-c", program, "run", "-vv", *place], stderr=subprocess.PIPE
        ) as running:
            assert running.stderr is not None
            said = []
            for line in running.stderr:
                said.append(line)
                if b"nobody foresaw this" in line:
                    running.terminate()
    assert any(b"nobody foresaw this" in line for line in said)
    assert told("the traceback", b"".join(said)) == []
