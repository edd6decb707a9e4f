"""A clock that was wrong and is put right: nothing may wait for the time it showed."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.fakesite import faults, make_paper
from tests.modes import in_both_modes
from tests.pipeline.test_match import states
from tests.world import DAILY, THURSDAY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.models import MatchState, Outcome
from watcher.store import checks, outbox
from watcher.store.database import Database

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

YEAR = dt.timedelta(days=365)
AT_EIGHT = WEIGHTS.replace("each-check", "daily 08:00")


@in_both_modes
async def test_a_subscription_registered_in_the_future_has_its_next_slot(world: World) -> None:
    world.configure(DAILY, AT_EIGHT)
    world.now = THURSDAY + YEAR
    await world.run_pass()
    world.now = THURSDAY
    world.fill(8)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    world.later(days=1, hours=2)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"]]


async def test_a_running_engine_minds_a_clock_put_back(world: World) -> None:
    world.configure(DAILY, AT_EIGHT)
    world.now = THURSDAY + YEAR
    async with world.engine() as engine:
        await engine.run_pass()
        world.now = THURSDAY
        world.fill(8)
        world.add(make_paper(1, world.now, title=ZORBLAX))
        await engine.run_pass()
        world.later(days=1, hours=2)
        await engine.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"]]


@in_both_modes
async def test_a_mail_deferred_into_the_future_goes_soon(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.now = THURSDAY + YEAR
    world.add(make_paper(1, world.now, title=ZORBLAX))
    world.smtp.fail("rcpt", "450 later", recipient="ada@example.org", times=1)
    await world.run_pass()
    assert world.digests() == []
    world.now = THURSDAY
    await world.run_pass()
    assert len(world.digests()) == 1


@in_both_modes
async def test_an_undecided_paper_of_the_future_is_judged_in_time(world: World) -> None:
    world.configure(TRENDING, WEIGHTS.replace("any =", 'none = ["survey"]\nany ='))
    world.site.without_json = True
    world.site.faults["/api/*"] = faults.answering(404, '{"error": "not found"}')
    world.now = THURSDAY + YEAR
    always = (THURSDAY, THURSDAY + 2 * YEAR)
    others = [make_paper(number, THURSDAY, trends=always) for number in range(500, 508)]
    world.add(*others, make_paper(74, THURSDAY, title=ZORBLAX, trends=always))
    await world.run_pass()
    assert states(world)["2602.00074"] is MatchState.UNDECIDED
    world.now = THURSDAY
    await world.run_pass()
    world.later(hours=25)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00074"]]


async def test_a_paper_asked_for_in_the_future_is_asked_for_again(world: World) -> None:
    world.configure(TRENDING, WEIGHTS.replace("any =", 'none = ["survey"]\nany ='))
    world.site.without_json = True
    world.site.faults["/api/*"] = faults.answering(404, '{"error": "not found"}')
    world.now = THURSDAY + dt.timedelta(hours=20)
    others = [make_paper(number, THURSDAY) for number in range(500, 508)]
    world.add(*others, make_paper(74, THURSDAY, title=ZORBLAX))
    await world.run_pass()
    assert states(world)["2602.00074"] is MatchState.UNDECIDED
    world.now = THURSDAY
    world.site.faults.clear()
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00074"]]


async def test_a_site_left_alone_until_next_year_is_not(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    await world.run_pass()
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        held = checks.SourceState("trending", not_before_at=world.now + YEAR)
        checks.put_state(connection, held)
    database.close()
    assert (await world.run_pass()).sources[0].outcome in {Outcome.OK, Outcome.UNCHANGED}


@in_both_modes
async def test_a_remark_of_the_future_is_not_in_every_digest(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    world.now = THURSDAY + YEAR
    await world.run_pass()
    world.later(days=3)
    await world.run_pass()
    world.now = THURSDAY
    for number in range(2):
        world.add(make_paper(60 + number, THURSDAY, title=ZORBLAX))
        world.later(hours=1)
        await world.run_pass()
    assert len(world.digests()) == 2
    assert all("could not be read" not in mail.text for mail in world.digests())


async def test_an_outage_of_mail_that_began_in_the_future_is_told(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.now = THURSDAY + YEAR
    world.add(make_paper(1, THURSDAY, title=ZORBLAX))
    world.site.papers.append(make_paper(2, world.now, title=ZORBLAX))
    world.smtp.stop()
    await world.run_pass()
    world.now = THURSDAY
    for _ in range(3):
        world.later(hours=1)
        await world.run_pass()
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        assert outbox.last_notice_at(connection, "mail-stuck") is not None
    database.close()
