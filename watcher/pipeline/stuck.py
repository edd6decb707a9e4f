"""Since when no mail session opens, and what the last attempt met."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from watcher.digest import MailStuck
from watcher.pipeline.context import Context
from watcher.pipeline.notify import notify
from watcher.store import checks, outbox, sending

TELL_AFTER = dt.timedelta(hours=1)

TROUBLE = "mail-trouble-at"
TROUBLE_TEXT = "mail-trouble"


def note_trouble(context: Context, connection: sa.Connection, text: str, now: dt.datetime) -> None:
    """Remember since when no mail session opens, and what the last attempt met.

    An outage that lasts is told to the operator as well; that mail, too, goes when it is over.
    """
    since = checks.get_meta(connection, TROUBLE)
    checks.put_meta(connection, TROUBLE_TEXT, text)
    since_at = dt.datetime.fromisoformat(since) if since else None
    if since_at is None or since_at > now:  # the clock was put back
        checks.put_meta(connection, TROUBLE, now.isoformat())
        return
    if since_at + TELL_AFTER <= now:
        waiting = sum(outbox.counts(connection)[state] for state in outbox.WAITING)
        notify(context, connection, f"mail:{since}", MailStuck(since_at, text, waiting), now)


def session_opened(connection: sa.Connection, now: dt.datetime) -> None:
    """A server would talk to us: what waited only for that is due now.

    Where something did, whether the trouble is over will be known when that is sent: a server that
    refuses the sender lets us in before.
    """
    if not sending.hasten(connection, now):
        clear_trouble(connection, now)


def clear_trouble(connection: sa.Connection, now: dt.datetime) -> None:
    """A mail was taken: what waited only for a session is due now."""
    if checks.get_meta(connection, TROUBLE) is not None:
        checks.put_meta(connection, TROUBLE, None)
        checks.put_meta(connection, TROUBLE_TEXT, None)
        sending.hasten(connection, now)
