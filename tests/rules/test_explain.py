"""Explanations: every condition, what the paper has, and near misses."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.rules.making import NOW, compiled, subscription, titled
from watcher.models import Author, Organization, Paper
from watcher.rules import ConditionExplanation, Found, RuleExplanation, Ruleset
from watcher.settings import RuleSettings

PAPER = Paper(
    "1",
    "Graph HyperNetworks",
    "We survey weight generation.",
    authors=(Author("David Ha"), Author("Ada Li")),
    organization=Organization("sakana", "Sakana AI"),
    upvotes=12,
    star_count=1,
    is_full=True,
)


def explained(rule: RuleSettings, paper: Paper = PAPER) -> RuleExplanation:
    (explanation,) = compiled(rule).explain(paper, subscription_id="ada", now=NOW)
    return explanation


def conditions(rule: RuleSettings, paper: Paper = PAPER) -> list[tuple[str, str, str, bool | None]]:
    return [
        (one.condition, one.wanted, one.has, one.passed)
        for one in explained(rule, paper).conditions
    ]


def test_a_rule_condition_by_condition() -> None:
    rule = RuleSettings(any=("hypernetwork*", "x"), none=("survey",), min_upvotes=20)
    assert explained(rule) == RuleExplanation(
        rule="hypernetwork*, x",
        sentence="mentions hypernetwork* or x AND has at least 20 votes, and never mentions survey",
        verdict="no match",
        conditions=(
            ConditionExplanation(
                "any",
                "hypernetwork* or x",
                "HyperNetworks in title",
                passed=True,
                found=(Found("hypernetwork*", "title", ("HyperNetworks",)),),
            ),
            ConditionExplanation("min_upvotes", "at least 20 votes", "12 votes", passed=False),
            ConditionExplanation(
                "none",
                "no survey",
                "survey in abstract",
                passed=False,
                found=(Found("survey", "abstract", ("survey",)),),
            ),
        ),
    )


def test_all_constructs_on_a_full_record() -> None:
    rule = RuleSettings(
        topics=("weight-space",),
        all=("graph", "tree"),
        authors=("Ha", "Nobody"),
        organizations=("Sakana AI",),
        min_stars=1,
        has_code=True,
    )
    assert conditions(rule) == [
        ("topics", "the topic weight-space", "none", False),
        ("all", "graph", "Graph in title", True),
        ("all", "tree", "none", False),
        ("authors", "Ha or Nobody", "David Ha, Ada Li", True),
        ("organizations", "Sakana AI", "Sakana AI", True),
        ("min_stars", "at least 1 star", "1 star", True),
        ("has_code", "code", "no code", False),
    ]


def test_all_constructs_on_a_card() -> None:
    card = Paper("1", "Graphs")
    rule = RuleSettings(
        any=("x",),
        none=("y",),
        authors=("Ha",),
        organizations=("google",),
        min_upvotes=1,
        min_stars=1,
        has_code=True,
    )
    assert explained(rule, card).verdict == "undecided"
    assert [(has, passed) for _, _, has, passed in conditions(rule, card)] == [
        ("none found; abstract and keywords not known yet", None),
        ("authors not known yet", None),
        ("organization not known yet", None),
        ("votes not known yet", None),
        ("stars not known yet", None),
        ("code not known yet", None),
        ("none found; abstract and keywords not known yet", None),
    ]


def test_what_a_record_lacks() -> None:
    rule = RuleSettings(authors=("Ha",), organizations=("google",), min_upvotes=1, has_code=True)
    assert [has for _, _, has, _ in conditions(rule, titled("x"))] == [
        "no authors",
        "no organization",
        "0 votes",
        "no code",
    ]
    coded = replace(PAPER, code_url="https://github.com/a/b")
    assert conditions(RuleSettings(has_code=True), coded)[0][2] == "https://github.com/a/b"


def test_many_authors_are_counted() -> None:
    crowd = replace(PAPER, authors=tuple(Author(f"A{n}") for n in range(5)), author_count=9)
    has = conditions(RuleSettings(authors=("Ha",)), crowd)[0][2]
    assert has == "A0, A1, A2, A3, A4 and 4 more"
    crowd = replace(PAPER, authors=tuple(Author(f"A{n}") for n in range(8)))
    assert conditions(RuleSettings(authors=("Ha",)), crowd)[0][2].endswith("A5 and 2 more")


@pytest.mark.parametrize(
    ("rule", "near_miss"),
    [
        (RuleSettings(any=("graph",), none=("survey",)), "one `none` word away: survey"),
        (
            RuleSettings(any=("graph",), none=("survey", "weight")),
            "2 `none` words away: survey, weight",
        ),
        (RuleSettings(none=("survey",)), "one `none` word away: survey"),
        (RuleSettings(any=("graph",), min_upvotes=20), "12 of 20 votes"),
        (RuleSettings(min_upvotes=20), "12 of 20 votes"),
        (RuleSettings(min_stars=100), "1 of 100 stars"),
        (RuleSettings(any=("graph",), has_code=True), "no code yet"),
        (RuleSettings(any=("tree",), authors=("Ha",)), "mentions no tree"),
        (RuleSettings(all=("graph", "tree")), "mentions no tree"),
        (RuleSettings(any=("graph",), authors=("Nobody",)), "is not by Nobody"),
        (RuleSettings(any=("graph",), organizations=("google",)), "is not from google"),
        (RuleSettings(any=("tree",)), None),
        (RuleSettings(any=("tree",), min_upvotes=1), None),
        (RuleSettings(any=("tree",), authors=("Nobody",)), None),
        (RuleSettings(any=("graph",)), None),
    ],
)
def test_near_misses(rule: RuleSettings, near_miss: str | None) -> None:
    assert explained(rule).near_miss == near_miss


def test_age_is_a_condition_of_every_rule() -> None:
    ruleset = Ruleset.compile([subscription(max_age_days=30)], {})
    old = replace(PAPER, published_at=NOW - dt.timedelta(days=41))
    (explanation,) = ruleset.explain(old, subscription_id="ada", now=NOW)
    assert (explanation.rule, explanation.sentence) == ("every paper", "is any paper")
    assert explanation.verdict == "no match"
    assert explanation.near_miss == (
        "published 2025-12-22, 41 days ago, wanted published in the last 30 days"
    )
    (explanation,) = ruleset.explain(PAPER, subscription_id="ada", now=NOW)
    assert explanation.conditions[0].has == "date not known"
    assert explanation.verdict == "match"


def test_unknown_subscriptions_cannot_be_explained() -> None:
    with pytest.raises(KeyError):
        compiled().explain(PAPER, subscription_id="nobody", now=NOW)
