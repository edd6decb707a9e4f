"""Rules that are snoozed: what they would bring meanwhile does not come, nor later."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from tests.cli.looking import Asker
from tests.fakesite import SitePaper, faults, make_paper
from tests.modes import in_all_modes, in_both_modes
from tests.pipeline.test_match import states
from tests.world import THURSDAY, TRENDING, World
from watcher.models import MatchState

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

DAY = dt.timedelta(days=1)
OFTEN = (THURSDAY - 365 * DAY, THURSDAY + 365 * DAY)
OTHERS = [make_paper(number, THURSDAY, trends=OFTEN) for number in range(500, 508)]

ADA = """
[[subscriptions]]
name = "weights"
to = ["ada@example.org"]
digest = "{digest}"
"""
ZORBLAXES = """
[[subscriptions.rules]]
name = "zorblaxes"
any = ["zorblax"]
"""
SNOOZED = f"snoozed_until = {(THURSDAY + 30 * DAY).date()}\n"
MOST_LIKED = """
[[subscriptions.rules]]
name = "liked"
any = ["everything"]
min_upvotes = 20
"""


def paper(number: int, title: str = "Zorblaxes for everything", **more: object) -> SitePaper:
    return make_paper(number, THURSDAY, **{"title": title, "trends": OFTEN, **more})  # type: ignore[arg-type]  # fields of SitePaper


def configure(world: World, *rules: str, digest: str = "each-check") -> None:
    world.configure(TRENDING, ADA.format(digest=digest), *rules)


async def mailed(world: World, *papers: SitePaper) -> list[str]:
    """The papers mailed by a check while the page shows these as well as before."""
    world.add(*papers)
    world.later(hours=1)
    await world.run_pass()
    return sorted(paper_id for mail in world.new_mails() for paper_id in mail.paper_ids)


@pytest.fixture
def world(world: World) -> World:
    world.site.papers[:] = OTHERS
    return world


@in_all_modes
async def test_what_a_sleeping_rule_would_bring_does_not_come_nor_later(world: World) -> None:
    configure(world, ZORBLAXES)
    assert await mailed(world, paper(1)) == ["2602.00001"]
    configure(world, ZORBLAXES, SNOOZED)
    assert await mailed(world, paper(2)) == []
    assert await mailed(world) == []
    world.now = (THURSDAY + 30 * DAY).replace(hour=0) - 2 * dt.timedelta(hours=1)
    assert await mailed(world, paper(3)) == [], "an hour before that day begins"
    assert await mailed(world, paper(4)) == ["2602.00004"], "and when it has begun"
    assert await mailed(world) == [], "the others, still on the page, are past"
    configure(world, ZORBLAXES)
    assert await mailed(world) == [], "without the key as well"


@in_both_modes
async def test_woken_up_early_it_brings_what_comes_from_then_on(world: World) -> None:
    configure(world, ZORBLAXES, SNOOZED)
    assert await mailed(world, paper(1)) == []
    configure(world, ZORBLAXES)
    assert await mailed(world, paper(2)) == ["2602.00002"]


@in_both_modes
async def test_another_rule_brings_it_now_or_when_it_holds(world: World) -> None:
    configure(world, ZORBLAXES, SNOOZED, MOST_LIKED)
    rising = paper(1, votes=lambda at: 30 if at > THURSDAY + 2 * DAY else 1)
    assert await mailed(world, rising, paper(2, votes=lambda _: 30)) == ["2602.00002"]
    [mail] = world.digests()
    assert "zorblaxes" not in mail.text, "what is snoozed is no reason"
    world.later(days=3)
    assert await mailed(world) == ["2602.00001"], "which a sleeping rule had let pass"
    world.later(days=30)
    assert await mailed(world) == []


@in_both_modes
async def test_what_waits_for_its_slot_when_its_rule_is_snoozed_does_not_come(
    world: World,
) -> None:
    configure(world, ZORBLAXES, digest="daily 20:00")
    assert await mailed(world, paper(1)) == []
    configure(world, ZORBLAXES, SNOOZED, MOST_LIKED, digest="daily 20:00")
    assert await mailed(world, paper(2, votes=lambda _: 30)) == []
    world.later(days=1)
    assert await mailed(world) == ["2602.00002"]
    configure(world, ZORBLAXES, MOST_LIKED, digest="daily 20:00")
    world.later(days=1)
    assert await mailed(world, paper(3)) == ["2602.00003"], (
        "the first one let go is not caught up either"
    )


@in_both_modes
async def test_snoozing_and_waking_make_no_rule_new(world: World) -> None:
    back = f"{ZORBLAXES}backfill_days = 30\n"
    configure(world, back)
    assert await mailed(world, paper(1)) == ["2602.00001"]
    configure(world, back, SNOOZED)
    assert await mailed(world, paper(2)) == []
    del world.site.papers[len(OTHERS) :]
    configure(world, back)
    assert await mailed(world) == [], "it does not look back anew"
    assert world.notices() == []
    assert await mailed(world, paper(3)) == ["2602.00003"]


@pytest.mark.parametrize("name", ["", 'name = "mine"\n'], ids=["unnamed", "one name"])
async def test_of_two_rules_that_are_called_alike_the_other_one_is_awake(
    world: World, name: str
) -> None:
    rule = f'[[subscriptions.rules]]\n{name}any = ["zorblax"]\n'
    liked = f"{rule}min_upvotes = 20\n"
    configure(world, rule, SNOOZED, liked)
    rising = paper(1, votes=lambda at: 30 if at > THURSDAY + 2 * DAY else 1)
    again = paper(2, votes=lambda at: 30 if at > THURSDAY + 4 * DAY else 1)
    assert await mailed(world, rising, again) == []
    world.later(days=3)
    assert await mailed(world) == ["2602.00001"]
    configure(world, liked)
    world.later(days=2)
    assert await mailed(world) == ["2602.00002"], "though the one that slept is gone"


async def test_a_rule_that_sleeps_looks_back_once_it_is_awake(world: World) -> None:
    back = f"{ZORBLAXES}backfill_days = 30\n"
    configure(world, '[[subscriptions.rules]]\nany = ["nothing"]\n')
    assert await mailed(world, paper(1)) == []
    del world.site.papers[len(OTHERS) :]
    configure(world, back, SNOOZED)
    assert await mailed(world, paper(2)) == []
    configure(world, back)
    assert await mailed(world) == ["2602.00001"], "and not at what it slept through"
    assert await mailed(world) == []


async def test_a_rule_that_was_edited_looks_back_at_nothing_that_it_slept_through(
    world: World,
) -> None:
    back = f"{ZORBLAXES}backfill_days = 30\n"
    configure(world, back, SNOOZED)
    assert await mailed(world, paper(1)) == []
    del world.site.papers[len(OTHERS) :]
    configure(world, back, 'min_stars = 0\nnone = ["survey"]\n')
    assert await mailed(world) == []
    assert await mailed(world, paper(2)) == ["2602.00002"]


async def test_what_slept_is_remembered_though_a_rule_waited_for_a_field_in_vain(
    world: World,
) -> None:
    world.site.without_json = True
    world.site.faults["/api/*"] = faults.answering(404, '{"error": "not found"}')
    configure(world, ZORBLAXES, SNOOZED)
    assert await mailed(world, paper(1)) == []
    configure(world, ZORBLAXES, "has_code = true\n")
    assert await mailed(world) == []
    assert states(world)["2602.00001"] is MatchState.UNDECIDED
    world.later(days=1)
    assert await mailed(world) == []
    configure(world, ZORBLAXES)
    assert await mailed(world) == []
    assert await mailed(world, paper(2)) == ["2602.00002"]


async def test_what_waits_for_a_field_of_another_rule_is_past_as_well(world: World) -> None:
    deep = '[[subscriptions.rules]]\nname = "deep"\nany = ["quuxification"]\n'
    configure(world, ZORBLAXES, SNOOZED, deep)
    world.site.without_json = True
    world.site.faults["/api/*"] = faults.answering(404, '{"error": "not found"}')
    assert await mailed(world, paper(1)) == []
    assert states(world)["2602.00001"] is MatchState.UNDECIDED
    configure(world, ZORBLAXES, deep)
    assert await mailed(world) == []
    world.later(days=1)
    assert await mailed(world) == [], "judged as it stands: only what slept asks for it"
    assert await mailed(world, paper(2)) == ["2602.00002"]


def test_commands_tell_who_sleeps_until_when(world: World) -> None:
    configure(world, ZORBLAXES, SNOOZED)
    ask = Asker(world)
    assert asyncio.run(mailed(world, paper(1))) == []
    assert "snoozed until 2026-03-21" in ask("check-config", "--offline").out
    [told] = ask("check-config", "--offline", "--json").json["subscriptions"]
    assert told["rules"][0]["snoozed_until"] == "2026-03-21"
    assert told["rules"][0]["matches"] == 1, "counted as if it were awake"
    assert "snoozed until 2026-03-21" in ask("subscriptions", "show", "weights").out
    assert "zorblaxes snoozed until 2026-03-21" in " ".join(ask("status").out.split())
    [status] = ask("status", "--json").json["subscriptions"]
    assert status["snoozed"] == [{"rule": "zorblaxes", "until": "2026-03-21"}]
    explained = ask("explain", "2602.00001")
    assert 'only "zorblaxes" asked for it' in " ".join(explained.out.split())
    [story] = ask("explain", "2602.00001", "--json").json["subscriptions"]
    assert (story["state"], story["rules"][0]["verdict"]) == ("snoozed", "match")
    assert story["rules"][0]["snoozed_until"] == "2026-03-21"
    text = world.directory / "paper.txt"
    text.write_text("On zorblaxes\n\nNothing else.\n")
    assert "only a rule of it that is snoozed holds" in ask("explain", "--text", str(text)).out
    assert "None of the" in ask("preview", "weights", "--text").out
    exported = ask("subscriptions", "export").out
    assert "snoozed_until = 2026-03-21" in exported
    assert "1 paper" in ask("backtest", "--days", "2").out, "as if it were awake"
    world.later(days=40)
    assert "snoozed" not in ask("check-config", "--offline").out, "once awake, nothing is told"


def test_of_what_is_yet_to_be_matched_it_is_told_that_the_rule_sleeps(world: World) -> None:
    configure(world, '[[subscriptions.rules]]\nany = ["nothing"]\n')
    assert asyncio.run(mailed(world, paper(1))) == []
    configure(world, ZORBLAXES, SNOOZED)
    told = " ".join(Asker(world)("explain", "2602.00001").out.split())
    assert 'not matched: rule "zorblaxes" is snoozed until 2026-03-21, and no other holds' in told
