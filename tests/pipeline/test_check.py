"""What a check makes of the site's answers, and what it leaves behind."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.fakesite import Fault, faults, make_day, make_paper
from tests.modes import in_all_modes, in_both_modes, on_both_stores
from tests.world import DAILY, THURSDAY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.models import Outcome
from watcher.store import checks, papers
from watcher.store.database import Database

DAY = dt.timedelta(days=1)
TODAY_PATH = "/papers/date/2026-02-19"


def open_store(world: World) -> Database:
    return Database(world.config().store_url, writable=False)


@in_all_modes
async def test_a_check_stores_and_mails_and_a_second_one_sends_nothing(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.fill(5)
    world.add(make_paper(77, world.now, title=ZORBLAX))
    first = await world.run_pass()
    [checked] = first.sources
    assert (checked.outcome, checked.new_count) == (Outcome.OK, checked.paper_count)
    assert (first.match_count, first.digest_count, first.delivered_count) == (1, 1, 1)
    assert (first.pending_count, first.failed_count, first.is_well) == (0, 0, True)
    [mail] = world.new_mails()
    assert mail.paper_ids == ["2602.00077"]
    second = await world.run_pass()
    assert second.sources[0].new_count == 0
    assert (second.match_count, second.digest_count, second.delivered_count) == (0, 0, 0)
    assert world.new_mails() == []


async def test_a_304_is_unchanged_and_needs_no_parsing(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.site.has_etags = world.site.is_stable = True
    world.fill(12)
    first = await world.run_pass()
    second = await world.run_pass()
    assert second.sources[0].outcome is Outcome.UNCHANGED
    assert second.sources[0].paper_count == first.sources[0].paper_count > 0
    assert "if-none-match" in {name.lower() for name in world.site.requests[-1].headers}


async def test_the_same_bytes_are_unchanged_without_any_etag(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.site.is_stable = True
    world.fill(12)
    await world.run_pass()
    assert (await world.run_pass()).sources[0].outcome is Outcome.UNCHANGED


async def test_yesterdays_page_is_read_until_two_days_after_its_end(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.fill(5)
    await world.run_pass()
    late = make_paper(90, THURSDAY + DAY, title=ZORBLAX, listed_on=THURSDAY.date())
    later = make_paper(91, THURSDAY + 2 * DAY, title=ZORBLAX, listed_on=THURSDAY.date())
    world.add(late, later)
    world.later(days=1, hours=1)
    await world.run_pass()
    world.later(days=1)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.mails] == [[late.id], [later.id]]
    world.later(days=1)
    await world.run_pass()
    world.later(hours=1)
    world.add(make_paper(7, world.now, title="Sunday"))
    world.add(make_paper(8, THURSDAY + DAY, title="Friday"))
    asked = len(world.site.paths())
    await world.run_pass()
    assert TODAY_PATH not in world.site.paths()[asked:]


async def test_a_weekend_is_empty_and_its_answer_counts_for_the_day_it_names(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    friday = THURSDAY + DAY
    world.add(make_paper(5, friday, title=ZORBLAX))
    world.now = friday + 2 * DAY  # a Sunday: the site redirects to Friday
    result = await world.run_pass()
    assert [mail.paper_ids for mail in world.mails] == [["2602.00005"]]
    assert result.is_well
    world.now = friday + 2 * DAY + dt.timedelta(hours=6)
    world.add(make_paper(6, world.now, title=ZORBLAX, listed_on=friday.date()))
    await world.run_pass()
    assert world.mails[-1].paper_ids == ["2602.00006"]


async def test_an_empty_page_that_says_so_is_empty(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.site.redirects_empty = False
    result = await world.run_pass()
    assert result.sources[0].outcome is Outcome.EMPTY
    assert result.is_well


@in_both_modes
async def test_days_missed_in_an_outage_are_read_and_the_digest_says_so(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    monday = dt.datetime(2026, 2, 16, 20, tzinfo=dt.UTC)
    for number in range(5):
        at = monday + number * DAY
        world.add(make_paper(number, at, title=ZORBLAX))
    world.now = monday
    await world.run_pass()
    world.site.faults["*"] = faults.server_error()
    for _ in range(3):
        world.later(days=1)
        result = await world.run_pass()
        assert result.all_sources_failed
    world.site.faults.clear()
    world.later(days=1)
    await world.run_pass()
    first, last = world.digests()
    assert first.paper_ids == ["2602.00000"]
    assert sorted(last.paper_ids) == [f"2602.0000{number}" for number in range(1, 5)]
    assert "caught up 3 days" in last.text


async def test_a_gap_of_an_undated_page_is_reported(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    await world.run_pass()
    world.later(days=2)
    world.add(make_paper(50, world.now, title=ZORBLAX))
    await world.run_pass()
    [mail] = world.digests()
    assert "trending could not be read from Thu 19 Feb" in mail.text


@on_both_stores
async def test_a_digest_says_at_its_foot_what_failed_since_the_last(world: World) -> None:
    world.configure(DAILY, TRENDING, WEIGHTS)
    world.fill(10)
    world.add(make_paper(50, world.now, title=ZORBLAX))
    await world.run_pass()
    world.site.faults["/papers/trending*"] = faults.server_error()
    for _ in range(8):
        world.later(hours=1)
        await world.run_pass()
    world.site.faults.clear()
    world.later(hours=1)
    await world.run_pass()
    world.site.faults["/papers/date/*"] = faults.server_error()
    world.later(hours=1)
    world.add(make_paper(51, world.now, title=ZORBLAX, trends=(world.now, world.now + DAY)))
    await world.run_pass()
    first, second = world.digests()
    assert "could not be read" not in first.text
    foot = " ".join(second.text.rpartition("-" * 76)[2].split())
    assert "trending could not be read from Thu 19 Feb, 08:00 to Thu 19 Feb, 16:00." in foot
    assert "daily could not be read since Thu 19 Feb, 17:00." in foot


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        (faults.challenge(), Outcome.BLOCKED, "challenge"),
        (faults.captcha(), Outcome.BLOCKED, "captcha"),
        (faults.rate_limited(120), Outcome.RATE_LIMITED, "120"),
        (faults.server_error(), Outcome.FAILED, "503"),
        (faults.answering(404), Outcome.FAILED, "404"),
        (faults.disconnect(), Outcome.FAILED, ""),
        (faults.truncated(), Outcome.FAILED, ""),
        (faults.gzip_bomb(), Outcome.FAILED, "bytes"),
        (faults.twice_compressed(), Outcome.FAILED, "gzip, gzip"),
        (faults.redirect("https://elsewhere.example/papers"), Outcome.FAILED, "redirect"),
        (faults.no_marks(), Outcome.DEGRADED, ""),
        (faults.renamed_markup(), Outcome.DEGRADED, ""),
    ],
)
async def test_each_trouble_has_its_own_name_and_marks_nothing_seen(
    world: World, fault: Fault, outcome: Outcome, words: str
) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    world.fill(10, first=10)
    world.site.faults["*"] = fault
    result = await world.run_pass()
    [checked] = result.sources
    assert checked.outcome is outcome
    assert checked.error is not None
    assert words in checked.error
    assert not result.is_well
    assert world.mails == []
    database = open_store(world)
    with database.read() as connection:
        assert papers.count_since(connection) == 0
    database.close()
    world.site.faults.clear()
    world.later(minutes=30)
    assert (await world.run_pass()).sources[0].outcome is Outcome.OK
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"]]


@in_both_modes
async def test_a_site_that_asks_for_peace_is_left_in_peace(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    world.site.faults["*"] = faults.rate_limited(600)
    await world.run_pass()
    asked = len(world.site.requests)
    world.site.faults.clear()
    world.later(minutes=9)
    result = await world.run_pass()
    assert result.sources[0].outcome is Outcome.RATE_LIMITED
    assert "left alone until 07:10:0" in str(result.sources[0].error)
    assert len(world.site.requests) == asked
    world.later(minutes=2)
    assert (await world.run_pass()).sources[0].outcome is Outcome.OK


async def test_pages_without_their_json_are_completed_by_the_api(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.site.without_json = True
    world.fill(8)
    world.add(make_paper(60, world.now, title="Plain title", abstract="We train a zorblax."))
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00060"]]


@in_both_modes
async def test_a_trending_page_without_json_has_its_papers_completed_one_by_one(
    world: World,
) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.site.without_json = True
    world.fill(8)
    world.add(make_paper(60, world.now, title="Plain title", abstract="We train a zorblax."))
    await world.run_pass()
    assert "/api/papers/2602.00060" in world.site.paths()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00060"]]


async def test_a_week_that_the_page_cuts_off_is_read_to_its_end(world: World) -> None:
    world.configure('[[sources]]\npage = "weekly"\n', WEIGHTS)
    monday = dt.date(2026, 2, 16)
    for day in range(4):
        on = monday + day * DAY
        world.site.papers.extend(make_day(on, 60, first=100 * day))
    world.now = dt.datetime(2026, 2, 19, 23, 30, tzinfo=dt.UTC)
    result = await world.run_pass()
    assert result.sources[0].paper_count == 240


async def test_the_operator_hears_of_a_changed_page_once_and_of_its_end_once(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    await world.run_pass()
    world.site.faults["*"] = faults.renamed_markup()
    for number in range(5):
        world.later(minutes=30)
        await world.run_pass()
        assert len(world.notices()) == (0 if number < 2 else 1)
    assert "trending" in world.notices()[0].subject
    assert world.notices()[0].header("Auto-Submitted") == "auto-generated"
    world.site.faults.clear()
    world.later(minutes=30)
    for _ in range(2):
        await world.run_pass()
    assert len(world.notices()) == 2
    assert "trending" in world.notices()[1].subject


@in_both_modes
async def test_an_outage_is_told_when_it_lasts(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    await world.run_pass()
    world.site.faults["*"] = faults.server_error()
    for _ in range(5):
        world.later(hours=1)
        await world.run_pass()
    assert world.notices() == []
    world.later(hours=2)
    await world.run_pass()
    assert len(world.notices()) == 1
    assert "503" in world.notices()[0].text


async def test_half_the_papers_gone_is_degraded_and_the_rest_is_delivered(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(20)
    for _ in range(4):
        await world.run_pass()
        world.later(minutes=30)
    del world.site.papers[6:]
    world.add(make_paper(60, world.now, title=ZORBLAX))
    result = await world.run_pass()
    assert result.sources[0].outcome is Outcome.DEGRADED
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00060"]]


async def test_votes_that_all_read_nought_are_degraded_and_overwrite_nothing(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.site.papers.extend(
        make_paper(number, world.now - DAY, votes=lambda _: 30) for number in range(10)
    )
    for _ in range(4):
        await world.run_pass()
        world.later(minutes=30)
    world.site.faults["*"] = faults.edited(("&quot;upvotes&quot;:30", "&quot;upvotes&quot;:0"))
    result = await world.run_pass()
    assert result.sources[0].outcome is Outcome.DEGRADED
    database = open_store(world)
    with database.read() as connection:
        found = papers.seen_since(connection, THURSDAY - DAY, 50)
    database.close()
    assert {stored.paper.upvotes for stored in found} == {30}


@in_both_modes
async def test_one_poisonous_record_is_skipped_and_told_and_the_rest_goes(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    world.add(make_paper(60, world.now, title=ZORBLAX))
    world.add(make_paper(61, world.now, changes={"title": {"no": "text"}, "id": 7}))
    result = await world.run_pass()
    assert result.sources[0].outcome is Outcome.OK
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00060"]]
    assert len(world.notices()) == 1
    await world.run_pass()
    assert len(world.notices()) == 1


async def test_only_the_sources_asked_for_are_checked(world: World) -> None:
    world.configure(DAILY, TRENDING, WEIGHTS)
    world.fill(10)
    async with world.engine() as engine:
        from watcher.engine import Request

        result = await engine.run_pass(Request(sources={"trending"}))
    assert [source.source for source in result.sources] == ["trending"]
    assert set(world.site.paths()) == {"/papers/trending"}


async def test_a_check_that_was_cut_short_is_done_again(world: World) -> None:
    world.configure(DAILY, TRENDING, WEIGHTS)
    world.fill(10)
    world.site.faults["/papers/trending"] = faults.hang()
    async with world.engine() as engine:
        import asyncio

        running = asyncio.create_task(engine.run_pass())
        await asyncio.to_thread(world.site.wait_for, "/papers/trending")
        engine.stopping.set()
        result = await running
    assert [source.source for source in result.sources] == ["daily"]
    world.site.faults.clear()
    assert (await world.run_pass()).is_well
    database = open_store(world)
    with database.read() as connection:
        outcomes = {check.outcome for check in checks.recent(connection)}
    database.close()
    assert None in outcomes


async def test_a_page_that_stays_degraded_is_no_outage_to_catch_up(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    for day in range(4):
        world.add(*(make_paper(10 * day + n, THURSDAY + day * DAY) for n in range(6)))
        world.now = THURSDAY + day * DAY
        await world.run_pass()
    world.site.without_json = True
    asked = []
    for day in range(4, 14):
        world.add(*(make_paper(10 * day + n, THURSDAY + day * DAY) for n in range(6)))
        world.now = THURSDAY + day * DAY
        before = len(world.site.requests)
        result = await world.run_pass()
        assert result.sources[0].outcome is Outcome.DEGRADED
        asked.append(len(world.site.requests) - before)
    assert max(asked) <= 8, "three or four pages, and the API's list of each"


@in_both_modes
async def test_two_sources_of_one_page_each_have_their_own_reading(world: World) -> None:
    twice = (
        '[[sources]]\nname = "a"\npage = "trending"\n[[sources]]\nname = "b"\npage = "trending"\n'
    )
    world.configure(twice, WEIGHTS.replace("any =", 'sources = ["b"]\nany ='))
    world.site.is_stable = world.site.has_etags = True
    world.fill(8)
    world.add(make_paper(60, world.now, title=ZORBLAX))
    for _ in range(2):
        await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00060"]]


async def test_a_renamed_source_reads_its_pages_anew(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.site.is_stable = world.site.has_etags = True
    world.fill(8)
    world.add(make_paper(60, world.now, title="On quuxes"))
    await world.run_pass()
    renamed = TRENDING.replace("page", 'name = "t"\npage')
    world.configure(renamed, WEIGHTS.replace("zorblax", "quux"))
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00060"]]


async def test_failing_and_looking_different_are_told_apart_and_each_once(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    await world.run_pass()
    world.site.faults["*"] = faults.server_error()
    for _ in range(9):
        world.later(hours=1)
        await world.run_pass()
    world.site.faults["*"] = faults.renamed_markup()
    for _ in range(5):
        world.later(hours=1)
        await world.run_pass()
    subjects = [notice.subject for notice in world.notices()]
    assert len(subjects) == len(set(subjects)) == 2
    world.site.faults.clear()
    await world.run_pass()
    assert len(world.notices()) == 3


async def test_three_in_a_row_means_in_a_row(world: World) -> None:
    world.configure(TRENDING, WEIGHTS)
    world.fill(10)
    await world.run_pass()
    for number in range(8):
        wrong = faults.renamed_markup() if number % 2 else faults.server_error()
        world.site.faults["*"] = wrong
        world.later(minutes=30)
        await world.run_pass()
    assert world.notices() == []
