"""Timers, signals, readiness and the watchdog. Decides nothing: what is due, the engine knows."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from watcher import __version__, app, schedule
from watcher.counting import Counting
from watcher.engine import Engine, Request, Result
from watcher.errors import ConfigError, WatcherError
from watcher.fetch import ping
from watcher.settings import Config
from watcher.store import stored
from watcher.store.heartbeat import Heartbeat

log = structlog.get_logger(__name__)

PULSE = dt.timedelta(seconds=30)
ANSWER_WITHIN = 20.0
"""Seconds the store has to answer a pulse."""

OVERDUE = {
    "check": dt.timedelta(minutes=15),
    "match": dt.timedelta(minutes=15),
    "complete": dt.timedelta(minutes=15),
    "settle": dt.timedelta(minutes=15),
    "compose": dt.timedelta(minutes=15),
    "deliver": dt.timedelta(hours=2),
    "reap": dt.timedelta(minutes=15),
}
"""How long a task may take, or one mail or digest of it, before the watchdog is left to bite."""

DRAIN_WITHIN = 8.0
"""Seconds for the mail in flight after SIGTERM; systemd and people wait ten."""

_MOMENT = dt.timedelta(milliseconds=1)

_TakeUp = Callable[[Engine, Callable[[], Config]], Awaitable[tuple[ConfigError, ...]]]
"""`app.reload`, or what does the same for less."""


def sd_notify(*lines: str) -> None:
    """Tell the service manager, if there is one (the protocol of sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.sendall("\n".join(lines).encode())


def pace() -> tuple[dt.timedelta, float]:
    """How often to feed the watchdog, and the seconds the store has for it.

    PULSE and ANSWER_WITHIN, or less where the service manager is less patient: one feeding may be
    missed (sd_watchdog_enabled(3)).
    """
    pid = os.environ.get("WATCHDOG_PID", "")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if pid not in {"", str(os.getpid())} or not microseconds.isdecimal() or not int(microseconds):
        return PULSE, ANSWER_WITHIN
    seconds = int(microseconds) / 1_000_000
    return min(PULSE, dt.timedelta(seconds=seconds / 4)), min(ANSWER_WITHIN, seconds / 6)


class Every(IntervalTrigger):  # type: ignore[misc]  # it ships no types
    """An interval of which what was missed is left out.

    The scheduler makes a list of every run that was missed: where the clock leaps from 1970 to the
    present, as on a machine without one of its own, these are more than fit into memory.
    """

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime | None:
        """The first instant of it after both, or at `now` where there was none before."""
        if previous_fire_time is not None:
            now = max(previous_fire_time, now) + _MOMENT
        found: dt.datetime | None = super().get_next_fire_time(None, now)
        return found


class Daemon:
    """One engine on its timers, until it is told to stop.

    `pulse` is how often the watchdog is fed, `answer_within` the seconds the store has for it, both
    as `pace` says where they are None; `overdue` how long each task may run before it is fed no
    more. What passes come to is noted in `counting`.
    """

    def __init__(
        self,
        engine: Engine,
        load: Callable[[], Config],
        *,
        pulse: dt.timedelta | None = None,
        answer_within: float | None = None,
        overdue: Mapping[str, dt.timedelta] = OVERDUE,
        counting: Counting | None = None,
    ) -> None:
        self._engine = engine
        self._counting = counting or Counting()
        self._load = load
        paced, answered = pace()
        self._pulse_every = paced if pulse is None else pulse
        self._answer_within = answered if answer_within is None else answer_within
        self._overdue = overdue
        self._checked_for: dt.datetime | None = None
        self._stop = asyncio.Event()
        self._started_at = engine.context.clock()
        self._loaded_from: Mapping[Path, object] | None = engine.context.config.seen
        self._scheduler = AsyncIOScheduler(
            timezone=dt.UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._asked: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Check once, then by the timers, until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._ask, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self._ask, partial(self._check, is_asked=True))
        self._scheduler.add_listener(_log_bug, EVENT_JOB_ERROR)
        self._set_timers()
        self._scheduler.start()
        self._ask(self._mind_clock)
        try:
            await self._pulse()
            sd_notify("READY=1", f"STATUS={self._status()}")
            self._ask(self._check)
            await self._stop.wait()
        finally:
            await self._drain()

    def _set_timers(self) -> None:
        on_the_minute = self._engine.context.clock().replace(second=0, microsecond=0)
        every_minute = Every(minutes=1, start_date=on_the_minute, timezone=dt.UTC)
        pulse = Every(seconds=self._pulse_every.total_seconds(), timezone=dt.UTC)
        for name, job, trigger in (
            ("minute", self._minute, every_minute),
            ("pulse", self._pulse, pulse),
        ):
            timed = partial(self._timed, job)
            self._scheduler.add_job(timed, trigger, id=name, name=name, replace_existing=True)

    async def _timed(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except asyncio.CancelledError:
            if not self._stop.is_set():  # the scheduler would report the end as a failure
                raise

    async def _mind_clock(self) -> None:
        """The scheduler sleeps until an instant: a clock put back would have it oversleep."""
        seen = self._engine.context.clock()
        while True:
            await asyncio.sleep(self._pulse_every.total_seconds())
            now = self._engine.context.clock()
            if now < seen:
                log.warning("the clock was put back", by=str(seen - now))
                self._set_timers()
                self._ask(self._minute)  # or the slot that comes next may count as before its time
            seen = now

    def _ask(self, job: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await job()

        task = asyncio.create_task(run())
        self._asked.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._asked.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task failed in a way nobody foresaw", exc_info=task.exception())

    def _due_check(self) -> dt.datetime:
        """The instant of the latest check that was due by now."""
        config = self._engine.context.config
        now = self._engine.context.clock()
        return schedule.previous_check(config.settings.schedule.check, config.zone(), now)

    async def _check(self, *, is_asked: bool = False) -> None:
        self._checked_for = self._due_check()
        if self._engine.context.config.stamps() != self._loaded_from:
            await self._reload()
        elif await self._has_store_changed():
            await self._follow()
        began = asyncio.get_running_loop().time()
        try:
            result = await self._engine.run_pass(Request(is_asked=is_asked))
        except WatcherError as error:
            self._note_pass(None, began)
            log.error("the pass failed; the next one tries again", error=str(error))
            sd_notify(f"STATUS={error}")
            return
        except Exception:  # whatever it was, the pass is no success; it is logged further up
            self._note_pass(None, began)
            raise
        self._note_pass(result, began)
        level = log.info if result.is_well else log.warning
        level(
            "pass done",
            matches=result.match_count,
            digests=result.digest_count,
            delivered=result.delivered_count,
            pending=result.pending_count,
            failed=result.failed_count,
            mail_error=result.mail_error,
            cut_short=result.is_cut_short,
        )
        sd_notify(f"STATUS={self._status()}")

    async def _has_store_changed(self) -> bool:
        """Whether subscriptions were put into the store, or taken out, since they were read."""
        context = self._engine.context
        if not self._engine.leads:  # it has them as others took them over
            return False
        try:
            return await context.read(stored.version) != context.config.from_store.version
        except WatcherError:  # the pass tells of it
            return False

    def _note_pass(self, result: Result | None, began: float) -> None:
        seconds = asyncio.get_running_loop().time() - began
        self._counting.note_pass(result, self._engine.context.clock(), seconds)
        if self._engine.leads and (result is None or result.is_well):
            self._ask(partial(self._ping, is_good=result is not None))

    async def _ping(self, *, is_good: bool) -> None:
        settings = self._engine.context.config.settings
        error = await ping(settings.health.ping_url, settings.http, is_good=is_good)
        if error is not None:
            log.warning("the dead man's switch was not reached", error=error)

    async def _minute(self) -> None:
        """A check if one is due, which composes at its end; else just the slots.

        One job for both: after a suspend, a check that is due goes before the slots that are.
        """
        if self._due_check() != self._checked_for:
            await self._check()
            return
        try:
            self._counting.note_slots(await self._engine.run_slots())
        except WatcherError as error:
            self._counting.note_slots(None)
            log.error("slots not closed; the next minute tries again", error=str(error))
        except Exception:  # as in `_check`
            self._counting.note_slots(None)
            raise

    async def _reload(self) -> None:
        # Before it is read: what is written while it is being read counts as a change.
        seen = self._engine.context.config.stamps()
        is_taken = await self._take_up(app.reload)
        # What is in the way may be files that only the new configuration names: without stamps to
        # go by, each check tries again.
        self._loaded_from = seen if is_taken else None

    async def _follow(self) -> None:
        if not await self._take_up(app.follow):
            self._loaded_from = None  # as above

    async def _take_up(self, take_up: _TakeUp) -> bool:
        """Whether there is another configuration in force now."""
        sd_notify("RELOADING=1")
        former, is_taken = self._engine.context, False
        try:
            problems = await take_up(self._engine, self._load)
        except WatcherError as error:
            log.error("not reloaded", error=str(error))
        except Exception:  # a check follows, and has to go on with the rules there are
            log.exception("not reloaded, in a way nobody foresaw")
        else:
            is_taken = self._engine.context is not former
            if is_taken:
                log.info("configuration read again", problems=len(problems))
        self._counting.is_change_refused = not is_taken
        sd_notify("READY=1", f"STATUS={self._status()}")
        return is_taken

    async def _pulse(self) -> None:
        """Feed the watchdog, but only if the store answers and no task is overdue."""
        for task, since in self._engine.running.items():
            patience = self._overdue[task.partition(" ")[0]]
            if asyncio.get_running_loop().time() - since > patience.total_seconds():
                log.error("a task is overdue, the watchdog is not fed", task=task)
                return
        now = self._engine.context.clock()
        beat = Heartbeat(os.getpid(), socket.gethostname(), self._started_at, now, __version__)
        try:
            async with asyncio.timeout(self._answer_within):
                await self._engine.context.write(
                    lambda connection: self._engine.beat(connection, beat)
                )
        except (TimeoutError, WatcherError) as error:
            log.error("the store does not answer", error=str(error) or "timeout")
            return
        sd_notify("WATCHDOG=1")

    async def _drain(self) -> None:
        sd_notify("STOPPING=1")
        self._scheduler.pause()
        self._engine.stopping.set()
        log.info("stopping")
        try:
            async with asyncio.timeout(DRAIN_WITHIN):
                async with self._engine.between_passes():
                    pass
        except TimeoutError:
            log.warning("the mail in flight did not end in time; the next start sees to it")
        # What still runs of a timer, a pulse say, is cancelled.
        self._scheduler.shutdown(wait=False)
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        with contextlib.suppress(WatcherError):
            await self._engine.context.write(lambda connection: self._engine.beat(connection, None))

    def _status(self) -> str:
        config = self._engine.context.config
        now = self._engine.context.clock()
        at = schedule.next_check(config.settings.schedule.check, config.zone(), now)
        if not self._engine.leads:
            return f"next check {at:%H:%M} UTC"
        count = len(config.settings.subscriptions)
        return f"next check {at:%H:%M} UTC, {count} subscription{'' if count == 1 else 's'}"


def _log_bug(event: JobExecutionEvent) -> None:
    log.error("a job failed in a way nobody foresaw", job=event.job_id, exc_info=event.exception)
