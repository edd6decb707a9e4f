"""The subscriptions as last known good, and what the operator did to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from watcher.models import MatchState
from watcher.store import matches as pairs
from watcher.store import outbox
from watcher.store.rows import columns, records
from watcher.store.schema import backfills, digests, first_runs, matches, slots, subscriptions


@dataclass(frozen=True, slots=True)
class KnownSubscription:
    """A subscription's row. `definition` is the JSON it was last loaded from.

    `renamed_from`: it looks like that one under a new name; nothing is composed until that is
    settled.
    """

    id: str
    definition: str
    fingerprint: str
    known_at: dt.datetime
    removed_at: dt.datetime | None = None
    paused_at: dt.datetime | None = None
    renamed_from: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether digests are composed for it."""
        return self.removed_at is None and self.paused_at is None and self.renamed_from is None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription as the configuration has it now."""

    id: str
    definition: str
    fingerprint: str
    recipients: tuple[str, ...]


class _Addressed(msgspec.Struct):
    to: tuple[str, ...]


def known(connection: sa.Connection) -> dict[str, KnownSubscription]:
    """Every subscription ever known, by id."""
    query = sa.select(*columns(subscriptions, KnownSubscription)).order_by(subscriptions.c.id)
    return {found.id: found for found in records(connection, query, KnownSubscription)}


def definitions(connection: sa.Connection) -> dict[str, str]:
    """The definitions of those that are not removed, by id."""
    return {row.id: row.definition for row in known(connection).values() if row.removed_at is None}


def stem(subscription_id: str) -> str:
    """The name of the file of `subscriptions.d` an id belongs to; empty for the main file's."""
    return subscription_id.partition("/")[0] if "/" in subscription_id else ""


def synchronise(
    connection: sa.Connection,
    wanted: Iterable[Wanted],
    now: dt.datetime,
    *,
    unread: Collection[str] = (),
) -> tuple[tuple[str, str], ...]:
    """Take the configuration over; the apparent renames (old id, new id) are returned and held.

    What is gone loses its unsent mails; a recipient that is gone loses theirs. What seems to have
    another name now loses nothing until that is settled, by `rename` or `start_anew`; nor does
    what is missing because its file (its stem in `unread`) is broken.
    """
    before = known(connection)
    by_id = {subscription.id: subscription for subscription in wanted}
    gone = {
        old.id: old
        for old in before.values()
        if old.removed_at is None and old.id not in by_id and stem(old.id) not in unread
    }
    renames = []
    for subscription in by_id.values():
        old = before.get(subscription.id)
        outbox.cancel(connection, subscription.id, keep=subscription.recipients, now=now)
        if old is None or old.removed_at is not None:
            origin = None if old else _origin(subscription, gone.values())
            if origin:
                renames.append((origin, subscription.id))
            _insert_or_revive(connection, subscription, origin, now, is_known=old is not None)
        elif (old.definition, old.fingerprint) != (
            subscription.definition,
            subscription.fingerprint,
        ):
            connection.execute(
                subscriptions.update()
                .where(subscriptions.c.id == subscription.id)
                .values(definition=subscription.definition, fingerprint=subscription.fingerprint)
            )
    origins = {origin for origin, _ in renames}
    for subscription_id in gone:
        if subscription_id not in origins:
            _drop_unsent(connection, subscription_id, now)
        connection.execute(
            subscriptions.update()
            .where(subscriptions.c.id == subscription_id)
            .values(removed_at=now)
        )
    return tuple(renames)


def _drop_unsent(connection: sa.Connection, subscription_id: str, now: dt.datetime) -> None:
    outbox.cancel(connection, subscription_id, keep=(), now=now)
    pairs.withdraw_unsent(connection, subscription_id)


def _origin(new: Wanted, gone: Iterable[KnownSubscription]) -> str | None:
    same = [
        old.id
        for old in gone
        if old.fingerprint == new.fingerprint
        and msgspec.json.decode(old.definition, type=_Addressed).to == new.recipients
    ]
    return same[0] if len(same) == 1 else None


def _insert_or_revive(
    connection: sa.Connection,
    subscription: Wanted,
    origin: str | None,
    now: dt.datetime,
    *,
    is_known: bool,
) -> None:
    values = {
        "definition": subscription.definition,
        "fingerprint": subscription.fingerprint,
        "known_at": now,
        "removed_at": None,
        "renamed_from": origin,
    }
    if is_known:
        connection.execute(
            subscriptions.update().where(subscriptions.c.id == subscription.id).values(values)
        )
    else:
        connection.execute(subscriptions.insert().values(id=subscription.id, **values))


def pause(connection: sa.Connection, subscription_id: str, now: dt.datetime | None) -> None:
    """Stop composing for it, from `now` on; None resumes."""
    connection.execute(
        subscriptions.update().where(subscriptions.c.id == subscription_id).values(paused_at=now)
    )


def start_anew(connection: sa.Connection, subscription_id: str, now: dt.datetime) -> None:
    """Settle that it is not the one it looked like, whose unsent mails go."""
    origin = known(connection)[subscription_id].renamed_from
    if origin is not None:
        _drop_unsent(connection, origin, now)
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
    moved = known(connection)[old_id]
    connection.execute(
        subscriptions.update()
        .where(subscriptions.c.id == new_id)
        .values(renamed_from=None, paused_at=moved.paused_at, known_at=moved.known_at)
    )
