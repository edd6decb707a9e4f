"""The database goes away in the middle of things, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.fakesite import make_paper
from tests.modes import a_world, on_the_server
from tests.postgres import PostgresServer
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.errors import BusyError, StoreError
from watcher.pipeline.compose import compose

AT_EIGHT = "daily 08:00"

pytestmark = pytest.mark.untraced  # what it reaches, others do as well


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with a_world(request, tmp_path, mode="postgresql") as running:
        running.configure(DAILY, WEIGHTS)
        running.add(make_paper(1, running.now, title=ZORBLAX))
        yield running


async def test_a_refusal_that_could_not_be_recorded_is_no_end(
    world: World, postgres_server: PostgresServer
) -> None:
    world.smtp.fail("dot", "hang", times=1)
    world.record_within = 3.0
    async with world.engine() as engine:
        running = asyncio.create_task(engine.run_pass())
        await asyncio.to_thread(world.smtp.wait_for_hang)
        postgres_server.stop()
        world.smtp.drop_connections()
        with pytest.raises(StoreError):
            await running
        postgres_server.start()
        world.later(minutes=2)
        await engine.run_slots()
    assert len(world.digests()) == 1


@on_the_server
async def test_a_mail_that_was_taken_while_the_database_was_away_goes_once(
    world: World, postgres_server: PostgresServer
) -> None:
    world.smtp.fail("dot", "accept+hold", times=1)
    async with world.engine() as engine:
        running = asyncio.create_task(engine.run_pass())
        await asyncio.to_thread(world.smtp.wait_for_hang)
        postgres_server.stop()
        world.smtp.release()
        await asyncio.to_thread(postgres_server.start)
        assert (await running).delivered_count == 1
        await engine.run_slots()
    assert len(world.digests()) == 1


async def test_the_engine_goes_on_when_the_database_is_back(
    world: World, postgres_server: PostgresServer
) -> None:
    async with world.engine() as engine:
        await engine.run_pass()
        world.add(make_paper(2, world.now, title=ZORBLAX))
        postgres_server.stop("immediate")
        with pytest.raises(StoreError):
            await engine.run_pass()
        postgres_server.start()
        world.later(minutes=1)
        assert (await engine.run_pass()).delivered_count == 1
        postgres_server.restart()
        world.add(make_paper(3, world.now, title=ZORBLAX))
        assert (await engine.run_pass()).delivered_count == 1
    assert [mail.paper_ids for mail in world.digests()] == [
        ["2602.00001"],
        ["2602.00002"],
        ["2602.00003"],
    ]


async def test_composing_ends_with_the_first_that_no_database_answers_for(
    world: World, postgres_server: PostgresServer
) -> None:
    readers = [
        WEIGHTS.replace('"weights"', f'"s{n}"').replace("each-check", AT_EIGHT) for n in (1, 2, 3)
    ]
    world.configure(DAILY, *readers)
    async with world.engine() as engine:
        await engine.run_pass()
        world.later(hours=1)
        with structlog.testing.capture_logs() as logs, pytest.raises(StoreError):
            await compose(engine.context, world.now, progressed=postgres_server.stop)
        assert [log for log in logs if log["log_level"] == "error"] == []
        postgres_server.start()
        await engine.run_slots()
    assert len(world.digests()) == 3


async def test_whoever_lost_the_right_to_write_writes_no_more(
    world: World, postgres_server: PostgresServer
) -> None:
    async with world.engine() as engine:
        await engine.run_pass()
        postgres_server.restart()  # ends all sessions, and with them the lock
        async with world.engine() as other:
            world.add(make_paper(2, world.now, title=ZORBLAX))
            with pytest.raises(BusyError):
                await engine.run_pass()
            assert (await other.run_pass()).delivered_count == 1
        world.add(make_paper(3, world.now, title=ZORBLAX))
        assert (await engine.run_pass()).delivered_count == 1
        with pytest.raises(BusyError):
            async with world.engine():
                pass
