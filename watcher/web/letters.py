"""The one mail that the pages send themselves: whether somebody wants what was asked for them."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable
from email.utils import parseaddr

import structlog

from watcher.digest import AUTOMATIC, Letter, boundary_for, message_id
from watcher.digest.templating import render
from watcher.errors import DeliveryError, StoreError, WatcherError
from watcher.links import Links, Purpose
from watcher.mail import make_mailer, make_signer
from watcher.models import Envelope, Rendered
from watcher.settings import Config, SubscriptionSettings, definition_of

log = structlog.get_logger(__name__)

WAITS = (0.0, 15.0, 120.0, 600.0)
"""Seconds before each attempt. What is still not sent then can be asked for anew."""

MOST_UNDER_WAY = 200
AT_ONCE = 2
LEAVE_WITHIN = 5.0
"""Seconds for what is being sent when the pages end."""

SUBJECT = "Please confirm: papers by mail"


def confirmation(
    config: Config, links: Links, subscription: SubscriptionSettings, now: dt.datetime
) -> Envelope:
    """The mail that asks. Raises WatcherError.

    Nothing in it was typed by whoever asked: they may not be who reads it.
    """
    mail = config.settings.mail
    [address] = subscription.to
    sender = parseaddr(mail.from_)[1]
    context = {
        "language": "en",
        "subject": SUBJECT,
        "address": address,
        "site": config.settings.web.public_url,
        "confirm_url": links.url(Purpose.CONFIRM, definition_of(subscription)),
        "never_url": links.url(Purpose.NEVER, address),
    }
    rendered = Rendered(
        SUBJECT, render("confirm.txt.j2", context), render("confirm.html.j2", context)
    )
    key = secrets.token_hex(16)
    mail_id = message_id("confirm", key, address, domain=sender.rpartition("@")[2])
    letter = Letter(
        rendered, sender=mail.from_, sent_at=now, boundary=boundary_for(key), headers=AUTOMATIC
    )
    signed = make_signer(config).sign(letter.addressed(address, mail_id), now)
    return Envelope(0, mail_id, sender, address, signed, is_notice=True)


class Post:
    """Sends confirmations in its own time, so that no answer tells whether there was one to send.

    `prepare` makes the mail, or None where none is to be sent; it is called in a thread.
    """

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._under_way: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def is_full(self) -> bool:
        """Whether no more can be taken on now."""
        return len(self._under_way) >= MOST_UNDER_WAY

    def take_on(self, prepare: Callable[[], Envelope | None]) -> None:
        """Send what `prepare` makes."""
        task = asyncio.create_task(self._deliver(prepare))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver(self, prepare: Callable[[], Envelope | None]) -> None:
        try:
            envelope = await asyncio.to_thread(prepare)
        except WatcherError as error:
            log.error("a confirmation could not be made", error=str(error))
            return
        if envelope is None:
            return
        for wait in WAITS:
            await asyncio.sleep(wait)  # as a server that was busy asks for
            if await self._send(envelope, is_last=wait == WAITS[-1]):
                return

    async def _send(self, envelope: Envelope, *, is_last: bool) -> bool:
        """Whether it is done with: sent, refused for good, or tried for the last time."""
        config = self._config()
        mailer = make_mailer(config.settings, config.state_dir)
        try:
            async with self._turns, mailer.session() as session:
                await session.send(envelope)
        except DeliveryError as error:
            if error.retryable and not is_last:
                log.warning("a confirmation waits", error=str(error))
                return False
            log.error("a confirmation was not sent", error=str(error))
        except StoreError as error:  # a folder that cannot be written to
            log.error("a confirmation was not sent", error=str(error))
        return True

    async def close(self) -> None:
        """Give what is being sent a moment; the rest can be asked for anew."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=LEAVE_WITHIN)
            for task in late:
                task.cancel()
            if late:
                log.warning("confirmations were not sent before the end", count=len(late))
