"""Six replicas, what befalls them, and which mails were in the one window when it did.

The window of a mail is from the moment when its process has asked for the last time whether it may
go until its end is recorded. Whoever stops or ends there leaves it to others, who cannot know. Seen
from outside: the process has said DATA and nothing after it, and the store has the mail under way.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Self

import sqlalchemy as sa

from tests.fleet.nursery import Nursery
from tests.fleet.processes import leap
from tests.world import World
from watcher.models import DeliveryState
from watcher.store.database import Database
from watcher.store.schema import deliveries

ROLES = ("clock", "clock", "worker", "worker", "worker", "worker")
LEASES_END = dt.timedelta(minutes=12)
HEARD_WITHIN = 0.2
"""Seconds in which a server has read what a process that stands still had sent."""

DUE_WITHIN = 60.0
OTHERS_WITHIN = 8.0


class Fleet:
    """The replicas of a world; whoever is killed is started again, as a service manager does.

    `exposed` counts by Message-ID how often a mail was in the window at a blow.
    """

    def __init__(self, world: World, nursery: Nursery, rng: random.Random) -> None:
        self._world, self._nursery, self._rng = world, nursery, rng
        self.exposed: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._database = Database(self._world.config().store_url, writable=False)
        start = self._nursery.start
        self._pids = {number: start(role) for number, role in enumerate(ROLES)}
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._database.close()

    def disturb(self) -> None:
        """Kill one, or stop it for a moment that it does not notice."""
        number = self._rng.randrange(len(ROLES))
        is_end = self._rng.random() < 0.6
        with self._still(self._pids[number]):
            if is_end:
                os.kill(self._pids[number], signal.SIGKILL)
            else:
                time.sleep(self._rng.uniform(0.5, 2.5))  # longer than others wait for a sign
                self.pass_time(besides=number)
                time.sleep(self._rng.uniform(0, 1))  # and they are in the middle of its work
        if is_end:
            self._pids[number] = self._nursery.start(ROLES[number])

    def hold_up(self) -> None:
        """Have the mail server keep the next one waiting that names a recipient."""
        self._world.smtp.fail("rcpt", "hold", times=1)

    def see_held_up(self) -> None:
        """See it wait; it stands still until others had its mail, and then has its answer."""
        smtp = self._world.smtp
        recipient, number = self._held_up()
        count = self._taken(recipient)
        with self._still(self._pids[number]):
            self.pass_time(besides=number)
            until = time.monotonic() + OTHERS_WITHIN
            while self._taken(recipient) == count and time.monotonic() < until:
                time.sleep(0.05)  # it may rightly come to nothing, of which there is no event
            smtp.release()

    def _held_up(self) -> tuple[str, int]:
        """Whose mail waits, and which replica with it."""
        smtp = self._world.smtp
        while True:
            smtp.wait_for_hang(timeout=DUE_WITHIN)
            seen = self._asking_leave()
            time.sleep(HEARD_WITHIN)  # whoever only passes by tells nobody that it does
            if held := seen & self._asking_leave():  # the others have gone on
                [found] = held
                return found
            smtp.release()  # it came before the leap, which ended its lease
            smtp.wait_for_no_hang()
            self.hold_up()

    def pass_time(self, *, besides: int | None = None) -> None:
        """Let all leases end, while everybody stands still: nobody notices that it was so long."""
        with contextlib.ExitStack() as stack:
            for number, pid in self._pids.items():
                if number != besides:
                    stack.enter_context(self._still(pid))
            self._world.now += LEASES_END
            leap(self._world)

    @contextlib.contextmanager
    def _still(self, pid: int) -> Iterator[None]:
        """Stop a process; `exposed` has what it was just handing over."""
        os.kill(pid, signal.SIGSTOP)
        try:
            if under_way := self._under_way(pid):
                time.sleep(HEARD_WITHIN)  # nobody takes that over as long as no time passes
                handed_over = self._last_said("DATA")
                self.exposed.update(i for i, who in under_way.items() if who in handed_over)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _under_way(self, pid: int) -> dict[str, str]:
        """The mails that the store has a process sending: Message-ID and recipient."""
        rows = self._sending()
        tokens = self._nursery.tokens(pid)
        return {row.message_id: row.recipient for row in rows if row.lease_token in tokens}

    def _sending(self) -> Sequence[sa.Row[Any, Any, Any]]:
        columns = (deliveries.c.message_id, deliveries.c.recipient, deliveries.c.lease_token)
        with self._database.read() as connection:
            query = sa.select(*columns).where(deliveries.c.state == DeliveryState.SENDING)
            return connection.execute(query).all()

    def _last_said(self, verb: str) -> set[str]:
        """The recipients of mails on whose connection that was the last word so far."""
        alive = self._world.smtp.open_connections
        recipients: dict[int, str] = {}
        last: dict[int, str] = {}
        for command in self._world.smtp.commands:
            last[command.connection] = command.verb
            if command.verb == "RCPT":
                recipients[command.connection] = command.line[len("RCPT TO:<") :].partition(">")[0]
        return {
            who
            for connection, who in recipients.items()
            if connection in alive and last[connection] == verb
        }

    def _asking_leave(self) -> set[tuple[str, int]]:
        """The recipients that were named and not yet taken, and the replicas that named them."""
        asked = self._last_said("RCPT")
        owners = {
            token: number
            for number, pid in self._pids.items()
            for token in self._nursery.tokens(pid)
        }
        return {
            (row.recipient, owners[row.lease_token])
            for row in self._sending()
            if row.recipient in asked and row.lease_token in owners
        }

    def _taken(self, recipient: str) -> int:
        return sum(each.recipient == recipient for each in self._world.smtp.messages)
