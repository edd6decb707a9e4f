"""The wizard, by a person at a terminal and by flags."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.cli.terminal import Terminal
from tests.fakesite import make_paper
from tests.smtpserver import SmtpServer
from tests.world import World
from watcher.cli.wizard import place_of
from watcher.settings import load


@pytest.fixture
def present(world: World) -> World:
    """The world at this hour: the programs under test are processes with a real clock."""
    world.now = dt.datetime.now(dt.UTC)
    world.fill()
    world.add(make_paper(1, world.now - dt.timedelta(hours=1), title="Zorblax is all you need"))
    return world


@pytest.fixture
def env(present: World) -> dict[str, str]:
    return {"WATCHER_HTTP__BASE_URL": present.site.url, "WATCHER_SMTP__TIMEOUT": "10"}


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    """A mail server that wants a password, in clear text on loopback."""
    with SmtpServer(login=("ada", "s3cret"), is_auth_in_clear=True) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, ...]:
    return ("--config", str(tmp_path / "etc" / "config.toml"))


def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "watcher", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        check=False,
    )


ENOUGH = ("--to", "ada@example.org", "--any", "zorblax")


def test_a_person_answers_the_questions(
    present: World,
    server: SmtpServer,
    place: tuple[str, ...],
    env: dict[str, str],
    tmp_path: Path,
) -> None:
    with Terminal("init", *place, env=env) as terminal:
        terminal.answer("Mail the digests to: ", "ada at example.org")
        said = terminal.answer("Mail the digests to: ", "ada@example.org, bob@example.org")
        assert '"ada at example.org" is not an e-mail address' in said
        terminal.answer("Keywords: ", "zorblax AND llm")
        said = terminal.answer("Keywords: ", 'zorblax, "Blah"')
        assert "AND" in said
        terminal.answer("Topics (? lists them): ", "?")
        said = terminal.answer("Topics (? lists them): ", "reinforcment-learning")
        assert "hypernetworks, " in said
        said = terminal.answer("Topics (? lists them): ", "")
        assert "did you mean `reinforcement-learning`?" in said
        terminal.answer("When [daily 08:00]: ", "noon")
        said = terminal.answer("When [daily 08:00]: ", "weekdays 7:30")
        assert '"noon" is not known; possible are each-check, hourly' in said
        terminal.answer("Time zone [UTC]: ", "Paris")
        said = terminal.answer("Time zone [UTC]: ", "Europe/Paris")
        assert 'did you mean "Europe/Paris"?' in said
        terminal.answer("Mail server: ", "https://127.0.0.1")
        said = terminal.answer("Mail server: ", "127.0.0.1")
        assert "must be a bare name" in said
        terminal.answer("Port [25]: ", "smtp")
        said = terminal.answer("Port [25]: ", str(server.port))
        assert "a port is a number from 1 to 65535" in said
        terminal.answer("Encryption (starttls, tls, none) [none]: ", "")
        terminal.answer("User name there (- for none): ", "ada")
        terminal.answer("Password there (not shown): ", "")
        said = terminal.answer("Password there (not shown): ", "wrong")
        assert "it is empty" in said
        terminal.answer("Mails come from [ada@example.org]: ", "Papers <papers@example.org>")
        said = terminal.answer("What now? (a: answer again, g: go on all the same, s: stop)", "x")
        assert "the login: 535" in said
        assert "app password" in said
        terminal.answer("(a: answer again, g: go on all the same, s: stop)", "a")
        terminal.answer("Mail server: ", "127.0.0.1")
        terminal.answer("Port [25]: ", str(server.port))
        terminal.answer("Encryption (starttls, tls, none) [none]: ", "")
        terminal.answer("User name there (- for none): ", "ada")
        terminal.answer("Password there (not shown): ", "s3cret")
        terminal.answer("Mails come from [ada@example.org]: ", "papers@example.org")
        terminal.answer("Have this machine start the watcher, and keep it on? [Y/n]", "maybe")
        terminal.answer("[Y/n]", "n")
        assert terminal.end() == 0
        screen = terminal.screen
    assert "wrong" not in screen
    assert "s3cret" not in screen
    config = tmp_path / "etc" / "config.toml"
    password = tmp_path / "etc" / "smtp-password"
    assert f"{config} is written" in screen
    assert f"{password} holds the password, readable by nobody else" in screen
    assert "fits 1 of 9 papers on the pages at this moment" in screen
    assert 'mentions zorblax or "Blah", published in the last 30 days' in screen
    assert "weekdays at 07:30 (Europe/Paris)" in screen
    assert "The configuration is good." in screen
    assert f"watcher --config {config} preview papers" in screen
    assert [path.stat().st_mode & 0o777 for path in (config, password, config.parent)] == [
        0o600,
        0o600,
        0o700,
    ]
    loaded = load(config, environ={})
    assert loaded.warnings == ()
    assert loaded.settings.smtp.password.get_secret_value() == "s3cret"
    assert loaded.settings.smtp.username == "ada"
    assert loaded.settings.mail.from_ == "papers@example.org"
    [subscription] = loaded.settings.subscriptions
    assert subscription.to == ("ada@example.org", "bob@example.org")
    assert subscription.max_age_days == 30
    assert subscription.digest == "weekdays 07:30"
    assert [rule.any for rule in subscription.rules] == [("zorblax", '"Blah"')]


def test_the_file_reads_as_if_somebody_had_written_it(
    present: World, place: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    present.smtp.login = None
    said = run(
        *("init", *ENOUGH, "--topic", "hypernetworks", "--timezone", "Asia/Tokyo", *place),
        *("--smtp-host", "127.0.0.1", "--smtp-port", str(present.smtp.port)),
        env=env,
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines()[0] == (
        f"Trying 127.0.0.1 port {present.smtp.port}, unencrypted: works"
    )
    written = (tmp_path / "etc" / "config.toml").read_text()
    today = f"{present.now:%Y-%m-%d}"
    assert written.replace(today, "TODAY") == (
        "# Paper watcher, set up by `watcher init` on TODAY.\n"
        "# All that can be said here, with defaults: config.example.toml, which comes with it.\n"
        "# `watcher check-config` tries a change; a running daemon takes it up at its next check."
        '\n\n[schedule]\ntimezone = "Asia/Tokyo"\n\n'
        '[mail]\nfrom = "ada@example.org"  '
        "# who hears of trouble is `operator`; by default this one\n\n"
        f'[smtp]\nhost = "127.0.0.1"\nport = {present.smtp.port}\nsecurity = "none"\n\n'
        "# A paper is mailed when one of the rules holds. For another rule, repeat the block\n"
        "# [[subscriptions.rules]]; for another person: `watcher add ADDRESS`.\n"
        '[[subscriptions]]\nname = "papers"\nto = ["ada@example.org"]\ndigest = "daily 08:00"\n'
        "max_age_days = 30  # older papers are no news; 0: no limit\n\n"
        '[[subscriptions.rules]]\nany = ["zorblax"]\ntopics = ["hypernetworks"]\n'
    )


def test_off_a_terminal_the_missing_flags_are_named(
    place: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    said = run("init", *place, env=env)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "watcher: nobody is asked here, so say it by flags: --to ADDRESS; --any KEYWORD or "
        "--topic TOPIC (or --every-paper); --smtp-host HOST (or --maildir)\n"
    )
    account = ("--smtp-host", "smtp.example.org", "--smtp-username", "ada")
    said = run("init", *place, *ENOUGH, *account, "--yes", env=env)
    assert said.returncode == 2
    assert said.stderr == (
        "watcher: nobody is asked here, so say it by flags: --smtp-password-file FILE "
        "(or WATCHER_SMTP__PASSWORD in the environment)\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--to", "ada"), '--to: "ada" is not an e-mail address: '),
        (("--to", " , "), "--to: an e-mail address is needed: ada@example.org"),
        (("--any", "*word"), "--any: "),
        (("--any", " "), "--any and --topic are empty; --every-paper says so"),
        (("--topic", "nonsense"), "--topic: there is no topic `nonsense`; "),
        (("--digest", "often"), '--digest: "often" is not known; possible are each-check'),
        (("--timezone", "Mars"), '--timezone: "Mars" is not the name of a time zone'),
        (("--from", "nobody"), '--from: "nobody" is not an e-mail address'),
        (("--maildir", "--smtp-port", "25"), "--maildir means no mail server: leave out --smtp-…"),
    ],
)
def test_a_wrong_flag_is_named_and_nothing_written(
    flags: tuple[str, ...],
    complaint: str,
    place: tuple[str, ...],
    ask: Asker,
    tmp_path: Path,
) -> None:
    enough = {"--to": ENOUGH[2:], "--any": ENOUGH[:2]}.get(flags[0], ENOUGH)
    said = ask("init", *enough, "--maildir", "--offline", *flags, *place)
    assert said.code == 2
    assert said.err.startswith(f"watcher: {complaint}")
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--smtp-port", "99999"), "--smtp-port: a port is a number from 1 to 65535; "),
        (("--smtp-port", "465", "--smtp-security", "none"), "--smtp-security: port 465 speaks TLS"),
        (("--smtp-security", "ssl"), "--smtp-security: possible are starttls, tls, none"),
        (("--smtp-host", "a:25"), "--smtp-host: holds a port; write host = "),
        (
            ("--smtp-username", "ada", "--smtp-password-file", "/nowhere/p"),
            "--smtp-password-file: /nowhere/p",
        ),
    ],
)
def test_wrong_flags_of_the_mail_server(
    flags: tuple[str, ...],
    complaint: str,
    place: tuple[str, ...],
    ask: Asker,
    tmp_path: Path,
) -> None:
    said = ask("init", *ENOUGH, "--smtp-host", "127.0.0.1", "--offline", *flags, *place)
    assert said.code == 2
    assert f"watcher: {complaint}" in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_login_that_fails_where_nobody_is_asked_is_told_and_counts(
    place: tuple[str, ...], env: dict[str, str], tmp_path: Path, ask: Asker
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    server = ("--smtp-host", "127.0.0.1", "--smtp-port", str(port))
    said = ask("init", *ENOUGH, *server, "--yes", *place, env=env)
    assert said.code == 3
    assert f"Trying 127.0.0.1 port {port}, unencrypted: no\n" in said.out
    assert said.err.startswith(
        f"watcher: 127.0.0.1 port {port}, the connection: nothing listens there; check [smtp] host"
        " and port\ngoing on all the same: `watcher send-test` tries it again\n"
    )
    assert (tmp_path / "etc" / "config.toml").exists()


def test_a_password_of_a_file_or_of_the_environment_is_never_copied(
    server: SmtpServer, place: tuple[str, ...], env: dict[str, str], tmp_path: Path, ask: Asker
) -> None:
    account = ["--smtp-host", "127.0.0.1", "--smtp-port", str(server.port)]
    account += ["--smtp-username", "ada"]
    given = env | {"WATCHER_SMTP__PASSWORD": "s3cret"}
    said = ask("init", *ENOUGH, *account, *place, env=given)
    assert (said.code, said.err) == (0, "")
    config = tmp_path / "etc" / "config.toml"
    assert "password" not in config.read_text()
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    named = ("--smtp-password-file", str(secret))
    said = ask("init", *ENOUGH, *account, *named, "--force", *place, env=env)
    assert (said.code, said.err) == (0, "")
    assert tomllib.loads(config.read_text())["smtp"]["password_file"] == str(secret)
    assert sorted(path.name for path in config.parent.iterdir()) == [
        "config.toml",
        "config.toml.old",
    ]


def test_what_is_there_is_only_replaced_when_told_and_then_kept(
    place: tuple[str, ...], env: dict[str, str], tmp_path: Path, ask: Asker
) -> None:
    config = tmp_path / "etc" / "config.toml"
    config.parent.mkdir()
    config.write_text("# mine\n")
    flags = (*ENOUGH, "--maildir", "--offline", *place)
    said = ask("init", *flags, "--yes")
    assert (said.code, said.err) == (
        2,
        f"watcher: {config} is there already; --force replaces it\n",
    )
    with Terminal("init", *place, env=env) as terminal:
        terminal.answer(f"{config} is there already. Replace it? [y/N] ", "")
        assert terminal.end() == 1
        assert terminal.screen.endswith("watcher: it was left as it is\n")
    assert config.read_text() == "# mine\n"
    said = ask("init", *flags, "--force")
    assert said.code == 0
    assert f"{config} is written; the old one is {config}.old\n" in said.out
    said = ask("init", *flags, "--force")
    assert f"the old one is {config}.old-2\n" in said.out
    assert Path(f"{config}.old").read_text() == "# mine\n"


def test_without_a_mail_server_mails_become_files(
    place: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    with Terminal("init", *place, "--offline", "--no-service", env=env) as terminal:
        terminal.answer("Mail the digests to: ", "ada@example.org")
        terminal.answer("Keywords: ", "")
        terminal.answer("Topics (? lists them): ", "")
        terminal.answer("Neither keyword nor topic: mail every paper? [y/N] ", "n")
        terminal.answer("Keywords: ", "")
        terminal.answer("Topics (? lists them): ", "")
        terminal.answer("Neither keyword nor topic: mail every paper? [y/N] ", "y")
        terminal.answer("When [daily 08:00]: ", "")
        terminal.answer("Time zone [UTC]: ", "")
        terminal.answer("Mail server: ", "")
        terminal.answer("Mails come from [ada@example.org]: ", "")
        assert terminal.end() == 0
        assert f"puts one into {tmp_path}/.local/state/paper-watcher/outbox" in terminal.screen
    written = tomllib.loads((tmp_path / "etc" / "config.toml").read_text())
    assert written["mail"] == {
        "transport": "maildir",
        "maildir": "outbox",
        "from": "ada@example.org",
    }
    assert "rules" not in written["subscriptions"][0]
    assert "smtp" not in written


@pytest.mark.parametrize("is_interrupt", [True, False])
@pytest.mark.parametrize("prompt", ["Mail the digests to: ", "Password there (not shown): "])
def test_leaving_at_a_prompt_leaves_nothing_behind(
    prompt: str,
    is_interrupt: bool,
    place: tuple[str, ...],
    env: dict[str, str],
    tmp_path: Path,
) -> None:
    flags = ["--any", "zorblax", "--digest", "hourly", "--timezone", "UTC"]
    flags += ["--smtp-host", "smtp.example.org", "--smtp-username", "ada"]
    if prompt.startswith("Password"):
        flags += ["--to", "ada@example.org", "--smtp-port", "587"]
    with Terminal("init", *flags, *place, env=env) as terminal:
        terminal.expect(prompt)
        if is_interrupt:
            assert terminal.interrupt() == 130
        else:
            terminal.type("\x04")
            assert terminal.end() == 1
            assert terminal.screen.endswith("\nwatcher: no answer came; nothing was changed\n")
        assert "Traceback" not in terminal.screen
    assert list(tmp_path.iterdir()) == []


def test_stopping_after_a_failed_login_writes_nothing(
    server: SmtpServer, place: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    flags = [*ENOUGH, "--digest", "hourly", "--timezone", "UTC", "--from", "ada@example.org"]
    flags += ["--smtp-host", "127.0.0.1", "--smtp-port", str(server.port)]
    flags += ["--smtp-security", "none", "--smtp-username", "ada"]
    with Terminal("init", *flags, *place, env=env) as terminal:
        terminal.answer("Password there (not shown): ", "wrong")
        terminal.answer("s: stop)", "s")
        assert terminal.end() == 1
        assert terminal.screen.endswith("watcher: nothing was written\n")
    assert list(tmp_path.iterdir()) == []
    with Terminal("init", *flags, "--no-service", *place, env=env) as terminal:
        terminal.answer("Password there (not shown): ", "wrong")
        terminal.answer("s: stop)", "g")
        assert terminal.end() == 3
    assert (tmp_path / "etc" / "smtp-password").read_text() == "wrong\n"


def test_a_contradiction_of_answers_is_told_and_asked_again(
    place: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    flags = (*ENOUGH, "--digest", "hourly", "--timezone", "UTC", "--from", "ada@example.org")
    with Terminal("init", *flags, "--offline", "--no-service", *place, env=env) as terminal:
        terminal.answer("Mail server: ", "mail.example.org")
        terminal.answer("Port [587]: ", "25")
        terminal.answer("Encryption (starttls, tls, none) [starttls]: ", "none")
        terminal.answer("User name there (- for none) [ada@example.org]: ", "ada")
        terminal.answer("Password there (not shown): ", "s3cret")
        said = terminal.answer("s: stop)", "a")
        assert (
            "watcher: --smtp-security: would send the password to mail.example.org in the clear"
            in said
        )
        terminal.answer("Mail server: ", "mail.example.org")
        terminal.answer("Port [587]: ", "")
        terminal.answer("User name there (- for none) [ada@example.org]: ", "-")
        assert terminal.end() == 0
    written = tomllib.loads((tmp_path / "etc" / "config.toml").read_text())
    assert written["smtp"] == {"host": "mail.example.org", "port": 587, "security": "starttls"}
    assert not (tmp_path / "etc" / "smtp-password").exists()


def test_for_the_whole_machine_the_mail_server_is_this_machine(
    present: World, place: tuple[str, ...], env: dict[str, str], tmp_path: Path, ask: Asker
) -> None:
    said = ask("init", *ENOUGH, "--system", "--yes", "--offline", *place, env=env)
    assert said.code == 0
    config = tmp_path / "etc" / "config.toml"
    assert tomllib.loads(config.read_text())["smtp"] == {
        "host": "localhost",
        "port": 25,
        "security": "none",
    }
    assert config.parent.stat().st_mode & 0o777 == 0o755


def test_every_paper_by_a_flag(place: tuple[str, ...], tmp_path: Path, ask: Asker) -> None:
    flags = ("--to", "ada@example.org", "--every-paper", "--maildir", "--max-age-days", "0")
    said = ask("init", *flags, "--offline", *place)
    assert (said.code, said.err) == (0, "")
    assert "  rule      every paper\n" in said.out
    assert "# no rule: every paper\n" in (tmp_path / "etc" / "config.toml").read_text()


def test_bytes_that_are_no_text_are_asked_for_again(
    place: tuple[str, ...], env: dict[str, str]
) -> None:
    with Terminal("init", *place, env=env) as terminal:
        terminal.expect("Mail the digests to: ")
        terminal.type(b"\xff\xfe@example.org\n")
        terminal.expect("  that is not readable as text; once more\n")
        terminal.expect("Mail the digests to: ")
        assert terminal.interrupt() == 130


def test_bytes_that_are_no_text_in_a_flag(
    place: tuple[str, ...], tmp_path: Path, ask: Asker
) -> None:
    account = ["--smtp-host", "127.0.0.1", "--smtp-username", "ada"]
    account += ["--smtp-password-file", "/\udcff"]
    said = ask("init", *ENOUGH, *account, "--offline", *place)
    assert (said.code, said.err) == (78, "watcher: a flag holds bytes that are no UTF-8 text\n")
    assert list(tmp_path.iterdir()) == []


def test_where_a_configuration_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = place_of(None, None, is_system=False, uid=0)
    assert (root.path, root.is_system) == (Path("/etc/paper-watcher/config.toml"), True)
    assert root.state_dir == Path("/var/lib/paper-watcher")
    ada = place_of(None, None, is_system=False, uid=1000)
    assert (ada.path, ada.is_system) == (tmp_path / ".config/paper-watcher/config.toml", False)
    assert ada.state_dir == tmp_path / ".local/state/paper-watcher"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/xdg")
    assert place_of(None, None, is_system=False, uid=1000).path == Path(
        "/xdg/paper-watcher/config.toml"
    )
    named = place_of(Path("x.toml"), Path("/s"), is_system=False, uid=0)
    assert (named.path, named.state_dir, named.is_system) == (
        Path("x.toml").absolute(),
        Path("/s"),
        False,
    )


def test_a_place_that_cannot_be_is_refused_before_anything_is_asked(
    tmp_path: Path, ask: Asker
) -> None:
    said = ask("init", *ENOUGH, "--maildir", "--config", str(tmp_path))
    assert (said.code, said.err) == (2, f"watcher: {tmp_path} is a directory; name a file in it\n")
    said = ask("init", *ENOUGH, "--maildir", "--offline", "--config", "/bin/sh/config.toml")
    assert said.code == 2
    assert said.err == (
        "watcher: /bin/sh cannot be written to; with sudo, or with --config elsewhere\n"
    )
    said = ask("init", *ENOUGH, "--maildir", "--offline", "--config", f"/{'x' * 300}/config.toml")
    assert said.code == 2
    assert said.err.endswith(" cannot be looked at: File name too long; with sudo, or elsewhere\n")


def test_a_faulty_environment_is_told_before_anything_is_written(
    place: tuple[str, ...], tmp_path: Path, ask: Asker
) -> None:
    wrong = {"WATCHER_SMTP__PROT": "25"}
    said = ask("init", *ENOUGH, "--maildir", "--offline", *place, env=wrong)
    assert said.code == 2
    assert "WATCHER_SMTP__PROT" in said.err
    assert said.err.endswith("watcher: nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_files_beside_it_that_are_broken_are_told(
    place: tuple[str, ...], tmp_path: Path, ask: Asker
) -> None:
    broken = tmp_path / "etc" / "subscriptions.d" / "bob.toml"
    broken.parent.mkdir(parents=True)
    broken.write_text("to = 7\n")
    said = ask("init", *ENOUGH, "--maildir", "--offline", *place)
    assert said.code == 78
    assert f"watcher: {broken}, line 1" in said.err
    assert (tmp_path / "etc" / "config.toml").exists()


def test_state_elsewhere_is_named_in_what_to_do_next(
    place: tuple[str, ...], tmp_path: Path, ask: Asker
) -> None:
    state = tmp_path / "my state"
    said = ask("init", *ENOUGH, "--maildir", "--offline", *place, "--state-dir", str(state))
    assert said.code == 0
    assert f"--state-dir '{state}' run " in said.out
    assert f"puts one into {state}/outbox" in said.out
