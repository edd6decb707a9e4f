"""Clocks and workers on one PostgreSQL: each slot once, each paper once."""

from __future__ import annotations

import contextlib
import signal

from tests.fakesite import make_paper
from tests.fleet.processes import Process, leap
from tests.world import ZORBLAX, World


def test_a_clock_and_two_workers_mail_a_paper_once(world: World) -> None:
    world.add(make_paper(1, world.now, title=ZORBLAX))
    with contextlib.ExitStack() as stack:
        clock = stack.enter_context(Process(world, "clock", "clock"))
        for name in ("worker", "worker-2"):
            stack.enter_context(Process(world, name, name))
        world.smtp.wait_for(1)
        world.later(minutes=30)
        world.add(make_paper(2, world.now, title=ZORBLAX))
        leap(world)
        clock.send(signal.SIGUSR1)
        world.smtp.wait_for(2)
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"], ["2602.00002"]]
