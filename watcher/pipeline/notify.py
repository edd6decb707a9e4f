"""Mails to the operator: into the same outbox as the digests, one for each trouble."""

from __future__ import annotations

import datetime as dt
from email.utils import parseaddr

import sqlalchemy as sa
import structlog

from watcher.digest import AUTOMATIC, Letter, Notice, boundary_for, message_id, render_notice
from watcher.errors import RenderError
from watcher.mail import Signer
from watcher.mail.verp import new_sender
from watcher.pipeline.context import Context
from watcher.settings import Settings
from watcher.store import outbox

log = structlog.get_logger(__name__)


def notify(
    context: Context, connection: sa.Connection, key: str, notice: Notice, now: dt.datetime
) -> bool:
    """Queue a mail to the operator; False where one with this key was queued before.

    Without an address that can be written to, `status` and the log are all there is.
    """
    return notify_operator(context.config.settings, context.signer, connection, key, notice, now)


def notify_operator(
    settings: Settings,
    signer: Signer,
    connection: sa.Connection,
    key: str,
    notice: Notice,
    now: dt.datetime,
) -> bool:
    """The same for who has no more than this."""
    mail = settings.mail
    recipient, sender = mail.operator, mail.from_
    if not recipient or not sender:
        return False
    address = parseaddr(sender)[1]
    mail_id = message_id("operator", key, recipient, domain=address.rpartition("@")[2])
    try:
        rendered = render_notice(notice)
        letter = Letter(
            rendered,
            sender=sender,
            sent_at=now,
            boundary=boundary_for(mail_id),
            headers=AUTOMATIC,
        )
        signed = signer.sign(letter.addressed(recipient, mail_id), now)
    except RenderError as error:  # the trouble it would tell of is trouble enough
        log.error("the operator cannot be told", kind=notice.kind, key=key, error=str(error))
        return False
    envelope_sender = new_sender(mail.bounce, address)
    return outbox.enqueue_notice(
        connection,
        key=key,
        kind=notice.kind,
        subject=rendered.subject,
        message=outbox.Message(
            envelope_sender.address, recipient, mail_id, signed, envelope_sender.token
        ),
        now=now,
    )
