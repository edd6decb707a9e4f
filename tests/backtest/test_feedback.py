"""What people said of papers: what rules do with these, and what they tell of keywords."""

from __future__ import annotations

from collections.abc import Sequence

from selectolax.lexbor import LexborHTMLParser

from tests.backtest.making import seen, subscription
from watcher.backtest import (
    Feedback,
    Report,
    SeenPaper,
    Suggestion,
    Suggestions,
    Tried,
    Verdict,
    Window,
    render_page,
    replay,
    replay_feedback,
    suggest,
)
from watcher.settings import RuleSettings

OTHERS = [
    seen(f"Proteins {number}", abstract="We fold a protein with care.") for number in range(40)
]
ROBOTS, NETS = RuleSettings(any="robot"), RuleSettings(any="net", none="survey")


def hyper(count: int, more: str = "", first: int = 0) -> list[SeenPaper]:
    return [
        seen(f"Hypernetworks, part {number}", abstract=f"On hypernetworks. {more}")
        for number in range(first, first + count)
    ]


def suggested(
    rule: RuleSettings,
    papers: Sequence[SeenPaper],
    wanted: Sequence[SeenPaper] = (),
    unwanted: Sequence[SeenPaper] = (),
    *others: RuleSettings,
) -> Suggestions:
    said = Feedback(tuple(wanted), tuple(unwanted))
    return suggest(subscription(rule, *others), rule, {}, papers, said)


def words(found: Sequence[Suggestion]) -> list[str]:
    return [suggestion.keyword for suggestion in found]


def ids(papers: Sequence[SeenPaper]) -> list[str]:
    return [each.paper.id for each in papers]


def test_what_rules_do_with_papers_that_were_wanted_or_not() -> None:
    said = Feedback(
        (seen("Robots"), seen("A survey of nets"), seen("Growing nets", 900)),
        (seen("Robots on Mars"), seen("Great nets"), seen("Cells")),
    )
    found = replay_feedback(subscription(ROBOTS, NETS), {}, said)
    together = found.together
    assert ids(together.found) == ["Robots", "Growing nets"], "whenever that was"
    assert ids(together.missed) == ["A survey of nets"]
    assert ids(together.brought) == ["Robots on Mars", "Great nets"]
    assert ids(together.kept_out) == ["Cells"]
    assert [ids(rule.found) for rule in found.rules] == [["Robots"], ["Growing nets"]]
    assert [ids(rule.brought) for rule in found.rules] == [["Robots on Mars"], ["Great nets"]]
    assert together.told == "brings 2 of 3 papers that were wanted, and 2 of 3 that were not"


def test_what_was_mailed_was_shown_by_a_source_of_the_subscription() -> None:
    weekly = subscription(ROBOTS, sources=("weekly",))
    found = replay_feedback(weekly, {}, Feedback((seen("Robots"),)))
    assert ids(found.together.found) == ["Robots"]


def test_verdicts_are_told_in_all_numbers() -> None:
    one = (seen("Robots"),)
    assert Verdict(found=one).told == "brings 1 of 1 paper that was wanted"
    assert Verdict(brought=one).told == "brings 1 of 1 paper that was not wanted"
    assert Verdict(kept_out=one * 2).told == "brings 0 of 2 papers that were not wanted"
    told = "brings 0 of 2 papers that were wanted, and 0 of 1 that was not"
    assert Verdict(missed=one * 2, kept_out=one).told == told


def test_the_page_lists_what_is_wrong() -> None:
    papers = [seen("Robots"), seen("Nets")]
    whose = subscription(ROBOTS, NETS)
    edited = subscription(RuleSettings(any="net"), NETS)
    said = Feedback((seen("Robots & <b>legs</b>", 900),), (seen("Nets"),))
    [before], [now] = replay([whose], {}, papers), replay([edited], {}, papers)
    tried = Tried(
        now,
        before,
        feedback=replay_feedback(edited, {}, said),
        feedback_before=replay_feedback(whose, {}, said),
    )
    shown = render_page(Report(30, Window.of(papers), tuple(papers), (tried,)), "https://hub")
    page = LexborHTMLParser(shown)
    text = " ".join(page.text(separator=" ").split())
    assert "brings 0 of 1 paper that was wanted, and 1 of 1 that was not before the edit" in text
    assert "before the edit: brings 1 of 1 paper that was wanted, and 1 of 1 that was not" in text
    assert "wanted, and missed : 1 paper 2023" in text.replace("missed:", "missed :")
    assert "not wanted, and brought: 1 paper" in text
    assert "Robots & <b>legs</b>" in [node.text() for node in page.css("details li a")]
    plain = render_page(Report(30, Window.of(papers), tuple(papers), (Tried(now),)), "https://hub")
    assert "wanted" not in plain


def test_what_wanted_papers_share_and_the_rest_lacks_widens_first() -> None:
    missed = [
        seen(f"{title}.", 300, abstract="A loss landscape.")
        for title in ("Hills", "Cliffs", "Dunes")
    ]
    further = seen("Growing nets", abstract="By weight generation, once more.")
    drawn = seen("Dales", abstract="The loss landscape again.")
    papers = [*hyper(12, "They use weight generation."), further, drawn, *OTHERS]
    found = suggested(RuleSettings(any="hypernetwork"), papers, missed)
    assert words(found.widening) == ["loss landscape", "weight generation"]
    assert found.widening[0].papers == (drawn, *missed)
    assert (found.widening[0].wanted_count, found.widening[1].wanted_count) == (3, 0)
    assert len(found.papers) == 12, "papers of the days asked for"
    assert (found.missed_count, len(found.feedback.wanted)) == (3, 3)
    unsaid = suggested(RuleSettings(any="hypernetwork"), papers)
    assert words(unsaid.widening) == ["weight generation"]


def test_what_unwanted_papers_have_does_not_widen() -> None:
    papers = hyper(12, "They use weight generation.")
    further = seen("Growing nets", abstract="By weight generation, once more.")
    every = [*papers, further, *OTHERS]
    rule = RuleSettings(any="hypernetwork")
    assert words(suggested(rule, every, unwanted=papers[:3]).widening) == []
    assert words(suggested(rule, every, wanted=papers[:3]).widening) == ["weight generation"]


def test_two_wanted_papers_are_no_twenty() -> None:
    one = seen("Quirk and quark", 3, abstract="Quirks of quarks.")
    found = suggested(RuleSettings(any="hypernetwork"), [*hyper(6), one, *OTHERS], [one])
    assert found.widening == (), "what stands in one alone is shared by none"


def test_a_few_wanted_papers_are_enough_for_a_rule_that_finds_nothing() -> None:
    missed = [seen(f"Landscape {n}", abstract="A loss landscape.") for n in range(3)]
    found = suggested(RuleSettings(any="zorblax"), OTHERS, missed)
    assert found.is_enough
    assert words(found.widening)[0] == "loss landscape"
    assert not suggested(RuleSettings(any="zorblax"), OTHERS, missed[:2]).is_enough


def test_what_unwanted_papers_share_and_wanted_ones_lack_narrows_first() -> None:
    good = hyper(6, "With adapters that learn fast.")
    bad = hyper(3, "For radio antennas.", first=6)
    rest = hyper(5, "For vision.", first=9)
    rule = RuleSettings(any="hypernetwork")
    found = suggested(rule, [*good, *bad, *rest, *OTHERS], good[:4], bad)
    assert words(found.narrowing)[0] == "radio antennas"
    assert (found.narrowing[0].papers, found.narrowing[0].unwanted_count) == (tuple(bad), 3)
    dropped = {each for one in found.narrowing for each in ids(one.papers)}
    assert dropped.isdisjoint(ids(good[:4])), "nothing that is wanted is kept out"
    unsaid = suggested(rule, [*good, *bad, *rest, *OTHERS])
    assert words(unsaid.narrowing)[0] != "radio antennas"


def test_few_papers_are_told_apart_where_somebody_said_what_is_not_wanted() -> None:
    good, bad = hyper(3, "With adapters."), hyper(3, "For radio.", first=3)
    rule = RuleSettings(any="hypernetwork")
    assert words(suggested(rule, [*good, *bad, *OTHERS], good, bad).narrowing) == ["radio"]
    assert suggested(rule, [*good, *bad, *OTHERS]).narrowing == ()
    one = suggested(rule, [*good, *bad, *OTHERS], unwanted=bad[:1])
    assert one.narrowing == (), "one paper alone shares nothing"


def test_what_another_rule_brings_is_none_of_this_ones() -> None:
    theirs = [seen(f"Landscape {n}", abstract="A loss landscape.") for n in range(3)]
    other = RuleSettings(any="landscape")
    rule = RuleSettings(any="hypernetwork")
    found = suggested(rule, [*hyper(6), *theirs, *OTHERS], theirs, (), other)
    assert (found.widening, found.missed_count) == ((), 0)
