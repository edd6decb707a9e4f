"""Rules in words: the sentence of a rule, and a name for one that has none."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.rules.conditions import counted
from watcher.rules.momentum import a_day, plain
from watcher.settings import RuleSettings

EVERY_PAPER = "every paper"
_DEFAULT_FIELDS = frozenset(("title", "abstract", "keywords"))


def describe(rule: RuleSettings) -> str:
    """The rule as a sentence without a subject: `mentions X AND is by Ha, and never mentions Y`."""
    wanted = [
        *([f"mentions {alternatives(rule)}"] if rule.any or rule.topics else []),
        *([f"mentions {_listed(rule.all, 'and')}"] if rule.all else []),
        *([f"is by {_listed(rule.authors)}"] if rule.authors else []),
        *([f"is from {_listed(rule.organizations)}"] if rule.organizations else []),
        *_thresholds(rule),
    ]
    sentence = " AND ".join(wanted) or "is any paper"
    if rule.none:
        sentence += f", and never mentions {_listed(rule.none)}"
    has_words = rule.any or rule.topics or rule.all or rule.none
    if has_words and frozenset(rule.fields) != _DEFAULT_FIELDS:
        sentence += f" (looking only at {_listed(dict.fromkeys(rule.fields), 'and')})"
    return sentence


def display_name(rule: RuleSettings) -> str:
    """The rule's name, or else its first keywords, or what else it asks for."""
    if rule.name.strip():
        return rule.name.strip()
    words = [*rule.any, *rule.topics, *rule.all]
    if words:
        return ", ".join(words[:3]) + (", …" if len(words) > 3 else "")
    if rule.authors:
        return f"by {_listed(rule.authors[:3])}"
    if rule.organizations:
        return f"from {_listed(rule.organizations[:3])}"
    thresholds = _thresholds(rule)
    if thresholds:
        return " and ".join(thresholds).removeprefix("has ")
    return f"{EVERY_PAPER} without {_listed(rule.none[:3])}" if rule.none else EVERY_PAPER


def alternatives(rule: RuleSettings) -> str:
    """What `any` and `topics` ask for, in words."""
    return _listed([*rule.any, *(f"the topic {topic}" for topic in rule.topics)])


def _thresholds(rule: RuleSettings) -> list[str]:
    gain = rule.min_upvotes_per_day
    return [
        *([f"has at least {counted('min_upvotes', rule.min_upvotes)}"] * (rule.min_upvotes > 0)),
        *([f"has gained at least {a_day(plain(gain))}"] * (gain > 0)),
        *([f"has at least {counted('min_stars', rule.min_stars)}"] * (rule.min_stars > 0)),
        *(["has code"] * rule.has_code),
    ]


def _listed(words: Iterable[str], conjunction: str = "or") -> str:
    return f" {conjunction} ".join(words)
