"""Momentum: how many votes a paper gains a day."""

from __future__ import annotations

import datetime as dt
import math

from watcher.models import Paper, VoteCount

DAY = dt.timedelta(days=1)


def votes_per_day(paper: Paper, before: VoteCount | None, now: dt.datetime) -> float | None:
    """The votes gained a day between `before` and `now`; None where its votes are not known.

    `before` is the newest count that is a day old, else the oldest one. What has only just been
    submitted began with none at that time. Less than a day counts as one: nobody knows yet how it
    goes on.
    """
    votes = 0 if paper.upvotes is None and paper.is_full else paper.upvotes
    if votes is None:
        return None
    began_at = paper.submitted_at or paper.published_at
    is_old = before is not None and now - before.at >= DAY
    if not is_old and began_at is not None and abs(now - began_at) <= DAY:
        before = VoteCount(0, began_at)
    if before is None:
        return 0.0
    return max(0, votes - before.count) / max(1.0, (now - before.at) / DAY)


def rounded_down(count: float) -> str:
    """With one decimal at most: what falls short of a bound must not look as if it reached it."""
    return plain(math.floor(count * 10) / 10)


def a_day(count: str) -> str:
    """`1 vote a day`, `2.5 votes a day`."""
    return f"{count} {'vote' if count == '1' else 'votes'} a day"


def plain(number: float) -> str:
    """As one writes it: `20`, `2.5`."""
    return str(int(number)) if number == int(number) else str(number)
