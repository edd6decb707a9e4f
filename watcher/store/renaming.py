"""One subscription under another name: its history, who has left it, and links that name it."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from watcher.models import MatchState
from watcher.store import leaving, outbox
from watcher.store import matches as pairs
from watcher.store.schema import (
    backfills,
    digests,
    feedback,
    first_runs,
    left_recipients,
    matches,
    slots,
    subscriptions,
)
from watcher.store.subscriptions import KnownSubscription, get


def start_anew(connection: sa.Connection, subscription_id: str, now: dt.datetime) -> None:
    """Settle that it is not the one it looked like, whose unsent mails go."""
    origin = _known(connection, subscription_id).renamed_from
    if origin is not None:
        # The same rules to the same people: who wanted no more of it wants none of this.
        leaving.carry_over(connection, origin, subscription_id)
        if _known(connection, origin).removed_at is not None:  # else it has come back beside it
            outbox.cancel(connection, {origin: ()}, now)
            pairs.withdraw_unsent(connection, origin)
            # Links in its mails mean this one, unless another has its history.
            connection.execute(
                subscriptions.update()
                .where(subscriptions.c.id == origin, subscriptions.c.renamed_to.is_(None))
                .values(renamed_to=subscription_id)
            )
    connection.execute(
        subscriptions.update()
        .where(subscriptions.c.id == subscription_id)
        .values(renamed_from=None)
    )


def rename(connection: sa.Connection, old_id: str, new_id: str) -> None:
    """Give the whole history of `old_id` to `new_id`, which goes on from there."""
    # What the old one withdrew, the new one may have found again.
    found = sa.select(matches.c.paper_id).where(matches.c.subscription_id == new_id)
    connection.execute(
        matches.delete().where(
            matches.c.subscription_id == old_id,
            matches.c.state.in_((MatchState.WITHDRAWN, MatchState.UNDECIDED)),
            matches.c.paper_id.in_(found),
        )
    )
    for table, key in (
        (matches, matches.c.paper_id),
        (first_runs, first_runs.c.source),
        (backfills, backfills.c.wording),
        (feedback, feedback.c.paper_id),
        (left_recipients, left_recipients.c.address),
        (slots, slots.c.slot_key),
        (digests, digests.c.slot_key),
    ):
        theirs = sa.select(key).where(table.c.subscription_id == old_id)
        if table is not digests:
            connection.execute(
                table.delete().where(table.c.subscription_id == new_id, key.in_(theirs))
            )
        connection.execute(
            table.update().where(table.c.subscription_id == old_id).values(subscription_id=new_id)
        )
    moved = _known(connection, old_id)
    connection.execute(
        subscriptions.update()
        .where(subscriptions.c.id == new_id)
        .values(renamed_from=None, paused_at=moved.paused_at, known_at=moved.known_at)
    )
    connection.execute(
        subscriptions.update().where(subscriptions.c.id == old_id).values(renamed_to=new_id)
    )


def now_called(connection: sa.Connection, subscription_id: str) -> str | None:
    """The id it goes by, after whatever was renamed to what; None where it was never known.

    An id that is in use is meant, whatever was renamed before.
    """
    seen: set[str] = set()
    while subscription_id not in seen:
        seen.add(subscription_id)
        query = sa.select(subscriptions.c.removed_at, subscriptions.c.renamed_to)
        row = connection.execute(query.where(subscriptions.c.id == subscription_id)).first()
        if row is None:
            return None
        if row.removed_at is None or row.renamed_to is None:
            return subscription_id
        subscription_id = row.renamed_to
    return subscription_id


def _known(connection: sa.Connection, subscription_id: str) -> KnownSubscription:
    found = get(connection, subscription_id)
    if found is None:
        raise KeyError(subscription_id)
    return found
