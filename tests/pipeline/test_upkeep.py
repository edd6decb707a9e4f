"""Quiet is checked too, and what is old goes, but never what would be mailed twice."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.fakesite import make_paper
from tests.world import DAILY, THURSDAY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.pipeline.upkeep import near_misses
from watcher.store import papers
from watcher.store.database import Database

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

DAY = dt.timedelta(days=1)


async def test_after_a_week_without_a_digest_the_operator_hears_that_all_is_well(
    world: World,
) -> None:
    world.configure(TRENDING, WEIGHTS.replace("any =", 'none = ["survey"]\nany ='))
    for day in range(16):
        world.now = THURSDAY + day * DAY
        world.add(*(make_paper(100 * day + n, world.now) for n in range(8)))
        if day == 5:
            near = make_paper(9001, world.now, title="A survey of zorblaxes")
            world.add(near)
        await world.run_pass()
    first, second = world.notices()
    assert "still watching" in first.subject.lower()
    assert "A survey of zorblaxes" in first.text
    assert "survey" in first.text
    assert "A survey of zorblaxes" not in second.text, "it is older than a week by then"
    assert world.digests() == []


async def test_near_misses_are_looked_for_in_so_many_subscriptions(world: World) -> None:
    wanting = WEIGHTS.replace("any =", 'none = ["survey"]\nany =')
    many = (wanting.replace('"weights"', f'"s{number}"') for number in range(103))
    world.configure(TRENDING, *many)
    world.fill()
    world.add(make_paper(9001, world.now, title="A survey of zorblaxes"))
    async with world.engine() as engine:
        await engine.run_pass()
        missed = await engine.context.read(
            lambda connection: near_misses(engine.context, connection, THURSDAY, world.now)
        )
    assert [miss.subscription_id for miss in missed] == [f"s{number}" for number in range(100)]


async def test_a_digest_is_sign_enough(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    for day in range(12):
        world.now = THURSDAY + day * DAY
        world.add(*(make_paper(100 * day + n, world.now) for n in range(8)))
        if day in {0, 5}:
            world.add(make_paper(9000 + day, world.now, title=ZORBLAX))
        await world.run_pass()
    assert len(world.digests()) == 2
    assert world.notices() == []


async def test_quiet_days_of_nought_keep_quiet(world: World) -> None:
    world.configure(TRENDING, WEIGHTS, "[health]\nquiet_days = 0\n")
    world.fill(8)
    await world.run_pass()
    world.later(days=30)
    world.fill(8, first=700)
    await world.run_pass()
    assert [n for n in world.notices() if "still watching" in n.subject.lower()] == []


async def test_pruning_never_makes_an_old_paper_new(world: World) -> None:
    world.configure(DAILY, WEIGHTS, "[health]\nquiet_days = 0\n")
    config = world.config_path.read_text().replace("[store]\n", "[store]\nkeep_days = 30\n")
    world.config_path.write_text(config)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    for days in (40, 2, 40):
        world.later(days=days)
        world.add(make_paper(int(days), world.now, title="Something else"))
        await world.run_pass()
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        kept = papers.load(connection, ["2602.00001"])["2602.00001"].paper
    database.close()
    assert kept.title == ZORBLAX
    assert kept.abstract is None
    world.add(make_paper(1, THURSDAY, title=ZORBLAX, listed_on=world.now.date()))
    await world.run_pass()
    assert len(world.digests()) == 1
