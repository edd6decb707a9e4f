"""Rules as sentences, and names for those without."""

from __future__ import annotations

import pytest

from tests.rules.making import NOW, compiled, titled
from watcher.rules import describe
from watcher.settings import RuleSettings


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            RuleSettings(
                any=("hypernetwork*", '"LoRA"'), authors=("Ha",), min_upvotes=20, none=("survey",)
            ),
            (
                'mentions hypernetwork* or "LoRA" AND is by Ha AND has at least 20 votes, '
                "and never mentions survey"
            ),
        ),
        (
            RuleSettings(any=("a",), topics=("rag", "moe"), all=("b", "c")),
            "mentions a or the topic rag or the topic moe AND mentions b and c",
        ),
        (
            RuleSettings(organizations=("a", "b"), min_stars=1, has_code=True, none=("c", "d")),
            "is from a or b AND has at least 1 star AND has code, and never mentions c or d",
        ),
        (
            RuleSettings(any=("a",), min_upvotes_per_day=10.0, min_stars=2),
            "mentions a AND has gained at least 10 votes a day AND has at least 2 stars",
        ),
        (RuleSettings(min_upvotes_per_day=0.5), "has gained at least 0.5 votes a day"),
        (RuleSettings(min_upvotes_per_day=1), "has gained at least 1 vote a day"),
        (RuleSettings(any=("a",), backfill_days=30), "mentions a"),
        (RuleSettings(), "is any paper"),
        (RuleSettings(name="all", fields=("title",)), "is any paper"),
        (RuleSettings(none=("x",)), "is any paper, and never mentions x"),
        (
            RuleSettings(any=("x",), fields=("title", "summary", "title")),
            "mentions x (looking only at title and summary)",
        ),
        (RuleSettings(any=("x",), fields=("keywords", "title", "abstract")), "mentions x"),
    ],
)
def test_sentences(rule: RuleSettings, sentence: str) -> None:
    assert describe(rule) == sentence


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (RuleSettings(name=" weights ", any=("x",)), "weights"),
        (RuleSettings(any=("x",), topics=("rag",), all=("x",)), "x, rag, x"),
        (RuleSettings(any=("x", "y"), topics=("rag",), all=("z",)), "x, y, rag, …"),
        (RuleSettings(authors=("Ha", "Li"), organizations=("a",)), "by Ha or Li"),
        (RuleSettings(organizations=("a",), min_stars=2), "from a"),
        (RuleSettings(min_upvotes=2, has_code=True), "at least 2 votes and has code"),
        (RuleSettings(has_code=True), "code"),
        (RuleSettings(min_upvotes_per_day=2.5), "gained at least 2.5 votes a day"),
        (RuleSettings(none=("a", "b", "c", "d")), "every paper without a or b or c"),
        (RuleSettings(), "every paper"),
    ],
)
def test_names(rule: RuleSettings, name: str) -> None:
    (explanation,) = compiled(rule).explain(titled("x"), subscription_id="ada", now=NOW)
    assert explanation.rule == name
