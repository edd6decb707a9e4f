"""Runs the named tasks (check, compose, deliver) one pass at a time, in the daemon's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from watcher.models import Outcome
from watcher.pipeline import upkeep
from watcher.pipeline.check import Checked, check
from watcher.pipeline.complete import complete
from watcher.pipeline.compose import Composed, compose
from watcher.pipeline.context import Context
from watcher.pipeline.deliver import Delivered, deliver
from watcher.pipeline.indexing import index
from watcher.pipeline.match import match
from watcher.steps import Step
from watcher.store import clock, heartbeat, matches, outbox

log = structlog.get_logger(__name__)

PROBE_AGAIN = dt.timedelta(minutes=5)
"""While mail is stuck, how long until a slot that waits tries to open a session again."""

CHECKS_WITHIN = dt.timedelta(minutes=10)
"""How long the digests that are due wait for the checks."""

GREYLISTING = dt.timedelta(hours=1)
"""A mail deferred for less than this is on its ordinary way."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a pass is to do. Names and ids; None means all. `is_asked`: somebody wants it now."""

    sources: Collection[str] | None = None
    subscriptions: Collection[str] | None = None
    manual_run: str | None = None
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a pass did. Counts are of this pass, but for `pending_count`: all that waits.

    That is matches that wait for a digest, and digests' mails that wait for the server; mails to
    the operator are not counted. `late_count` are mails of any kind that have waited longer than
    greylisting explains. `is_cut_short`: it was asked to end, and may have left things undone.
    """

    sources: tuple[Checked, ...] = ()
    match_count: int = 0
    digest_count: int = 0
    delivered_count: int = 0
    pending_count: int = 0
    failed_count: int = 0
    late_count: int = 0
    mail_error: str | None = None
    not_composed: tuple[str, ...] = ()
    is_cut_short: bool = False

    @property
    def all_sources_failed(self) -> bool:
        """Whether not one source gave anything."""
        lost = {Outcome.FAILED, Outcome.BLOCKED, Outcome.RATE_LIMITED}
        return bool(self.sources) and all(source.outcome in lost for source in self.sources)

    @property
    def is_well(self) -> bool:
        """Whether it went through, every source is good and no mail is dead, late or stuck."""
        return (
            not self.is_cut_short
            and all(source.outcome.is_good for source in self.sources)
            and not self.failed_count
            and not self.late_count
            and not self.not_composed
            and self.mail_error is None
        )


class Engine:
    """The embedded engine: tasks run in this process, never two passes at once.

    `checks_within` bounds how long the slots that are due wait for the checks. `on_source` is
    called with a source's name before it is read; `stopping` is set to end. `running` are the tasks
    under way, as "task" or "task which", and when each last got on by the loop's clock, which no
    leap of the wall clock concerns. `leads`: it brings the store in line with its configuration,
    and a dead man's switch hears of its passes.
    """

    leads = True

    def __init__(self, context: Context, *, checks_within: dt.timedelta = CHECKS_WITHIN) -> None:
        self.context = context
        self.on_source: Callable[[str], None] = lambda _: None
        self.stopping = asyncio.Event()
        self.running: dict[str, float] = {}
        self._checks_within = checks_within
        self._turn = asyncio.Lock()
        self._probed_at: dt.datetime | None = None

    @contextlib.contextmanager
    def named(self, task: str) -> Iterator[Callable[[], None]]:
        """Have a task among `running` for as long as this lasts; what is given is to be called
        whenever it gets on.
        """
        loop = asyncio.get_running_loop()

        def progressed() -> None:
            self.running[task] = loop.time()

        progressed()
        try:
            yield progressed
        finally:
            del self.running[task]

    @contextlib.asynccontextmanager
    async def between_passes(self) -> AsyncIterator[None]:
        """Once the pass under way is through, and for as long as this lasts, no other begins."""
        async with self._turn:
            yield

    async def run_pass(self, request: Request = Request()) -> Result:  # frozen
        """Check, match, compose what is due, deliver. Raises StoreError."""
        async with self._turn:
            context = self.context
            await self._mind_clock()
            with self.named("check"):
                now = context.clock()
                # What a process left unmatched is matched before its listing is replaced.
                left = await context.write(
                    lambda connection: match(context, connection, now, leftover_only=True)
                )
                until = asyncio.get_running_loop().time() + self._checks_within.total_seconds()
                async with context.reader:  # one process for the pages of all sources
                    checked = await self._check(request, until)
                    match_count = left.new_count + await self._match(until)
            check_id = max((c.id for c in checked), default=None)
            composed, delivered = await self._send(request, check_id)
            result = await self._result(tuple(checked), match_count, composed, delivered)
            if not context.is_rehearsal:
                await self._upkeep()
            return result

    async def run_slots(self) -> Result:
        """Compose what has come due since the last pass, and deliver. Raises StoreError."""
        async with self._turn:
            await self._mind_clock()
            composed, delivered = await self._send(Request(), None)
            return await self._result((), 0, composed, delivered)

    async def _mind_clock(self) -> None:
        now = self.context.clock()
        if await self.context.write(lambda connection: clock.mind(connection, now)):
            log.warning("the clock was put back; nothing waits for the time it showed")

    async def _check(self, request: Request, until: float) -> list[Checked]:
        """Check the sources one after the other."""
        context = self.context
        checked: list[Checked] = []

        async def work() -> None:
            for source in context.sources:
                if request.sources is None or source.name in request.sources:
                    self.on_source(source.name)
                    checked.append(await check(context, source, context.clock(), until=until))

        task = asyncio.create_task(work())
        stopped = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return checked

    async def _match(self, until: float) -> int:
        context = self.context
        now = context.clock()
        matched = await context.write(
            lambda connection: match(context, connection, now), Step.MATCHED
        )
        count = matched.new_count
        if matched.undecided and not self.stopping.is_set():
            completed = await complete(context, matched.undecided, now, until=until)
            count += completed.new_count if completed else 0
        return count

    async def _send(self, request: Request, check_id: int | None) -> tuple[Composed, Delivered]:
        context = self.context
        now = context.clock()
        composed = Composed()
        with self.named("compose") as progressed:
            is_asked = check_id is not None or request.manual_run or self._may_probe(now)
            if is_asked and not self.stopping.is_set():
                composed = await compose(
                    context,
                    now,
                    check_id=check_id,
                    manual_run=request.manual_run,
                    only=request.subscriptions,
                    stop=self.stopping,
                    progressed=progressed,
                )
                self._probed_at = now if composed.mail_error else None
        with self.named("deliver") as progressed:
            delivered = (
                Delivered()
                if context.is_rehearsal
                else await deliver(context, self.stopping, progressed)
            )
        return composed, delivered

    def _may_probe(self, now: dt.datetime) -> bool:
        return self._probed_at is None or not (now - PROBE_AGAIN < self._probed_at <= now)

    async def _upkeep(self) -> None:
        context = self.context
        now = context.clock()
        await context.write(lambda connection: upkeep.prune(context, connection, now), Step.PRUNED)
        await context.write(lambda connection: upkeep.reassure(context, connection, now))
        await index(context)

    async def _result(
        self,
        checked: tuple[Checked, ...],
        match_count: int,
        composed: Composed,
        delivered: Delivered,
    ) -> Result:
        now = self.context.clock()
        before = composed.sent_before
        pending_count, late_count = await self.context.read(lambda found: waiting(found, now))
        return Result(
            sources=checked,
            match_count=match_count,
            digest_count=composed.digest_count,
            delivered_count=delivered.delivered_count + before.delivered_count,
            pending_count=pending_count,
            failed_count=delivered.failed_count + before.failed_count,
            late_count=late_count,
            mail_error=composed.mail_error or delivered.mail_error,
            not_composed=composed.failed,
            is_cut_short=self.stopping.is_set(),
        )

    def beat(self, connection: sa.Connection, beat: heartbeat.Heartbeat | None) -> None:
        """Leave a sign of life; None at an orderly end."""
        heartbeat.put(connection, beat)


def waiting(connection: sa.Connection, now: dt.datetime) -> tuple[int, int]:
    """How much waits, matches for a digest and mails for the server; how many mails are late."""
    unsent, late = outbox.unsent(connection, now - GREYLISTING)
    return unsent + sum(matches.awaiting_digest(connection).values()), late
