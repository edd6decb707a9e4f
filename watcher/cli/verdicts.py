"""What rules say of a paper, condition by condition: for people and for machines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watcher.models import Paper
    from watcher.rules import ConditionExplanation, Found, RuleExplanation

_MARKS = {True: "yes", False: "no", None: "not known"}
_AROUND = 50
"""Characters quoted before and after the words found, or a few less: whole words."""


def readable_title(paper: Paper) -> str:
    """The title without LaTeX."""
    from watcher.digest.latex import readable

    return readable(paper.title)


def rules_contract(rules: Sequence[RuleExplanation], paper: Paper) -> list[dict[str, object]]:
    """The rules for `--json`."""
    return [
        {
            "name": rule.rule,
            "sentence": rule.sentence,
            "verdict": rule.verdict,
            "near_miss": rule.near_miss,
            "snoozed_until": rule.snoozed_until.isoformat() if rule.snoozed_until else None,
            "conditions": [
                {
                    "condition": condition.condition,
                    "wanted": condition.wanted,
                    "has": condition.has,
                    "passed": condition.passed,
                    "found": [
                        {**found._asdict(), "context": context(paper, found)}
                        for found in condition.found
                    ],
                }
                for condition in rule.conditions
            ],
        }
        for rule in rules
    ]


def context(paper: Paper, found: Found) -> str | None:
    """The first place of the words in a title, abstract or summary, with what stands around it.

    None for words that stand elsewhere, or not like that in the readable text.
    """
    from watcher.digest.latex import readable
    from watcher.digest.text import clean

    texts = {"title": paper.title, "abstract": paper.abstract, "summary": paper.summary}
    text = clean(readable(texts.get(found.field) or ""))
    words = r"\s+".join(map(re.escape, found.words[0].split()))
    place = re.search(rf"(?<!\w){words}(?!\w)", text)
    if place is None:
        return None
    start, end = place.start() - _AROUND, place.end() + _AROUND
    start = text.find(" ", start, place.start()) + 1 or place.start() if start > 0 else 0
    end = max(text.rfind(" ", place.end(), end), place.end()) if end < len(text) else len(text)
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def report_rule(rule: RuleExplanation) -> None:
    """Print one rule."""
    from watcher.cli.tables import line, table

    snoozed = f", snoozed until {rule.snoozed_until}" if rule.snoozed_until else ""
    line(f'- rule "{rule.rule}" {rule.sentence}: {rule.verdict}{snoozed}')
    table(
        ("", "condition", "wanted", "has"),
        [
            (_MARKS[condition.passed], condition.condition, condition.wanted, _has(condition))
            for condition in rule.conditions
        ],
    )
    if rule.near_miss:
        line(f"a near miss: {rule.near_miss}")


def _has(condition: ConditionExplanation) -> str:
    topics = dict.fromkeys(found.topic for found in condition.found if found.topic)
    return f"{condition.has} (topic {', '.join(topics)})" if topics else condition.has
