"""A message that came to the bounce address: find the mail it is about, and decide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import sqlalchemy as sa

from watcher.digest import MailReturned, RecipientPaused
from watcher.mail import Signer
from watcher.mail.bounces import Report, envelope_recipients, read_report
from watcher.mail.verp import tokens_in
from watcher.pipeline.notify import notify_operator
from watcher.settings import Settings
from watcher.store import bounces, outbox
from watcher.store.outbox import Delivery

NOBODY_THERE = frozenset(("5.1.1", "5.1.3", "5.1.6", "5.1.10", "5.2.1"))
"""Codes that say of the address itself that it takes no mail (RFC 3463, 3.2 and 3.3; RFC 7505).

Not 5.1.2, no such host: a resolver out of order says that of everybody.
"""

PAUSE_AFTER = 3
"""Mails in a row that came back for any other reason, the first of them so long ago:"""

PAUSE_SPAN = dt.timedelta(days=3)

_TOKENS_TRIED = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a message was taken for, in a word and a sentence.

    `recipient` is the one of the mail that it is about, None where no such mail is known.
    """

    word: Literal["paused", "returned", "delayed", "ignored"]
    text: str
    recipient: str | None = None


def take_bounce(
    settings: Settings,
    signer: Signer,
    connection: sa.Connection,
    raw: bytes,
    now: dt.datetime,
    *,
    sent_to: str = "",
) -> Verdict:
    """Judge a message and record what follows; `sent_to` is its envelope recipient, if known."""
    delivery = _find(connection, (sent_to, *envelope_recipients(raw)))
    if delivery is None:
        return Verdict("ignored", "ignored: it came to no address that a mail was sent from")
    report = read_report(raw, delivery.recipient)
    who = delivery.recipient
    if report.fate == "other":
        return Verdict("ignored", f"ignored: {report.text}", who)
    record = bounces.put_off if report.fate == "delayed" else bounces.come_back
    if not record(connection, delivery.id, report.status, report.text, now):
        return Verdict("ignored", f"ignored: that mail to {who} has ended already", who)
    if report.fate == "delayed":
        return Verdict("delayed", f"noted: a mail to {who} is put off: {report.text}", who)
    return _follow_up(settings, signer, connection, delivery, report, now)


def _find(connection: sa.Connection, told: Iterable[str]) -> Delivery | None:
    for token in islice(tokens_in(told), _TOKENS_TRIED):
        if (found := bounces.by_token(connection, token)) is not None:
            return found
    return None


def _follow_up(
    settings: Settings,
    signer: Signer,
    connection: sa.Connection,
    delivery: Delivery,
    report: Report,
    now: dt.datetime,
) -> Verdict:
    """A mail has come back for good: what that means for its recipient."""
    who = delivery.recipient
    returned = Verdict("returned", f"a mail to {who} came back: {report.text}", who)
    # A notice about a notice would come back as well; `status` shows it.
    if delivery.digest_id is None or bounces.paused(connection, who):
        return returned
    digest = outbox.digest(connection, delivery.digest_id)
    subscription = digest.subscription_id if digest else "?"
    reason = _reason_to_pause(connection, delivery, report, now)
    if reason is None:
        notice = MailReturned(subscription, who, report.text)
        notify_operator(settings, signer, connection, f"returned:{delivery.id}", notice, now)
        return returned
    bounces.pause(connection, who, reason, now)
    paused = RecipientPaused(subscription, who, reason)
    notify_operator(settings, signer, connection, f"paused:{delivery.id}", paused, now)
    return Verdict("paused", f"{who} is paused: {reason}", who)


def _reason_to_pause(
    connection: sa.Connection, delivery: Delivery, report: Report, now: dt.datetime
) -> str | None:
    resumed_at = bounces.last_resumed_at(connection, delivery.recipient)
    if resumed_at is not None and delivery.queued_at <= resumed_at:
        return None  # sent before somebody said that the address is good
    if report.status in NOBODY_THERE:
        return report.text
    run = bounces.in_a_row(connection, delivery)
    if run is None or run.count < PAUSE_AFTER or now - run.first_at < PAUSE_SPAN:
        return None
    return f"{run.count} mails in a row came back, the last one with: {report.text}"
