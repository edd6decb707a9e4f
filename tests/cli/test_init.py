"""The wizard and a person at a terminal."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.cli.terminal import Terminal
from tests.smtpserver import SmtpServer
from tests.world import World
from watcher.settings import load

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
        said = terminal.answer("What now? (a: answer again, s: stop)", "a")
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


def test_bytes_that_are_no_text_are_asked_for_again(
    place: tuple[str, ...], env: dict[str, str]
) -> None:
    with Terminal("init", *place, env=env) as terminal:
        terminal.expect("Mail the digests to: ")
        terminal.type(b"\xff\xfe@example.org\n")
        terminal.expect("  that is not readable as text; once more\n")
        terminal.expect("Mail the digests to: ")
        assert terminal.interrupt() == 130
