"""At a slot, what is pending becomes one frozen digest and a delivery for each recipient."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
import structlog

from watcher.digest import (
    TemplatesBroken,
)
from watcher.errors import DeliveryError, StoreError, WatcherError
from watcher.models import MatchState
from watcher.pipeline import deliver, stuck
from watcher.pipeline.context import Context
from watcher.pipeline.due import due_slots
from watcher.pipeline.freezing import Draft, DueSlot, freeze, gather
from watcher.pipeline.notify import notify
from watcher.steps import Step, reached
from watcher.store import (
    bounces,
    leaving,
    matches,
    outbox,
    papers,
    slots,
    subscriptions,
)

log = structlog.get_logger(__name__)

TOGETHER = 100
"""Mails whose digests are written in one transaction, unless one digest has more."""


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
    for some in _parts(await _close_empty(context, due, now, stop, progressed)):
        try:
            part = await _compose_some(context, some, now, stop, progressed)
        except _OutdatedError:
            return Composed(digest_count, failed=tuple(failed), is_outdated=True)
        digest_count += part.digest_count
        failed += part.failed
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


def _parts(due: Iterable[DueSlot]) -> Iterator[list[DueSlot]]:
    """The slots in parts that are composed together."""
    part: list[DueSlot] = []
    count = 0
    for slot in due:
        part.append(slot)
        count += len(slot.subscription.to)
        if count >= TOGETHER:
            yield part
            part, count = [], 0
    if part:
        yield part


@dataclass(slots=True)
class _Part:
    """Slots that are composed together: what became of them. `left` are to be done one by one."""

    drafts: list[Draft] = field(default_factory=list)
    left: list[DueSlot] = field(default_factory=list)
    digest_count: int = 0
    failed: list[str] = field(default_factory=list)

    def fail(self, slot: DueSlot, error: WatcherError) -> None:
        """Note that a slot stays open."""
        log.error("digest not composed", subscription=slot.subscription.id, error=str(error))
        self.failed.append(slot.subscription.id)


async def _compose_some(
    context: Context,
    some: Sequence[DueSlot],
    now: dt.datetime,
    stop: asyncio.Event | None,
    progressed: Callable[[], None],
) -> _Part:
    """Close slots with what there is to mail.

    All of it is looked up at once and written at once. In between each digest is put into words by
    itself, while nothing is locked and others have their turn: what it was made of is looked at
    again when it is written.
    """
    part = _Part()
    await _draft(context, part, some, now, stop, progressed)
    if part.drafts:
        try:
            part.digest_count, stale = await context.write(
                lambda connection: _store(context, connection, part.drafts, now),
                Step.COMPOSED,
                alone=False,
            )
            part.left += stale
        except WatcherError:  # each by itself, so that one holds up no other
            part.left += [draft.slot for draft in part.drafts]
    for slot in part.left:
        if stop and stop.is_set():
            break
        progressed()
        try:
            part.digest_count += await context.write(
                lambda connection, slot=slot: _compose_one(context, connection, slot, now),  # type: ignore[misc]  # bound early
                Step.COMPOSED,
                alone=False,
            )
        except WatcherError as error:
            if isinstance(error, StoreError):
                await context.read(_answers)  # where it does not, all that follow would fail
            part.fail(slot, error)
    return part


def _answers(connection: sa.Connection) -> None:
    connection.execute(sa.select(1))


async def _draft(
    context: Context,
    part: _Part,
    some: Sequence[DueSlot],
    now: dt.datetime,
    stop: asyncio.Event | None,
    progressed: Callable[[], None],
) -> None:
    try:
        gathered = await context.read(lambda connection: gather(context, connection, some, now))
    except WatcherError:
        part.left += some
        return
    for ready in gathered:
        if stop and stop.is_set():
            break
        progressed()
        try:
            part.drafts.append(
                await context.work(lambda ready=ready: freeze(context, ready, now))  # type: ignore[misc]  # bound early
            )
        except WatcherError as error:
            part.fail(ready.slot, error)


def _compose_one(
    context: Context, connection: sa.Connection, slot: DueSlot, now: dt.datetime
) -> int:
    """The same of one slot in a single transaction, and while nobody else composes for it."""
    subscriptions.hold(connection, slot.subscription.id)
    drafts = [freeze(context, ready, now) for ready in gather(context, connection, [slot], now)]
    digest_count, _ = _store(context, connection, drafts, now)
    return digest_count


def _store(
    context: Context, connection: sa.Connection, drafts: Sequence[Draft], now: dt.datetime
) -> tuple[int, list[DueSlot]]:
    """Store digests with their mails, and close their slots; how many, and which slots are stale.

    That is a slot whose draft was made of what has changed since: a pair that is not pending any
    more, a recipient who has left, was paused or resumed. One that somebody else has closed is
    done. Raises _OutdatedError where they were made by rules that are in force no more.
    """
    subscriptions.hold(connection, *(draft.subscription_id for draft in drafts))
    # Whoever changes one of them from here on waits.
    if context.shard is not None and subscriptions.version(connection) != context.version:
        raise _OutdatedError
    closed = slots.closed(connection, [draft.slot_id for draft in drafts])
    drafts = [draft for draft in drafts if draft.slot_id not in closed]
    ids = [draft.subscription_id for draft in drafts]
    pending = matches.pairs_in_state(connection, MatchState.PENDING, ids)
    addresses = (address for draft in drafts for address in draft.slot.subscription.to)
    paused = bounces.paused_of(connection, addresses).keys()
    left = leaving.left_of(connection, ids)
    good: list[Draft] = []
    stale: list[DueSlot] = []
    for draft in drafts:
        if draft.holds(pending, paused, left):
            good.append(draft)
        else:
            stale.append(draft.slot)
    withdrawn = (pair for draft in good for pair in draft.withdrawn)
    matches.put(connection, *(replace(pair, state=MatchState.WITHDRAWN) for pair in withdrawn))
    frozen = [draft.frozen for draft in good if draft.frozen]
    digest_ids = outbox.enqueue_digests(connection, frozen, now)
    by_subscription = {
        digest.subscription_id: digest_id
        for digest, digest_id in zip(frozen, digest_ids, strict=True)
    }
    done = (
        (*draft.slot_id, draft.slot.scheduled_at, by_subscription.get(draft.subscription_id))
        for draft in good
    )
    slots.record_all(connection, done, now)
    for draft in good:
        if draft.complaint:
            key = f"templates:{now.date()}:{draft.complaint}"
            notify(context, connection, key, TemplatesBroken(draft.complaint), now)
        count = len(draft.frozen.paper_ids) if draft.frozen else 0
        log.info(
            "slot closed", subscription=draft.subscription_id, slot=draft.slot.key, papers=count
        )
    return len(frozen), stale
