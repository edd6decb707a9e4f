"""The daemon as the service manager has it: a process, signals, a notify socket."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.fakesite import make_paper
from tests.world import DAILY, WEIGHTS, ZORBLAX, World

PATIENCE = 60.0


class Service:
    """`watcher run`, or another command, under a notify socket.

    `said` is all it told the service manager.

    What it logs to stderr is kept in a file, unless another descriptor is named for it.
    """

    def __init__(
        self,
        world: World,
        *extra: str,
        command: str = "run",
        stderr: int | None = None,
        umask: int = -1,
    ) -> None:
        self.world = world
        self.said: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = world.directory / "notify"
        path.unlink(missing_ok=True)
        self._socket.bind(str(path))
        self._socket.settimeout(PATIENCE)
        self._log = (world.directory / "log").open("w")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "watcher", command, "--config", str(world.config_path)),
                *("--state-dir", str(world.state_dir), *extra),
            ],
            env={**os.environ, "NOTIFY_SOCKET": str(path)},
            stdin=subprocess.DEVNULL,
            stderr=self._log if stderr is None else stderr,
            umask=umask,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._socket.close()
        self._log.close()

    def wait_for(self, word: str) -> str:
        """Block until a message with that word comes; the message."""
        while True:
            try:
                message = self._socket.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(
                    f"{word} was not said, but {self.said}\n{self.log()}"
                ) from None
            self.said.append(message)
            if word in message:
                return message

    def log(self) -> str:
        """What it wrote to its log."""
        return (self.world.directory / "log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal and wait for the end; how long it took in seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return time.monotonic() - began


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        running.now = dt.datetime.now(dt.UTC)
        running.fill(4)
        running.add(make_paper(99, running.now, title=ZORBLAX))
        running.configure(DAILY, WEIGHTS)
        yield running


@contextlib.contextmanager
def service(world: World, *extra: str) -> Iterator[Service]:
    with Service(world, *extra) as running:
        running.wait_for("READY=1")
        yield running


def watcher(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "watcher", *arguments),
            *("--config", str(world.config_path), "--state-dir", str(world.state_dir)),
        ],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_it_checks_at_once_mails_and_says_so(world: World) -> None:
    with service(world) as running:
        [mail] = [m for m in world.smtp.wait_for(1) if m.recipient == "ada@example.org"]
        assert b"2602" in mail.message or b"/papers/" in mail.message
        running.wait_for("STATUS=next check")
        assert "WATCHDOG=1" in running.said
        assert running.stop() < 10
        assert running.process.returncode == 0
    assert "Traceback" not in running.log()


def test_a_second_writer_is_told_who_writes_and_readers_do_not_wait(world: World) -> None:
    with service(world) as running:
        busy = watcher(world, "check-now")
        assert busy.returncode == 75
        assert f"process {running.process.pid}" in busy.stderr
        assert f"kill -USR1 {running.process.pid}" in busy.stderr
        status = watcher(world, "status")
        assert status.returncode in {0, 3}, status.stderr


def test_sigusr1_makes_it_check_now(world: World) -> None:
    with service(world) as running:
        world.smtp.wait_for(1)
        running.wait_for("STATUS=next check")
        world.add(make_paper(98, world.now, title=ZORBLAX))
        running.process.send_signal(signal.SIGUSR1)
        assert len(world.smtp.wait_for(2)) == 2


def test_a_check_takes_an_import_up(world: World) -> None:
    eve = world.directory / "eve.toml"
    eve.write_text(WEIGHTS.replace("ada@", "eve@").replace('"weights"', '"eve"'))
    with service(world) as running:
        world.smtp.wait_for(1)
        running.wait_for("STATUS=next check")
        said = watcher(world, "subscriptions", "import", str(eve))
        assert said.returncode == 0, said.stderr
        running.process.send_signal(signal.SIGUSR1)
        assert "eve@example.org" in {mail.recipient for mail in world.smtp.wait_for(2)}
    assert running.log().count("configuration read again") == 1


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_a_signal_during_the_start_does_not_end_it(world: World, number: int) -> None:
    assert watcher(world, "check-now").returncode == 0
    path, lock = world.state_dir / "watcher.db", world.state_dir / "watcher.db.lock"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")  # which holds the start up once it has its lock
        with Service(world) as running:
            while str(running.process.pid) not in lock.read_text():
                assert running.process.poll() is None, running.log()
            running.process.send_signal(number)
            other.execute("ROLLBACK")
            running.wait_for("READY=1")
            running.wait_for("STATUS=next check")
            assert running.stop() < 10
            assert running.process.returncode == 0


def test_sighup_takes_a_change_up_and_a_broken_one_keeps_the_last_good(world: World) -> None:
    with service(world) as running:
        world.smtp.wait_for(1)
        other = WEIGHTS.replace('"weights"', '"other"').replace("ada@", "bob@")
        world.configure(DAILY, WEIGHTS, other)
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("RELOADING=1")
        assert "2 subscriptions" in running.wait_for("READY=1")
        running.process.send_signal(signal.SIGUSR1)
        assert world.smtp.wait_for(2)[1].recipient == "bob@example.org"
        world.configure(DAILY, WEIGHTS, other, "nonsense = [")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("RELOADING=1")
        assert "2 subscriptions" in running.wait_for("READY=1")
        assert "config.toml" in running.log()
        world.add(make_paper(97, world.now, title=ZORBLAX))
        running.process.send_signal(signal.SIGUSR1)
        recipients = {mail.recipient for mail in world.smtp.wait_for(5)}
        assert recipients == {"ada@example.org", "bob@example.org", "root@example.org"}


def test_a_changed_file_is_taken_up_at_the_next_check_by_itself(world: World) -> None:
    with service(world) as running:
        world.smtp.wait_for(1)
        running.wait_for("STATUS=next check")
        other = WEIGHTS.replace('"weights"', '"other"').replace("ada@", "bob@")
        world.configure(DAILY, WEIGHTS, other)
        running.process.send_signal(signal.SIGUSR1)
        assert world.smtp.wait_for(2)[1].recipient == "bob@example.org"


def test_a_change_is_taken_up_as_soon_as_the_files_it_names_are_there(world: World) -> None:
    with service(world) as running:
        world.smtp.wait_for(1)
        running.wait_for("STATUS=next check")
        other = WEIGHTS.replace('"weights"', '"other"').replace("ada@", "bob@")
        world.configure(DAILY, WEIGHTS, other)
        text = world.config_path.read_text()
        world.config_path.write_text(text.replace("[http]\n", '[http]\ntoken_file = "token"\n'))
        running.process.send_signal(signal.SIGUSR1)
        assert world.smtp.wait_for(2)[1].recipient == "root@example.org"
        (world.directory / "token").write_text("hf_x")
        (world.directory / "token").chmod(0o600)
        running.process.send_signal(signal.SIGUSR1)
        assert world.smtp.wait_for(3)[2].recipient == "bob@example.org"


def test_sigterm_in_the_middle_of_many_loses_none_and_doubles_none(world: World) -> None:
    people = ", ".join(f'"r{number}@example.org"' for number in range(30))
    world.configure("connections = 1\n", DAILY, WEIGHTS.replace('"ada@example.org"', people))
    with service(world) as running:
        world.smtp.wait_for(1)
        assert running.stop() < 10
    with service(world) as again:
        world.smtp.wait_for(30)
        again.wait_for("STATUS=next check")
    recipients = [mail.recipient for mail in world.smtp.messages]
    assert sorted(recipients) == sorted({f"r{number}@example.org" for number in range(30)})


def test_a_mail_server_that_hangs_does_not_hold_up_the_end(world: World) -> None:
    world.smtp.fail("dot", "hang", times=1)
    with service(world) as running:
        world.smtp.wait_for_hang()
        assert running.stop() < 60, "an answer to a mail is awaited for ten minutes"
        assert running.process.returncode == 0
    with service(world):
        [mail] = world.smtp.wait_for(1)
        assert mail.recipient == "ada@example.org"


def test_a_site_that_hangs_does_not_hold_up_the_end(world: World) -> None:
    from tests.fakesite import faults

    world.site.faults["*"] = faults.hang()
    with service(world) as running:
        world.site.wait_for("*")
        assert running.stop(signal.SIGINT) < 10
        assert running.process.returncode == 0


def test_sigkill_and_a_restart_lose_nothing(world: World) -> None:
    with service(world) as running:
        world.smtp.wait_for(1)
        running.wait_for("STATUS=next check")  # or the very same bytes might rightly come again
        running.process.kill()
        running.process.wait()
    world.add(make_paper(96, world.now, title=ZORBLAX))
    with service(world):
        world.smtp.wait_for(2)
    assert [mail.paper_ids[0][-5:] for mail in world.digests()] == ["00099", "00096"]


def test_bad_configuration_ends_with_78_and_no_traceback(world: World) -> None:
    world.configure(DAILY, WEIGHTS, "[smpt]\n")
    done = watcher(world, "run")
    assert done.returncode == 78
    assert "smpt" in done.stderr
    assert "did you mean" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_way_to_mail_it_does_not_start(world: World) -> None:
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace('host = "127.0.0.1"', ""))
    for command in ("run", "check-now"):
        done = watcher(world, command)
        assert done.returncode == 78
        assert "maildir" in done.stderr
