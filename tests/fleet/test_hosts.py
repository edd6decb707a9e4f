"""A worker on another host, whose link is cut for a while and mended again."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakesite import make_paper
from tests.faults.ledger import settle
from tests.faults.rows import Tally
from tests.fleet.hosts import Link, on_first_host
from tests.fleet.nursery import Nursery
from tests.fleet.processes import leap, prepare
from tests.postgres import PostgresServer
from tests.smtpserver import LONGEST_WAIT, Stage
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.store import outbox
from watcher.store.database import Database

PORT = 5432
IMPATIENT = "?connect_timeout=2&tcp_user_timeout=2000"
"""In place of ten and of thirty seconds: a minute of the real thing is a few seconds here."""

MINUTE = 60.0

IN_TURN = """
import datetime as dt, sys
from watcher.store.database import Database
from watcher.store.lock import InstanceLock, take_turn
database = Database(sys.argv[1], writable=True)
lock = InstanceLock(database, "test", dt.datetime.now(dt.UTC), is_shared=True)
with database.write() as connection:
    take_turn(connection)
    print("mine", flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Hosts:
    """A world on the first host, with its clock, and a worker on the second."""

    world: World
    link: Link
    nursery: Nursery

    @contextlib.contextmanager
    def another_worker(self) -> Iterator[None]:
        """One on the first host, until it has come to its end in good order."""
        pid = self.nursery.start("worker")
        ended = os.pidfd_open(pid)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGTERM)
            select.select([ended], [], [])
            os.close(ended)

    @contextlib.contextmanager
    def turn_held(self) -> Iterator[None]:
        """The second host has the turn to write, in a process that does nothing with it."""
        url = self.world.config().store_url
        command = [*self.link.inside, sys.executable, "-c", IN_TURN, url]
        with subprocess.Popen(
            command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == b"mine\n"
            try:
                yield
            finally:
                holder.kill()

    def publish(self, number: int) -> None:
        """Half an hour later there is a paper."""
        self.world.later(minutes=30)
        self.world.add(make_paper(number, self.world.now, title=ZORBLAX))
        leap(self.world)

    def give_up_leases(self) -> None:
        """Have every lease end, as after eleven minutes."""
        self.world.later(minutes=12)
        leap(self.world)

    def see_sent(self) -> None:
        """Wait until the end of every mail is recorded."""
        until = time.monotonic() + LONGEST_WAIT
        with contextlib.closing(Database(self.world.config().store_url, writable=False)) as store:
            while any(self._waiting(store)):
                assert time.monotonic() < until, "mails are left"
                time.sleep(0.05)  # no event of theirs reaches this process

    def _waiting(self, store: Database) -> list[int]:
        with store.read() as connection:
            counts = outbox.counts(connection)
        return [counts[state] for state in outbox.WAITING]


@contextlib.contextmanager
def hosts(directory: Path, patience: str) -> Iterator[Hosts]:
    with (
        PostgresServer(port=PORT) as server,
        World(directory, store=f"{on_loopback(server)}{patience}") as world,
        Link() as link,
    ):
        world.smtp_timeout = 60.0
        world.configure(DAILY, WEIGHTS)
        world.fill()
        prepare(world)
        with Nursery(world) as here, Nursery(world, inside=link.inside) as there:
            started = [here.start("clock"), there.start("worker")]
            try:
                yield Hosts(world, link, here)
            finally:
                for pid in started:
                    os.kill(pid, signal.SIGKILL)


def on_loopback(server: PostgresServer) -> str:
    name = server.create_database().partition("@/")[2].partition("?")[0]
    return f"postgresql://postgres@127.0.0.1:{PORT}/{name}"


def cut_off(directory: Path, stage: Stage, answer: str, *, seconds: float) -> Tally:
    """A worker is cut off in the middle of a mail, and another goes on; then it is back, alone.

    It is for so many `seconds`, with the turn to write in hand; or for no longer than the other
    needs.
    """
    tally = Tally(tries=1)
    with hosts(directory, "" if seconds else IMPATIENT) as on, contextlib.ExitStack() as held:
        world, smtp = on.world, on.world.smtp
        smtp.fail(stage, answer, times=1)
        on.publish(1)
        smtp.wait_for_hang()
        if seconds:  # it is then that the server is given its time to find out
            held.enter_context(on.turn_held())
        on.link.cut()
        until = time.monotonic() + seconds
        count = len(smtp.messages)
        on.give_up_leases()
        with on.another_worker():
            smtp.wait_for(count + 1)
            on.publish(2)
            smtp.wait_for(count + 2)
            on.see_sent()
            time.sleep(max(0.0, until - time.monotonic()))  # so long, whatever happens or not
            smtp.release()
            on.link.mend()
        on.publish(3)
        smtp.wait_for(count + 3)
        on.see_sent()
        owed = [("ada@example.org", f"2602.{number:05}") for number in (1, 2, 3)]
        settle(tally, world.mails, owed, may_repeat=answer.startswith("accept"))
    return tally


@pytest.mark.hosts
@pytest.mark.untraced
@pytest.mark.parametrize(
    ("stage", "answer", "seconds", "repeated"),
    [
        ("rcpt", "hold", 0, 0),
        ("dot", "accept+hold", 0, 1),
        pytest.param("dot", "accept+hold", MINUTE, 1, marks=pytest.mark.long),
    ],
)
def test_a_worker_that_is_cut_off_loses_nothing_and_sends_nothing_twice(
    tmp_path: Path, stage: Stage, answer: str, seconds: float, repeated: int
) -> None:
    tally = on_first_host(lambda: cut_off(tmp_path, stage, answer, seconds=seconds))
    assert tally.unexpected == []
    assert (tally.lost, tally.duplicated) == (0, repeated)
