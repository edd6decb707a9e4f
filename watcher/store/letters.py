"""Letters of the pages that are to be sent: each is kept until it was taken, refused or given up.

Several processes may serve pages on one database, so each leases what it is about to send.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass

import sqlalchemy as sa

from watcher.models import Envelope
from watcher.store.rows import columns, record, scalar
from watcher.store.schema import letters
from watcher.store.sending import CLAIMED_FOR, SENT_WITHIN

MOST = 1_000
"""How many may wait at once: 20 MB or so."""

GIVE_UP_AFTER = dt.timedelta(days=1)
"""Of the three days that a link to confirm works, two are left then to press the button; and an
address that never agreed is kept no longer.
"""

_FREE: dict[str, object] = {"lease_token": None, "leased_until": None}
_IS_TO_SOMEBODY = letters.c.recipient.is_not(None)


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A letter that this process has leased; `recipient` None: one to nobody."""

    message_id: str
    sender: str
    recipient: str | None
    message: bytes
    created_at: dt.datetime
    attempt_count: int


@dataclass(frozen=True, slots=True)
class WaitingLetters:
    """How many wait, since when the oldest does, when the next is tried, and the last error."""

    count: int = 0
    oldest_at: dt.datetime | None = None
    next_attempt_at: dt.datetime | None = None
    error: str | None = None


def keep(
    connection: sa.Connection,
    kind: str,
    envelope: Envelope,
    now: dt.datetime,
    due_at: dt.datetime,
    *,
    is_wanted: bool,
) -> None:
    """Keep a letter to be sent at `due_at`, or one to nobody in its place: that holds nothing of
    it but its length.
    """
    row = letters.insert().values(
        message_id=envelope.message_id if is_wanted else secrets.token_hex(16),
        kind=kind,
        sender=envelope.sender,
        recipient=envelope.recipient if is_wanted else None,
        message=envelope.message if is_wanted else bytes(len(envelope.message)),
        created_at=now,
        next_attempt_at=due_at,
    )
    connection.execute(row)


def count(connection: sa.Connection) -> int:
    """How many wait, those to nobody included."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(letters)) or 0)


def look(connection: sa.Connection) -> WaitingLetters:
    """How those to somebody stand."""
    query = sa.select(
        sa.func.count(),
        sa.func.min(letters.c.created_at),
        sa.func.min(letters.c.next_attempt_at),
    ).where(_IS_TO_SOMEBODY)
    total, oldest_at, next_attempt_at = connection.execute(query).one()
    last = (
        sa.select(letters.c.answer)
        .where(_IS_TO_SOMEBODY, letters.c.answer.is_not(None))
        .order_by(letters.c.attempted_at.desc())
        .limit(1)
    )
    return WaitingLetters(total, oldest_at, next_attempt_at, scalar(connection, last, str))


def _is_free(now: dt.datetime, under_way: Collection[str]) -> sa.ColumnElement[bool]:
    until = letters.c.leased_until
    # A lease further ahead than any is made was made before the clock was put back.
    is_over = sa.or_(until.is_(None), until <= now, until > now + SENT_WITHIN)
    return sa.and_(is_over, letters.c.message_id.not_in(under_way))


def next_due_at(
    connection: sa.Connection, now: dt.datetime, under_way: Collection[str] = ()
) -> dt.datetime | None:
    """When the next letter that nobody has a lease on is to be tried; None where there is none.

    Nor those `under_way`, by their Message-IDs: this process knows that it sends them, though its
    lease may be over, as where the machine was asleep meanwhile.
    """
    query = sa.select(sa.func.min(letters.c.next_attempt_at)).where(_is_free(now, under_way))
    return scalar(connection, query, dt.datetime)


def claim(
    connection: sa.Connection, token: str, now: dt.datetime, under_way: Collection[str] = ()
) -> StoredLetter | None:
    """Lease the letter that is to be tried now, for CLAIMED_FOR: one that never was comes first.

    That counts as an attempt. `under_way` as in `next_due_at`.
    """
    chosen = (
        sa.select(letters.c.message_id)
        .where(letters.c.next_attempt_at <= now, _is_free(now, under_way))
        .order_by(letters.c.attempt_count, letters.c.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    message_id = connection.scalar(chosen)
    if message_id is None:
        return None
    claimed = (
        letters.update()
        .where(letters.c.message_id == message_id)
        .values(
            lease_token=token,
            leased_until=now + CLAIMED_FOR,
            attempt_count=letters.c.attempt_count + 1,
            attempted_at=now,
        )
        .returning(*columns(letters, StoredLetter))
    )
    return record(connection, claimed, StoredLetter)


def hold(connection: sa.Connection, message_id: str, token: str, now: dt.datetime) -> bool:
    """Whether a letter is still there and this process's to send: for SENT_WITHIN, from now on."""
    done = connection.execute(
        letters.update()
        .where(letters.c.message_id == message_id, letters.c.lease_token == token)
        .values(leased_until=now + SENT_WITHIN)
    )
    return done.rowcount > 0


def finish(connection: sa.Connection, message_id: str) -> None:
    """Keep a letter no longer: it was taken, or refused for good, or is given up."""
    connection.execute(letters.delete().where(letters.c.message_id == message_id))


def put_off(
    connection: sa.Connection,
    message_id: str,
    token: str,
    until: dt.datetime,
    answer: str,
    *,
    is_session_trouble: bool,
) -> None:
    """Leave a letter for later, unless another process has it by now."""
    connection.execute(
        letters.update()
        .where(letters.c.message_id == message_id, letters.c.lease_token == token)
        .values(
            next_attempt_at=until,
            answer=answer,
            is_session_trouble=is_session_trouble,
            **_FREE,
        )
    )


def hasten(connection: sa.Connection, now: dt.datetime) -> None:
    """A session opens again: what waited only for that is due by now."""
    connection.execute(
        letters.update()
        .where(letters.c.is_session_trouble)
        .values(next_attempt_at=now, is_session_trouble=False)
    )


def release(connection: sa.Connection, token: str) -> None:
    """Leave what this process has leased and does not send any more to whoever comes."""
    connection.execute(letters.update().where(letters.c.lease_token == token).values(**_FREE))


def expire(connection: sa.Connection, now: dt.datetime, under_way: Collection[str] = ()) -> int:
    """Delete what was not sent within GIVE_UP_AFTER; how many of it were to somebody."""
    is_late = letters.c.created_at <= now - GIVE_UP_AFTER
    gone = letters.delete().where(is_late, _is_free(now, under_way)).returning(letters.c.recipient)
    return sum(recipient is not None for recipient in connection.scalars(gone))


def cancel(connection: sa.Connection, is_theirs: Callable[[str], bool]) -> None:
    """Delete the letters to the addresses for which `is_theirs` holds."""
    found = connection.execute(
        sa.select(letters.c.message_id, letters.c.recipient).where(_IS_TO_SOMEBODY)
    )
    for message_id in [row.message_id for row in found if is_theirs(row.recipient)]:
        finish(connection, message_id)
