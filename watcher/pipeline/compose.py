"""At a slot, what is pending becomes one frozen digest and a delivery for each recipient."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parseaddr

import sqlalchemy as sa
import structlog

from watcher import schedule
from watcher.digest import (
    LANGUAGE_TAGS,
    Letter,
    OneClick,
    TemplatesBroken,
    boundary_for,
    list_headers,
    message_id,
    render_digest,
    thread_headers,
    unsubscribe_url,
)
from watcher.errors import DeliveryError, WatcherError
from watcher.mail.verp import new_sender
from watcher.models import DigestContent, DigestPaper, Match, MatchState
from watcher.pipeline import deliver, stuck
from watcher.pipeline.context import Context
from watcher.pipeline.due import DueSlot, due_slots
from watcher.pipeline.notify import notify
from watcher.settings import MailSettings, SubscriptionSettings
from watcher.steps import Step, reached
from watcher.store import (
    bounces,
    growth,
    matches,
    outages,
    outbox,
    papers,
    slots,
    subscriptions,
)

log = structlog.get_logger(__name__)

_VOTES_SHOWN = dt.timedelta(days=7)
"""How long a digest looks back at how votes have grown."""


@dataclass(frozen=True, slots=True)
class Composed:
    """What a composing did. `mail_error`: no session opened, so nothing was composed.

    `sent_before` are the mails of earlier digests, which go first. `is_outdated`: it broke off
    because the rules of the context are those in force no more.
    """

    digest_count: int = 0
    mail_error: str | None = None
    failed: tuple[str, ...] = ()
    sent_before: deliver.Delivered = field(default_factory=deliver.Delivered)
    is_outdated: bool = False


class _OutdatedError(Exception):
    """A clock has taken over other subscriptions than the context has."""


async def compose(
    context: Context,
    now: dt.datetime,
    *,
    check_id: int | None = None,
    manual_run: str | None = None,
    only: Collection[str] | None = None,
    is_open: bool = False,
    stop: asyncio.Event | None = None,
    progressed: Callable[[], None] = lambda: None,
) -> Composed:
    """Close the slots that have come by `now`, unless `stop` is set meanwhile.

    `check_id` is the check just made, for `each-check`; `manual_run` makes a slot for every
    subscription of `only` (None: all). `is_open`: somebody has seen that mails can be sent, and
    sees to those that were frozen before. `progressed` is called before each mail and digest.
    """
    due = await context.read(
        lambda connection: due_slots(
            context, connection, now, check_id=check_id, manual_run=manual_run, only=only
        )
    )
    if not due:
        return Composed()
    sent_before = deliver.Delivered()
    is_seen = is_open or context.is_rehearsal
    if any(slot.has_pending for slot in due) and not is_seen:
        error = await open_session(context, now)
        if error:
            return Composed(mail_error=error)
        sent_before = await deliver.deliver(context, stop, progressed)  # frozen before
        if sent_before.mail_error:
            return Composed(mail_error=sent_before.mail_error, sent_before=sent_before)
    digest_count = 0
    failed: list[str] = []
    for slot in await _close_empty(context, due, now, stop, progressed):
        if stop and stop.is_set():
            break
        progressed()
        try:
            digest_id = await context.write(
                lambda connection, slot=slot: _compose_if_current(context, connection, slot, now),  # type: ignore[misc]  # bound early
                Step.COMPOSED,
                alone=False,
            )
        except _OutdatedError:
            return Composed(digest_count, failed=tuple(failed), is_outdated=True)
        except WatcherError as error:
            log.error("digest not composed", subscription=slot.subscription.id, error=str(error))
            failed.append(slot.subscription.id)
        else:
            digest_count += digest_id is not None
    return Composed(digest_count, failed=tuple(failed), sent_before=sent_before)


async def open_session(context: Context, now: dt.datetime) -> str | None:
    """See whether mails can be sent; what is in the way, which is noted, or None."""
    try:
        await context.mailer.probe()
    except DeliveryError as error:
        text = str(error)
        await context.write(lambda connection: stuck.note_trouble(context, connection, text, now))
        log.warning("mail is stuck, nothing is composed", error=text)
        return text
    reached(Step.PROBED)
    await context.write(lambda connection: stuck.session_opened(connection, now))
    return None


async def _close_empty(
    context: Context,
    due: Sequence[DueSlot],
    now: dt.datetime,
    stop: asyncio.Event | None,
    progressed: Callable[[], None],
) -> list[DueSlot]:
    """Close the slots with nothing to mail, many in one transaction; what is left to compose.

    Nothing leaves the house by them: those that a crash leaves open are due again and close then.
    """
    left = [slot for slot in due if slot.has_pending]
    for chunk in papers.chunks([slot for slot in due if not slot.has_pending]):
        if stop and stop.is_set():
            break
        progressed()
        try:
            left += await context.write(
                lambda connection, chunk=chunk: _close_some(connection, chunk, now),  # type: ignore[misc]  # bound early
                Step.CLOSED,
            )
        except WatcherError:  # each by itself, so that one holds up no other
            left += chunk
    return left


def _close_some(
    connection: sa.Connection, some: Sequence[DueSlot], now: dt.datetime
) -> list[DueSlot]:
    """Close those that still have nothing to mail; the others."""
    waiting = matches.awaiting_digest(connection, [slot.subscription.id for slot in some])
    empty = [slot for slot in some if slot.subscription.id not in waiting]
    rows = ((slot.subscription.id, slot.key, slot.scheduled_at) for slot in empty)
    slots.record_empty(connection, rows, now)
    for slot in empty:
        log.info("slot closed", subscription=slot.subscription.id, slot=slot.key, papers=0)
    return [slot for slot in some if slot.subscription.id in waiting]


def _compose_if_current(
    context: Context, connection: sa.Connection, slot: DueSlot, now: dt.datetime
) -> int | None:
    """`_compose_one`, by rules that are in force until it has committed. Raises _OutdatedError."""
    if context.shard is not None:
        subscriptions.hold(connection, slot.subscription.id)  # a clock that changes it waits
        if subscriptions.version(connection) != context.version:
            raise _OutdatedError
    return _compose_one(context, connection, slot, now)


def _compose_one(
    context: Context, connection: sa.Connection, slot: DueSlot, now: dt.datetime
) -> int | None:
    subscription = slot.subscription
    subscriptions.hold(connection, subscription.id)
    if slots.has_slot(connection, subscription.id, slot.key):
        return None
    chosen, withdrawn = choose(context, connection, subscription)
    matches.put(connection, *(replace(pair, state=MatchState.WITHDRAWN) for pair in withdrawn))
    digest_id = None
    if chosen:
        digest_id = _freeze(context, connection, slot, chosen, now)
    slots.record_slot(connection, subscription.id, slot.key, slot.scheduled_at, now, digest_id)
    log.info("slot closed", subscription=subscription.id, slot=slot.key, papers=len(chosen))
    return digest_id


def choose(
    context: Context, connection: sa.Connection, subscription: SubscriptionSettings
) -> tuple[tuple[DigestPaper, ...], tuple[Match, ...]]:
    """The pending papers that still hold by the rules now in force, and the pairs that do not."""
    pending = matches.in_state(connection, MatchState.PENDING, subscription.id)
    stored = papers.load(connection, (pair.paper_id for pair in pending))
    chosen, withdrawn = [], []
    for pair in pending:
        found = stored[pair.paper_id]
        judgements = context.ruleset.judge(
            found.paper,
            now=pair.matched_at,  # a paper does not grow too old by waiting for its slot,
            votes_per_day=pair.votes_per_day,  # nor cools off
            first_seen=found.first_seen,
            as_it_stands=True,
            only={subscription.id},
        )
        if judgements:
            reasons = judgements[0].reasons
            days = pair.backfill_days
            chosen.append(DigestPaper(found.paper, reasons, pair.matched_at, backfill_days=days))
        else:
            withdrawn.append(pair)
    return tuple(chosen), tuple(withdrawn)


def content(
    context: Context,
    connection: sa.Connection,
    subscription: SubscriptionSettings,
    chosen: tuple[DigestPaper, ...],
    now: dt.datetime,
) -> DigestContent:
    """What the digest of these papers says."""
    zone = context.config.zone(subscription)
    row = subscriptions.get(connection, subscription.id)
    since = outbox.last_digest_at(connection, subscription.id) or (row.known_at if row else now)
    cadence = schedule.parse_cadence(subscription.digest)
    names = context.sources_of(subscription)
    votes = growth.votes_since(connection, (one.paper.id for one in chosen), now - _VOTES_SHOWN)
    return DigestContent(
        subscription=subscription.name,
        papers=tuple(replace(one, votes=votes.get(one.paper.id, ())) for one in chosen),
        composed_at=now,
        timezone=zone.key,
        max_papers=subscription.max_papers,
        next_slot_at=schedule.next_slot(cadence, zone, after=now),
        outages=outages.ended_since(connection, names, since),
        failures=outages.failures_since(connection, names, since),
        unsubscribe=context.config.settings.mail.unsubscribe,
        hub_url=context.config.settings.http.base_url,
        wants_bibtex=subscription.bibtex,
        language=context.config.language(subscription),
    )


def _freeze(
    context: Context,
    connection: sa.Connection,
    slot: DueSlot,
    chosen: tuple[DigestPaper, ...],
    now: dt.datetime,
) -> int:
    subscription = slot.subscription
    told = content(context, connection, subscription, chosen, now)
    rendered = render_digest(told, context.config.settings.digest.templates)
    if rendered.complaint:
        log.error("own templates not used", subscription=subscription.id, error=rendered.complaint)
        key = f"templates:{now.date()}:{rendered.complaint}"
        notify(context, connection, key, TemplatesBroken(rendered.complaint), now)
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
    paused = bounces.paused(connection)
    messages = []
    for recipient in subscription.to:
        mail_id = message_id(subscription.id, slot.key, recipient, domain=domain)
        own = one_click.headers(recipient) if one_click else None
        signed = context.signer.sign(letter.addressed(recipient, mail_id, own), now)
        envelope_sender = new_sender(mail.bounce, address)
        pause = paused.get(recipient)
        messages.append(
            outbox.Message(
                envelope_sender.address,
                recipient,
                mail_id,
                signed,
                envelope_sender.token,
                bounces.not_sent(pause.reason) if pause else None,
            )
        )
    return outbox.enqueue_digest(
        connection,
        subscription_id=subscription.id,
        slot_key=slot.key,
        subject=rendered.subject,
        html=rendered.html,
        paper_ids=(chosen_paper.paper.id for chosen_paper in chosen),
        messages=messages,
        now=now,
    )


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
