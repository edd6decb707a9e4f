"""Which processes there may be at once, and what is said of those that are missing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.fleet.processes import Process
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import app
from watcher.errors import BusyError
from watcher.fleet import joined
from watcher.fleet.replica import Replica
from watcher.store.database import Database
from watcher.store.heartbeat import Heartbeat


@contextlib.asynccontextmanager
async def replica(world: World, role: str) -> AsyncIterator[Replica]:
    """One that has given a sign of life."""
    async with joined(world.config(), role, retry_wait=0.01) as made:
        beat = Heartbeat(1, "elsewhere", world.now, world.now, "1.2.3")
        await made.context.write(lambda connection: made.beat(connection, beat))
        yield made
        await made.context.write(lambda connection: made.beat(connection, None))


def test_several_processes_need_a_server(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.configure(DAILY, WEIGHTS)
        with Process(world, "worker", "worker") as process:
            assert process.end() == 78
        assert f"{world.state_dir / 'watcher.db'}; without --role" in process.log
        assert "Traceback" not in process.log


async def test_the_one_and_the_many_keep_each_other_out(world: World) -> None:
    async with replica(world, "worker"), replica(world, "clock"):
        with pytest.raises(BusyError), app.writing(world.config(), "run", world.now):
            pass
        said = await asyncio.to_thread(Asker(world), "check-now")
        assert said.code == 75
        assert "nothing was done" in said.err
    with app.writing(world.config(), "run", world.now), pytest.raises(BusyError):
        async with replica(world, "worker"):
            pass


async def test_of_several_nobody_who_stands_still_holds_up_the_others_for_ever(
    world: World,
) -> None:
    def patience(database: Database) -> object:
        with database.write() as connection:
            return connection.scalar(sa.text("SHOW idle_in_transaction_session_timeout"))

    async with replica(world, "worker") as worker:
        assert patience(worker.context.database) == "5min"
    with app.writing(world.config(), "run", world.now) as database:
        assert patience(database) == "0", "there is nobody else"


async def test_status_tells_of_all_and_of_those_that_are_missing(world: World) -> None:
    ask = Asker(world)
    async with replica(world, "clock"):
        async with replica(world, "worker") as worker, worker.working():
            world.add(make_paper(1, world.now, title=ZORBLAX))
            async with replica(world, "clock") as clock:
                await clock.run_pass()
                await asyncio.to_thread(world.smtp.wait_for, 1)
            await asyncio.to_thread(world.smtp.wait_for_idle)
            said = await asyncio.to_thread(ask, "status")
            assert said.code == 0, said.out
            assert "All is well" in said.out
            assert "worker 1.2.3, process 1 on elsewhere" in said.out
            found = await asyncio.to_thread(ask, "status", "--json")
            assert sorted(one["role"] for one in found.json["replicas"]) == ["clock", "worker"]
        said = await asyncio.to_thread(ask, "status")
        assert said.code == 3
        assert "no worker alive: nothing is read or mailed" in said.out
    said = await asyncio.to_thread(ask, "status")
    assert said.code == 1
    assert "No daemon alive" in said.out


async def test_a_slot_is_read_once_however_many_clocks_there_are(world: World) -> None:
    async with replica(world, "clock") as one, replica(world, "clock") as two:
        await asyncio.gather(one.run_pass(), two.run_pass(), one.run_slots(), two.run_slots())
        async with replica(world, "worker") as worker, worker.working():
            world.add(make_paper(1, world.now, title=ZORBLAX))
            await asyncio.to_thread(world.smtp.wait_for, 1)
    asked = [request.path for request in world.site.requests]
    assert asked.count("/papers/date/2026-02-19") == 1


def test_a_role_that_there_is_not_is_named(world: World) -> None:
    said = Asker(world)("run", "--role", "boss")
    assert said.code == 2
    assert "--role boss: there are all, clock, worker" in said.err
