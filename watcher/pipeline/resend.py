"""A mail of a digest once more, because somebody says so; or not, though it may not have come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parseaddr

import sqlalchemy as sa

from watcher.mail.verp import new_sender
from watcher.models import DeliveryState
from watcher.settings import MailSettings
from watcher.store import bounces, leaving, outbox, resends, subscriptions
from watcher.store.outbox import Delivery


@dataclass(frozen=True, slots=True)
class Candidate:
    """The last mail of a digest to one recipient; `obstacle` says why it cannot go again."""

    delivery: Delivery
    obstacle: str | None

    @property
    def is_parked(self) -> bool:
        """Whether it waits for somebody to decide."""
        return self.delivery.state is DeliveryState.PARKED


def candidates(
    connection: sa.Connection, digest_id: int, configured: Mapping[str, Collection[str]]
) -> tuple[Candidate, ...]:
    """A digest's mails, one for each recipient; none where there is no such digest.

    `configured` says who the recipients of each subscription are, by id: the daemon may not have
    taken that over yet, and cancels what waits for others when it does.
    """
    digest = outbox.digest(connection, digest_id)
    if digest is None:
        return ()
    wanted = set(subscriptions.recipients(connection, digest.subscription_id))
    wanted &= set(configured.get(digest.subscription_id, ()))
    paused = bounces.paused_of(connection, wanted)
    left = leaving.left_of(connection, [digest.subscription_id])
    found = []
    for delivery in resends.last_of_digest(connection, digest_id):
        who, obstacle = delivery.recipient, None
        if delivery.state in outbox.WAITING:
            obstacle = "waits still, and goes by itself"
        elif who not in wanted:
            obstacle = f"is no recipient of {digest.subscription_id} any more"
        elif gone := left.among(digest.subscription_id, [who]):
            obstacle = f"left {digest.subscription_id} on {gone[0].left_at:%Y-%m-%d} by a click"
        elif who in paused:
            obstacle = (
                f"is paused: {paused[who].reason}; `watcher subscriptions resume {who}` comes first"
            )
        elif not resends.has_bytes(connection, delivery.id):
            obstacle = "got it so long ago that the mail is not kept any more ([store] keep_days)"
        found.append(Candidate(delivery, obstacle))
    return tuple(found)


def hold(connection: sa.Connection, digest_id: int) -> None:
    """Until the transaction's end, let nobody leave the subscription that the digest is of."""
    digest = outbox.digest(connection, digest_id)
    if digest is not None:
        subscriptions.hold(connection, digest.subscription_id)


def send_again(
    mail: MailSettings, connection: sa.Connection, delivery: Delivery, now: dt.datetime
) -> int:
    """Queue the same bytes as a delivery of its own; its id. A parked one ends by it."""
    sender = new_sender(mail.bounce, parseaddr(mail.from_)[1])
    resends.drop(connection, delivery.id, "sent again on purpose", now)
    return resends.again(
        connection, delivery, sender=sender.address, bounce_token=sender.token, now=now
    )


def let_go(connection: sa.Connection, delivery: Delivery, now: dt.datetime) -> None:
    """Send a parked mail no more."""
    resends.drop(connection, delivery.id, "dropped on purpose", now)
