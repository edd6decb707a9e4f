"""Mails to the operator: into the same outbox as the digests, one for each trouble."""

from __future__ import annotations

import datetime as dt
from email.utils import parseaddr

import sqlalchemy as sa

from watcher.digest import Notice, boundary_for, build_message, message_id, render_notice
from watcher.pipeline.context import Context
from watcher.store import outbox


def notify(
    context: Context, connection: sa.Connection, key: str, notice: Notice, now: dt.datetime
) -> bool:
    """Queue a mail to the operator; False where one with this key was queued before.

    Without an address to write to, `status` and the log are all there is.
    """
    mail = context.config.settings.mail
    recipient, sender = mail.operator, mail.from_
    if not recipient or not sender:
        return False
    rendered = render_notice(notice)
    address = parseaddr(sender)[1]
    mail_id = message_id("operator", key, recipient, domain=address.rpartition("@")[2])
    message = outbox.Message(
        sender=address,
        recipient=recipient,
        message_id=mail_id,
        message=build_message(
            rendered,
            sender=sender,
            recipient=recipient,
            message_id=mail_id,
            sent_at=now,
            boundary=boundary_for(mail_id),
        ),
    )
    return outbox.enqueue_notice(
        connection,
        key=key,
        kind=notice.kind,
        subject=rendered.subject,
        message=message,
        now=now,
    )
