"""The bounds that a rule can set, each as a number that the paper must reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from watcher.rules.facts import Facts

_DAY = dt.timedelta(days=1)


class Bound(NamedTuple):
    """`key` is a rule's or, in `max_age_days`, its subscription's; at 0 it asks for nothing.

    `reached` is what a paper has; None where it is not known. What must not be exceeded
    (`is_most`) stands negative in both.
    """

    key: str
    reached: Callable[[Facts], float | None]
    is_most: bool = False


def _youth(facts: Facts) -> float:
    """The greater the younger; what has no date is as young as can be."""
    return float("inf") if facts.age is None else -(facts.age / _DAY)


def _gained(facts: Facts) -> float | None:
    return None if facts.upvotes is None else facts.votes_per_day or 0


BOUNDS: tuple[Bound, ...] = (
    Bound("min_upvotes", lambda facts: facts.upvotes),
    Bound("min_stars", lambda facts: facts.stars),
    Bound("min_upvotes_per_day", _gained),
    Bound("has_code", lambda facts: facts.has_code),
    Bound("max_age_days", _youth, is_most=True),
)
