"""The (subscription, paper) pairs: each is made once, and kept for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec
import sqlalchemy as sa

from watcher.models import Match, MatchState, Reason
from watcher.store.papers import chunks
from watcher.store.rows import scalars
from watcher.store.schema import first_runs, matches
from watcher.store.shards import Shard, within

REASONS = msgspec.json.Decoder(tuple[Reason, ...])


def states_of(
    connection: sa.Connection, paper_ids: Iterable[str], shard: Shard | None = None
) -> dict[tuple[str, str], MatchState]:
    """The state of every (subscription id, paper id) pair of these papers (of a shard, or all)."""
    found: dict[tuple[str, str], MatchState] = {}
    columns = (matches.c.subscription_id, matches.c.paper_id, matches.c.state)
    for chunk in chunks(list(paper_ids)):
        query = sa.select(*columns).where(
            matches.c.paper_id.in_(chunk), within(matches.c.subscription_id, shard)
        )
        for row in connection.execute(query):
            found[row.subscription_id, row.paper_id] = MatchState(row.state)
    return found


def slept(
    connection: sa.Connection, paper_ids: Iterable[str], shard: Shard | None = None
) -> dict[tuple[str, str], tuple[Reason, ...]]:
    """By (subscription id, paper id) the rules that slept through these papers, if any."""
    found: dict[tuple[str, str], tuple[Reason, ...]] = {}
    columns = (matches.c.subscription_id, matches.c.paper_id, matches.c.reasons)
    for chunk in chunks(list(paper_ids)):
        query = sa.select(*columns).where(
            matches.c.state == MatchState.WITHDRAWN,
            matches.c.paper_id.in_(chunk),
            within(matches.c.subscription_id, shard),
        )
        for row in connection.execute(query):
            reasons = tuple(reason for reason in REASONS.decode(row.reasons) if reason.slept)
            if reasons:
                found[row.subscription_id, row.paper_id] = reasons
    return found


def put(connection: sa.Connection, *found: Match) -> None:
    """Store pairs, over what stood there."""
    forget(connection, [(match.subscription_id, match.paper_id) for match in found])
    add(connection, found)


def add(connection: sa.Connection, found: Iterable[Match]) -> None:
    """Store pairs that were never stored."""
    rows = [
        {
            "subscription_id": match.subscription_id,
            "paper_id": match.paper_id,
            "state": match.state,
            "is_baseline": match.is_baseline,
            "source": match.source,
            "matched_at": match.matched_at,
            "reasons": msgspec.json.encode(match.reasons).decode(),
            "digest_id": match.digest_id,
            "votes_per_day": match.votes_per_day,
            "backfill_days": match.backfill_days,
        }
        for match in found
    ]
    if rows:
        connection.execute(matches.insert(), rows)


def forget(connection: sa.Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Drop (subscription id, paper id) pairs that were undecided and turned out to be none."""
    rows = [{"of": subscription_id, "paper": paper_id} for subscription_id, paper_id in pairs]
    if rows:
        connection.execute(
            matches.delete().where(
                matches.c.subscription_id == sa.bindparam("of"),
                matches.c.paper_id == sa.bindparam("paper"),
            ),
            rows,
        )


def in_state(
    connection: sa.Connection,
    state: MatchState,
    subscription_id: str | None = None,
    *,
    shard: Shard | None = None,
) -> list[Match]:
    """The pairs in a state (of one subscription, of a shard, or all), oldest first."""
    query = sa.select(matches).where(
        matches.c.state == state, within(matches.c.subscription_id, shard)
    )
    if subscription_id is not None:
        query = query.where(matches.c.subscription_id == subscription_id)
    rows = connection.execute(query.order_by(matches.c.matched_at, matches.c.paper_id))
    return [_match(row) for row in rows]


def undecided_papers(connection: sa.Connection) -> frozenset[str]:
    """The papers of which some rule wants to know more."""
    query = sa.select(matches.c.paper_id).where(matches.c.state == MatchState.UNDECIDED).distinct()
    return frozenset(scalars(connection, query, str))


def has_pending(connection: sa.Connection) -> bool:
    """Whether anything waits for a digest."""
    query = sa.select(matches.c.paper_id).where(matches.c.state == MatchState.PENDING).limit(1)
    return connection.scalar(query) is not None


def of_subscriptions(
    connection: sa.Connection, state: MatchState, subscription_ids: Collection[str]
) -> dict[str, list[Match]]:
    """The same of these subscriptions, by id. Of ids no more than one `IN` takes."""
    query = sa.select(matches).where(
        matches.c.state == state, matches.c.subscription_id.in_(subscription_ids)
    )
    found: dict[str, list[Match]] = {}
    for row in connection.execute(query.order_by(matches.c.matched_at, matches.c.paper_id)):
        found.setdefault(row.subscription_id, []).append(_match(row))
    return found


def pairs_in_state(
    connection: sa.Connection, state: MatchState, subscription_ids: Collection[str]
) -> frozenset[tuple[str, str]]:
    """Their (subscription id, paper id) alone."""
    query = sa.select(matches.c.subscription_id, matches.c.paper_id).where(
        matches.c.state == state, matches.c.subscription_id.in_(subscription_ids)
    )
    return frozenset((row.subscription_id, row.paper_id) for row in connection.execute(query))


def of_paper(connection: sa.Connection, paper_id: str) -> list[Match]:
    """All pairs of a paper."""
    query = sa.select(matches).where(matches.c.paper_id == paper_id)
    return [_match(row) for row in connection.execute(query.order_by(matches.c.subscription_id))]


def of_digest(connection: sa.Connection, digest_id: int) -> list[Match]:
    """The pairs that a digest mailed."""
    query = sa.select(matches).where(matches.c.digest_id == digest_id)
    return [_match(row) for row in connection.execute(query.order_by(matches.c.paper_id))]


def counts(
    connection: sa.Connection, states: Iterable[MatchState] = MatchState
) -> Mapping[str, Mapping[str, int]]:
    """How many pairs of each subscription stand in each of these states."""
    columns = (matches.c.subscription_id, matches.c.state)
    found: dict[str, dict[str, int]] = {}
    for subscription_id, state, count in connection.execute(
        sa.select(*columns, sa.func.count())
        .where(matches.c.state.in_(list(states)))
        .group_by(*columns)
    ):
        found.setdefault(subscription_id, {})[state] = count
    return found


def withdraw_unsent(connection: sa.Connection, subscription_id: str) -> None:
    """What waits for a digest of a subscription that is gone will not be mailed."""
    waiting = (MatchState.PENDING, MatchState.UNDECIDED)
    connection.execute(
        matches.update()
        .where(matches.c.subscription_id == subscription_id, matches.c.state.in_(waiting))
        .values(state=MatchState.WITHDRAWN)
    )


def met_sources(connection: sa.Connection, shard: Shard | None = None) -> set[tuple[str, str]]:
    """The (subscription id, source) pairs (of a shard, or all) whose first run is behind them."""
    query = sa.select(first_runs.c.subscription_id, first_runs.c.source)
    rows = connection.execute(query.where(within(first_runs.c.subscription_id, shard)))
    return {(row.subscription_id, row.source) for row in rows}


def mark_met(connection: sa.Connection, met: Iterable[tuple[str, str]], check_id: int) -> None:
    """Note that the first run of these (subscription id, source) pairs is done."""
    rows = [{"subscription_id": s, "source": n, "check_id": check_id} for s, n in met]
    if rows:
        connection.execute(first_runs.insert(), rows)


def _match(row: sa.Row[tuple[object, ...]]) -> Match:
    return Match(
        subscription_id=row.subscription_id,
        paper_id=row.paper_id,
        state=MatchState(row.state),
        source=row.source,
        matched_at=row.matched_at,
        reasons=REASONS.decode(row.reasons),
        is_baseline=row.is_baseline,
        digest_id=row.digest_id,
        votes_per_day=row.votes_per_day,
        backfill_days=row.backfill_days,
    )


def awaiting_digest(
    connection: sa.Connection,
    subscription_ids: Collection[str] | None = None,
    *,
    shard: Shard | None = None,
) -> Mapping[str, int]:
    """How many papers wait for a digest of each of these subscriptions (None: all) that has any.

    Of ids no more than one `IN` takes; of a shard, or of all.
    """
    query = sa.select(matches.c.subscription_id, sa.func.count()).where(
        matches.c.state == MatchState.PENDING, within(matches.c.subscription_id, shard)
    )
    if subscription_ids is not None:
        query = query.where(matches.c.subscription_id.in_(list(subscription_ids)))
    rows = connection.execute(query.group_by(matches.c.subscription_id))
    return {subscription_id: int(count) for subscription_id, count in rows}
