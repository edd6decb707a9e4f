"""Rules that look back: once, at what is stored, and never twice at the same reader."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.fakesite import SitePaper, faults, make_paper
from tests.modes import in_all_modes, in_both_modes, on_both_stores
from tests.pipeline.test_match import states
from tests.world import DAILY, THURSDAY, TRENDING, ZORBLAX, World
from watcher.models import MatchState
from watcher.pipeline.backfill import wording
from watcher.pipeline.match import match
from watcher.settings import RuleSettings
from watcher.store import matches, renaming
from watcher.store.database import Database

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

DAY = dt.timedelta(days=1)
YEAR = dt.timedelta(days=365)
OFTEN = (THURSDAY - YEAR, THURSDAY + 2 * YEAR)
OTHERS = [make_paper(number, THURSDAY, trends=OFTEN) for number in range(500, 508)]

NOBODY = """
[[subscriptions]]
name = "other"
to = ["bob@example.org"]
digest = "each-check"
any = ["quuxification"]
"""

WEIGHTS = """
[[subscriptions]]
name = "weights"
to = ["ada@example.org"]
digest = "each-check"
"""

RULE = """
[[subscriptions.rules]]
name = "zorblaxes"
any = ["zorblax"]
backfill_days = 30
"""


def paper(number: int, title: str = ZORBLAX, **changes: object) -> SitePaper:
    return make_paper(number, THURSDAY, **{"title": title, "trends": OFTEN, **changes})  # type: ignore[arg-type]  # fields of SitePaper


async def show(world: World, *papers: SitePaper) -> None:
    """A check while the trending page shows these papers, and then it shows them no more."""
    world.site.papers[:] = [*OTHERS, *papers]
    await world.run_pass()
    world.site.papers[:] = OTHERS
    world.later(hours=1)


def found(world: World) -> list[str]:
    """What Ada was mailed, in order of its ids."""
    return sorted(paper_id for mail in world.digests() for paper_id in mail.paper_ids)


def forget(world: World, number: int) -> None:
    """Let the store forget a pair, so that a second look would find the paper again."""
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        matches.forget(connection, [("weights", f"2602.{number:05}")])
    database.close()


@on_both_stores
async def test_a_new_rule_looks_back_once_and_says_so(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1), paper(2, "Something else"))
    world.later(days=10)
    await show(world, paper(3))
    world.site.papers.append(paper(4))
    await world.run_pass()
    world.configure(TRENDING, NOBODY, WEIGHTS, RULE)
    result = await world.run_pass()
    assert result.match_count == 3
    [mail] = world.digests()
    assert sorted(mail.paper_ids) == ["2602.00001", "2602.00003", "2602.00004"]
    assert mail.text.count("found looking back 30 days") == 2, "the third stands on the page"
    assert mail.html.count("found looking back 30 days") == 2
    forget(world, 1)
    await world.run_pass()
    assert len(world.digests()) == 1


async def test_without_backfill_days_nobody_looks_back(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1))
    world.configure(TRENDING, NOBODY, WEIGHTS, RULE.replace("= 30", "= 0"))
    await world.run_pass()
    assert world.digests() == []


async def test_an_edited_rule_looks_back_again_and_a_renamed_one_does_not(world: World) -> None:
    world.configure(TRENDING, WEIGHTS, RULE)
    await show(world, paper(1), paper(2, "On quuxification"))
    assert found(world) == ["2602.00001"]
    forget(world, 1)
    for same in (RULE.replace("zorblaxes", "weights"), RULE + "min_stars = 0\n"):
        world.configure(TRENDING, WEIGHTS, same)
        await world.run_pass()
    assert len(world.digests()) == 1
    world.configure(TRENDING, WEIGHTS, RULE.replace('["zorblax"]', '["zorblax", "quuxification"]'))
    await world.run_pass()
    assert sorted(world.digests()[-1].paper_ids) == ["2602.00001", "2602.00002"]


def test_a_key_that_comes_in_with_a_later_version_edits_no_rule() -> None:
    class Later(RuleSettings):
        language: str = ""

    assert wording(Later(any=("zorblax",))) == wording(RuleSettings(any=("zorblax",)))
    assert wording(Later(any=("zorblax",), language="en")) != wording(Later(any=("zorblax",)))


async def test_looking_further_back_is_an_edit(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1))
    world.later(days=20)
    world.configure(TRENDING, WEIGHTS, RULE.replace("30", "7"))
    await world.run_pass()
    assert world.digests() == []
    world.configure(TRENDING, WEIGHTS, RULE.replace("30", "21"))
    await world.run_pass()
    assert found(world) == ["2602.00001"]


async def test_each_rule_looks_as_far_as_it_says(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1), paper(2, "Old floops"), paper(5, "Old snarks"))
    world.later(days=20)
    await show(world, paper(3), paper(4, "New floops"), paper(6, "Floops and zorblaxes"))
    floops = RULE.replace('["zorblax"]', '["floop"]').replace("30", "7")
    snarks = RULE.replace('["zorblax"]', '["snark"]').replace("30", "0")
    world.configure(TRENDING, WEIGHTS, RULE, floops, snarks)
    await world.run_pass()
    assert found(world) == ["2602.00001", "2602.00003", "2602.00004", "2602.00006"]


async def test_only_the_pages_of_the_subscription_count(world: World) -> None:
    search = '[[sources]]\npage = "search"\nname = "found"\nquery = "zorblax"\n'
    world.configure(TRENDING, search, NOBODY)
    await show(world, paper(1), paper(2, trends=(THURSDAY - YEAR, THURSDAY - DAY)))
    world.configure(TRENDING, search, WEIGHTS, 'sources = ["trending"]\n', RULE)
    await world.run_pass()
    assert found(world) == ["2602.00001"]
    world.configure(TRENDING, search, WEIGHTS, 'sources = ["found"]\n', RULE.replace("30", "31"))
    await world.run_pass()
    assert found(world) == ["2602.00001", "2602.00002"]


async def test_a_baseline_keeps_nothing_away_that_was_asked_for(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1))
    world.site.papers.append(paper(2))
    world.later(days=3)
    short = RULE.replace("30", "2")
    world.configure(TRENDING, WEIGHTS, 'first_run = "baseline"\n', short)
    await world.run_pass()
    assert found(world) == ["2602.00002"]


async def test_what_was_there_before_a_baseline_subscription_stays_there(world: World) -> None:
    baseline = 'first_run = "baseline"\n'
    world.configure(TRENDING, WEIGHTS, baseline, RULE.replace("30", "0"))
    await show(world, paper(1))
    world.configure(TRENDING, WEIGHTS, baseline, RULE)
    await world.run_pass()
    assert world.digests() == []


async def test_old_papers_stay_away(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1), paper(2, published_at=THURSDAY - 40 * DAY))
    world.configure(TRENDING, WEIGHTS, "max_age_days = 30\n", RULE)
    await world.run_pass()
    assert found(world) == ["2602.00001"]


@in_all_modes
async def test_a_look_that_was_cut_short_is_taken_again(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1))
    world.configure(TRENDING, WEIGHTS, RULE)
    async with world.engine() as engine:

        def half(connection: object) -> None:
            assert match(engine.context, connection, world.now).new_count == 1  # type: ignore[arg-type]  # it is one
            raise InterruptedError

        with pytest.raises(InterruptedError):
            await engine.context.write(half)
    assert states(world) == {}
    await world.run_pass()
    assert found(world) == ["2602.00001"]


async def test_a_rule_edited_back_and_forth_mails_nothing_twice(world: World) -> None:
    other = RULE.replace('["zorblax"]', '["quuxification"]')
    world.configure(TRENDING, WEIGHTS, RULE)
    await show(world, paper(1), paper(2, "On quuxification"))
    for rule in (other, RULE, other, RULE):
        world.configure(TRENDING, WEIGHTS, rule)
        await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"], ["2602.00002"]]


async def test_what_an_edit_withdrew_is_found_again_when_it_is_undone(world: World) -> None:
    weekly = WEIGHTS.replace("each-check", "daily 09:00")
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1))
    world.configure(TRENDING, weekly, RULE)
    await world.run_pass()
    assert states(world) == {"2602.00001": MatchState.PENDING}
    world.configure(TRENDING, weekly, RULE.replace('["zorblax"]', '["quuxification"]'))
    world.later(hours=2)
    await world.run_pass()
    assert states(world) == {"2602.00001": MatchState.WITHDRAWN}
    world.configure(TRENDING, weekly, RULE)
    world.later(days=1)
    await world.run_pass()
    assert found(world) == ["2602.00001"]


async def test_a_pruned_paper_is_judged_as_it_stands(world: World) -> None:
    world.configure(TRENDING, NOBODY, "[health]\nquiet_days = 0\n")
    config = world.config_path.read_text().replace("[store]\n", "[store]\nkeep_days = 10\n")
    world.config_path.write_text(config)
    await show(world, paper(1), paper(2, "A plain title", abstract="We train a zorblax."))
    world.later(days=20)
    await world.run_pass()
    rule = RULE.replace("backfill", 'none = ["survey"]\nbackfill')
    world.config_path.write_text(config + WEIGHTS + rule)
    asked = len(world.site.requests)
    await world.run_pass()
    [mail] = world.digests()
    assert mail.paper_ids == ["2602.00001"]
    assert "found looking back 30 days; judged without its abstract" in mail.text
    assert not [path for path in world.site.paths()[asked:] if path.startswith("/api/papers/")]


async def test_of_pruned_papers_nobody_knows_on_which_pages_they_were(world: World) -> None:
    world.configure(TRENDING, DAILY, NOBODY, "[health]\nquiet_days = 0\n")
    config = world.config_path.read_text().replace("[store]\n", "[store]\nkeep_days = 10\n")
    world.config_path.write_text(config)
    await show(world, paper(1))
    world.later(days=20)
    await world.run_pass()
    world.config_path.write_text(config + WEIGHTS + 'sources = ["trending"]\n' + RULE)
    await world.run_pass()
    assert world.digests() == []


async def test_a_card_on_the_page_is_left_to_be_completed(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    world.site.without_json = True
    world.site.faults["/api/*"] = faults.server_error()
    world.site.papers[:] = [*OTHERS, paper(1, abstract="A survey."), paper(2)]
    await world.run_pass()
    world.configure(TRENDING, WEIGHTS, RULE.replace("backfill", 'none = ["survey"]\nbackfill'))
    await world.run_pass()
    assert set(states(world).values()) == {MatchState.UNDECIDED}
    world.site.faults.clear()
    world.later(hours=3)
    await world.run_pass()
    assert found(world) == ["2602.00002"]


async def test_an_apparent_rename_does_not_look_back_before_it_is_settled(world: World) -> None:
    renamed = WEIGHTS.replace('"weights"', '"matter"')
    world.configure(TRENDING, WEIGHTS, RULE)
    await show(world, paper(1))
    world.configure(TRENDING, renamed, RULE)
    await world.run_pass()
    assert states(world, "matter") == {}
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        renaming.rename(connection, "weights", "matter")
        matches.forget(connection, [("matter", "2602.00001")])
    database.close()
    world.later(hours=1)
    assert (await world.run_pass()).match_count == 0
    assert found(world) == ["2602.00001"]


async def test_one_that_starts_anew_looks_back(world: World) -> None:
    renamed = WEIGHTS.replace('"weights"', '"matter"')
    world.configure(TRENDING, WEIGHTS, RULE)
    await show(world, paper(1))
    world.configure(TRENDING, renamed, RULE)
    await world.run_pass()
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        renaming.start_anew(connection, "matter", world.now)
    database.close()
    await world.run_pass()
    assert states(world, "matter") == {"2602.00001": MatchState.COMPOSED}


async def test_one_that_was_removed_and_comes_back_has_looked(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1))
    world.configure(TRENDING, NOBODY, WEIGHTS, RULE)
    await world.run_pass()
    world.configure(TRENDING, NOBODY)
    await world.run_pass()
    forget(world, 1)
    world.configure(TRENDING, NOBODY, WEIGHTS, RULE)
    await world.run_pass()
    assert len(world.digests()) == 1


@in_both_modes
async def test_papers_of_the_future_are_looked_at_when_the_clock_is_put_back(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    world.now = THURSDAY + YEAR
    await show(world, paper(1))
    world.now = THURSDAY
    world.configure(TRENDING, WEIGHTS, RULE)
    await world.run_pass()
    assert found(world) == ["2602.00001"]


async def test_a_rule_that_looked_back_from_a_wrong_day_looks_again(world: World) -> None:
    world.configure(TRENDING, NOBODY)
    await show(world, paper(1))
    right = world.now
    world.now = THURSDAY + YEAR
    world.configure(TRENDING, WEIGHTS, RULE)
    await world.run_pass()
    assert world.digests() == []
    world.now = right
    for _ in range(2):
        await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"]]
