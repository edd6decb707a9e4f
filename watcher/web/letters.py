"""The mails that the pages send themselves: whether somebody wants what was asked, lost links."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr

import structlog

from watcher.digest import AUTOMATIC, Letter, boundary_for, message_id
from watcher.digest.language import ENGLISH, Language
from watcher.digest.templating import render
from watcher.errors import DeliveryError, StoreError, WatcherError
from watcher.links import Links, Purpose
from watcher.mail import make_mailer, make_signer
from watcher.models import Envelope, Rendered
from watcher.settings import Config, SubscriptionSettings, definition_of
from watcher.web.tongues import phrase

log = structlog.get_logger(__name__)

WAITS = (0.0, 15.0, 120.0, 600.0)
"""Seconds before each attempt. What is still not sent then can be asked for anew."""

MOST_UNDER_WAY = 200
AT_ONCE = 2
LEAVE_WITHIN = 5.0
"""Seconds for what is being sent when the pages end."""

SUBJECT = phrase("Please confirm: papers by mail")
LOST = phrase("Your link: papers by mail")

_LINK = re.compile(rf"/({'|'.join(Purpose)})/[^\s\"'>]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A subscription to be told of in a mail, when it comes, and the page it is changed on."""

    times: str
    sentences: tuple[str, ...]
    manage_url: str


def confirmation(
    config: Config,
    links: Links,
    subscription: SubscriptionSettings,
    now: dt.datetime,
    language: Language = ENGLISH,
) -> Envelope:
    """The mail that asks. Raises WatcherError.

    Nothing in it was typed by whoever asked: they may not be who reads it.
    """
    [address] = subscription.to
    told = {"confirm_url": links.url(Purpose.CONFIRM, definition_of(subscription))}
    return _mail("confirm", SUBJECT, config, links, address, now, told, language)


def reminder(
    config: Config,
    links: Links,
    address: str,
    found: Sequence[Found],
    now: dt.datetime,
    language: Language = ENGLISH,
) -> Envelope:
    """The mail with the links that were lost. Raises WatcherError."""
    told = {"subscriptions": tuple(found)}
    return _mail("lost", LOST, config, links, address, now, told, language)


def _mail(
    kind: str,
    subject: str,
    config: Config,
    links: Links,
    address: str,
    now: dt.datetime,
    told: Mapping[str, object],
    language: Language,
) -> Envelope:
    subject = language.say(subject)
    mail = config.settings.mail
    sender = parseaddr(mail.from_)[1]
    context = {
        "language": language.tag,
        "subject": subject,
        "address": address,
        "site": config.settings.web.public_url,
        "never_url": links.url(Purpose.NEVER, address),
        **told,
    }
    rendered = Rendered(
        subject,
        render(f"{kind}.txt.j2", context, language=language),
        render(f"{kind}.html.j2", context, language=language),
    )
    key = secrets.token_hex(16)
    mail_id = message_id(kind, key, address, domain=sender.rpartition("@")[2])
    headers = {**AUTOMATIC, "Content-Language": language.tag}
    letter = Letter(
        rendered, sender=mail.from_, sent_at=now, boundary=boundary_for(key), headers=headers
    )
    signed = make_signer(config).sign(letter.addressed(address, mail_id), now)
    return Envelope(0, mail_id, sender, address, signed, is_notice=True)


class Post:
    """Sends such mails in its own time, so that no answer tells whether there was one to send.

    `prepare` makes the mail, or None where none is to be sent; it is called in a thread. `waits`
    are the seconds before each attempt.
    """

    def __init__(self, config: Callable[[], Config], waits: Sequence[float] = WAITS) -> None:
        self._config, self._waits = config, waits
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
            log.error("a mail of the pages could not be made", error=str(error))
            return
        if envelope is None:
            return
        for number, wait in enumerate(self._waits, 1):
            await asyncio.sleep(wait)  # as a server that was busy asks for
            if await self._send(envelope, is_last=number == len(self._waits)):
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
                log.warning("a mail of the pages waits", error=_told(error))
                return False
            log.error("a mail of the pages was not sent", error=_told(error))
        except StoreError as error:  # a folder that cannot be written to
            log.error("a mail of the pages was not sent", error=_told(error))
        return True

    async def close(self) -> None:
        """Give what is being sent a moment; the rest can be asked for anew."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=LEAVE_WITHIN)
            for task in late:
                task.cancel()
            if late:
                log.warning("mails of the pages were not sent before the end", count=len(late))


def _told(error: WatcherError) -> str:
    """Without links: servers quote those that they refuse, and whoever has one is let in."""
    return _LINK.sub(r"/\1/…", str(error))
