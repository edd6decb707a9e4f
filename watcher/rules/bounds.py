"""The bounds that a rule can set, each as a number that the paper must reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from watcher.rules.facts import Facts
from watcher.settings import RuleSettings

_DAY = dt.timedelta(days=1)


class Bound(NamedTuple):
    """`asked` takes a rule and its subscription's `max_age_days`; None is for no bound.

    `reached` is what a paper has; None where it is not known.
    """

    asked: Callable[[RuleSettings, int], float | None]
    reached: Callable[[Facts], float | None]


def _youth(facts: Facts) -> float:
    """The greater the younger; what has no date is as young as can be."""
    return float("inf") if facts.age is None else -(facts.age / _DAY)


def _gained(facts: Facts) -> float | None:
    return None if facts.upvotes is None else facts.votes_per_day or 0


BOUNDS: tuple[Bound, ...] = (
    Bound(lambda rule, _: rule.min_upvotes if rule.min_upvotes > 0 else None, lambda f: f.upvotes),
    Bound(lambda rule, _: rule.min_stars if rule.min_stars > 0 else None, lambda f: f.stars),
    Bound(lambda rule, _: rule.min_upvotes_per_day or None, _gained),
    Bound(lambda rule, _: 1 if rule.has_code else None, lambda f: f.has_code),
    Bound(lambda _, days: -days if days > 0 else None, _youth),
)
