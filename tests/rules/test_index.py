"""The index gives what each rule alone gives, however it came to hold it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules import naive
from tests.rules.making import NOW, subscription, titled
from tests.rules.test_against_naive import attempted, papers, rules
from watcher.errors import RuleError
from watcher.models import Author, Paper
from watcher.rules import Ruleset
from watcher.rules.index import RuleIndex
from watcher.rules.topics import TopicShelf
from watcher.settings import RuleSettings, SubscriptionSettings

SHELF = TopicShelf.builtin()
NAMES = [f"s{number}" for number in range(12)]

valid_rules = rules.filter(lambda rule: attempted(rule)[0] is not None)
subscriptions = st.builds(
    lambda name, own: subscription(*own, subscription_id=name),
    st.sampled_from(NAMES),
    st.lists(valid_rules, max_size=3),
)
changes = st.tuples(
    st.lists(subscriptions, max_size=6, unique_by=lambda each: each.id),
    st.sets(st.sampled_from(NAMES), max_size=3),
)


def expected(
    held: dict[str, SubscriptionSettings], paper: Paper, *, as_it_stands: bool
) -> tuple[list[str], list[str]]:
    matched, undecided = [], []
    for name, each in held.items():
        verdicts = [
            naive.verdict(rule, paper, as_it_stands=as_it_stands)
            for rule in each.rules or (RuleSettings(),)
        ]
        if True in verdicts:
            matched.append(name)
        elif None in verdicts:
            undecided.append(name)
    return sorted(matched), sorted(undecided)


def told(index: RuleIndex, paper: Paper, *, as_it_stands: bool = False) -> tuple[list[str], ...]:
    [verdict] = index.verdicts([index.facts(paper, NOW)], as_it_stands=as_it_stands)
    assert verdict.match_count == len(verdict.matched)
    return sorted(verdict.matched), sorted(verdict.undecided)


@pytest.mark.long
@given(
    steps=st.lists(changes, min_size=1, max_size=5),
    asked=st.lists(papers, min_size=1, max_size=4),
    as_it_stands=st.booleans(),
)
@settings(max_examples=120, deadline=None)
def test_after_any_changes_it_tells_what_the_naive_evaluator_tells(
    steps: list[tuple[list[SubscriptionSettings], set[str]]],
    asked: list[Paper],
    as_it_stands: bool,
) -> None:
    index = RuleIndex.build((), SHELF)
    held: dict[str, SubscriptionSettings] = {}
    for changed, removed in steps:
        before, said = index, [told(index, paper) for paper in asked]
        index = index.changed(changed, removed, SHELF)
        assert [told(before, paper) for paper in asked] == said, "the former one stays as it is"
        held = {name: each for name, each in held.items() if name not in removed}
        held |= {each.id: each for each in changed}
        assert sorted(index.subscription_ids) == sorted(held)
    facts = [index.facts(paper, NOW) for paper in asked]
    together = index.verdicts(facts, as_it_stands=as_it_stands)
    for paper, verdict in zip(asked, together, strict=True):
        wanted = expected(held, paper, as_it_stands=as_it_stands)
        assert (sorted(verdict.matched), sorted(verdict.undecided)) == wanted
        assert told(index, paper, as_it_stands=as_it_stands) == wanted


@pytest.mark.long
@given(many=st.lists(subscriptions, min_size=1, max_size=8), paper=papers)
@settings(max_examples=120, deadline=None)
def test_the_index_and_the_conditions_agree(many: list[SubscriptionSettings], paper: Paper) -> None:
    ruleset = Ruleset.compile({each.id: each for each in many}.values(), {})
    [opinion] = ruleset.opinions([paper], now=NOW)
    for name in ruleset.subscription_ids:
        judgement = opinion.judgement(name)
        verdict = judgement.verdict if judgement else "no match"
        in_index = "match" if name in opinion.verdict.matched else "no match"
        assert verdict == ("undecided" if name in opinion.verdict.undecided else in_index)


def test_changing_one_of_many_leaves_the_rest_unread() -> None:
    many = [
        subscription(RuleSettings(any=(f"word{number}",)), subscription_id=f"s{number}")
        for number in range(300)
    ]
    ruleset = Ruleset.compile(many, {})
    for number in range(0, 300, 7):
        many[number] = subscription(RuleSettings(any=("graph",)), subscription_id=f"s{number}")
        ruleset = ruleset.changed(many, {})
        assert told(ruleset.index, titled("Graphs"))[0] == sorted(
            f"s{other}" for other in range(0, number + 1, 7)
        )
    ruleset = ruleset.changed(many[:1], {})
    assert ruleset.subscription_ids == ("s0",)
    assert told(ruleset.index, titled("Graphs and word2"))[0] == ["s0"]
    assert told(ruleset.changed([], {}).index, titled("Graphs"))[0] == []


def test_other_topics_are_read_anew() -> None:
    [one] = many = [subscription(RuleSettings(topics=("mine",)), mine=("graph",))]
    ruleset = Ruleset.compile(many, {})
    other = one.model_copy(update={"topics": subscription(mine=("tree",)).topics})
    assert told(ruleset.changed([other], {}).index, titled("A Tree"))[0] == ["ada"]
    shared = [subscription(RuleSettings(topics=("ours",)))]
    first = Ruleset.compile(shared, subscription(ours=("graph",)).topics)
    second = first.changed(shared, subscription(ours=("tree",)).topics)
    assert told(second.index, titled("A Tree"))[0] == ["ada"]
    assert told(first.index, titled("A Tree"))[0] == []


def test_a_bad_change_changes_nothing() -> None:
    ruleset = Ruleset.compile([subscription(RuleSettings(any=("graph",)))], {})
    bad = subscription(RuleSettings(any=("fine", "a, b")), subscription_id="bob")
    with pytest.raises(RuleError) as raised:
        ruleset.changed([bad], {})
    assert (raised.value.subscription_id, raised.value.key) == ("bob", "rules[0].any[1]")
    twins = [subscription(subscription_id="bob"), subscription(subscription_id="bob")]
    with pytest.raises(RuleError, match="two subscriptions are called `bob`"):
        ruleset.changed(twins, {})
    assert told(ruleset.index, titled("Graph"))[0] == ["ada"]


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (RuleSettings(any=("graph survey",), none=("surveys",)), "none"),
        (RuleSettings(any=("x",), all=("graph survey",), none=("surv*",)), "all[0]"),
        (RuleSettings(any=("Größe",), none=("grosse",)), "none"),
        (RuleSettings(any=('"Schrödinger"',), none=("Schrodinger",)), "none"),
        (RuleSettings(topics=("hypernetworks",), fields=()), "fields"),
        (RuleSettings(authors=("Ha, David, Li",)), "authors[0]"),
        (RuleSettings(organizations=("…",)), "organizations[0]"),
        (RuleSettings(topics=("rga",)), "topics[0]"),
    ],
)
def test_what_can_never_match_is_refused_at_the_door(rule: RuleSettings, key: str) -> None:
    good = subscription(RuleSettings(any=("x",)), RuleSettings(any=("y",), none=("z",)))
    bad = subscription(RuleSettings(any=("x",)), rule, subscription_id="bob")
    with pytest.raises(RuleError) as raised:
        RuleIndex.build([good, bad], SHELF)
    assert (raised.value.subscription_id, raised.value.key) == ("bob", f"rules[1].{key}")


def test_bounds_beyond_any_number_are_no_trouble() -> None:
    index = RuleIndex.build(
        [
            subscription(RuleSettings(min_upvotes=10**400), subscription_id="votes"),
            subscription(subscription_id="old", max_age_days=10**400),
        ],
        SHELF,
    )
    paper = replace(titled("Graph"), upvotes=10**9, published_at=NOW.replace(year=1990))
    assert told(index, paper) == (["old"], [])


def test_a_hundred_authors_and_a_card_cut_short() -> None:
    index = RuleIndex.build(
        [
            subscription(
                RuleSettings(
                    authors=("Ha", "David Li"),
                ),
                subscription_id="author",
            ),
            subscription(RuleSettings(any=("graph",)), subscription_id="word"),
            subscription(RuleSettings(organizations=("google",)), subscription_id="lab"),
        ],
        SHELF,
    )
    card = Paper("1", "Graph", "", authors=(Author("Ada"),), author_count=100)
    assert told(index, card) == (["word"], ["author", "lab"])
    assert told(index, card, as_it_stands=True) == (["word"], [])
    full = replace(card, is_full=True, authors=tuple(Author(f"{n} Ha") for n in range(100)))
    assert told(index, full) == (["author", "word"], [])


def test_no_page_fills_the_memory() -> None:
    index = RuleIndex.build([subscription(RuleSettings(any=("graph",)))], SHELF)
    for page in range(3):
        many = " ".join(f"w{page}x{number}" for number in range(150_000))
        assert told(index, titled(f"{many} graphs"))[0] == ["ada"]
    assert told(index, titled("Graphs"))[0] == ["ada"]
