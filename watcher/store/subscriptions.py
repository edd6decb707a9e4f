"""The subscriptions as last known good, and what the operator did to them."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from watcher.store import marks as marking
from watcher.store import matches as pairs
from watcher.store import outbox
from watcher.store import slots as closed
from watcher.store.checks import get_meta, put_meta
from watcher.store.marks import Marks
from watcher.store.papers import chunks
from watcher.store.rows import columns, record, records, scalar
from watcher.store.schema import (
    digests,
    subscriptions,
)
from watcher.store.shards import Shard, holds

RULES = "rules-version"
CADENCES = "cadences"


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
class ActiveSubscription:
    """One that digests are composed for, and the latest slot of it that is closed."""

    id: str
    known_at: dt.datetime
    last_slot_at: dt.datetime | None


class Addressed(msgspec.Struct):
    """What of a definition says to whom it goes."""

    to: tuple[str, ...]


# What `KnownSubscription.is_active` says, for a query.
_ACTIVE = (
    subscriptions.c.removed_at.is_(None),
    subscriptions.c.paused_at.is_(None),
    subscriptions.c.renamed_from.is_(None),
)


def known(connection: sa.Connection, shard: Shard | None = None) -> dict[str, KnownSubscription]:
    """Every subscription ever known (of a shard, or all), by id."""
    query = sa.select(*columns(subscriptions, KnownSubscription)).where(holds(shard))
    query = query.order_by(subscriptions.c.id)
    return {found.id: found for found in records(connection, query, KnownSubscription)}


def known_among(
    connection: sa.Connection, subscription_ids: Iterable[str]
) -> dict[str, KnownSubscription]:
    """Those of these that were ever known, by id."""
    query = sa.select(*columns(subscriptions, KnownSubscription)).order_by(subscriptions.c.id)
    return {
        found.id: found
        for chunk in chunks(sorted(subscription_ids))
        for found in records(
            connection, query.where(subscriptions.c.id.in_(chunk)), KnownSubscription
        )
    }


def get(connection: sa.Connection, subscription_id: str) -> KnownSubscription | None:
    """One subscription, if it was ever known."""
    query = sa.select(*columns(subscriptions, KnownSubscription))
    return record(connection, query.where(subscriptions.c.id == subscription_id), KnownSubscription)


def hold(connection: sa.Connection, *subscription_ids: str) -> None:
    """Until the transaction's end, let nobody else compose for them."""
    query = sa.select(subscriptions.c.id).where(subscriptions.c.id.in_(subscription_ids))
    # In the same order everywhere, or two would wait for each other.
    connection.execute(query.order_by(subscriptions.c.id).with_for_update())


def there_among(connection: sa.Connection, subscription_ids: Iterable[str]) -> frozenset[str]:
    """Those of these that are known and not removed; until the transaction's end, none is."""
    there: set[str] = set()
    for chunk in chunks(sorted(set(subscription_ids))):
        query = sa.select(subscriptions.c.id, subscriptions.c.removed_at)
        query = query.where(subscriptions.c.id.in_(chunk)).order_by(subscriptions.c.id)
        rows = connection.execute(query.with_for_update(read=True, key_share=True))
        there.update(row.id for row in rows if row.removed_at is None)
    return frozenset(there)


def told_until(
    connection: sa.Connection, subscription_ids: Iterable[str]
) -> dict[str, dt.datetime]:
    """When the last digest of each was composed; where there is none, since when it is known.

    Of ids no more than one `IN` takes.
    """
    last = sa.select(sa.func.max(digests.c.composed_at)).where(
        digests.c.subscription_id == subscriptions.c.id
    )
    since = sa.func.coalesce(last.scalar_subquery(), subscriptions.c.known_at)
    query = sa.select(subscriptions.c.id, since.label("since"))
    rows = connection.execute(query.where(subscriptions.c.id.in_(list(subscription_ids))))
    return {row.id: row.since for row in rows}


def active(
    connection: sa.Connection, now: dt.datetime, shard: Shard | None = None
) -> dict[str, ActiveSubscription]:
    """Those (of a shard, or all) that are neither removed nor paused nor held, by id.

    Slots after `now` do not count.
    """
    # One look into the index for each, however many slots there are.
    last_slot_at = closed.latest(subscriptions.c.id, now).scalar_subquery()
    query = sa.select(subscriptions.c.id, subscriptions.c.known_at, last_slot_at)
    query = query.where(*_ACTIVE, holds(shard))
    return {row[0]: ActiveSubscription(*row) for row in connection.execute(query)}


def active_since(connection: sa.Connection) -> dt.datetime | None:
    """Since when the first of the active ones is known; None where there is none."""
    query = sa.select(sa.func.min(subscriptions.c.known_at)).where(*_ACTIVE)
    return scalar(connection, query, dt.datetime)


def version(connection: sa.Connection) -> str | None:
    """What differs whenever any definition does, or what it depends on; None before the first."""
    return get_meta(connection, RULES)


def definitions(connection: sa.Connection, shard: Shard | None = None) -> dict[str, str]:
    """The definitions of those (of a shard, or all) that are not removed, by id."""
    query = sa.select(subscriptions.c.id, subscriptions.c.definition)
    query = query.where(subscriptions.c.removed_at.is_(None), holds(shard))
    query = query.order_by(subscriptions.c.id)
    return {row.id: row.definition for row in connection.execute(query)}


def definitions_of(connection: sa.Connection, subscription_ids: Iterable[str]) -> dict[str, str]:
    """The same of these alone, by id."""
    found: dict[str, str] = {}
    for chunk in chunks(sorted(subscription_ids)):
        query = sa.select(subscriptions.c.id, subscriptions.c.definition)
        query = query.where(subscriptions.c.removed_at.is_(None), subscriptions.c.id.in_(chunk))
        found |= {row.id: row.definition for row in connection.execute(query)}
    return found


def marks(connection: sa.Connection) -> Marks:
    """What differs, part by part, where any definition of one that is not removed does."""
    return marking.marks(connection, subscriptions, subscriptions.c.removed_at.is_(None))


def ids(connection: sa.Connection, parts: Collection[int]) -> list[str]:
    """The ids in these parts of all that were ever known."""
    return marking.ids(connection, subscriptions, parts)


def recipients(connection: sa.Connection, subscription_id: str) -> tuple[str, ...]:
    """To whom its digests go now; nobody where it was removed."""
    query = sa.select(subscriptions.c.definition).where(
        subscriptions.c.id == subscription_id, subscriptions.c.removed_at.is_(None)
    )
    definition = scalar(connection, query, str)
    return msgspec.json.decode(definition, type=Addressed).to if definition else ()


def recipients_of(
    connection: sa.Connection, subscription_ids: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The same of several, by id. Of ids no more than one `IN` takes."""
    query = sa.select(subscriptions.c.id, subscriptions.c.definition).where(
        subscriptions.c.id.in_(list(subscription_ids)), subscriptions.c.removed_at.is_(None)
    )
    rows = connection.execute(query)
    return {row.id: msgspec.json.decode(row.definition, type=Addressed).to for row in rows}


def take_out(connection: sa.Connection, subscription_id: str, address: str) -> None:
    """Send it to that one of its recipients, in whatever letters, no more; others are left.

    At once, as `end` does.
    """
    hold(connection, subscription_id)
    found = get(connection, subscription_id)
    if found is None or found.removed_at:
        return
    told = json.loads(found.definition)
    told["to"] = [each for each in told["to"] if each.lower() != address.lower()]
    changed = json.dumps(told, ensure_ascii=False)
    update(connection, [{"of": subscription_id, "definition": changed}])
    put_meta(connection, RULES, secrets.token_hex(8))


def stem(subscription_id: str) -> str:
    """The name of the file of `subscriptions.d` an id belongs to; empty for the main file's."""
    return subscription_id.partition("/")[0] if "/" in subscription_id else ""


def note_cadences(connection: sa.Connection, cadences: Collection[tuple[str, str]]) -> None:
    """Keep the pairs of digest and time zone that there are in the configuration."""
    told = msgspec.json.encode(sorted(cadences)).decode()
    if get_meta(connection, CADENCES) != told:
        put_meta(connection, CADENCES, told)


def cadences(connection: sa.Connection) -> tuple[tuple[str, str], ...] | None:
    """The pairs of digest and time zone of all; None where they are not known."""
    told = get_meta(connection, CADENCES)
    return None if told is None else msgspec.json.decode(told, type=tuple[tuple[str, str], ...])


def update(connection: sa.Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the columns that these rows name, each for the subscription `of`."""
    if rows:
        theirs = subscriptions.c.id == sa.bindparam("of")
        connection.execute(subscriptions.update().where(theirs), rows)


def pause(connection: sa.Connection, subscription_id: str, now: dt.datetime | None) -> None:
    """Stop composing for it, from `now` on; None resumes."""
    connection.execute(
        subscriptions.update().where(subscriptions.c.id == subscription_id).values(paused_at=now)
    )


def end(connection: sa.Connection, subscription_id: str, now: dt.datetime) -> None:
    """Take one out at once, not when the configuration is next taken over: nothing is sent to it.

    For who has taken it out of where it is defined, and on a server holds `change_rules`. Nothing
    where it was not taken over yet.
    """
    hold(connection, subscription_id)
    theirs = (subscriptions.c.id == subscription_id, subscriptions.c.removed_at.is_(None))
    done = connection.execute(subscriptions.update().where(*theirs).values(removed_at=now))
    if done.rowcount:
        outbox.cancel(connection, {subscription_id: ()}, now)
        pairs.withdraw_unsent(connection, subscription_id)
        put_meta(connection, RULES, secrets.token_hex(8))
