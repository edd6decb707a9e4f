"""What a digest is made of, and what it is made into: frozen mails, not stored yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from email.utils import parseaddr
from functools import cache, partial

import sqlalchemy as sa
import structlog

from watcher import schedule
from watcher.digest import (
    LANGUAGE_TAGS,
    Letter,
    OneClick,
    boundary_for,
    list_headers,
    message_id,
    render_digest,
    thread_headers,
    unsubscribe_url,
)
from watcher.links import BY_PAGES, Links, Purpose
from watcher.mail.verp import new_sender
from watcher.models import DigestContent, DigestPaper, Match, MatchState, StoredPaper
from watcher.pipeline.context import Context
from watcher.settings import MailSettings, SubscriptionSettings
from watcher.store import (
    bounces,
    growth,
    leaving,
    matches,
    outages,
    outbox,
    papers,
    slots,
    subscriptions,
)
from watcher.store.leaving import Left

log = structlog.get_logger(__name__)

_VOTES_SHOWN = dt.timedelta(days=7)
"""How long a digest looks back at how votes have grown."""


@dataclass(frozen=True, slots=True)
class DueSlot:
    """A slot that has come: its key is unique for its subscription for ever."""

    subscription: SubscriptionSettings
    key: str
    scheduled_at: dt.datetime
    has_pending: bool

    def narrowed(self, recipients: Collection[str]) -> DueSlot:
        """Without who is none of `recipients` any more: by a page, some may have gone since."""
        to = tuple(address for address in self.subscription.to if address in recipients)
        if to == self.subscription.to:
            return self
        return replace(self, subscription=self.subscription.model_copy(update={"to": to}))


@dataclass(frozen=True, slots=True)
class Ready:
    """An open slot with all that its digest needs; `content` is None if nothing is to be mailed.

    `reasons` say why recipients are paused, by address.
    """

    slot: DueSlot
    content: DigestContent | None
    withdrawn: tuple[Match, ...]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """A slot's digest as it is to be stored; `complaint` is what own templates failed with."""

    slot: DueSlot
    frozen: outbox.Frozen | None
    withdrawn: tuple[Match, ...]
    complaint: str | None = None

    @property
    def subscription_id(self) -> str:
        """Whose it is."""
        return self.slot.subscription.id

    @property
    def slot_id(self) -> tuple[str, str]:
        """What is closed once, for ever: the subscription's id and the slot's key."""
        return self.subscription_id, self.slot.key

    def holds(
        self, pending: AbstractSet[tuple[str, str]], paused: AbstractSet[str], left: Left
    ) -> bool:
        """Whether it may be stored, by the pairs (subscription id, paper id) and addresses now.

        News that came meanwhile is for the next slot.
        """
        mailed = self.frozen.paper_ids if self.frozen else ()
        mails = self.frozen.messages if self.frozen else ()
        ids = (*mailed, *(pair.paper_id for pair in self.withdrawn))
        if left.among(self.subscription_id, (mail.recipient for mail in mails)):
            return False
        return all((self.subscription_id, paper_id) in pending for paper_id in ids) and all(
            (mail.recipient in paused) is (mail.held_back is not None) for mail in mails
        )


def gather(
    context: Context, connection: sa.Connection, due: Sequence[DueSlot], now: dt.datetime
) -> list[Ready]:
    """Look up what the digests of these slots need, of all at once.

    Of those that are open and have somebody left to mail to.
    """
    closed = slots.closed(connection, [(slot.subscription.id, slot.key) for slot in due])
    due = [slot for slot in due if (slot.subscription.id, slot.key) not in closed]
    there = subscriptions.recipients_of(connection, [slot.subscription.id for slot in due])
    left = leaving.left_of(connection, [slot.subscription.id for slot in due])
    due = [
        slot.narrowed(left.remaining(of, there.get(of, slot.subscription.to)))
        for slot in due
        for of in [slot.subscription.id]
    ]
    due = [slot for slot in due if slot.subscription.to]
    pairs = matches.of_subscriptions(
        connection, MatchState.PENDING, [slot.subscription.id for slot in due]
    )
    stored = papers.load(connection, {pair.paper_id for each in pairs.values() for pair in each})
    chosen, withdrawn = {}, {}
    for slot in due:
        of = slot.subscription.id
        chosen[of], withdrawn[of] = _judged(context, of, pairs.get(of, ()), stored)
    told = _contents(context, connection, {of: some for of, some in chosen.items() if some}, now)
    addresses = (address for slot in due for address in slot.subscription.to)
    reasons = {
        each.address: each.reason for each in bounces.paused_of(connection, addresses).values()
    }
    return [
        Ready(slot, told.get(slot.subscription.id), withdrawn[slot.subscription.id], reasons)
        for slot in due
    ]


def choose(
    context: Context, connection: sa.Connection, subscription: SubscriptionSettings
) -> tuple[tuple[DigestPaper, ...], tuple[Match, ...]]:
    """The pending papers that still hold by the rules now in force, and the pairs that do not."""
    pending = matches.in_state(connection, MatchState.PENDING, subscription.id)
    stored = papers.load(connection, (pair.paper_id for pair in pending))
    return _judged(context, subscription.id, pending, stored)


def _judged(
    context: Context,
    subscription_id: str,
    pending: Iterable[Match],
    stored: Mapping[str, StoredPaper],
) -> tuple[tuple[DigestPaper, ...], tuple[Match, ...]]:
    chosen, withdrawn = [], []
    for pair in pending:
        found = stored[pair.paper_id]
        judgements = context.ruleset.judge(
            found.paper,
            now=pair.matched_at,  # a paper does not grow too old by waiting for its slot,
            votes_per_day=pair.votes_per_day,  # nor cools off
            first_seen=found.first_seen,
            as_it_stands=True,
            only={subscription_id},
            with_snoozed=True,
        )
        if judgements and judgements[0].verdict == "match":
            reasons = judgements[0].reasons
            days = pair.backfill_days
            chosen.append(DigestPaper(found.paper, reasons, pair.matched_at, backfill_days=days))
        else:  # of what was snoozed since, it is remembered which rules let it pass
            slept = judgements[0].slept if judgements else ()
            withdrawn.append(replace(pair, reasons=slept or pair.reasons))
    return tuple(chosen), tuple(withdrawn)


def content(
    context: Context,
    connection: sa.Connection,
    subscription: SubscriptionSettings,
    chosen: tuple[DigestPaper, ...],
    now: dt.datetime,
) -> DigestContent:
    """What the digest of these papers says."""
    return _contents(context, connection, {subscription.id: chosen}, now)[subscription.id]


def _contents(
    context: Context,
    connection: sa.Connection,
    chosen: Mapping[str, tuple[DigestPaper, ...]],
    now: dt.datetime,
) -> dict[str, DigestContent]:
    """The same for many subscriptions, by id."""
    paper_ids = {each.paper.id for some in chosen.values() for each in some}
    votes = growth.votes_since(connection, paper_ids, now - _VOTES_SHOWN)
    since = subscriptions.told_until(connection, chosen)
    # Those whose last digests were composed together missed the same.
    ended = cache(partial(outages.ended_since, connection))
    failures = cache(partial(outages.failures_since, connection))
    links = _links(context, now)
    told = {}
    for subscription_id, some in chosen.items():
        subscription = context.subscriptions[subscription_id]
        zone = context.config.zone(subscription)
        cadence = schedule.parse_cadence(subscription.digest)
        missed = (context.sources_of(subscription), since.get(subscription_id, now))
        told[subscription_id] = DigestContent(
            subscription=subscription.name,
            papers=tuple(
                _asked(links, subscription, replace(one, votes=votes.get(one.paper.id, ())))
                for one in some
            ),
            composed_at=now,
            timezone=zone.key,
            max_papers=subscription.max_papers,
            next_slot_at=schedule.next_slot(cadence, zone, after=now),
            outages=ended(*missed),
            failures=failures(*missed),
            unsubscribe=context.config.settings.mail.unsubscribe,
            manage_url=_manage_url(links, subscription),
            archive_url=links.url(Purpose.ARCHIVE, subscription_id) if links else "",
            hub_url=context.config.settings.http.base_url,
            wants_bibtex=subscription.bibtex,
            language=context.config.language(subscription),
        )
    return told


def _links(context: Context, now: dt.datetime) -> Links | None:
    """What makes links to the pages, where there are pages."""
    web = context.config.settings.web
    secret = web.secret.get_secret_value()
    return Links(secret, web.public_url, lambda: now) if secret and web.public_url else None


def _manage_url(links: Links | None, subscription: SubscriptionSettings) -> str:
    """The page to change it on, of who subscribed on a page; a list's readers are not let in."""
    if links is None or not subscription.id.startswith(BY_PAGES) or len(subscription.to) != 1:
        return ""
    return links.url(Purpose.MANAGE, subscription.id, subscription.to[0])


def _asked(
    links: Links | None, subscription: SubscriptionSettings, one: DigestPaper
) -> DigestPaper:
    """With the pages on which any of its readers says whether more like this paper is wanted."""
    if links is None:
        return one
    told = (one.paper.id, subscription.id)
    more_url, not_url = links.url(Purpose.MORE, *told), links.url(Purpose.NOT, *told)
    return replace(one, more_url=more_url, not_url=not_url)


def freeze(context: Context, ready: Ready, now: dt.datetime) -> Draft:
    """Put a digest into words, and make each recipient's mail of it. Raises RenderError."""
    told = ready.content
    if told is None:
        return Draft(ready.slot, None, ready.withdrawn)
    slot, subscription = ready.slot, ready.slot.subscription
    rendered = render_digest(told, context.config.settings.digest.templates)
    if rendered.complaint:
        log.error("own templates not used", subscription=subscription.id, error=rendered.complaint)
    mail = context.config.settings.mail
    address = parseaddr(mail.from_)[1]
    domain = address.rpartition("@")[2]
    one_click = _one_click(mail, subscription)
    headers = list_headers(subscription.name, domain, "" if one_click else mail.unsubscribe)
    headers["Content-Language"] = LANGUAGE_TAGS[told.language]
    if subscription.thread:
        headers |= thread_headers(subscription.id, domain=domain)
    letter = Letter(
        rendered,
        sender=mail.from_,
        sent_at=now,
        boundary=boundary_for(subscription.id, slot.key),
        reply_to=mail.reply_to if parseaddr(mail.reply_to)[1] != address else "",
        headers=headers,
    )
    messages = []
    for recipient in subscription.to:
        mail_id = message_id(subscription.id, slot.key, recipient, domain=domain)
        own = one_click.headers(recipient) if one_click else None
        signed = context.signer.sign(letter.addressed(recipient, mail_id, own), now)
        envelope_sender = new_sender(mail.bounce, address)
        reason = ready.reasons.get(recipient)
        messages.append(
            outbox.Message(
                envelope_sender.address,
                recipient,
                mail_id,
                signed,
                envelope_sender.token,
                None if reason is None else bounces.not_sent(reason),
            )
        )
    frozen = outbox.Frozen(
        subscription.id,
        slot.key,
        rendered.subject,
        rendered.html,
        tuple(each.paper.id for each in told.papers),
        tuple(messages),
    )
    return Draft(slot, frozen, ready.withdrawn, rendered.complaint)


def _one_click(mail: MailSettings, subscription: SubscriptionSettings) -> OneClick | None:
    """Unsubscribing at a click, where there is an endpoint for it."""
    if not mail.unsubscribe_url:
        return None
    return OneClick(
        mail.unsubscribe_url,
        mail.unsubscribe_secret.get_secret_value(),
        subscription_id=subscription.id,
        otherwise=unsubscribe_url(mail.unsubscribe, subscription.name) if mail.unsubscribe else "",
    )
