"""Send what is due: one SMTP transaction for each recipient, each with its own end."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa
import structlog

from watcher.digest import DeliveryExpired, MailParked, RecipientDead
from watcher.errors import DeliveryError, LeaseLostError, StoreError
from watcher.mail import Session
from watcher.models import DeliveryState, Envelope
from watcher.pipeline import limits, stuck
from watcher.pipeline.context import Context
from watcher.pipeline.notify import notify
from watcher.steps import Step, reached
from watcher.store import bounces, outbox, resends, reserve, sending

log = structlog.get_logger(__name__)

FIRST_WAIT = dt.timedelta(minutes=1)
LONGEST_WAIT = dt.timedelta(hours=1)
EXPIRY_AGE = dt.timedelta(days=5)
EXPIRY_ATTEMPTS = 30
CLAIMED = 10
"""Deliveries that one of several processes takes on at once."""


@dataclass(slots=True)
class Delivered:
    """What a delivering did, in mails of digests. `mail_error`: no session opened.

    `deferred_count`: those that were not sent and not given up. `is_open`: the server took a mail,
    of whatever kind.
    """

    delivered_count: int = 0
    deferred_count: int = 0
    failed_count: int = 0
    mail_error: str | None = None
    is_open: bool = False


def wait_after(attempt_count: int) -> dt.timedelta:
    """How long to wait after that many attempts: doubling from a minute to an hour."""
    doublings = min(attempt_count - 1, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


async def deliver(
    context: Context,
    stop: asyncio.Event | None = None,
    progressed: Callable[[], None] = lambda: None,
) -> Delivered:
    """Try every delivery that is due; `stop` lets the one in flight finish and starts no other.

    `progressed` is called before each.
    """
    result = Delivered()
    count = await context.write(
        lambda connection: recover(context, connection, context.now(connection)), Step.RECOVERED
    )
    if count:
        log.warning("mails cut short are sent again, byte for byte", count=count)
    batch = _Batch(context, result, stop, progressed)
    await batch.refill()
    sessions = min(context.mailer.session_count, len(batch.queue))
    ended = await asyncio.gather(
        *(_work(batch) for _ in range(sessions)),
        return_exceptions=True,  # one's trouble with the store cuts no other's mail short
    )
    for error in filter(None, ended):
        raise error
    if result.mail_error is None and result.is_open:
        await context.write(lambda connection: stuck.clear_trouble(connection, context.clock()))
    return result


def recover(context: Context, connection: sa.Connection, now: dt.datetime) -> int:
    """See to what an ended process left half sent; how many of it are queued again."""
    is_alone = context.is_alone
    if context.config.settings.mail.parks:
        answer = "what came of it was not recorded; the server may have taken it"
        for delivery_id in sending.left(connection, now, is_alone=is_alone):
            _park(context, connection, _delivery(connection, delivery_id), answer, now)
    left = sending.left(connection, now, is_alone=is_alone)
    count = sending.recover(connection, now, is_alone=is_alone)
    return count - bounces.end_paused(connection, left, now)


def _due(context: Context, connection: sa.Connection) -> list[int]:
    """Ids of what is to be tried now and, where others deliver as well, leased to us."""
    now = context.now(connection)
    if context.token is None:
        return sending.due(connection, now)
    return sending.claim(connection, context.token, now, CLAIMED)


def _delivery(connection: sa.Connection, delivery_id: int) -> outbox.Delivery:
    delivery = outbox.get(connection, delivery_id)
    if delivery is None:
        raise AssertionError("a delivery vanished")
    return delivery


@dataclass(frozen=True, slots=True)
class _Batch:
    """What several sessions work off together: the ids of mails, and what came of them."""

    context: Context
    result: Delivered
    stop: asyncio.Event | None
    progressed: Callable[[], None]
    queue: deque[int] = field(default_factory=deque)
    _tried: set[int] = field(default_factory=set)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refill(self) -> None:
        """See that there is something in the queue, if there is anything to send."""
        async with self._turn:
            if self.queue or self._ends:
                return
            # By the clock each time: a mail to the operator about one of these is queued meanwhile.
            due = await self.context.write(lambda found: _due(self.context, found), alone=False)
            # What was tried and is due still cannot even be started.
            self.queue.extend(delivery_id for delivery_id in due if delivery_id not in self._tried)
            self._tried.update(due)

    def take(self) -> int | None:
        """The id of the mail to begin now; None where none is left or may begin."""
        return None if self._ends or not self.queue else self.queue.popleft()

    @property
    def _ends(self) -> bool:
        return self.stop is not None and self.stop.is_set()


async def _work(batch: _Batch) -> None:
    async with batch.context.mailer.session() as session:
        while True:
            await batch.refill()
            delivery_id = batch.take()
            if delivery_id is None:
                return
            envelope = await _begin(batch, delivery_id)
            while envelope is not None:
                envelope = await _send(batch, session, envelope)


async def _begin(batch: _Batch, delivery_id: int) -> Envelope | None:
    """Record that a mail begins; None where it does not go now."""
    context, error = batch.context, batch.result.mail_error
    batch.progressed()
    if error is not None:
        # No session opens for anybody: the others wait like the one that found out.
        await _put_off(context, delivery_id, error, batch.result)
        return None
    started = await context.write(
        lambda connection: _start(context, connection, delivery_id), Step.STARTED, alone=False
    )
    return await _in_turn(batch, delivery_id, started)


def _start(
    context: Context, connection: sa.Connection, delivery_id: int
) -> Envelope | dt.timedelta | None:
    """Take down that it begins, and see that there will be room to take down how it ended.

    A while: so long it has to wait for its turn. None: it is not to be sent now.
    """
    now = context.now(connection)
    if limits.has_for_mail(context):
        recipient = sending.recipient_of(connection, delivery_id)
        wait = recipient and limits.until_mail(context, connection, recipient, now)
        if wait:
            if wait <= limits.PACED_UP_TO:
                return wait
            sending.put_off(connection, delivery_id, now + wait, context.token)
            return None
    envelope = sending.start(connection, delivery_id, now, context.token)
    if envelope is not None:
        count = context.mailer.session_count
        reserve.keep(context.database, count * reserve.for_record(len(envelope.message)))
    return envelope


async def _in_turn(
    batch: _Batch, delivery_id: int, started: Envelope | dt.timedelta | None
) -> Envelope | None:
    """The mail that goes now; one that has to wait for its turn is the next again after that."""
    if isinstance(started, dt.timedelta):
        await asyncio.sleep(started.total_seconds())
        batch.queue.appendleft(delivery_id)
        return None
    return started


async def _send(batch: _Batch, session: Session, envelope: Envelope) -> Envelope | None:
    """Send a mail, and record its end; the mail that was begun in the same transaction."""
    context, result = batch.context, batch.result
    try:
        answer = await session.send(envelope, partial(_may_go, context, envelope))
    except LeaseLostError:
        log.warning("left to another process, which has it now", recipient=envelope.recipient)
        return None
    except DeliveryError as error:
        if error.session:
            result.mail_error = str(error)
        await _record_error(context, envelope, error, result)
        return None
    reached(Step.ACCEPTED)
    next_one = await _record_taken(batch, envelope, answer, context.clock())
    result.is_open = True
    result.delivered_count += not envelope.is_notice
    log.info("delivered", recipient=envelope.recipient, message_id=envelope.message_id)
    return next_one and await _in_turn(batch, *next_one)


async def _record_taken(
    batch: _Batch, envelope: Envelope, answer: str, now: dt.datetime
) -> tuple[int, Envelope | dt.timedelta | None] | None:
    """Record that a mail was taken, and begin the next one along with it if there is one.

    One commit for both, which halves them; never one for two ends. Where the next one has trouble,
    the record does without.
    """
    context = batch.context

    def finish(connection: sa.Connection) -> None:
        delivered = DeliveryState.DELIVERED
        sending.finish(connection, envelope.delivery_id, delivered, answer, now)

    next_id = batch.take() if batch.result.mail_error is None else None
    if next_id is not None:
        batch.progressed()

        def finish_and_start(connection: sa.Connection) -> Envelope | dt.timedelta | None:
            finish(connection)
            return _start(context, connection, next_id)

        try:
            started = await context.write(finish_and_start, Step.DELIVERED, alone=False)
        except StoreError:
            batch.queue.appendleft(next_id)
        else:
            reached(Step.STARTED)
            return next_id, started
    await context.record(finish, Step.DELIVERED)
    return None


async def _may_go(context: Context, envelope: Envelope) -> bool:
    """Whether the mail is still ours to send, asked when only its bytes are left to go."""
    token = context.token
    if token is None:
        return True
    return await context.read(
        lambda connection: sending.holds(
            connection, envelope.delivery_id, token, context.now(connection)
        )
    )


async def _record_error(
    context: Context, envelope: Envelope, error: DeliveryError, result: Delivered
) -> None:
    now = context.clock()
    state = await context.record(
        lambda connection: _settle(context, connection, envelope, error, now),
        Step.REFUSED,
    )
    _note(envelope, state, error, result)


async def _put_off(context: Context, delivery_id: int, why: str, result: Delivered) -> None:
    """Begin and end an attempt at once: whoever dies in between leaves nothing that looks sent."""
    now = context.clock()

    def step(connection: sa.Connection) -> tuple[Envelope, DeliveryState, DeliveryError] | None:
        envelope = sending.start(connection, delivery_id, now, context.token)
        if envelope is None:
            return None
        error = DeliveryError(why, recipient=envelope.recipient, retryable=True, session=True)
        return envelope, _settle(context, connection, envelope, error, now), error

    if done := await context.write(step, Step.REFUSED, alone=False):
        _note(*done, result)


def _note(
    envelope: Envelope, state: DeliveryState, error: DeliveryError, result: Delivered
) -> None:
    if state in {DeliveryState.QUEUED, DeliveryState.PARKED}:
        result.deferred_count += 1
    elif state is not DeliveryState.CANCELLED:
        result.failed_count += not envelope.is_notice
    log.warning("not delivered", recipient=envelope.recipient, state=state, error=str(error))


def _settle(
    context: Context,
    connection: sa.Connection,
    envelope: Envelope,
    error: DeliveryError,
    now: dt.datetime,
) -> DeliveryState:
    is_ours = sending.is_ours(connection, envelope.delivery_id, context.token)
    delivery = outbox.get(connection, envelope.delivery_id)
    if delivery is None:  # whoever it went to has had everything deleted
        return DeliveryState.CANCELLED
    if not is_ours:  # it came back meanwhile, so it had been taken; or another sends it by now
        return delivery.state
    answer = str(error)
    if error.session:
        stuck.note_trouble(context, connection, answer, now)
    if not error.retryable:
        sending.finish(connection, delivery.id, DeliveryState.DEAD, answer, now)
        _tell(context, connection, delivery, answer, now, is_expired=False)
        return DeliveryState.DEAD
    # A notice may come twice: better than a question about it that may be lost as well.
    if error.is_ambiguous and context.config.settings.mail.parks and not envelope.is_notice:
        _park(context, connection, delivery, answer, now)
        return DeliveryState.PARKED
    is_old = delivery.queued_at + EXPIRY_AGE <= now
    if is_old and delivery.attempt_count >= EXPIRY_ATTEMPTS:
        sending.finish(connection, delivery.id, DeliveryState.EXPIRED, answer, now)
        _tell(context, connection, delivery, answer, now, is_expired=True)
        return DeliveryState.EXPIRED
    until = now + wait_after(delivery.attempt_count)
    sending.defer(connection, delivery.id, answer, until, is_session_trouble=error.session)
    # What was under way when its recipient was paused could not be ended then.
    is_over = bounces.end_paused(connection, [delivery.id], now) > 0
    return DeliveryState.DEAD if is_over else DeliveryState.QUEUED


def _tell(
    context: Context,
    connection: sa.Connection,
    delivery: outbox.Delivery,
    answer: str,
    now: dt.datetime,
    *,
    is_expired: bool,
) -> None:
    if delivery.digest_id is None:  # a notice about a notice would go the same way
        return
    subscription = _subscription_of(connection, delivery.digest_id)
    if is_expired:
        expired = DeliveryExpired(
            subscription, delivery.recipient, delivery.queued_at, delivery.attempt_count, answer
        )
        notify(context, connection, f"expired:{delivery.id}", expired, now)
    else:
        dead = RecipientDead(subscription, delivery.recipient, answer)
        notify(context, connection, f"dead:{delivery.id}", dead, now)


def _park(
    context: Context,
    connection: sa.Connection,
    delivery: outbox.Delivery,
    answer: str,
    now: dt.datetime,
) -> None:
    if delivery.digest_id is None:
        raise AssertionError("only digests are parked")
    resends.park(connection, delivery.id, answer)
    subscription = _subscription_of(connection, delivery.digest_id)
    parked = MailParked(subscription, delivery.recipient, delivery.digest_id, answer)
    notify(context, connection, f"parked:{delivery.id}", parked, now)
    log.warning("parked", recipient=delivery.recipient, digest=delivery.digest_id)


def _subscription_of(connection: sa.Connection, digest_id: int) -> str:
    digest = outbox.digest(connection, digest_id)
    return digest.subscription_id if digest else "?"
