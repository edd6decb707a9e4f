"""Generated rules and papers: the rules give exactly what the naive evaluator gives."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.rules import naive
from tests.rules.making import NOW, compiled, titled
from watcher.errors import RuleError
from watcher.models import Author, Paper
from watcher.rules import Ruleset
from watcher.rules.fold import Text
from watcher.settings import RuleSettings, TextField

pytestmark = pytest.mark.untraced  # thousands of examples of what other tests reach

WORDS = (
    *("graph", "graphs", "Graph", "class", "classes", "database", "databases", "policy"),
    *("policies", "movie", "movies", "bias", "biases", "GPU", "GPUs", "lens", "lenses", "glass"),
    *(
        "naïve",
        "naive",
        "NAÏVE",
        "LoRA",
        "lora",
        "straße",
        "STRASSE",
        "c++",
        "C#",
        "3D",
        "cafe\u0301",
    ),
    *(
        "日",
        "本",
        "日本",
        "한국",
        "カ",
        "ガ",
        "ｶﾞ",
        "β",
        "βVAE",
        "π₀",
        "pi0",
        "ﬁne",
        "fine",
        "Ł2",
        "x",
    ),
)
SEPARATORS = (" ", " ", " ", "-", ". ", "/", "\n ", "_", "+", "’", "\u200b", ", ", "#")
FIELDS: tuple[TextField, ...] = ("title", "abstract", "keywords", "summary")


@st.composite
def texts(draw: st.DrawFn, most: int = 7) -> str:
    parts = draw(st.lists(st.sampled_from(WORDS), max_size=most))
    return "".join(part + draw(st.sampled_from(SEPARATORS)) for part in parts)


@st.composite
def keywords(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
    separator = draw(st.sampled_from((" ", "-", "  ")))
    keyword = separator.join(parts)
    kind = draw(st.sampled_from(("plain", "plain", "exact", "prefix")))
    if kind == "exact":
        return f'"{keyword}"'
    if kind == "prefix":
        shorter = keyword[:-1].rstrip(" -") or keyword
        return draw(st.sampled_from((f"{keyword}*", f"{shorter}*")))
    return keyword


def some(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


names = st.sampled_from(("Ha", "David Ha", "van der Maaten", "Maaten", "García", "Lukasz Kaiser"))
rules = st.builds(
    RuleSettings,
    any=some(keywords()),
    all=st.lists(keywords(), max_size=2).map(tuple),
    none=st.lists(keywords(), max_size=2).map(tuple),
    authors=st.one_of(st.just(()), some(names)),
    fields=st.one_of(
        st.just(("title", "abstract", "keywords")),
        st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4).map(tuple),
    ),
    min_upvotes=st.sampled_from((0, 0, 1, 20)),
    min_upvotes_per_day=st.sampled_from((0, 0, 0, 2.5)),
    min_stars=st.sampled_from((0, 0, 5)),
    has_code=st.sampled_from((False, False, True)),
)
papers = st.builds(
    Paper,
    id=st.just("2602.00001"),
    title=texts(),
    abstract=st.one_of(st.none(), texts(most=12)),
    summary=st.one_of(st.none(), texts()),
    keywords=st.one_of(st.none(), some(texts(most=2))),
    authors=st.one_of(
        st.none(),
        some(
            st.sampled_from(("David Ha", "Laurens van der Maaten", "Ana Garcia", "Łukasz KAISER"))
        ).map(lambda all_names: tuple(map(Author, all_names))),
    ),
    author_count=st.sampled_from((None, 1, 9)),
    upvotes=st.sampled_from((None, 0, 19, 20)),
    star_count=st.sampled_from((None, 4, 5)),
    code_url=st.sampled_from((None, "https://github.com/a/b")),
    is_full=st.booleans(),
)


def attempted(rule: RuleSettings) -> tuple[Ruleset | None, str]:
    try:
        return compiled(rule), ""
    except RuleError as error:
        if "write more letters" in error.message:
            return None, "too short a prefix"
        return None, error.message


@pytest.mark.long
@given(
    rule=rules,
    paper=papers,
    as_it_stands=st.booleans(),
    gained=st.sampled_from((None, 0.0, 2.4, 2.5)),
)
@settings(max_examples=1000, deadline=None)
@example(RuleSettings(any=("graph class",)), titled("graph", "class"), False, None)
@example(RuleSettings(), Paper("1", ""), False, None)
@example(
    RuleSettings(any=("graph graph",), none=("class",)), titled("graphs graph graphs"), False, None
)
@example(RuleSettings(min_upvotes_per_day=2.5), Paper("1", "", upvotes=3), True, 2.5)
def test_rules_agree_with_the_naive_evaluator(
    rule: RuleSettings, paper: Paper, as_it_stands: bool, gained: float | None
) -> None:
    expected = naive.verdict(rule, paper, as_it_stands=as_it_stands, votes_per_day=gained)
    ruleset, refused = attempted(rule)
    if ruleset is None:
        is_contradiction = "no paper can have" in refused or "every alternative" in refused
        assert refused == "too short a prefix" or (is_contradiction and expected is not True)
        return
    found = ruleset.judge(paper, now=NOW, as_it_stands=as_it_stands, votes_per_day=gained)
    verdict = found[0].verdict if found else "no match"
    assert verdict == {True: "match", False: "no match", None: "undecided"}[expected]
    if not as_it_stands:
        (explained,) = ruleset.explain(paper, subscription_id="ada", now=NOW, votes_per_day=gained)
        assert explained.verdict == verdict


@given(batch=st.lists(rules, min_size=1, max_size=5), paper=papers)
@settings(max_examples=200, deadline=None)
def test_rules_do_not_disturb_one_another(batch: list[RuleSettings], paper: Paper) -> None:
    attempts = [(rule, attempted(rule)[0]) for rule in batch]
    valid = [(rule, ruleset) for rule, ruleset in attempts if ruleset is not None]
    if not valid:
        return
    together = compiled(*(rule for rule, _ in valid)).explain(paper, subscription_id="ada", now=NOW)
    alone = [one.explain(paper, subscription_id="ada", now=NOW)[0] for _, one in valid]
    assert list(together) == alone


@given(text=texts(most=12))
@settings(max_examples=200, deadline=None)
def test_words_are_those_of_the_description(text: str) -> None:
    found = Text.of(text)
    assert list(found.exact) == naive.words(text)
    for position, word in enumerate(found.exact):
        assert found.spelling(position, position + 1) == word
