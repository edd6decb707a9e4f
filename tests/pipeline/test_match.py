"""Which papers are news to whom, and when."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.fakesite import faults, make_paper
from tests.modes import in_both_modes
from tests.world import DAILY, THURSDAY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher import takeover
from watcher.app import follow
from watcher.engine import Request
from watcher.models import MatchState
from watcher.pipeline.check import check
from watcher.settings import SubscriptionSettings, definition_of
from watcher.store import matches, stored
from watcher.store.database import Database

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)

POPULAR = """
[[subscriptions]]
name = "popular"
to = ["ada@example.org"]
digest = "each-check"
[[subscriptions.rules]]
name = "liked weights"
any = ["zorblax"]
min_upvotes = 20
"""

BASELINE = """
[[subscriptions]]
name = "weights"
to = ["ada@example.org"]
digest = "each-check"
first_run = "baseline"
any = ["zorblax"]
"""


def states(world: World, subscription_id: str = "weights") -> dict[str, MatchState]:
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = {
            match.paper_id: match.state
            for state in MatchState
            for match in matches.in_state(connection, state, subscription_id)
        }
    database.close()
    return found


@in_both_modes
async def test_a_paper_that_reaches_the_votes_later_is_news_then_and_says_so(world: World) -> None:
    world.configure(TRENDING, POPULAR)
    rise = {THURSDAY: 3, THURSDAY + DAY: 19, THURSDAY + 2 * DAY: 20, THURSDAY + 3 * DAY: 500}
    world.fill(8)
    world.add(make_paper(70, world.now, title=ZORBLAX, votes=rise.__getitem__))
    mailed = []
    for day in range(4):
        world.now = THURSDAY + day * DAY
        await world.run_pass()
        mailed.append(len(world.digests()))
    assert mailed == [0, 0, 1, 1]
    [mail] = world.digests()
    assert "reached 20 votes" in mail.text


async def test_a_paper_above_the_votes_from_the_start_crossed_nothing(world: World) -> None:
    world.configure(TRENDING, POPULAR)
    world.fill(8)
    world.add(make_paper(70, world.now, title=ZORBLAX, votes=lambda _: 50))
    await world.run_pass()
    assert "reached" not in world.digests()[0].text


async def test_noise_is_no_news(world: World) -> None:
    """Reordering, other votes, a new title, another version, a return after 30 days: silence."""
    world.configure(TRENDING, WEIGHTS)
    first = make_paper(70, world.now, title=ZORBLAX)
    others = [make_paper(number, world.now) for number in range(500, 508)]
    world.add(*others, first)
    await world.run_pass()
    assert len(world.digests()) == 1
    for changed in (
        make_paper(70, THURSDAY, title=ZORBLAX, votes=lambda _: 400),
        make_paper(70, THURSDAY, title="Zorblaxes, retitled"),
        make_paper(70, THURSDAY, title=ZORBLAX, changes={"id": "2602.00070v2"}),
        make_paper(70, THURSDAY, title=ZORBLAX, changes={"publishedAt": "2026-02-18T00:00:00Z"}),
    ):
        world.site.papers[:] = [changed, *others]
        world.later(hours=1)
        await world.run_pass()
    world.site.papers[:] = others
    world.later(hours=1)
    await world.run_pass()
    world.later(days=30)
    returned = make_paper(70, THURSDAY, title=ZORBLAX, trends=(world.now, world.now + DAY))
    again = [make_paper(number, world.now) for number in range(200, 208)]
    world.site.papers[:] = [*again, returned]
    await world.run_pass()
    assert len(world.digests()) == 1


async def test_an_old_paper_never_stored_is_news_and_shows_its_date(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(8)
    await world.run_pass()
    old = make_paper(
        3,
        THURSDAY - 700 * DAY,
        title=ZORBLAX,
        published_at=dt.datetime(2024, 3, 1, tzinfo=dt.UTC),
        trends=(THURSDAY, THURSDAY + DAY),
    )
    world.add(old)
    await world.run_pass()
    [mail] = world.digests()
    assert mail.paper_ids == [old.id]
    assert "2024" in mail.text


@in_both_modes
async def test_a_baseline_remembers_and_mails_only_what_comes_after(world: World) -> None:
    world.configure(DAILY, BASELINE)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    yesterday = make_paper(2, world.now - DAY, title=ZORBLAX)
    world.add(yesterday)
    await world.run_pass()
    assert world.digests() == []
    assert set(states(world).values()) == {MatchState.BASELINE}
    assert len(states(world)) == 2
    world.add(make_paper(3, world.now + HOUR, title=ZORBLAX))
    world.later(hours=2)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00003"]]


async def test_a_first_check_that_fails_is_not_the_first_good_one(world: World) -> None:
    world.configure(TRENDING, BASELINE)
    world.fill(8)
    world.add(make_paper(70, world.now, title=ZORBLAX))
    world.site.faults["*"] = faults.server_error()
    await world.run_pass()
    world.site.faults.clear()
    await world.run_pass()
    assert world.digests() == []
    assert states(world) == {"2602.00070": MatchState.BASELINE}


async def test_a_source_met_later_has_a_first_run_of_its_own(world: World) -> None:
    world.configure(TRENDING, BASELINE)
    world.fill(8)
    await world.run_pass()
    world.add(make_paper(71, world.now, title=ZORBLAX, trends=(world.now, world.now)))
    world.configure(TRENDING, DAILY, BASELINE)
    await world.run_pass()
    assert world.digests() == []
    assert states(world) == {"2602.00071": MatchState.BASELINE}


@in_both_modes
async def test_an_edited_rule_applies_to_what_is_still_on_the_page_even_at_304(
    world: World,
) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.site.has_etags = world.site.is_stable = True
    world.fill(8)
    world.add(make_paper(72, world.now, title="On quuxification"))
    await world.run_pass()
    world.configure(TRENDING, WEIGHTS.replace('"zorblax"', '"quuxification"'))
    result = await world.run_pass()
    assert result.sources[0].outcome == "unchanged"
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00072"]]


@in_both_modes
async def test_a_process_that_died_between_storing_and_matching_loses_nothing(
    world: World,
) -> None:
    world.configure(TRENDING, WEIGHTS)
    others = [make_paper(number, world.now) for number in range(500, 508)]
    world.add(*others, make_paper(73, world.now, title=ZORBLAX))
    async with world.engine() as engine:
        # All of a check, and then the end: the matching of its listing never ran.
        await check(engine.context, engine.context.sources[0], world.now)
    world.site.papers[:] = others
    world.later(minutes=30)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00073"]]


async def test_a_paper_without_its_abstract_waits_and_is_then_judged_as_it_stands(
    world: World,
) -> None:
    """On a card without abstract, `none` cannot be ruled out: the API is asked, then time is."""
    world.configure(TRENDING, WEIGHTS.replace("any =", 'none = ["survey"]\nany ='))
    world.site.without_json = True
    world.site.faults["/api/*"] = faults.answering(404, '{"error": "not found"}')
    others = [make_paper(number, world.now) for number in range(500, 508)]
    world.add(*others, make_paper(74, world.now, title=ZORBLAX))
    await world.run_pass()
    assert world.digests() == []
    assert states(world)["2602.00074"] is MatchState.UNDECIDED
    world.site.papers[:] = others  # it leaves the page, and is still owed
    world.later(hours=23)
    await world.run_pass()
    assert world.digests() == []
    world.later(hours=2)
    await world.run_pass()
    [mail] = world.digests()
    assert mail.paper_ids == ["2602.00074"]
    assert "without" in mail.text


async def test_an_undecided_paper_that_turns_out_to_be_none_is_forgotten(world: World) -> None:
    world.configure(TRENDING, WEIGHTS.replace("any =", 'none = ["survey"]\nany ='))
    world.site.without_json = True
    world.site.faults["/api/*"] = faults.server_error()
    world.fill(8)
    world.add(make_paper(75, world.now, title=ZORBLAX, abstract="A survey."))
    await world.run_pass()
    assert states(world)["2602.00075"] is MatchState.UNDECIDED
    world.site.faults.clear()
    world.later(hours=3)
    await world.run_pass()
    assert "2602.00075" not in states(world)
    world.later(days=2)
    await world.run_pass()
    assert world.digests() == []


async def test_max_age_days_keeps_old_papers_away(world: World) -> None:
    world.configure(TRENDING, WEIGHTS.replace("any =", "max_age_days = 30\nany ="))
    world.fill(8)
    old = THURSDAY - 40 * DAY
    world.add(make_paper(76, THURSDAY, title=ZORBLAX, published_at=old))
    world.add(make_paper(77, THURSDAY, title=ZORBLAX))
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00077"]]


async def test_a_subscription_hears_only_of_its_own_sources(world: World) -> None:
    world.configure(TRENDING, DAILY, WEIGHTS.replace("any =", 'sources = ["trending"]\nany ='))
    world.fill(8)
    world.add(make_paper(78, THURSDAY, title=ZORBLAX, trends=(THURSDAY - DAY, THURSDAY - HOUR)))
    await world.run_pass()
    assert world.digests() == []


@in_both_modes
async def test_two_sources_one_paper(world: World) -> None:
    world.configure(TRENDING, DAILY, WEIGHTS)
    world.fill(8)
    world.add(make_paper(79, THURSDAY, title=ZORBLAX))
    for _ in range(2):
        async with world.engine() as engine:
            await engine.run_pass(Request())
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00079"]]


async def test_one_that_a_page_changes_before_it_is_taken_over_holds_up_nobody(
    world: World,
) -> None:
    world.configure(DAILY, WEIGHTS)
    database = Database(world.config().store_url, writable=True)

    def subscribe(digest: str) -> None:
        eve = SubscriptionSettings(
            id="web-1/papers", name="papers", to=("eve@example.org",), digest=digest
        )
        with database.write() as connection:
            stored.put(connection, {eve.id: definition_of(eve)}, world.now)

    async with world.engine() as engine:
        subscribe("daily 09:00")
        read = await takeover.changed(engine.context)
        assert read is not None
        subscribe("each-check")
        engine.context = await takeover.take_over(read)
        world.add(make_paper(1, world.now, title=ZORBLAX))
        await engine.run_pass()
        assert len(world.digests()) == 1
        await follow(engine, world.config)
        await engine.run_pass()
    assert len(world.digests()) == 1
    [mail] = world.digests("eve@example.org")
    assert "2602.00001" in mail.paper_ids, "by the next check she is sent what is there"
    database.close()
