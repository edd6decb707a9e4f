"""A job that hangs in a worker has the watchdog bite, as a task of the single daemon has."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
from pathlib import Path

import pytest

from tests.fakesite import faults
from tests.fleet.processes import prepare
from tests.notified import Manager
from tests.world import DAILY, WEIGHTS, World
from watcher.daemon import OVERDUE, Daemon
from watcher.fleet import joined

PULSE = dt.timedelta(seconds=0.2)
AN_HOUR = dt.timedelta(hours=1)


async def test_a_worker_is_not_fed_while_a_job_of_it_is_overdue(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with World(tmp_path / "world", store=postgres_url) as world:
        world.configure(DAILY, WEIGHTS)
        prepare(world)
        world.site.faults["*"] = faults.hang()
        overdue = dict.fromkeys(OVERDUE, AN_HOUR) | {"check": dt.timedelta(seconds=0.5)}
        async with (
            joined(world.config(), "clock") as clock,
            joined(world.config(), "worker", retry_wait=0.01) as worker,
        ):
            daemon = Daemon(worker, world.config, pulse=PULSE, overdue=overdue)
            running = asyncio.create_task(daemon.run())
            try:
                async with worker.working():
                    for _ in range(2):
                        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
                    await clock.run_pass()
                    assert await asyncio.to_thread(manager.is_silent_for, 2)
                    world.site.faults.clear()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                await running
    manager.close()
