"""At a slot, what is pending becomes one frozen digest and a delivery for each recipient."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from watcher import schedule
from watcher.digest import boundary_for, build_message, list_headers, message_id, render_digest
from watcher.errors import DeliveryError, WatcherError
from watcher.models import DigestContent, DigestPaper, Match, MatchState
from watcher.pipeline import deliver
from watcher.pipeline.context import Context
from watcher.settings import SubscriptionSettings
from watcher.store import checks, matches, outbox, papers, slots, subscriptions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DueSlot:
    """A slot that has come: its key is unique for its subscription for ever."""

    subscription: SubscriptionSettings
    key: str
    scheduled_at: dt.datetime
    has_pending: bool


@dataclass(frozen=True, slots=True)
class Composed:
    """What a composing did. `mail_error`: no session opened, so nothing was composed.

    `sent_before` are the mails of earlier digests, which go first.
    """

    digest_count: int = 0
    mail_error: str | None = None
    failed: tuple[str, ...] = ()
    sent_before: deliver.Delivered = field(default_factory=deliver.Delivered)


async def compose(
    context: Context,
    now: dt.datetime,
    *,
    check_id: int | None = None,
    manual_run: str | None = None,
    only: Collection[str] | None = None,
    stop: asyncio.Event | None = None,
) -> Composed:
    """Close the slots that have come by `now`, unless `stop` is set meanwhile.

    `check_id` is the check just made, for `each-check`; `manual_run` makes a slot for every
    subscription of `only` (None: all).
    """
    due = await context.read(
        lambda connection: due_slots(
            context, connection, now, check_id=check_id, manual_run=manual_run, only=only
        )
    )
    if not due:
        return Composed()
    sent_before = deliver.Delivered()
    if any(slot.has_pending for slot in due) and not context.is_rehearsal:
        error = await _open_session(context, now)
        if error:
            return Composed(mail_error=error)
        sent_before = await deliver.deliver(context, stop)  # what was frozen before goes first
        if sent_before.mail_error:
            return Composed(mail_error=sent_before.mail_error, sent_before=sent_before)
    digest_count, failed = 0, []
    for slot in due:
        if stop and stop.is_set():
            break
        try:
            digest_id = await context.write(
                lambda connection, slot=slot: _compose_one(context, connection, slot, now)  # type: ignore[misc]  # bound early
            )
        except WatcherError as error:
            log.error("digest not composed", subscription=slot.subscription.id, error=str(error))
            failed.append(slot.subscription.id)
        else:
            digest_count += digest_id is not None
    return Composed(digest_count, failed=tuple(failed), sent_before=sent_before)


def due_slots(
    context: Context,
    connection: sa.Connection,
    now: dt.datetime,
    *,
    check_id: int | None = None,
    manual_run: str | None = None,
    only: Collection[str] | None = None,
) -> list[DueSlot]:
    """The slots to be closed at `now`: of several missed ones, the latest."""
    known = subscriptions.known(connection)
    pending = matches.counts(connection)
    found = []
    for subscription in context.subscriptions.values():
        row = known.get(subscription.id)
        if row is None or not row.is_active or (only is not None and subscription.id not in only):
            continue
        slot = _slot(context, connection, subscription, row.known_at, now, check_id, manual_run)
        if slot is None or slots.has_slot(connection, subscription.id, slot[0]):
            continue
        waiting = pending.get(subscription.id, {}).get(MatchState.PENDING, 0)
        found.append(DueSlot(subscription, *slot, has_pending=waiting > 0))
    return found


def _slot(
    context: Context,
    connection: sa.Connection,
    subscription: SubscriptionSettings,
    known_at: dt.datetime,
    now: dt.datetime,
    check_id: int | None,
    manual_run: str | None,
) -> tuple[str, dt.datetime] | None:
    if manual_run is not None:
        return f"manual:{manual_run}", now
    if schedule.parse_cadence(subscription.digest).is_each_check:
        return None if check_id is None else (f"check:{check_id}", now)
    zone = context.config.zone(subscription)
    at = due_slot(connection, subscription, zone, known_at, now)
    return None if at is None else (f"{at:%Y-%m-%dT%H:%M:%SZ}", at)


def due_slot(
    connection: sa.Connection,
    subscription: SubscriptionSettings,
    zone: ZoneInfo,
    known_at: dt.datetime,
    now: dt.datetime,
) -> dt.datetime | None:
    """The latest scheduled slot that has come by `now` and is not closed yet."""
    last = slots.last_slot_at(connection, subscription.id, now)
    # A clock that was put back must not make a subscription wait for its own registration.
    after = max(last or min(known_at, now), min(known_at, now))
    cadence = schedule.parse_cadence(subscription.digest)
    return schedule.latest_slot(cadence, zone, after=after, now=now)


async def _open_session(context: Context, now: dt.datetime) -> str | None:
    try:
        await context.mailer.probe()
    except DeliveryError as error:
        text = str(error)
        await context.write(lambda connection: deliver.note_trouble(context, connection, text, now))
        log.warning("mail is stuck, nothing is composed", error=text)
        return text
    await context.write(lambda connection: deliver.clear_trouble(connection, now))
    return None


def _compose_one(
    context: Context, connection: sa.Connection, slot: DueSlot, now: dt.datetime
) -> int | None:
    subscription = slot.subscription
    if slots.has_slot(connection, subscription.id, slot.key):
        return None
    chosen, withdrawn = choose(context, connection, subscription)
    for pair in withdrawn:
        matches.put(connection, replace(pair, state=MatchState.WITHDRAWN))
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
            reasons, remark = judgements[0].reasons, _how_found(pair)
            chosen.append(DigestPaper(found.paper, reasons, pair.matched_at, remark))
        else:
            withdrawn.append(pair)
    return tuple(chosen), tuple(withdrawn)


def _how_found(pair: Match) -> str:
    days = pair.backfill_days
    return f"found looking back {days} day{'s' * (days != 1)}" if days else ""


def content(
    context: Context,
    connection: sa.Connection,
    subscription: SubscriptionSettings,
    chosen: tuple[DigestPaper, ...],
    now: dt.datetime,
) -> DigestContent:
    """What the digest of these papers says."""
    zone = context.config.zone(subscription)
    row = subscriptions.known(connection).get(subscription.id)
    since = outbox.last_digest_at(connection, subscription.id) or (row.known_at if row else now)
    cadence = schedule.parse_cadence(subscription.digest)
    return DigestContent(
        subscription=subscription.name,
        papers=chosen,
        composed_at=now,
        timezone=zone.key,
        max_papers=subscription.max_papers,
        next_slot_at=schedule.next_slot(cadence, zone, after=now),
        notes=checks.remarks_since(connection, context.sources_of(subscription), since),
        unsubscribe=context.config.settings.mail.unsubscribe,
        hub_url=context.config.settings.http.base_url,
    )


def _freeze(
    context: Context,
    connection: sa.Connection,
    slot: DueSlot,
    chosen: tuple[DigestPaper, ...],
    now: dt.datetime,
) -> int:
    subscription = slot.subscription
    rendered = render_digest(content(context, connection, subscription, chosen, now))
    sender = context.config.settings.mail.from_
    address = parseaddr(sender)[1]
    domain = address.rpartition("@")[2]
    messages = []
    for recipient in subscription.to:
        mail_id = message_id(subscription.id, slot.key, recipient, domain=domain)
        message = build_message(
            rendered,
            sender=sender,
            recipient=recipient,
            message_id=mail_id,
            sent_at=now,
            boundary=boundary_for(mail_id),
            headers=list_headers(
                subscription.name, domain, context.config.settings.mail.unsubscribe
            ),
        )
        messages.append(outbox.Message(address, recipient, mail_id, message))
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
