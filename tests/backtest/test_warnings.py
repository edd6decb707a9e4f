"""What looks wrong with a rule."""

from __future__ import annotations

import pytest

from tests.backtest.making import replayed, seen, warned
from watcher.settings import RuleSettings, TopicSettings

ROBOTS = [seen(f"Robots of number {number}", number) for number in range(6)]
OTHERS = [seen(f"Proteins of number {number}", number) for number in range(18)]


def test_a_rule_that_finds_nothing_is_dead() -> None:
    rule = replayed(RuleSettings(any="zorblax"), *ROBOTS)
    assert warned(rule) == [("dead", ())]
    assert rule.warnings[0].text == "dead: nothing in 6 days, 6 papers"
    [one] = replayed(RuleSettings(any="zorblax"), ROBOTS[0]).warnings
    assert one.text == "dead: nothing in 1 day, 1 paper"


def test_without_papers_nothing_is_said() -> None:
    assert warned(replayed(RuleSettings(any="zorblax"))) == []


@pytest.mark.parametrize(("others", "is_broad"), [(17, True), (18, False)])
def test_more_than_a_quarter_of_all_papers_is_too_broad(others: int, *, is_broad: bool) -> None:
    rule = replayed(RuleSettings(any="robot"), *ROBOTS, *OTHERS[:others])
    assert warned(rule) == [("broad", ())] * is_broad


def test_a_handful_of_papers_has_no_shares() -> None:
    assert warned(replayed(RuleSettings(any="robot"), *ROBOTS)) == []


def test_a_keyword_that_is_never_the_only_reason_is_redundant() -> None:
    rule = replayed(
        RuleSettings(any=("graph hypernetwork", "hypernetwork", "robot")),
        seen("Graph hypernetworks"),
        seen("Hypernetworks"),
        *ROBOTS[:1],
    )
    assert warned(rule) == [("redundant", ("graph hypernetwork",))]
    assert rule.warnings[0].text == (
        "`graph hypernetwork` is never the only reason: its one paper has `hypernetwork`"
    )


def test_of_keywords_that_stand_in_for_each_other_one_is_kept() -> None:
    papers = [seen("Robot arms"), seen("Arms of robots")]
    rule = replayed(RuleSettings(any=("robot", "arm")), *papers)
    assert warned(rule) == [("redundant", ("arm",))], "without either of both nothing is found"
    assert "its 2 papers have `robot`" in rule.warnings[0].text


def test_several_others_can_make_a_keyword_redundant() -> None:
    rule = replayed(
        RuleSettings(any=("robot", "arm", "leg")),
        *(seen("Robot arms"), seen("Robot legs"), seen("An arm"), seen("A leg")),
    )
    assert warned(rule) == [("redundant", ("robot",))]
    assert rule.warnings[0].text.endswith("its 2 papers have `arm` or another")


def test_a_topic_can_make_a_keyword_redundant_even_where_it_has_the_same() -> None:
    topics = {"machines": TopicSettings(any=("robot", "engine"))}
    rule = replayed(
        RuleSettings(any="robot", topics="machines"), *ROBOTS, seen("Engines"), topics=topics
    )
    assert warned(rule) == [("redundant", ("robot",))]
    assert rule.warnings[0].text.endswith("its 6 papers have the topic machines")


def test_a_keyword_that_found_nothing_is_not_called_redundant() -> None:
    assert warned(replayed(RuleSettings(any=("robot", "zorblax")), *ROBOTS)) == []


def test_a_word_of_none_that_removes_half_of_what_is_wanted_is_told() -> None:
    surveys = [seen(f"Robots: survey {number}") for number in range(6)]
    rule = replayed(RuleSettings(any="robot", none=("survey", "zorblax")), *ROBOTS, *surveys)
    assert warned(rule) == [("removed", ("survey",))]
    assert rule.warnings[0].text == "`survey` in `none` removes 6 of 12 papers wanted"
    fewer = replayed(RuleSettings(any="robot", none="survey"), *ROBOTS, *surveys[:5])
    assert warned(fewer) == []


def test_a_keyword_of_which_none_leaves_nothing_is_told() -> None:
    papers = [*ROBOTS, seen("Arms: a survey"), seen("A survey of arms")]
    rule = replayed(RuleSettings(any=("robot", "arm"), none="survey"), *papers)
    assert warned(rule) == [("removed", ("arm",))]
    assert rule.warnings[0].text == "`none` removes every paper that `arm` finds (2)"


def test_a_rule_that_is_dead_because_of_none_says_so() -> None:
    rule = replayed(RuleSettings(any="robot", none="number"), *ROBOTS)
    assert warned(rule) == [("dead", ()), ("removed", ("number",))]
