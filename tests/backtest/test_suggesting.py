"""Keywords that widen or narrow a rule."""

from __future__ import annotations

from collections.abc import Sequence

from tests.backtest.making import seen, subscription
from watcher.backtest import SeenPaper, Suggestion, Suggestions, suggest
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings

OTHERS = [
    seen(f"Proteins {number}", abstract="We fold a protein with care.") for number in range(40)
]


def hyper(count: int, more: str = "They use weight generation.") -> list[SeenPaper]:
    return [
        seen(f"Hypernetworks, part {number}", abstract=f"On hypernetworks. {more}")
        for number in range(count)
    ]


def suggested(
    rule: RuleSettings,
    papers: Sequence[SeenPaper],
    whose: SubscriptionSettings | None = None,
    **topics: tuple[str, ...],
) -> Suggestions:
    known = {name: TopicSettings(any=words) for name, words in topics.items()}
    return suggest(whose or subscription(rule), rule, known, papers)


def words(found: Sequence[Suggestion]) -> list[str]:
    return [suggestion.keyword for suggestion in found]


def test_what_the_found_papers_share_and_the_rest_do_not_widens() -> None:
    further = [seen("Growing nets", abstract="By weight generation, once more.")]
    found = suggested(RuleSettings(any="hypernetwork"), [*hyper(6), *further, *OTHERS])
    assert len(found.papers) == 6
    assert words(found.widening) == ["weight generation"]
    assert found.widening[0].papers == tuple(further)
    assert not found.is_new_rule


def test_what_everybody_says_widens_nothing() -> None:
    papers = [*hyper(6, "We fold a protein with care."), *OTHERS]
    assert suggested(RuleSettings(any="hypernetwork"), papers).widening == ()


def test_what_the_rule_has_already_is_not_suggested() -> None:
    further = [seen("Growing nets", abstract="By weight generation, once more.")]
    rule = RuleSettings(any="hypernetwork", topics="growing")
    papers = [*hyper(6), *further, *OTHERS]
    assert suggested(rule, papers, growing=("weight gen*",)).widening == ()
    again = suggested(RuleSettings(any=("hypernetwork", "weight generation")), papers)
    assert again.widening == ()


def test_what_another_rule_of_the_subscription_finds_is_nothing_new() -> None:
    further = [seen("Growing nets", abstract="By weight generation, once more.")]
    rule = RuleSettings(any="hypernetwork")
    both = subscription(rule, RuleSettings(any="growing"))
    assert suggested(rule, [*hyper(6), *further, *OTHERS], both).widening == ()


def test_other_keys_of_the_rule_decide_which_papers_come() -> None:
    few = seen("Growing nets", abstract="By weight generation.", upvotes=3)
    many = seen("Great nets", abstract="By weight generation.", upvotes=30)
    popular = [seen(f"Hypernetworks {number}", upvotes=50) for number in range(3)]
    rule = RuleSettings(any="hypernetwork", min_upvotes=20)
    found = suggested(rule, [*popular, *hyper(8), few, many, *OTHERS])
    assert len(found.papers) == 3
    assert words(found.widening) == ["weight generation"], "also papers with fewer votes tell"
    assert found.widening[0].papers == (many,)


def test_a_rule_without_alternatives_is_widened_by_one_of_its_own() -> None:
    further = [seen("Growing nets", abstract="By weight generation, once more.")]
    rule = RuleSettings(all=("hypernetwork", "part"))
    found = suggested(rule, [*hyper(6), *further, *OTHERS])
    assert found.is_new_rule
    assert words(found.widening) == ["weight generation"]
    assert found.widening[0].papers == tuple(further)


def test_parts_of_the_found_papers_can_be_kept_out() -> None:
    images = hyper(4, "It segments medical images.")
    rest = [seen(f"Hypernetworks of kind {number}") for number in range(8)]
    found = suggested(RuleSettings(any="hypernetwork"), [*images, *rest, *OTHERS])
    assert "medical images" in found.narrowing[0].keyword
    assert found.narrowing[0].papers == tuple(images)
    assert "hypernetworks" not in words(found.narrowing), "the rule's own word keeps out all"


def test_a_part_of_a_few_papers_is_none() -> None:
    papers = [*hyper(4, "It segments medical images."), seen("Hypernetworks"), *OTHERS]
    assert suggested(RuleSettings(any="hypernetwork"), papers).narrowing == ()


def test_the_rule_s_own_keywords_are_no_part_to_be_kept_out() -> None:
    papers = [*hyper(8), *(seen(f"Robot arms {number}") for number in range(4)), *OTHERS]
    rule = RuleSettings(any=("hypernetwork", "robot arm"))
    assert not {"robot", "arms", "robot arms"}.intersection(
        words(suggested(rule, papers).narrowing)
    )
    by_topic = suggested(
        RuleSettings(any="hypernetwork", topics="mine"), papers, mine=("robot arm",)
    )
    assert not {"robot", "arms", "robot arms"}.intersection(words(by_topic.narrowing))


def test_what_no_paper_could_meet_is_not_suggested() -> None:
    papers = [
        *(seen(f"Graph neural: lattice {number}") for number in range(7)),
        *(seen(f"Graph neural lattice {number}") for number in range(5)),
    ]
    found = suggested(
        RuleSettings(topics="Mine"), [*papers, *OTHERS], mine=("graph neural lattice",)
    )
    assert len(found.papers) == 12
    assert "neural lattice" not in words(found.narrowing)


def test_a_phrase_must_be_far_likelier_in_what_was_found() -> None:
    papers = [
        *(seen(f"Hypernetworks {n}", abstract="They quop.") for n in range(3)),
        *(seen(f"More hypernetworks {n}") for n in range(3)),
        *(seen(f"On proteins {n}", abstract="They quop.") for n in range(4)),
        *OTHERS[:36],
    ]
    assert words(suggested(RuleSettings(any="hypernetwork"), papers).widening) == []
    fewer = [one for one in papers if "On proteins" not in one.paper.title or "0" in one.paper.id]
    assert words(suggested(RuleSettings(any="hypernetwork"), fewer).widening) == ["quop"]


def test_what_tells_best_comes_first() -> None:
    papers = [
        *(seen(f"Hypernetworks {n}", abstract="They quop. They zirp.") for n in range(12)),
        *(seen(f"On quop {n}") for n in range(4)),
        *(seen(f"On zirp {n}") for n in range(2)),
        *OTHERS,
    ]
    assert words(suggested(RuleSettings(any="hypernetwork"), papers).widening) == ["zirp", "quop"]


def test_two_papers_have_nothing_in_common_yet() -> None:
    found = suggested(RuleSettings(any="hypernetwork"), [*hyper(2), *OTHERS])
    assert not found.is_enough
    assert (found.widening, found.narrowing) == ((), ())
    assert suggested(RuleSettings(any="hypernetwork"), [*hyper(3), *OTHERS]).is_enough


def test_only_papers_of_its_sources_are_looked_at() -> None:
    rule = RuleSettings(any="hypernetwork")
    own = subscription(rule, sources=("daily",))
    assert len(suggested(rule, [*hyper(6), seen("Hypernetworks", 0, "daily")], own).papers) == 1


def test_phrases_end_where_sentences_do_and_numbers_and_filler_are_none() -> None:
    further = [seen("Nets", abstract="Results. The weight generation we propose with 12 is ours.")]
    text = "Of the weight generation, 12 results we propose."
    found = suggested(RuleSettings(any="hypernetwork"), [*hyper(6, text), *further, *OTHERS])
    assert words(found.widening) == ["weight generation"]
