"""Frozen digests and notices, and one delivery for each recipient."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from watcher.models import DeliveryState, MatchState
from watcher.store import bulk, mail_bytes
from watcher.store.papers import CHUNK, chunks
from watcher.store.rows import columns, insert, record, records, scalar
from watcher.store.schema import deliveries, digests, matches, notices

WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Message:
    """One recipient's frozen mail; `message` has CRLF line ends.

    `sender` is the envelope's, and has the `bounce_token` in it where there is one. `held_back`
    says why it is not sent at all.
    """

    sender: str
    recipient: str
    message_id: str
    message: bytes
    bounce_token: str | None = None
    held_back: str | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """A digest as it is to be stored, with a mail for each recipient."""

    subscription_id: str
    slot_key: str
    subject: str
    html: str
    paper_ids: tuple[str, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where one recipient's mail stands; `resend_number` counts those sent again on purpose."""

    id: int
    digest_id: int | None
    notice_id: int | None
    recipient: str
    message_id: str
    state: DeliveryState
    attempt_count: int
    queued_at: dt.datetime
    next_attempt_at: dt.datetime
    finished_at: dt.datetime | None
    answer: str | None
    is_session_trouble: bool
    resend_number: int


@dataclass(frozen=True, slots=True)
class PastDigest:
    """A digest that was composed."""

    id: int
    subscription_id: str
    slot_key: str
    composed_at: dt.datetime
    subject: str
    paper_count: int


_DELIVERIES = sa.select(*columns(deliveries, Delivery))
_DIGESTS = sa.select(*columns(digests, PastDigest))
_SETTLE = (
    matches.update()
    .where(
        matches.c.subscription_id == sa.bindparam("of"), matches.c.paper_id == sa.bindparam("paper")
    )
    .values(state=MatchState.COMPOSED, digest_id=sa.bindparam("digest"))
)


def enqueue_digest(
    connection: sa.Connection,
    *,
    subscription_id: str,
    slot_key: str,
    subject: str,
    html: str,
    paper_ids: Iterable[str],
    messages: Iterable[Message],
    now: dt.datetime,
) -> int:
    """Store a frozen digest with its deliveries and settle its pairs; the digest's id."""
    frozen = Frozen(subscription_id, slot_key, subject, html, tuple(paper_ids), tuple(messages))
    [digest_id] = enqueue_digests(connection, [frozen], now)
    return digest_id


def enqueue_digests(
    connection: sa.Connection, frozen: Sequence[Frozen], now: dt.datetime
) -> list[int]:
    """The same, of many at once; the digests' ids, in order."""
    is_file = mail_bytes.are_apart(connection)
    ids = bulk.add_digests(connection, frozen, now) if is_file else _add(connection, frozen, now)
    by_id = list(zip(ids, frozen, strict=True))
    pairs = [
        {"of": each.subscription_id, "paper": paper_id, "digest": digest_id}
        for digest_id, each in by_id
        for paper_id in each.paper_ids
    ]
    if pairs:
        connection.execute(_SETTLE, pairs)
    _enqueue(
        connection,
        [(digest_id, None, message) for digest_id, each in by_id for message in each.messages],
        now,
    )
    return ids


def _add(connection: sa.Connection, frozen: Sequence[Frozen], now: dt.datetime) -> list[int]:
    """Insert digests into a server's table; their ids, in order."""
    rows = [
        {
            "subscription_id": each.subscription_id,
            "slot_key": each.slot_key,
            "composed_at": now,
            "subject": each.subject,
            "html": each.html,
            "paper_count": len(each.paper_ids),
        }
        for each in frozen
    ]
    if not rows:
        return []
    returning = digests.insert().returning(digests.c.id, sort_by_parameter_order=True)
    return list(connection.scalars(returning, rows))


def enqueue_notice(
    connection: sa.Connection,
    *,
    key: str,
    kind: str,
    subject: str,
    message: Message,
    now: dt.datetime,
) -> bool:
    """Store a mail to the operator; False where one of this key was raised before."""
    row = insert(connection, notices).values(key=key, kind=kind, raised_at=now, subject=subject)
    notice_id = connection.scalar(row.on_conflict_do_nothing().returning(notices.c.id))
    if notice_id is None:
        return False
    _enqueue(connection, [(None, notice_id, message)], now)
    return True


def _enqueue(
    connection: sa.Connection,
    mails: Sequence[tuple[int | None, int | None, Message]],
    now: dt.datetime,
) -> None:
    """Queue mails, each with the id of its digest or of its notice."""
    if mail_bytes.are_apart(connection):
        bulk.add_mails(connection, mails, now)
        return
    rows = [
        {
            "digest_id": digest_id,
            "notice_id": notice_id,
            "sender": mail.sender,
            "recipient": mail.recipient,
            "message_id": mail.message_id,
            "message": mail.message,
            "state": DeliveryState.QUEUED if mail.held_back is None else DeliveryState.DEAD,
            "queued_at": now,
            "next_attempt_at": now,
            "finished_at": None if mail.held_back is None else now,
            "answer": mail.held_back,
            "bounce_token": mail.bounce_token,
        }
        for digest_id, notice_id, mail in mails
    ]
    if rows:
        connection.execute(deliveries.insert(), rows)


def cancel(
    connection: sa.Connection, keep: Mapping[str, Collection[str]], now: dt.datetime
) -> None:
    """What waits for a recipient who is not in `keep` with the subscription will not be sent.

    A subscription that `keep` does not name loses nothing.
    """
    query = (
        sa.select(deliveries.c.id, deliveries.c.recipient, digests.c.subscription_id)
        .join(digests, deliveries.c.digest_id == digests.c.id)
        .where(deliveries.c.state.in_((*WAITING, DeliveryState.PARKED)))
    )
    if len(keep) <= CHUNK:
        query = query.where(digests.c.subscription_id.in_(keep.keys()))
    lost = [
        row.id
        for row in connection.execute(query)
        if row.subscription_id in keep and row.recipient not in keep[row.subscription_id]
    ]
    for chunk in chunks(lost):
        connection.execute(
            deliveries.update()
            .where(deliveries.c.id.in_(chunk))
            .values(state=DeliveryState.CANCELLED, finished_at=now, answer="recipient removed")
        )


def get(connection: sa.Connection, delivery_id: int) -> Delivery | None:
    """One delivery."""
    return record(connection, _DELIVERIES.where(deliveries.c.id == delivery_id), Delivery)


def message_of(connection: sa.Connection, message_id: str) -> bytes | None:
    """The frozen bytes of the mail with that Message-ID, in angle brackets; None where none is.

    Of one that went several times on purpose, those of the first that is still kept: all are alike.
    """
    query = sa.select(mail_bytes.KEPT).where(
        deliveries.c.message_id == message_id, mail_bytes.KEPT.is_not(None)
    )
    return scalar(connection, query.order_by(deliveries.c.id).limit(1), bytes)


def of_digests(connection: sa.Connection, digest_ids: Iterable[int]) -> list[Delivery]:
    """The deliveries of these digests."""
    query = _DELIVERIES.where(deliveries.c.digest_id.in_(list(digest_ids)))
    return records(connection, query.order_by(deliveries.c.id), Delivery)


def in_state(
    connection: sa.Connection, states: Iterable[DeliveryState], limit: int = 50
) -> list[Delivery]:
    """Deliveries in these states, newest first."""
    query = _DELIVERIES.where(deliveries.c.state.in_(list(states)))
    return records(connection, query.order_by(deliveries.c.id.desc()).limit(limit), Delivery)


def unsent(connection: sa.Connection, queued_by: dt.datetime) -> tuple[int, int]:
    """How many mails of digests wait, and how many of all that wait were queued by then.

    Those that wait for a word of the operator are late at once.
    """
    is_parked = deliveries.c.state == DeliveryState.PARKED
    is_late = sa.case((sa.or_(deliveries.c.queued_at <= queued_by, is_parked), 1))
    query = sa.select(sa.func.count(deliveries.c.digest_id), sa.func.count(is_late))
    digest_count, late_count = connection.execute(
        query.where(sa.or_(deliveries.c.state.in_(WAITING), is_parked))
    ).one()
    return int(digest_count), int(late_count)


def counts(
    connection: sa.Connection, since: dt.datetime | None = None
) -> Mapping[DeliveryState, int]:
    """How many deliveries stand in each state; `since` bounds when they got there."""
    query = sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state)
    if since is not None:
        query = query.where(deliveries.c.finished_at >= since)
    found = {DeliveryState(state): count for state, count in connection.execute(query)}
    return {state: found.get(state, 0) for state in DeliveryState}


def lately(connection: sa.Connection, since: dt.datetime, most: int) -> Mapping[DeliveryState, int]:
    """How many of the deliveries queued since then stand in each state; of the `most` newest."""
    newest = sa.select(deliveries.c.state, deliveries.c.queued_at)
    newest_of_all = newest.order_by(deliveries.c.id.desc()).limit(most).subquery()
    query = (
        sa.select(newest_of_all.c.state, sa.func.count())
        .where(newest_of_all.c.queued_at >= since)
        .group_by(newest_of_all.c.state)
    )
    return {DeliveryState(state): count for state, count in connection.execute(query)}


def oldest_waiting(connection: sa.Connection) -> Delivery | None:
    """The delivery that has waited longest for its end."""
    query = _DELIVERIES.where(deliveries.c.state.in_(WAITING))
    query = query.order_by(deliveries.c.queued_at, deliveries.c.id).limit(1)
    return record(connection, query, Delivery)


def failed_since(connection: sa.Connection, since: dt.datetime, limit: int = 50) -> list[Delivery]:
    """Deliveries that were given up since then, newest first."""
    query = _DELIVERIES.where(
        deliveries.c.state.in_((DeliveryState.DEAD, DeliveryState.EXPIRED)),
        deliveries.c.finished_at >= since,
    )
    return records(connection, query.order_by(deliveries.c.id.desc()).limit(limit), Delivery)


def last_delivered_at(connection: sa.Connection, recipient: str) -> dt.datetime | None:
    """When a mail to this recipient was last taken."""
    query = sa.select(sa.func.max(deliveries.c.finished_at)).where(
        deliveries.c.recipient == recipient, deliveries.c.state == DeliveryState.DELIVERED
    )
    return scalar(connection, query, dt.datetime)


def past_digests(
    connection: sa.Connection, subscription_id: str | None = None, limit: int = 20
) -> list[PastDigest]:
    """Digests, newest first."""
    query = _DIGESTS
    if subscription_id is not None:
        query = query.where(digests.c.subscription_id == subscription_id)
    return records(connection, query.order_by(digests.c.id.desc()).limit(limit), PastDigest)


def digest(connection: sa.Connection, digest_id: int) -> PastDigest | None:
    """One digest."""
    return record(connection, _DIGESTS.where(digests.c.id == digest_id), PastDigest)


def last_digest_at(
    connection: sa.Connection, subscription_id: str | None = None
) -> dt.datetime | None:
    """When the last digest was composed."""
    query = sa.select(sa.func.max(digests.c.composed_at))
    if subscription_id is not None:
        query = query.where(digests.c.subscription_id == subscription_id)
    return scalar(connection, query, dt.datetime)


def digest_count(connection: sa.Connection) -> int:
    """How many digests were ever composed."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(digests)) or 0)


def last_notice_at(connection: sa.Connection, kind: str) -> dt.datetime | None:
    """When the operator was last written to about such a thing."""
    query = sa.select(sa.func.max(notices.c.raised_at)).where(notices.c.kind == kind)
    return scalar(connection, query, dt.datetime)


def prune(connection: sa.Connection, before: dt.datetime) -> int:
    """Drop the bytes of mails that ended before then; their rows stay. How many."""
    count = mail_bytes.drop(connection, before)
    connection.execute(
        digests.update().where(digests.c.composed_at < before, digests.c.html != "").values(html="")
    )
    return count
