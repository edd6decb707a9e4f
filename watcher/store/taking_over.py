"""Bringing what is known of subscriptions in line with a configuration."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from watcher.store import leaving, outbox
from watcher.store import matches as pairs
from watcher.store.checks import get_meta, put_meta
from watcher.store.marks import Division
from watcher.store.schema import subscriptions
from watcher.store.shards import bucket_of
from watcher.store.subscriptions import (
    RULES,
    Addressed,
    KnownSubscription,
    known,
    known_among,
    stem,
    update,
)

VOCABULARY = "vocabulary"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription as the configuration has it now.

    `fingerprint` hashes what its rules mean; it is called only where that may be news.
    """

    id: str
    definition: str
    fingerprint: Callable[[], str]
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken over, as far as it takes to tell what has changed.

    `cadences` are how many subscriptions there are of each digest and time zone.
    """

    division: Division
    cadences: Counter[tuple[str, str]]


def synchronise(
    connection: sa.Connection,
    wanted: Iterable[Wanted],
    now: dt.datetime,
    *,
    vocabulary: str,
    unread: Collection[str] = (),
    unread_ids: Collection[str] = (),
    only: Collection[str] | None = None,
) -> tuple[tuple[str, str], ...]:
    """Take the configuration over; the apparent renames (old id, new id) are returned and held.

    What is gone loses its unsent mails; a recipient that is gone loses theirs. What seems to have
    another name now loses nothing until that is settled, by `rename` or `start_anew`; nor does
    what is missing because its file (its stem in `unread`) is broken, or because it (`unread_ids`)
    stands in the store and cannot be used. `vocabulary` stands for all that a fingerprint depends
    on besides the definition: where it is another one than last time, every fingerprint may be.

    `only`: no other ids differ from what is known, so nothing is to be done for them, and `wanted`
    has those of these that there are. The vocabulary is the same then.
    """
    before = known(connection) if only is None else known_among(connection, only)
    by_id = {subscription.id: subscription for subscription in wanted}
    missing = [old for old in before.values() if old.removed_at is None and old.id not in by_id]
    gone = [old for old in missing if stem(old.id) not in unread and old.id not in unread_ids]
    is_same_vocabulary = has_vocabulary(connection, vocabulary)
    starting, changed = [], []
    for subscription in by_id.values():
        old = before.get(subscription.id)
        if old is None or old.removed_at is not None:
            starting.append(subscription)
        elif not is_same_vocabulary or old.definition != subscription.definition:
            row = _row(subscription)
            if (old.definition, old.fingerprint) != (row["definition"], row["fingerprint"]):
                changed.append(row)
    update(connection, changed)
    renames = _start(connection, starting, before, gone, now)
    origins = {origin for origin, _ in renames}
    dropped = [old.id for old in gone if old.id not in origins]
    recipients = {subscription.id: subscription.recipients for subscription in by_id.values()}
    # First, so that whoever composes for one of them has either committed, or will find it gone.
    update(connection, [{"of": old.id, "removed_at": now} for old in gone])
    outbox.cancel(connection, recipients | dict.fromkeys(dropped, ()), now)
    for subscription_id in dropped:
        pairs.withdraw_unsent(connection, subscription_id)
    if starting or changed or gone or not is_same_vocabulary:
        # Not a number: of two that count on at the same time, the second would change nothing.
        put_meta(connection, RULES, secrets.token_hex(8))
    if len(gone) == len(missing):  # else the fingerprints of the unread are of the old vocabulary
        put_meta(connection, VOCABULARY, vocabulary)
    return renames


def has_vocabulary(connection: sa.Connection, vocabulary: str) -> bool:
    """Whether all fingerprints that are kept are of that one."""
    return get_meta(connection, VOCABULARY) == vocabulary


def _start(
    connection: sa.Connection,
    starting: Collection[Wanted],
    before: Mapping[str, KnownSubscription],
    gone: Iterable[KnownSubscription],
    now: dt.datetime,
) -> tuple[tuple[str, str], ...]:
    """Take in what is new and what has come back; those that look like one of `gone` are held."""
    alike = _Alike(connection, gone if starting else ())
    inserted, revived, renames = [], [], []
    for subscription in starting:
        row = _row(subscription)
        row |= {"known_at": now, "removed_at": None, "renamed_from": None, "renamed_to": None}
        row["bucket"] = bucket_of(subscription.id)
        if subscription.id in before:
            revived.append(row)
            continue
        like = alike.to(row["fingerprint"], subscription.recipients)
        if len(like) == 1:  # of two neither is guessed
            row["renamed_from"] = like[0]
            renames.append((like[0], subscription.id))
        inserted.append(row)
    if inserted:
        insert = subscriptions.insert().values(id=sa.bindparam("of"))
        connection.execute(insert, inserted)
    update(connection, revived)
    return tuple(renames)


class _Alike:
    """Of those that are gone, the ones that said the same to the same people.

    Who has left one of them does not count there: a click took some out of what is stored, and who
    renames a list may leave them out at the same time, or put them in again.
    """

    def __init__(self, connection: sa.Connection, gone: Iterable[KnownSubscription]) -> None:
        by_id = {old.id: old for old in gone}
        self._left = leaving.left_of(connection, by_id)
        self._whole: dict[tuple[object, tuple[str, ...]], list[str]] = defaultdict(list)
        self._reduced: dict[object, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        have_left = {subscription_id for subscription_id, _ in self._left.by_pair}
        for old in by_id.values():
            recipients = msgspec.json.decode(old.definition, type=Addressed).to
            if old.id in have_left:
                stayed = self._left.remaining(old.id, recipients)
                self._reduced[old.fingerprint].append((old.id, stayed))
            else:
                self._whole[old.fingerprint, recipients].append(old.id)

    def to(self, fingerprint: object, recipients: tuple[str, ...]) -> list[str]:
        """Their ids."""
        reduced = self._reduced.get(fingerprint, ())
        return self._whole.get((fingerprint, recipients), []) + [
            old_id
            for old_id, stayed in reduced
            if self._left.remaining(old_id, recipients) == stayed
        ]


def _row(subscription: Wanted) -> dict[str, object]:
    return {
        "of": subscription.id,
        "definition": subscription.definition,
        "fingerprint": subscription.fingerprint(),
    }
