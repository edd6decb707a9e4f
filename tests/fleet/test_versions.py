"""Processes of this version and of the next one beside one another: an upgrade with nobody down."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest
import sqlalchemy as sa

from tests.fakesite import make_paper
from tests.fleet.nextversion import REVISION, VERSION, make_next_version
from tests.fleet.processes import Process, leap
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import __version__
from watcher.store.database import Database

WITHIN = 30.0
LOOK_EVERY = 0.05

TAKE_PART = "SELECT count(*) FROM replicas WHERE role = '{role}' AND version = '{version}'"
WAITING = "SELECT count(*) FROM deliveries WHERE state = 'queued' AND attempt_count = 1"
JOBS = "SELECT count(*) FROM procrastinate_jobs"
SENDER = """
SELECT version FROM deliveries JOIN replicas ON replicas.id = lease_token WHERE state = 'sending'
"""
REVISIONS = "SELECT version_num FROM watcher_version"
COLOURS = "SELECT count(colour) FROM deliveries"


class Upgrade:
    """A world on whose database processes of both versions work.

    Pages are read when a clock is asked for it, and not before.
    """

    def __init__(self, world: World, directory: Path) -> None:
        self._world, self._next = world, make_next_version(directory)
        self._stack = contextlib.ExitStack()
        self._paper_count = 0
        self.processes: list[Process] = []
        world.is_fleet = True
        world.configure(DAILY, WEIGHTS)

    def __enter__(self) -> Self:
        self._database = Database(self._world.config().store_url, writable=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._database.close()

    def launch(self, role: str, version: str) -> Process:
        """Start a process."""
        code = self._next if version == VERSION else None
        name = f"{role}-{len(self.processes)}"
        self.processes.append(Process(self._world, role, name, code=code))
        return self._stack.enter_context(self.processes[-1])

    def join(self, role: str, version: str) -> Process:
        """Start a process that is the only one of its kind, and wait until it takes part."""
        process = self.launch(role, version)
        self.until(TAKE_PART.format(role=role, version=version), 1)
        return process

    def migrate(self) -> None:
        """Have the next version migrate the database."""
        place = ("--config", self._world.config_path, "--state-dir", self._world.state_dir)
        command = (sys.executable, "-m", "watcher", "migrate", *place)
        subprocess.run(command, check=True, cwd=self._next, timeout=WITHIN)

    def publish(self, clock: Process) -> None:
        """Half an hour later there is one paper more, and a clock is to have the page read."""
        self._world.later(minutes=30)
        self._paper_count += 1
        self._world.add(make_paper(self._paper_count, self._world.now, title=ZORBLAX))
        self.tick(clock)

    def put_off(self, clock: Process) -> None:
        """The same, and the mail that comes of it is put off until the server is healed."""
        self._world.smtp.fail("rcpt", "450 4.2.0 later")
        self.publish(clock)
        self.until(WAITING, 1)

    def send_again(self, clock: Process) -> None:
        """Let the mail go that was put off; a clock is asked what is due."""
        self._world.smtp.heal()
        self._world.later(minutes=2)
        self.tick(clock)

    def tick(self, clock: Process) -> None:
        """It is as late as in the world, and a clock says what is due."""
        leap(self._world)
        clock.send(signal.SIGUSR1)

    def ask(self, question: str) -> object:
        """What the database answers."""
        with self._database.read() as connection:
            return connection.scalar(sa.text(question))

    def until(self, question: str, answer: object) -> None:
        """Wait for an answer of the database."""
        end = time.monotonic() + WITHIN
        while (found := self.ask(question)) != answer:
            assert time.monotonic() < end, f"{question}: {found}\n{self.logs}"
            time.sleep(LOOK_EVERY)  # processes have no event that another could wait for

    @property
    def logs(self) -> str:
        """What all processes wrote."""
        return "\n".join(process.log for process in self.processes)


@pytest.mark.long
def test_an_upgrade_process_by_process_mails_each_paper_once(world: World, tmp_path: Path) -> None:
    with Upgrade(world, tmp_path / "next") as upgrade:
        old_clock = upgrade.join("clock", __version__)
        old_worker = upgrade.join("worker", __version__)
        upgrade.publish(old_clock)
        world.smtp.wait_for(1)

        # Migrated in the middle of a mail.
        world.smtp.fail("data", "hold", times=1)
        upgrade.publish(old_clock)
        world.smtp.wait_for_hang()
        upgrade.migrate()
        assert upgrade.ask(REVISIONS) == REVISION
        assert upgrade.ask(SENDER) == __version__
        world.smtp.release()
        world.smtp.wait_for(2)
        upgrade.publish(old_clock)
        world.smtp.wait_for(3)

        # An old clock says what is due, a new worker composes, an old one sends.
        new_worker = upgrade.join("worker", VERSION)
        upgrade.until(JOBS, 0)
        old_worker.send(signal.SIGSTOP)
        upgrade.put_off(old_clock)
        assert new_worker.stop() == 0
        old_worker.send(signal.SIGCONT)
        upgrade.send_again(old_clock)
        world.smtp.wait_for(4)

        # A new clock says what is due, an old worker composes, a new one sends: for the old clock.
        new_clock = upgrade.join("clock", VERSION)
        upgrade.put_off(new_clock)
        assert old_worker.stop() == 0
        new_worker = upgrade.join("worker", VERSION)
        upgrade.send_again(old_clock)
        world.smtp.wait_for(5)

        assert old_clock.stop() == 0
        upgrade.publish(new_clock)
        world.smtp.wait_for(6)
        upgrade.until(JOBS, 0)
        assert new_clock.stop() == 0
        assert new_worker.stop() == 0
        assert upgrade.ask(COLOURS) == 0, "what was added may be left empty"

        late = upgrade.launch("worker", __version__)
        assert late.end() == 74
        assert f"newer version of this program (schema {REVISION}" in late.log
        assert "install the newer version" in late.log
        assert "Traceback" not in upgrade.logs
        assert "a job failed" not in upgrade.logs
    assert [mail.paper_ids for mail in world.digests()] == [[f"2602.0000{n}"] for n in range(1, 7)]
    assert world.notices() == []
