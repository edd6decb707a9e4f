from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from watcher.health import coverage, judge
from watcher.models import (
    Author,
    FieldCoverage,
    Listing,
    Organization,
    Outcome,
    PageKind,
    Paper,
    Period,
    Skipped,
)

NOW = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)
TODAY = Period("day", dt.date(2026, 2, 19))
YESTERDAY = Period("day", dt.date(2026, 2, 18))
WHOLE = Paper(
    "2602.00000",
    "Title",
    abstract="Abstract",
    summary="Summary",
    keywords=("k",),
    authors=(Author("Ada"),),
    organization=Organization("acme"),
    published_at=NOW,
    submitted_at=NOW,
    upvotes=3,
    comment_count=0,
    star_count=0,
    code_url="https://github.com/lab/x",
    is_full=True,
)


def papers(count: int, **changes: object) -> tuple[Paper, ...]:
    return tuple(
        replace(WHOLE, id=f"2602.{n:05}", **changes)  # type: ignore[arg-type]  # Paper's fields
        for n in range(count)
    )


def listing(count: int = 0, period: Period | None = None, **changes: object) -> Listing:
    return Listing("s", "https://x/", papers(count, **changes), NOW, period=period)


def habit(
    count: int, times: int = 3, shares: dict[str, float] | None = None
) -> list[FieldCoverage]:
    known = coverage(listing(max(count, 1)))
    return [FieldCoverage(count, known.shares | (shares or {}))] * times


def outcome(
    found: Listing,
    page: PageKind = "daily",
    requested: Period | None = TODAY,
    baseline: list[FieldCoverage] | None = None,
) -> tuple[Outcome, str]:
    judged = judge(found, page=page, requested=requested, now=NOW, baseline=baseline or [])
    return judged.outcome, "; ".join(judged.reasons)


def trending(found: Listing, baseline: list[FieldCoverage] | None = None) -> tuple[Outcome, str]:
    return outcome(found, "trending", None, baseline)


def test_a_monday_morning_of_one_paper_is_ok() -> None:
    assert outcome(listing(1, TODAY, upvotes=0), baseline=habit(80)) == (Outcome.OK, "")
    assert outcome(listing(1, TODAY)) == (Outcome.OK, "")


def test_a_trending_page_of_three_is_not() -> None:
    assert trending(listing(3)) == (Outcome.DEGRADED, "a trending page of only 3 papers")
    assert trending(listing(1)) == (Outcome.DEGRADED, "a trending page of only 1 paper")
    few = (Outcome.DEGRADED, "the page holds only 3 papers; the usual number is 50")
    assert trending(listing(3), habit(50)) == few
    assert trending(listing(5))[0] is Outcome.OK


def test_fewer_than_half_the_usual_number() -> None:
    assert trending(listing(25), habit(50))[0] is Outcome.OK
    assert trending(listing(24), habit(50))[0] is Outcome.DEGRADED
    assert trending(listing(24), habit(50, times=2))[0] is Outcome.OK
    no_papers = [FieldCoverage(0)] * 9
    assert trending(listing(24), habit(50, times=2) + no_papers)[0] is Outcome.OK


def test_numbers_judge_a_period_only_when_it_is_over() -> None:
    assert outcome(listing(9, TODAY), baseline=habit(80))[0] is Outcome.OK
    ended = outcome(listing(9, YESTERDAY), requested=YESTERDAY, baseline=habit(80))
    assert ended == (
        Outcome.DEGRADED,
        "the page holds only 9 papers; the usual number is 80",
    )
    assert outcome(listing(9), "search", None, habit(80))[0] is Outcome.OK


def test_a_page_without_marks_is_degraded() -> None:
    found = replace(listing(), has_marks=False)
    assert outcome(found) == (
        Outcome.DEGRADED,
        "the page has none of the marks of a papers page",
    )


def test_no_papers_is_empty_only_where_the_page_says_so() -> None:
    silent = listing(0, TODAY)
    assert outcome(silent)[0] is Outcome.DEGRADED
    assert "does not say" in outcome(silent)[1]
    assert outcome(replace(silent, says_empty=True)) == (Outcome.EMPTY, "")
    assert outcome(replace(listing(), says_empty=True), "search", None) == (Outcome.EMPTY, "")


def test_some_pages_are_never_empty() -> None:
    empty = replace(listing(), says_empty=True)
    assert trending(empty)[0] is Outcome.DEGRADED
    for key, expected in (("2026-W07", Outcome.DEGRADED), ("2026-W08", Outcome.EMPTY)):
        week = Period.parse(key)
        assert outcome(replace(empty, period=week), "weekly", week)[0] is expected


def test_a_page_of_an_earlier_day_is_empty_and_of_any_other_degraded() -> None:
    assert outcome(listing(9, YESTERDAY)) == (Outcome.EMPTY, "")
    later = outcome(listing(9, TODAY), requested=YESTERDAY)
    assert later == (
        Outcome.DEGRADED,
        "asked for 2026-02-18, the page shows 2026-02-19",
    )
    assert outcome(listing(9))[1] == "asked for 2026-02-19, the page does not say which it shows"
    week = Period.parse("2026-W07")
    assert outcome(listing(9, week))[0] is Outcome.DEGRADED


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("abstract", "no paper has an abstract; until now all had"),
        ("authors", "no paper has authors; until now all had"),
        ("published_at", "no paper has a date; until now all had"),
        ("submitted_at", "no paper has a day of submission; until now all had"),
        ("comment_count", "no paper has a number of comments; until now all had"),
        ("upvotes", "no paper has votes; until now all had"),
        ("code_url", "no paper has a link to code; until now all had"),
    ],
)
def test_a_field_that_was_always_there_and_is_gone(field: str, reason: str) -> None:
    gone = listing(9, TODAY, **{field: None})
    assert outcome(gone, baseline=habit(9)) == (Outcome.DEGRADED, reason)
    assert outcome(gone)[0] is Outcome.OK
    assert outcome(gone, baseline=habit(9, times=2))[0] is Outcome.OK
    assert outcome(gone, baseline=[*habit(9), *habit(9, 1, {field: 0.8})])[0] is Outcome.OK
    one_left = replace(gone, papers=(*gone.papers, WHOLE))
    assert outcome(one_left, baseline=habit(9))[0] is Outcome.OK
    nearly = outcome(gone, baseline=habit(9, shares={field: 0.95}))[1]
    assert nearly == reason.replace("all", "nearly all")


def test_votes_that_are_all_zero_are_not_believed() -> None:
    zeros = listing(5, TODAY, upvotes=0)
    judged = judge(zeros, page="daily", requested=TODAY, now=NOW, baseline=habit(80))
    assert (judged.outcome, judged.suspect) == (Outcome.DEGRADED, ("upvotes",))
    four = listing(4, TODAY, upvotes=0)
    assert outcome(four, baseline=habit(80))[0] is Outcome.OK


def test_a_layout_without_json_is_told_by_its_abstracts() -> None:
    shown = listing(9, abstract=None, keywords=None, comment_count=None, is_full=False)
    judged = judge(shown, page="trending", requested=None, now=NOW, baseline=habit(9))
    assert judged.outcome is Outcome.DEGRADED
    assert len(judged.reasons) == 3
    assert judged.suspect == ()


def test_records_that_cannot_be_read() -> None:
    skipped = tuple(Skipped(n, "no arXiv id") for n in range(4))
    assert outcome(replace(listing(5, TODAY), skipped=skipped))[0] is Outcome.OK
    half = outcome(replace(listing(4, TODAY), skipped=skipped))
    assert half == (Outcome.DEGRADED, "4 of 8 records cannot be read (no arXiv id)")
    none = outcome(replace(listing(0, TODAY), skipped=skipped))
    assert none == (Outcome.DEGRADED, "none of 4 records can be read (no arXiv id)")


def test_coverage_counts_shares() -> None:
    found = replace(listing(), papers=(*papers(3), Paper("2602.00009", "T", upvotes=0)))
    known = coverage(found)
    assert known.paper_count == 4
    assert known.shares["title"] == 1
    assert known.shares["upvotes"] == 0.75
    assert known.shares["comment_count"] == 0.75
    assert coverage(listing()) == FieldCoverage(0)
