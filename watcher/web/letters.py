"""The mails that the pages send themselves: whether somebody wants what was asked, lost links."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr

from watcher.digest import AUTOMATIC, Letter, boundary_for, message_id
from watcher.digest.language import ENGLISH, Language
from watcher.digest.templating import render
from watcher.links import Links, Purpose
from watcher.mail import make_signer
from watcher.models import Envelope, Rendered
from watcher.settings import Config, SubscriptionSettings, definition_of
from watcher.web.tongues import phrase

SUBJECT = phrase("Please confirm: papers by mail")
LOST = phrase("Your link: papers by mail")


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
