"""The watchdog is fed only while the program does its work."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import time_machine

from tests.fakesite import faults
from tests.notified import Manager
from tests.world import TRENDING, WEIGHTS, World
from watcher import app
from watcher.counting import Counting
from watcher.daemon import Daemon, pace
from watcher.settings import Config

PULSE = dt.timedelta(seconds=0.2)
SHORT = dict.fromkeys(("check", "compose", "deliver"), dt.timedelta(seconds=0.5))


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    path = tmp_path / "notify"
    found = Manager(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    yield found
    found.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        running.fill(8)
        running.configure(TRENDING, WEIGHTS)
        yield running


@contextlib.asynccontextmanager
async def daemon(
    world: World,
    answer_within: float = 10,
    load: Callable[[], Config] | None = None,
    config: Config | None = None,
    overdue: Mapping[str, dt.timedelta] = SHORT,
    counting: Counting | None = None,
) -> AsyncIterator[None]:
    config = config or world.config()
    with app.writing(config, "run", app.utc_now()) as database:
        async with app.running(config, database) as engine:
            running = asyncio.create_task(
                Daemon(
                    engine,
                    load or world.config,
                    pulse=PULSE,
                    answer_within=answer_within,
                    overdue=overdue,
                    counting=counting,
                ).run()
            )
            try:
                yield
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                await running


async def test_it_is_fed_while_all_is_well(world: World, manager: Manager) -> None:
    async with daemon(world):
        for _ in range(4):
            await asyncio.to_thread(manager.heard, "WATCHDOG=1")


async def test_it_is_not_fed_while_a_task_is_overdue(world: World, manager: Manager) -> None:
    world.site.faults["*"] = faults.hang()
    async with daemon(world):
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
        assert await asyncio.to_thread(manager.is_silent_for, 2)


async def test_it_is_not_fed_while_the_store_does_not_answer(
    world: World, manager: Manager
) -> None:
    async with daemon(world, answer_within=0.1):
        await asyncio.to_thread(manager.heard, "STATUS=next check")
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
        other = sqlite3.connect(world.state_dir / "watcher.db", isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            assert await asyncio.to_thread(manager.is_silent_for, 2)
            other.execute("ROLLBACK")
        finally:
            other.close()
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")


async def test_a_feeding_under_way_at_the_end_is_no_trouble(
    world: World, manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(world):
        for _ in range(2):  # the second when the pass is done
            await asyncio.to_thread(manager.heard, "STATUS=next check")
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
        with contextlib.closing(
            sqlite3.connect(world.state_dir / "watcher.db", isolation_level=None)
        ) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await asyncio.to_thread(manager.is_silent_for, 2)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.to_thread(manager.heard, "STOPPING=1")
            other.execute("ROLLBACK")
    assert "Traceback" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("said", "pulse", "answer_within"),
    [
        ({}, 30, 20),
        ({"WATCHDOG_USEC": "90000000"}, 22.5, 15),
        ({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": str(os.getpid())}, 1.5, 1),
        ({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": "1"}, 30, 20),
        ({"WATCHDOG_USEC": "600000000"}, 30, 20),
        ({"WATCHDOG_USEC": "0"}, 30, 20),
        ({"WATCHDOG_USEC": "soon"}, 30, 20),
    ],
)
def test_an_impatient_manager_hears_it_more_often(
    said: dict[str, str],
    pulse: float,
    answer_within: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert pace() == (dt.timedelta(seconds=pulse), answer_within)


async def test_a_clock_put_back_stops_no_timer(world: World, manager: Manager) -> None:
    async with daemon(world):
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
        with time_machine.travel(app.utc_now() - dt.timedelta(days=365)):
            for _ in range(3):
                await asyncio.to_thread(manager.heard, "WATCHDOG=1")


async def test_a_clock_that_leaps_costs_nothing_for_the_time_that_never_was(
    world: World, manager: Manager
) -> None:
    async with daemon(world):
        await asyncio.to_thread(manager.heard, "STATUS=next check")
        await asyncio.to_thread(manager.heard, "STATUS=next check")
        with time_machine.travel(app.utc_now() + dt.timedelta(days=15)):
            await asyncio.to_thread(manager.heard, "STATUS=next check")


async def test_a_clock_that_leaps_makes_no_task_overdue(world: World, manager: Manager) -> None:
    world.site.faults["*"] = faults.hang()
    async with daemon(world, overdue=dict.fromkeys(SHORT, dt.timedelta(hours=1))):
        await asyncio.to_thread(world.site.wait_for, "*")
        with time_machine.travel(app.utc_now() + dt.timedelta(days=1)):
            for _ in range(12):  # more than can have been said before
                await asyncio.to_thread(manager.heard, "WATCHDOG=1")


async def test_a_task_is_overdue_though_the_clock_was_put_back(
    world: World, manager: Manager
) -> None:
    world.site.faults["*"] = faults.hang()
    async with daemon(world):
        await asyncio.to_thread(world.site.wait_for, "*")
        with time_machine.travel(app.utc_now() - dt.timedelta(days=1)):
            assert await asyncio.to_thread(manager.is_silent_for, 2)


async def test_what_nobody_foresaw_is_logged_and_ends_nothing(
    world: World, manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Config:
        raise KeyError("nobody foresaw this")

    counting = Counting()
    async with daemon(world, load=broken, counting=counting):
        await asyncio.to_thread(world.site.wait_for, "/papers/trending")
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.to_thread(manager.heard, "RELOADING=1")
        await asyncio.to_thread(manager.heard, "READY=1")
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.to_thread(manager.heard, "RELOADING=1")
        await asyncio.to_thread(world.site.wait_for, "/papers/trending", count=2)
        assert counting.is_change_refused
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
    assert "nobody foresaw this" in capsys.readouterr().out


async def test_a_pass_that_breaks_off_in_a_way_nobody_foresaw_is_counted(
    world: World, manager: Manager
) -> None:
    counting = Counting()
    async with daemon(world, counting=counting):
        await asyncio.to_thread(manager.heard, "STATUS=next check")
        await asyncio.to_thread(manager.heard, "STATUS=next check")
        with contextlib.closing(
            sqlite3.connect(world.state_dir / "watcher.db", isolation_level=None)
        ) as other:
            other.execute("UPDATE sources SET trouble_at = 'nonsense', last_good_at = 'nonsense'")
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
        await asyncio.to_thread(manager.heard, "WATCHDOG=1")
        assert counting.passes["failed"] == 1


async def test_what_was_written_during_the_start_is_taken_up_too(
    world: World, manager: Manager
) -> None:
    config = world.config()
    world.configure(TRENDING, WEIGHTS, WEIGHTS.replace('"weights"', '"more"'))
    async with daemon(world, config=config):
        await asyncio.to_thread(manager.heard, "1 subscription")
        await asyncio.to_thread(manager.heard, "2 subscriptions")
