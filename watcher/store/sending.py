"""A delivery's way from queued to its end: what is due, who sends it, how it ended.

Where several processes deliver, each leases what it is about to send. A `token` None means that
this process is the only one, and needs none.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from watcher.models import DeliveryState, Envelope
from watcher.store import mail_bytes
from watcher.store.outbox import WAITING
from watcher.store.rows import scalar, scalars
from watcher.store.schema import deliveries

CLAIMED_FOR = dt.timedelta(minutes=2)
"""How long what a process has claimed and not begun to send is left to it."""

SENT_WITHIN = dt.timedelta(minutes=11)
"""How long a mail under way is left to who sends it: longer than a transport takes at most."""

_FREE: dict[str, object] = {"lease_token": None, "leased_until": None}

# Built once: to build one takes longer than to run it.
_IS_IT = deliveries.c.id == sa.bindparam("which")
_IS_QUEUED = (_IS_IT, deliveries.c.state == DeliveryState.QUEUED)
_IS_WAITING = (_IS_IT, sa.or_(*(deliveries.c.state == state for state in WAITING)))
_IS_OURS = deliveries.c.lease_token.is_not_distinct_from(sa.bindparam("token"))

_BEGIN = (
    deliveries.update()
    .where(*_IS_QUEUED, _IS_OURS, mail_bytes.KEPT.is_not(None))
    .values(
        state=DeliveryState.SENDING,
        attempt_count=deliveries.c.attempt_count + 1,
        attempted_at=sa.bindparam("at"),
        leased_until=sa.bindparam("until"),
    )
    .returning(
        deliveries.c.id,
        deliveries.c.message_id,
        deliveries.c.sender,
        deliveries.c.recipient,
        deliveries.c.notice_id,
        mail_bytes.KEPT.label("message"),
    )
)
_HELD = sa.select(deliveries.c.id).where(
    _IS_IT,
    deliveries.c.state == DeliveryState.SENDING,
    deliveries.c.lease_token == sa.bindparam("token"),
    deliveries.c.leased_until > sa.bindparam("at"),
)
_RECIPIENT = sa.select(deliveries.c.recipient).where(*_IS_QUEUED)
_PUT_OFF = (
    deliveries.update()
    .where(*_IS_QUEUED, _IS_OURS)
    .values(next_attempt_at=sa.bindparam("until"), **_FREE)
)
_OURS = sa.select(deliveries.c.id).where(*_IS_WAITING, _IS_OURS).with_for_update()
_END: dict[str, object] = {
    "state": sa.bindparam("end"),
    "finished_at": sa.bindparam("at"),
    "answer": sa.bindparam("said"),
    "is_session_trouble": False,
    **_FREE,
}
_FINISH = deliveries.update().where(*_IS_WAITING).values(_END)
_FINISH_CANCELLED = (
    deliveries.update().where(_IS_IT, deliveries.c.state == DeliveryState.CANCELLED).values(_END)
)
_DEFER = (
    deliveries.update()
    .where(*_IS_WAITING)
    .values(
        state=DeliveryState.QUEUED,
        next_attempt_at=sa.bindparam("until"),
        answer=sa.bindparam("said"),
        is_session_trouble=sa.bindparam("is_trouble"),
        **_FREE,
    )
)


def recover(connection: sa.Connection, now: dt.datetime, *, is_alone: bool = True) -> int:
    """Queue again what an ended process left half sent; how many. The same bytes will go.

    `is_alone`: no other process delivers; otherwise only what nobody has a lease on any more.
    """
    done = connection.execute(
        deliveries.update()
        .where(*_left(now, is_alone=is_alone))
        .values(state=DeliveryState.QUEUED, next_attempt_at=now, **_FREE)
    )
    if is_alone:
        is_claimed = deliveries.c.lease_token.is_not(None)
        connection.execute(deliveries.update().where(is_claimed).values(**_FREE))
    return done.rowcount


def left(connection: sa.Connection, now: dt.datetime, *, is_alone: bool = True) -> list[int]:
    """Ids of the digests' mails that `recover` would queue again."""
    query = sa.select(deliveries.c.id).where(
        *_left(now, is_alone=is_alone), deliveries.c.digest_id.is_not(None)
    )
    return list(scalars(connection, query.order_by(deliveries.c.id), int))


def _left(now: dt.datetime, *, is_alone: bool) -> tuple[sa.ColumnElement[bool], ...]:
    is_sending = deliveries.c.state == DeliveryState.SENDING
    return (is_sending,) if is_alone else (is_sending, _is_free(now))


def _is_free(now: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= now)


def due(connection: sa.Connection, now: dt.datetime, limit: int = 500) -> list[int]:
    """Ids of the deliveries to be tried now, the longest waiting first."""
    return list(scalars(connection, _due(now).order_by(deliveries.c.id).limit(limit), int))


def _due(now: dt.datetime) -> sa.Select[tuple[int]]:
    return sa.select(deliveries.c.id).where(
        deliveries.c.state == DeliveryState.QUEUED, deliveries.c.next_attempt_at <= now
    )


def due_count(connection: sa.Connection, now: dt.datetime) -> int:
    """How many deliveries are to be tried now and nobody has a lease on."""
    query = sa.select(sa.func.count()).select_from(_due(now).where(_is_free(now)).subquery())
    return int(connection.scalar(query) or 0)


def claim(connection: sa.Connection, token: str, now: dt.datetime, limit: int) -> list[int]:
    """Lease deliveries that are to be tried now, for CLAIMED_FOR; their ids, longest waiting first.

    What another has leased, or is about to, is left to it.
    """
    chosen = _due(now).where(_is_free(now)).order_by(deliveries.c.id).limit(limit)
    ids = scalars(connection, chosen.with_for_update(skip_locked=True), int)
    leased = list(ids)
    connection.execute(
        deliveries.update()
        .where(deliveries.c.id.in_(leased))
        .values(lease_token=token, leased_until=now + CLAIMED_FOR)
    )
    return leased


def holds(connection: sa.Connection, delivery_id: int, token: str, now: dt.datetime) -> bool:
    """Whether a mail under way is still this process's to send."""
    found = connection.scalar(_HELD, {"which": delivery_id, "token": token, "at": now})
    return found is not None


def next_due_at(connection: sa.Connection) -> dt.datetime | None:
    """When the next delivery is to be tried; None where none waits."""
    query = sa.select(sa.func.min(deliveries.c.next_attempt_at)).where(
        deliveries.c.state == DeliveryState.QUEUED
    )
    return scalar(connection, query, dt.datetime)


def hasten(connection: sa.Connection, now: dt.datetime) -> int:
    """A session opens again: what waited only for that is due by now; how many."""
    done = connection.execute(
        deliveries.update()
        .where(
            deliveries.c.state == DeliveryState.QUEUED,
            deliveries.c.is_session_trouble,
        )
        .values(next_attempt_at=now)
    )
    return done.rowcount


def start(
    connection: sa.Connection, delivery_id: int, now: dt.datetime, token: str | None = None
) -> Envelope | None:
    """Record that an attempt begins, before the first byte goes.

    None if it is no longer queued, or no longer this process's to send; otherwise it is for
    SENT_WITHIN.
    """
    until = None if token is None else now + SENT_WITHIN
    told = {"which": delivery_id, "token": token, "at": now, "until": until}
    row = connection.execute(_BEGIN, told).first()
    if row is None:
        return None
    return Envelope(
        row.id,
        row.message_id,
        row.sender,
        row.recipient,
        bytes(row.message),
        is_notice=row.notice_id is not None,
    )


def recipient_of(connection: sa.Connection, delivery_id: int) -> str | None:
    """To whom a delivery goes that is still queued."""
    return connection.scalar(_RECIPIENT, {"which": delivery_id})


def put_off(
    connection: sa.Connection, delivery_id: int, until: dt.datetime, token: str | None
) -> None:
    """Leave a delivery that was not begun for later; that counts as no attempt."""
    connection.execute(_PUT_OFF, {"which": delivery_id, "until": until, "token": token})


def is_ours(connection: sa.Connection, delivery_id: int, token: str | None) -> bool:
    """Whether this process may say how a mail ended; until the transaction's end, nobody else."""
    return connection.scalar(_OURS, {"which": delivery_id, "token": token}) is not None


def finish(
    connection: sa.Connection,
    delivery_id: int,
    state: DeliveryState,
    answer: str,
    now: dt.datetime,
) -> None:
    """Record the end of a delivery, unless it came back before that could be done.

    That a server has taken it is so whoever has the lease by now, and though its recipient was
    removed meanwhile; of another end see `is_ours`.
    """
    told = {"which": delivery_id, "end": state, "at": now, "said": answer}
    done = connection.execute(_FINISH, told)
    if state is DeliveryState.DELIVERED and not done.rowcount:
        connection.execute(_FINISH_CANCELLED, told)


def defer(
    connection: sa.Connection,
    delivery_id: int,
    answer: str,
    until: dt.datetime,
    *,
    is_session_trouble: bool,
) -> None:
    """Queue it again for later, unless it came back: the server had taken it and said nothing."""
    told = {"until": until, "said": answer, "is_trouble": is_session_trouble}
    connection.execute(_DEFER, {"which": delivery_id, **told})
