"""Why a rule holds for a paper or does not, condition by condition."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from watcher.rules.compiling import CompiledRule
from watcher.rules.condition import Condition, Found
from watcher.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class ConditionExplanation:
    """One condition: `condition` is its key, `passed` None where the paper's side is not known.

    `wanted` and `has` are for people; `found` are the words that decided and where they stand.
    """

    condition: str
    wanted: str
    has: str
    passed: bool | None
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """One rule: its sentence, its conditions, and a sentence on how little was lacking, if so.

    `snoozed_until` is told while it is snoozed.
    """

    rule: str
    sentence: str
    verdict: Literal["match", "undecided", "no match"]
    conditions: tuple[ConditionExplanation, ...]
    near_miss: str | None = None
    snoozed_until: dt.date | None = None


def explain_rule(rule: CompiledRule, facts: Facts) -> RuleExplanation:
    """Judge the rule on what is known, and say how."""
    tested = [(condition, condition.test(facts)) for condition in rule.conditions]
    outcomes = [holds for _, holds in tested]
    verdict: Literal["match", "undecided", "no match"] = "match"
    if False in outcomes:
        verdict = "no match"
    elif None in outcomes:
        verdict = "undecided"
    conditions = tuple(
        ConditionExplanation(
            condition.key, condition.wanted, condition.has(facts), holds, condition.found(facts)
        )
        for condition, holds in tested
    )
    return RuleExplanation(
        rule.name,
        rule.sentence,
        verdict,
        conditions,
        _near_miss(tested, facts),
        rule.snoozed_until if rule.sleeps(facts.now) else None,
    )


def _near_miss(tested: list[tuple[Condition, bool | None]], facts: Facts) -> str | None:
    """What the one failing condition lacked; a paper on something else is not a near miss."""
    failing = [condition for condition, holds in tested if holds is False]
    if len(failing) != 1:
        return None
    fits = any(holds for condition, holds in tested if condition.is_about_content)
    return failing[0].miss(facts) if fits or not failing[0].is_about_content else None
