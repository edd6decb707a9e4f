"""The wizard where nobody is asked."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.smtpserver import SmtpServer
from tests.world import World
from watcher.cli.wizard import place_of


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
    assert re.sub(r"\d{4}-\d\d-\d\d", "TODAY", written) == (
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
