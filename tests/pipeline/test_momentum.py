"""Votes a day: news while they are gained, and still news at the slot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from tests.fakesite import SitePaper, faults, make_paper
from tests.modes import in_both_modes, on_both_stores
from tests.pipeline.test_match import states
from tests.world import THURSDAY, TRENDING, ZORBLAX, World
from watcher.models import MatchState

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
YEAR = dt.timedelta(days=365)

RISING = """
[[subscriptions]]
name = "rising"
to = ["ada@example.org"]
digest = "each-check"
[[subscriptions.rules]]
name = "on the rise"
any = ["zorblax"]
min_upvotes_per_day = 10
"""
ON_MONDAY = RISING.replace("each-check", "weekly mon 08:00")


def old_paper(number: int, votes: Callable[[dt.datetime], int]) -> SitePaper:
    """One of last week that stays on the trending page."""
    always = (THURSDAY - YEAR, THURSDAY + 2 * YEAR)
    arrives_at = THURSDAY - 7 * DAY
    return make_paper(number, arrives_at, title=ZORBLAX, votes=votes, trends=always)


def jump(at: dt.datetime) -> Callable[[dt.datetime], int]:
    """Hundred votes and two more a day, and 24 more within an hour from `at` on."""

    def votes(now: dt.datetime) -> int:
        steady = 100 + int((now - THURSDAY) / DAY * 2)
        return steady + 24 * (now >= at)

    return votes


async def watch(world: World, *, hours: int, every: int = 12) -> dt.datetime | None:
    """Let time pass, check now and then; when the first digest came."""
    first = None
    for _ in range(hours // every):
        await world.run_pass()
        first = first or (world.now if world.digests() else None)
        world.later(hours=every)
    return first


@on_both_stores
async def test_a_paper_is_news_when_it_gains_enough_and_says_how_much(
    world: World,
) -> None:
    world.configure(TRENDING, RISING)
    world.fill(8)
    world.add(old_paper(70, jump(THURSDAY + 3 * DAY)))
    assert await watch(world, hours=4 * 24) == THURSDAY + 3 * DAY
    [mail] = world.digests()
    assert mail.paper_ids == ["2602.00070"]
    assert "26 votes a day" in mail.text
    assert "26 votes a day" in mail.html
    assert "reached" not in mail.text, "it had more than ten from the start"


async def test_one_that_had_few_votes_has_reached_it(world: World) -> None:
    world.configure(TRENDING, RISING)
    world.fill(8)
    world.add(old_paper(70, lambda now: 3 if now < THURSDAY + DAY else 15))
    await watch(world, hours=48)
    [mail] = world.digests()
    assert "reached 10 votes a day" in mail.text
    assert "12 votes a day" in mail.text


@in_both_modes
async def test_what_is_met_with_many_votes_is_news_only_if_it_is_new_itself(world: World) -> None:
    world.configure(TRENDING, RISING)
    world.fill(8)
    world.add(old_paper(70, lambda _: 500))
    world.add(make_paper(71, THURSDAY - HOUR, title=ZORBLAX, votes=lambda _: 30))
    await watch(world, hours=72)
    [mail] = world.digests()
    assert mail.paper_ids == ["2602.00071"]
    assert "30 votes a day" in mail.text


async def test_what_was_matched_has_not_cooled_off_at_its_slot(world: World) -> None:
    world.configure(TRENDING, ON_MONDAY)
    world.fill(8)
    world.add(old_paper(70, jump(THURSDAY + DAY)))
    assert await watch(world, hours=5 * 24) == THURSDAY + 4 * DAY + 12 * HOUR
    [mail] = world.digests()
    assert "26 votes a day" in mail.text


async def test_a_rule_that_asks_for_more_by_then_withdraws_it(world: World) -> None:
    world.configure(TRENDING, ON_MONDAY)
    world.fill(8)
    world.add(old_paper(70, jump(THURSDAY + DAY)))
    await watch(world, hours=48)
    assert states(world, "rising")["2602.00070"] is MatchState.PENDING
    world.configure(TRENDING, ON_MONDAY.replace("per_day = 10", "per_day = 26.5"))
    await watch(world, hours=72)
    assert world.digests() == []
    assert states(world, "rising")["2602.00070"] is MatchState.WITHDRAWN


async def test_an_outage_gains_no_votes(world: World) -> None:
    world.configure(TRENDING, RISING)
    world.fill(8)
    world.add(old_paper(70, lambda now: 100 + int((now - THURSDAY) / DAY * 6)))
    await watch(world, hours=48)
    world.later(days=5)
    await watch(world, hours=48)
    assert world.digests() == []


async def test_a_paper_that_comes_back_gained_its_votes_over_all_that_time(world: World) -> None:
    world.configure(TRENDING, RISING)
    others = [make_paper(number, world.now) for number in range(500, 508)]
    back_at = THURSDAY + 10 * DAY
    paper = old_paper(70, lambda now: 100 if now < back_at else 150)
    for day in range(15):
        world.now = THURSDAY + day * DAY
        is_shown = not 2 < day < 10
        world.site.papers[:] = [*others, paper] if is_shown else others
        await world.run_pass()
    assert world.digests() == []


async def test_a_paper_that_stands_still_and_then_jumps_is_news_at_once(world: World) -> None:
    world.configure(TRENDING, RISING)
    world.fill(8)
    jumps_at = THURSDAY + 5 * DAY
    world.add(old_paper(70, lambda now: 100 if now < jumps_at else 125))
    assert await watch(world, hours=6 * 24) == jumps_at


async def test_votes_that_are_taken_back_are_not_gained(world: World) -> None:
    world.configure(TRENDING, RISING)
    world.fill(8)
    world.add(old_paper(70, lambda now: 100 if (now - THURSDAY) // DAY % 2 else 95))
    await watch(world, hours=4 * 24)
    assert world.digests() == []


async def test_a_paper_that_waits_for_a_field_has_not_cooled_off_either(world: World) -> None:
    world.configure(TRENDING, RISING.replace("any =", 'none = ["survey"]\nany ='))
    world.fill(8)
    world.site.without_json = True
    world.site.faults["/api/*"] = faults.answering(404, '{"error": "not found"}')
    world.add(old_paper(70, jump(THURSDAY + 2 * DAY)))
    await watch(world, hours=60)
    assert states(world, "rising")["2602.00070"] is MatchState.UNDECIDED
    await watch(world, hours=36)
    [mail] = world.digests()
    assert mail.paper_ids == ["2602.00070"]
    assert "26 votes a day" in mail.text


async def test_a_match_of_the_future_holds_when_the_clock_is_put_back(world: World) -> None:
    world.configure(TRENDING, ON_MONDAY)
    world.fill(8)
    world.add(old_paper(70, jump(THURSDAY + YEAR + DAY)))
    world.now = THURSDAY + YEAR
    await watch(world, hours=36)
    assert states(world, "rising")["2602.00070"] is MatchState.PENDING
    world.now = THURSDAY
    await watch(world, hours=5 * 24)
    [mail] = world.digests()
    assert mail.paper_ids == ["2602.00070"]


async def test_a_quiet_week_tells_how_near_it_was(world: World) -> None:
    world.configure(TRENDING, RISING, "[health]\nquiet_days = 2\n")
    world.fill(8)
    world.add(old_paper(70, lambda now: 100 + int((now - THURSDAY) / DAY * 6)))
    await watch(world, hours=72)
    [notice] = world.notices()
    assert "6 of 10 votes a day" in notice.text
