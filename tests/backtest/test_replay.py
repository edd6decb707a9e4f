"""What rules would have found."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.backtest.making import NOON, replayed, seen, subscription, titles
from watcher.backtest import Edit, Window, replay
from watcher.errors import RuleError
from watcher.models import Paper
from watcher.settings import RuleSettings, TopicSettings

ROBOTS, NETS, BOTH = seen("Robots"), seen("Hypernetworks", 1), seen("Robot hypernetworks", 2)


def test_each_rule_is_judged_on_its_own_and_a_paper_counts_once_for_both() -> None:
    two = subscription(RuleSettings(any="robot"), RuleSettings(any="hypernetwork", name="nets"))
    [found] = replay([two], {}, [ROBOTS, NETS, BOTH, seen("Proteins", 2)])
    robots, nets = found.rules
    assert titles(robots) == ["Robots", "Robot hypernetworks"]
    assert titles(nets) == ["Hypernetworks", "Robot hypernetworks"]
    assert titles(found) == ["Robots", "Hypernetworks", "Robot hypernetworks"]
    assert [robots.name, nets.name] == ["robot", "nets"]
    assert nets.sentence == "mentions hypernetwork"
    assert found.share(found.papers) == 0.75


def test_a_subscription_without_rules_finds_everything_and_is_not_called_broad() -> None:
    [found] = replay([subscription()], {}, [seen(f"Paper {number}") for number in range(50)])
    [rule] = found.rules
    assert len(rule.papers) == 50
    assert rule.warnings == ()


def test_a_paper_is_as_old_as_it_was_when_it_was_seen() -> None:
    published_at = NOON - dt.timedelta(days=110)
    old = seen("Old robots", 100, published_at=published_at)
    strict = subscription(RuleSettings(any="robot"), max_age_days=30)
    [found] = replay([strict], {}, [old])
    assert titles(found) == ["Old robots"]
    stricter = subscription(RuleSettings(any="robot"), max_age_days=5)
    [found] = replay([stricter], {}, [old])
    assert titles(found) == []


def test_what_is_not_known_counts_as_absent() -> None:
    card = seen("A title")
    bare = type(card)(Paper("2602.00001", "Robots", abstract=None), NOON)
    rule = replayed(RuleSettings(any=("robot", "arm"), none="survey"), bare)
    assert titles(rule) == ["Robots"]
    assert titles(replayed(RuleSettings(any="arm"), bare)) == []


def test_only_papers_of_its_sources_count_for_a_subscription() -> None:
    papers = [seen("Robots", 0, "daily"), seen("Robot arms", 0, "nets"), seen("Robot legs", 0)]
    own = subscription(RuleSettings(any="robot"), sources=("nets",))
    whole = subscription(RuleSettings(any="robot"), name="bob")
    mine, everybody = replay([own, whole], {}, papers)
    assert (titles(mine), mine.read_count) == (["Robot arms"], 1)
    assert titles(mine.rules[0]) == ["Robot arms"]
    assert (len(everybody.papers), everybody.read_count) == (3, 3)


def test_keywords_tell_how_many_papers_they_found_and_how_many_alone() -> None:
    rule = replayed(
        RuleSettings(any=("robot", "hypernetwork", "zorblax"), none=("survey", "review")),
        *(ROBOTS, NETS, BOTH, seen("A Robot Survey"), seen("Review and survey of robots")),
        seen("A survey"),
    )
    uses = [(use.word.key, use.word.written, use.paper_count, use.alone_count) for use in rule.uses]
    assert uses == [
        ("any", "robot", 2, 1),
        ("any", "hypernetwork", 2, 1),
        ("any", "zorblax", 0, 0),
        ("none", "survey", 2, 1),
        ("none", "review", 1, 0),
    ]


def test_words_are_looked_for_in_the_fields_of_their_rule() -> None:
    rule = replayed(
        RuleSettings(any=("robot", "arm"), none="survey", fields="title"),
        seen("Robots", abstract="An arm of a survey"),
    )
    assert [(use.word.written, use.paper_count) for use in rule.uses] == [
        ("robot", 1),
        ("arm", 0),
        ("survey", 0),
    ]


def test_topics_count_as_one_word_each_those_of_the_configuration_and_ones_own() -> None:
    own = subscription(RuleSettings(topics=("limbs", "nets"), any="robot")).model_copy(
        update={"topics": {"limbs": TopicSettings(any=("arm", "leg"))}}
    )
    topics = {"nets": TopicSettings(any=("hypernetwork",))}
    [found] = replay([own], topics, [seen("Arms and legs"), seen("Robot arms"), NETS])
    uses = {use.word.written: (use.paper_count, use.alone_count) for use in found.rules[0].uses}
    assert uses == {"robot": (1, 0), "limbs": (2, 1), "nets": (1, 1)}


def test_a_rule_that_is_not_valid_is_told_of() -> None:
    with pytest.raises(RuleError) as refused:
        replayed(RuleSettings(any="x AND y"), ROBOTS)
    assert refused.value.key == "rules[0].any[0]"


def test_the_window_is_the_days_in_which_papers_were_seen() -> None:
    window = Window.of([ROBOTS, BOTH, seen("More robots", 4)])
    assert window is not None
    assert (window.first_on, window.last_on) == (dt.date(2026, 2, 15), dt.date(2026, 2, 19))
    assert window.counts([ROBOTS, BOTH]) == [0, 0, 1, 0, 1]
    assert Window.of([]) is None


def test_a_day_is_one_of_utc() -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    late = type(ROBOTS)(ROBOTS.paper, dt.datetime(2026, 2, 20, 3, tzinfo=tokyo))
    assert late.seen_on == dt.date(2026, 2, 19)


def test_an_edit_adds_and_drops_papers() -> None:
    edit = Edit.between((ROBOTS, BOTH), (NETS, BOTH))
    assert (edit.added, edit.dropped) == ((NETS,), (ROBOTS,))
