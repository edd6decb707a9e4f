"""Votes a day: how they are counted, and what rules make of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.rules.making import NOW, compiled, subscription
from watcher.models import FirstSeen, Hit, Paper, VoteCount
from watcher.rules import Ruleset
from watcher.rules.momentum import votes_per_day
from watcher.settings import RuleSettings

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
PAPER = Paper("2602.00001", "Graphs", upvotes=50, published_at=NOW - 90 * DAY)
RULE = RuleSettings(any=("graph",), min_upvotes_per_day=10)


@pytest.mark.parametrize(
    ("count", "age", "gained"),
    [
        (40, DAY, 10),
        (50, DAY, 0),
        (55, DAY, 0),  # votes may be taken back
        (20, 3 * DAY, 10),
        (20, 36 * HOUR, 20),
        (40, HOUR, 10),  # less than a day counts as one
        (40, -HOUR, 10),  # the clock was put back
    ],
)
def test_votes_are_counted_from_what_was_seen_before(
    count: int, age: dt.timedelta, gained: float
) -> None:
    assert votes_per_day(PAPER, VoteCount(count, NOW - age), NOW) == gained


def test_what_is_met_for_the_first_time_has_gained_nothing_that_was_seen() -> None:
    assert votes_per_day(PAPER, None, NOW) == 0
    assert votes_per_day(PAPER, VoteCount(50, NOW), NOW) == 0


@pytest.mark.parametrize(
    ("submitted_at", "published_at", "gained"),
    [
        (NOW - 5 * HOUR, NOW - 90 * DAY, 50),
        (NOW - DAY, None, 50),
        (None, NOW - 5 * HOUR, 50),
        (NOW + 5 * HOUR, None, 50),  # the site's clock is not ours
        (NOW - 2 * DAY, NOW - HOUR, 5),
        (NOW - 25 * HOUR, None, 5),
        (NOW + 300 * DAY, None, 5),
        (None, None, 5),
    ],
)
def test_what_was_submitted_within_a_day_began_with_none(
    submitted_at: dt.datetime | None, published_at: dt.datetime | None, gained: float
) -> None:
    paper = replace(PAPER, submitted_at=submitted_at, published_at=published_at)
    assert votes_per_day(paper, VoteCount(45, NOW - HOUR), NOW) == gained
    if gained == 50:
        assert votes_per_day(paper, None, NOW) == 50


def test_a_count_of_a_day_ago_goes_before_the_submission() -> None:
    paper = replace(PAPER, submitted_at=NOW - HOUR)
    assert votes_per_day(paper, VoteCount(45, NOW - DAY), NOW) == 5


def test_unknown_votes_have_no_momentum() -> None:
    paper = replace(PAPER, upvotes=None)
    assert votes_per_day(paper, VoteCount(45, NOW - DAY), NOW) is None
    assert votes_per_day(replace(paper, is_full=True), None, NOW) == 0


@pytest.mark.parametrize(
    ("paper", "gained", "verdict"),
    [
        (PAPER, 10.0, "match"),
        (PAPER, 9.99, None),
        (PAPER, None, None),
        (replace(PAPER, upvotes=None), None, "undecided"),
        (replace(PAPER, upvotes=None, abstract="", is_full=True), None, None),
    ],
)
def test_a_rule_holds_from_its_bound_on(
    paper: Paper, gained: float | None, verdict: str | None
) -> None:
    found = compiled(RULE).judge(paper, now=NOW, votes_per_day=gained)
    assert (found[0].verdict if found else None) == verdict
    assert bool(found and found[0].waits_for) is (verdict == "undecided")


def test_unknown_votes_do_not_hold_as_it_stands() -> None:
    paper = replace(PAPER, upvotes=None)
    assert compiled(RULE).judge(paper, now=NOW, as_it_stands=True) == []
    assert compiled(RULE).judge(paper, now=NOW)[0].waits_for == ("upvotes",)


@pytest.mark.parametrize(
    ("first_seen", "crossed"),
    [
        (FirstSeen(9), ("min_upvotes_per_day",)),
        (FirstSeen(10), ()),
        (FirstSeen(), ()),
        (None, ()),
    ],
)
def test_a_match_tells_how_many(first_seen: FirstSeen | None, crossed: tuple[str, ...]) -> None:
    rule = RuleSettings(min_upvotes_per_day=10)
    (match,) = compiled(rule).judge(PAPER, now=NOW, first_seen=first_seen, votes_per_day=12.57)
    (reason,) = match.reasons
    assert reason.hits == (Hit("min_upvotes_per_day", "10", "upvotes", ("12.5",)),)
    assert reason.crossed == crossed


@pytest.mark.parametrize(
    ("gained", "has", "near_miss"),
    [
        (5.0, "5 votes a day", "5 of 10 votes a day"),
        (9.99, "9.9 votes a day", "9.9 of 10 votes a day"),
        (1.0, "1 vote a day", "1 of 10 votes a day"),
        (None, "0 votes a day", "0 of 10 votes a day"),
        (12.0, "12 votes a day", None),
    ],
)
def test_explained(gained: float | None, has: str, near_miss: str | None) -> None:
    (rule,) = compiled(RULE).explain(PAPER, subscription_id="ada", now=NOW, votes_per_day=gained)
    _, condition = rule.conditions
    assert (condition.condition, condition.wanted) == (
        "min_upvotes_per_day",
        "at least 10 votes a day",
    )
    assert (condition.has, condition.passed) == (has, near_miss is None)
    assert rule.near_miss == near_miss


def test_unknown_votes_explained() -> None:
    card = replace(PAPER, upvotes=None)
    (rule,) = compiled(RULE).explain(card, subscription_id="ada", now=NOW)
    assert rule.conditions[1].has == "votes not known yet"
    assert rule.verdict == "undecided"


def test_what_a_rule_means_depends_on_its_momentum_and_not_on_its_looking_back() -> None:
    def meaning(rule: RuleSettings) -> str:
        return Ruleset.compile([subscription(rule)], {}).fingerprint("ada")

    plain = RuleSettings(any=("graph",))
    assert meaning(plain.model_copy(update={"backfill_days": 30})) == meaning(plain)
    assert meaning(RULE) != meaning(plain)
    assert meaning(RULE) == meaning(RULE.model_copy(update={"min_upvotes_per_day": 10.0}))
    assert meaning(RULE) != meaning(RULE.model_copy(update={"min_upvotes_per_day": 10.5}))
