"""Compiling and judging: Kleene's logic, topics, crossings, fingerprints."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.rules.making import NOW, compiled, judged, subscription, titled
from watcher.errors import RuleError
from watcher.models import Author, FirstSeen, Hit, Paper, Reason
from watcher.rules import Judgement, Ruleset
from watcher.settings import RuleSettings, TopicSettings

CARD = Paper("1", "Graph nets")
FULL = replace(CARD, abstract="An abstract.", is_full=True)


def test_a_match_tells_the_rule_and_the_words() -> None:
    paper = Paper(
        "1",
        "HyperNetworks and hypernetworks",
        "We use hyper-\n  networks, LoRA and nets.",
        keywords=("hypernetwork", "nets"),
        upvotes=30,
        star_count=7,
        code_url="https://github.com/a/b",
        is_full=True,
    )
    rule = RuleSettings(
        name="weights",
        any=("hypernetwork*", '"LoRA"', "hypernetwork*", "absent"),
        all=("net",),
        topics=("nets",),
        min_upvotes=20,
        min_stars=5,
        has_code=True,
    )
    ruleset = Ruleset.compile([subscription(rule, nets=("hyper network", '"LoRA"'))], {})
    assert ruleset.judge(paper, now=NOW) == [
        Judgement(
            "ada",
            "match",
            (
                Reason(
                    "weights",
                    (
                        Hit("any", "hypernetwork*", "title", ("HyperNetworks", "hypernetworks")),
                        Hit("any", "hypernetwork*", "keywords", ("hypernetwork",)),
                        Hit("any", '"LoRA"', "abstract", ("LoRA",)),
                        Hit("topics", "hyper network", "abstract", ("hyper- networks",), "nets"),
                        Hit("all", "net", "abstract", ("nets",)),
                        Hit("all", "net", "keywords", ("nets",)),
                        Hit("min_upvotes", "20", "upvotes"),
                        Hit("min_stars", "5", "star_count"),
                        Hit("has_code", "true", "code_url"),
                    ),
                ),
            ),
        )
    ]


def test_no_rules_and_an_empty_rule_take_every_paper() -> None:
    assert judged(CARD) == Judgement("ada", "match", (Reason("every paper"),))
    assert judged(CARD, RuleSettings(name="all")) == Judgement("ada", "match", (Reason("all"),))


def test_each_rule_that_holds_is_a_reason() -> None:
    match = judged(
        titled("Graph nets"),
        RuleSettings(any=("graph",)),
        RuleSettings(any=("absent",)),
        RuleSettings(any=("net",)),
    )
    assert match is not None
    assert [reason.rule for reason in match.reasons] == ["graph", "net"]


def test_several_subscriptions_and_a_narrowed_judgement() -> None:
    ruleset = Ruleset.compile(
        [
            subscription(RuleSettings(any=("graph",)), subscription_id="a"),
            subscription(RuleSettings(any=("absent",)), subscription_id="b"),
            subscription(RuleSettings(any=("graphs",)), subscription_id="files/c"),
        ],
        {},
    )
    assert ruleset.subscription_ids == ("a", "b", "files/c")
    found = ruleset.judge(titled("Graphs"), now=NOW)
    assert [judgement.subscription_id for judgement in found] == ["a", "files/c"]
    narrowed = ruleset.judge(titled("Graphs"), now=NOW, only={"files/c", "unknown"})
    assert [judgement.subscription_id for judgement in narrowed] == ["files/c"]
    assert ruleset.judge(titled("Graphs"), now=NOW, only=()) == []


def test_two_subscriptions_of_one_id_are_an_error() -> None:
    with pytest.raises(RuleError, match="two subscriptions") as raised:
        Ruleset.compile([subscription(), subscription()], {})
    assert raised.value.subscription_id == "ada"


UNKNOWN = [
    (RuleSettings(any=("absent",)), ("abstract", "keywords")),
    (RuleSettings(any=("absent",), fields=("summary", "title")), ("summary",)),
    (RuleSettings(all=("graph", "absent")), ("abstract", "keywords")),
    (RuleSettings(any=("graph",), none=("survey",)), ("abstract", "keywords")),
    (RuleSettings(authors=("Ha",)), ("authors",)),
    (RuleSettings(organizations=("google",)), ("organization",)),
    (RuleSettings(min_upvotes=1), ("upvotes",)),
    (RuleSettings(min_stars=1), ("star_count",)),
    (RuleSettings(has_code=True), ("code_url",)),
    (
        RuleSettings(any=("graph",), min_stars=1, has_code=True, authors=("Ha",)),
        ("authors", "star_count", "code_url"),
    ),
]


@pytest.mark.parametrize(("rule", "waits_for"), UNKNOWN)
def test_what_is_not_known_leaves_a_rule_undecided(
    rule: RuleSettings, waits_for: tuple[str, ...]
) -> None:
    assert judged(CARD, rule) == Judgement("ada", "undecided", (), waits_for)


@pytest.mark.parametrize(("rule", "waits_for"), UNKNOWN)
def test_on_a_full_record_what_is_not_there_is_absent(
    rule: RuleSettings, waits_for: tuple[str, ...]
) -> None:
    found = judged(FULL, rule)
    assert (found.verdict if found else None) == ("match" if rule.none else None)


def test_an_abstract_is_never_absent() -> None:
    rule = RuleSettings(any=("absent",))
    assert judged(replace(FULL, abstract=None), rule) == Judgement(
        "ada", "undecided", (), ("abstract",)
    )
    assert judged(replace(FULL, abstract=""), rule) is None


def test_one_false_condition_settles_a_rule() -> None:
    assert judged(replace(CARD, upvotes=1), RuleSettings(any=("absent",), min_upvotes=2)) is None
    assert judged(CARD, RuleSettings(any=("absent",), none=("graph",))) is None


def test_a_word_found_settles_a_condition_whatever_else_is_unknown() -> None:
    match = judged(CARD, RuleSettings(any=("graph",)))
    assert match == Judgement(
        "ada", "match", (Reason("graph", (Hit("any", "graph", "title", ("Graph",)),)),)
    )


def test_a_match_by_one_rule_needs_no_decision_on_another() -> None:
    match = judged(CARD, RuleSettings(any=("absent",)), RuleSettings(any=("net",)))
    assert match is not None
    assert (match.verdict, match.waits_for) == ("match", ())


def test_undecided_rules_wait_for_all_they_need_together() -> None:
    found = judged(CARD, RuleSettings(min_stars=1), RuleSettings(has_code=True, min_stars=2))
    assert found == Judgement("ada", "undecided", (), ("star_count", "code_url"))


def test_authors_cut_off_by_a_card_are_not_known() -> None:
    rule = RuleSettings(authors=("Ha",))
    cut = replace(CARD, authors=(Author("Li"),), author_count=7)
    assert judged(cut, rule) == Judgement("ada", "undecided", (), ("authors",))
    assert judged(replace(cut, author_count=1), rule) is None
    assert judged(replace(cut, is_full=True), rule) is None
    found = judged(replace(cut, authors=(Author("David Ha"),)), rule)
    assert found is not None
    assert found.verdict == "match"


def test_as_it_stands_takes_the_unknown_for_absent_and_says_so() -> None:
    rule = RuleSettings(any=("graph",), none=("survey",))
    match = judged(CARD, rule, as_it_stands=True)
    assert match is not None
    assert [reason.is_incomplete for reason in match.reasons] == [True]
    assert judged(CARD, RuleSettings(any=("absent",)), as_it_stands=True) is None
    whole = judged(FULL, rule, as_it_stands=True)
    assert whole is not None
    assert not whole.reasons[0].is_incomplete


@pytest.mark.parametrize(("days", "matches"), [(0, True), (29, False), (30, True), (10**12, True)])
def test_old_papers_do_not_match(days: int, *, matches: bool) -> None:
    ruleset = Ruleset.compile([subscription(max_age_days=days)], {})
    paper = replace(FULL, published_at=NOW - dt.timedelta(days=30))
    assert bool(ruleset.judge(paper, now=NOW)) is matches
    assert ruleset.judge(replace(paper, published_at=None), now=NOW)


@pytest.mark.parametrize(
    ("first_seen", "crossed"),
    [
        (FirstSeen(3, 0, has_code=False), ("min_upvotes", "min_stars", "has_code")),
        (
            FirstSeen(3, None, has_code=False),
            ("min_upvotes", "min_stars", "has_code"),
        ),
        (FirstSeen(20, 1, has_code=True), ()),
        (FirstSeen(19, 5, has_code=True), ("min_upvotes",)),
        (FirstSeen(), ()),
        (None, ()),
    ],
)
def test_thresholds_crossed_since_the_paper_was_first_seen(
    first_seen: FirstSeen | None, crossed: tuple[str, ...]
) -> None:
    paper = replace(FULL, upvotes=25, star_count=5, code_url="https://github.com/a/b")
    ruleset = compiled(RuleSettings(min_upvotes=20, min_stars=1, has_code=True))
    (match,) = ruleset.judge(paper, now=NOW, first_seen=first_seen)
    assert match.reasons[0].crossed == crossed


def test_only_what_the_rule_asks_for_is_crossed() -> None:
    paper = replace(FULL, upvotes=25)
    (match,) = compiled(RuleSettings(any=("graph",))).judge(
        paper, now=NOW, first_seen=FirstSeen(0, 0, has_code=False)
    )
    assert match.reasons[0].crossed == ()


def test_topics_are_laid_over_one_another() -> None:
    rule = RuleSettings(topics=("rag",))
    builtin, shared, own = titled("A RAG"), titled("A common word"), titled("A word of my own")
    common = {"RAG": TopicSettings(any=("common word",))}

    def found_by(ruleset: Ruleset) -> list[bool]:
        return [bool(ruleset.judge(paper, now=NOW)) for paper in (builtin, shared, own)]

    assert found_by(Ruleset.compile([subscription(rule)], {})) == [True, False, False]
    assert found_by(Ruleset.compile([subscription(rule)], common)) == [False, True, False]
    with_own = subscription(rule, rag=("my own",))
    assert found_by(Ruleset.compile([with_own], common)) == [False, False, True]


def test_the_topics_of_one_subscription_are_not_anothers() -> None:
    rule = RuleSettings(topics=("mine",))
    ruleset = Ruleset.compile([subscription(rule, subscription_id="a", mine=("graph",))], {})
    assert ruleset.judge(titled("Graph"), now=NOW)
    with pytest.raises(RuleError) as raised:
        Ruleset.compile(
            [
                subscription(subscription_id="a", mine=("graph",)),
                subscription(rule, subscription_id="b"),
            ],
            {},
        )
    assert (raised.value.subscription_id, raised.value.key) == ("b", "rules[0].topics[0]")


@pytest.mark.parametrize("name", ["video-generation", "Video Generation", "VIDEO_GENERATION"])
def test_topic_names_forgive_case_and_hyphens(name: str) -> None:
    assert judged(titled("Text-to-video"), RuleSettings(topics=(name,)))


def test_an_unknown_topic_is_guessed() -> None:
    with pytest.raises(RuleError, match="did you mean `hypernetworks`") as raised:
        compiled(RuleSettings(topics=("rag", "hypernetwrok")))
    assert raised.value.key == "rules[0].topics[1]"
    with pytest.raises(RuleError, match="no topic `qqqq`; `watcher topics`"):
        compiled(RuleSettings(topics=("qqqq",)))
    with pytest.raises(RuleError, match="no topic `…`"):
        compiled(RuleSettings(topics=("…",)))


def test_a_bad_topic_is_an_error_where_it_stands() -> None:
    with pytest.raises(RuleError) as raised:
        Ruleset.compile([], {"mine": TopicSettings(any=("fine", "a, b"))})
    assert (raised.value.subscription_id, raised.value.key) == (None, "topics.mine.any[1]")
    with pytest.raises(RuleError, match="no keywords") as raised:
        Ruleset.compile([subscription(mine=())], {})
    assert (raised.value.subscription_id, raised.value.key) == ("ada", "topics.mine.any")


def test_topics_count_among_the_alternatives_that_none_may_not_all_exclude() -> None:
    rule = RuleSettings(topics=("mine",), none=("graph",))
    with pytest.raises(RuleError, match="every alternative of the topic mine"):
        Ruleset.compile([subscription(rule, mine=("graph net", "graphs"))], {})
    ruleset = Ruleset.compile([subscription(rule, mine=("graph net", "tree"))], {})
    assert ruleset.judge(titled("A tree"), now=NOW)


BASE = RuleSettings(
    any=("graph", "tree"), none=("survey",), authors=("Ha", "Li"), organizations=("google",)
)


def fingerprint(*rules: RuleSettings, days: int = 0, **topics: tuple[str, ...]) -> str:
    own = {name: TopicSettings(any=keywords) for name, keywords in topics.items()}
    aged = subscription(*rules, max_age_days=days).model_copy(update={"topics": own})
    ruleset = Ruleset.compile([aged], {})
    return ruleset.fingerprint("ada")


@pytest.mark.parametrize(
    "same",
    [
        {"name": "new name"},
        {"any": ("Tree", "gräph", "graph")},
        {"authors": ("Li", "HA", "Ha")},
        {"organizations": ("Google",)},
        {"min_upvotes": -1},
        {"fields": ("keywords", "title", "abstract")},
    ],
)
def test_the_fingerprint_stays_while_the_meaning_does(same: dict[str, object]) -> None:
    assert fingerprint(BASE) == fingerprint(BASE.model_copy(update=same))


def test_the_fingerprint_is_stable() -> None:
    assert fingerprint(BASE, RuleSettings(has_code=True)) == fingerprint(
        RuleSettings(has_code=True), BASE, BASE
    )
    assert fingerprint() == fingerprint(RuleSettings(fields=("title",)))
    assert fingerprint(RuleSettings(topics=("t",)), t=("a", "b")) == fingerprint(
        RuleSettings(any=("b",), topics=("u",)), u=("a", "b")
    )
    assert fingerprint(RuleSettings(any=("a",))) == "c0c407f95082a114e525ad33e35d16cd"


def test_the_fingerprint_changes_with_the_meaning() -> None:
    changed: list[dict[str, object]] = [
        {"any": ("graph",)},
        {"any": ("graph", '"tree"')},
        {"any": ("graph", "tree*")},
        {"any": ("graph", "tree"), "topics": ("rag",)},
        {"all": ("graph",)},
        {"none": ()},
        {"none": ("surveys",)},
        {"authors": ("Ha",)},
        {"organizations": ("nvidia",)},
        {"fields": ("title",)},
        {"min_upvotes": 1},
        {"min_stars": 1},
        {"has_code": True},
    ]
    rules = [BASE, *(BASE.model_copy(update=change) for change in changed)]
    prints = [fingerprint(rule) for rule in rules] + [
        fingerprint(BASE, days=30),
        fingerprint(BASE, days=31),
        fingerprint(BASE, RuleSettings(has_code=True)),
        fingerprint(),
        fingerprint(RuleSettings(topics=("t",)), t=("a",)),
        fingerprint(RuleSettings(topics=("t",)), t=("b",)),
    ]
    assert len(set(prints)) == len(prints)


def test_unknown_subscriptions_have_no_fingerprint() -> None:
    with pytest.raises(KeyError):
        compiled().fingerprint("nobody")


def test_hostile_papers_are_judged() -> None:
    rule = RuleSettings(any=("graph*",), authors=("Ha",), organizations=("x",))
    paper = Paper(
        "1",
        "\ud800{{{\\ <b>graph\u202e</b>" + "graph " * 50_000,
        "$" * 100_000,
        keywords=("",) * 1000,
        authors=(Author(""), Author("x " * 10_000 + "Ha")),
        is_full=True,
    )
    assert judged(paper, rule) is None
    match = judged(paper, RuleSettings(any=("graph*",), authors=("Ha",)))
    assert match is not None
    assert match.reasons[0].hits[0].words == ("graph",)


def test_reasons_stay_short_whatever_a_paper_holds() -> None:
    many = " ".join(f"graph{number}" for number in range(1000))
    match = judged(titled(many, "graph" * 10_000), RuleSettings(any=("graph*",)))
    assert match is not None
    in_title, in_abstract = match.reasons[0].hits
    assert (len(in_title.words), len(in_abstract.words[0])) == (20, 200)
