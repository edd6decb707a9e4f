"""The votes a day of stored papers: from the store's counts to what rules ask for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa

from watcher.models import Match, MatchState, StoredPaper
from watcher.rules import momentum
from watcher.store import growth


def votes_per_day(
    connection: sa.Connection, stored: Collection[StoredPaper], now: dt.datetime
) -> dict[str, float | None]:
    """What each paper gains at `now`, by id; None where its votes are not known."""
    ids = [one.paper.id for one in stored]
    before = growth.votes_at(connection, ids, now - momentum.DAY)
    return {
        one.paper.id: momentum.votes_per_day(one.paper, before.get(one.paper.id), now)
        for one in stored
    }


def of_pair(pair: Match | None, gained: float | None) -> float | None:
    """What a pair is judged by: one that waits does not cool off; `gained` is what it gains now."""
    if pair is None or pair.state not in {MatchState.PENDING, MatchState.UNDECIDED}:
        return gained
    if pair.state is MatchState.PENDING:
        return pair.votes_per_day
    known = [each for each in (pair.votes_per_day, gained) if each is not None]
    return max(known, default=None)
