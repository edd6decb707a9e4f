"""Timers, signals, readiness and the watchdog. Decides nothing: what is due, the engine knows."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import socket
from collections.abc import Awaitable, Callable

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from watcher import __version__, app, schedule
from watcher.engine import Engine
from watcher.errors import WatcherError
from watcher.settings import Config
from watcher.store import heartbeat
from watcher.store.heartbeat import Heartbeat

log = structlog.get_logger(__name__)

PULSE = dt.timedelta(seconds=30)
ANSWER_WITHIN = 20.0
"""Seconds the store has to answer a pulse."""

OVERDUE = {
    "check": dt.timedelta(minutes=15),
    "compose": dt.timedelta(minutes=15),
    "deliver": dt.timedelta(hours=2),
}
"""How long a task may run before the watchdog is left to bite."""

DRAIN_WITHIN = 8.0
"""Seconds for the mail in flight after SIGTERM; systemd and people wait ten."""


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


class CheckTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """When pages are fetched: the cron line in its zone, as UTC instants.

    APScheduler's own cron trigger skips or doubles a day when the clocks change.
    """

    def __init__(self, config: Config) -> None:
        self._cron = config.settings.schedule.check
        self._zone = config.zone()

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime:
        """The first instant of the cron line after the last one, or after now."""
        after = previous_fire_time or now
        return schedule.next_check(self._cron, self._zone, after.astimezone(dt.UTC))


class Daemon:
    """One engine on its timers, until it is told to stop."""

    def __init__(self, engine: Engine, load: Callable[[], Config]) -> None:
        self._engine = engine
        self._load = load
        self._stop = asyncio.Event()
        self._started_at = engine.context.clock()
        self._loaded_from = _fingerprint(engine.context.config)
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
        loop.add_signal_handler(signal.SIGUSR1, self._ask, self._check)
        self._scheduler.add_listener(_log_bug, EVENT_JOB_ERROR)
        self._scheduler.add_job(self._check, CheckTrigger(self._engine.context.config), id="check")
        # A second late, so that a check due at the same minute goes first.
        on_the_minute = self._engine.context.clock().replace(second=1, microsecond=0)
        self._scheduler.add_job(
            self._slots,
            IntervalTrigger(minutes=1, start_date=on_the_minute, timezone=dt.UTC),
            id="slots",
        )
        self._scheduler.add_job(
            self._pulse, IntervalTrigger(seconds=PULSE.seconds, timezone=dt.UTC), id="pulse"
        )
        self._scheduler.start()
        try:
            await self._pulse()
            sd_notify("READY=1", f"STATUS={self._status()}")
            self._ask(self._check)
            await self._stop.wait()
        finally:
            await self._drain()

    def _ask(self, job: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await job()

        task = asyncio.create_task(run())
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _check(self) -> None:
        if _fingerprint(self._engine.context.config) != self._loaded_from:
            await self._reload()
        try:
            result = await self._engine.run_pass()
        except WatcherError as error:
            log.error("the pass failed; the next one tries again", error=str(error))
            sd_notify(f"STATUS={error}")
            return
        level = log.info if result.is_well else log.warning
        level(
            "pass done",
            matches=result.match_count,
            digests=result.digest_count,
            delivered=result.delivered_count,
            pending=result.pending_count,
            failed=result.failed_count,
            mail_error=result.mail_error,
        )
        sd_notify(f"STATUS={self._status()}")

    async def _slots(self) -> None:
        try:
            await self._engine.run_slots()
        except WatcherError as error:
            log.error("slots not closed; the next minute tries again", error=str(error))

    async def _reload(self) -> None:
        sd_notify("RELOADING=1")
        try:
            problems = await app.reload(self._engine, self._load)
        except WatcherError as error:
            log.error("not reloaded", error=str(error))
        else:
            self._loaded_from = _fingerprint(self._engine.context.config)
            self._scheduler.reschedule_job(
                "check", trigger=CheckTrigger(self._engine.context.config)
            )
            log.info("configuration read again", problems=len(problems))
        sd_notify("READY=1", f"STATUS={self._status()}")

    async def _pulse(self) -> None:
        """Feed the watchdog, but only if the store answers and no task is overdue."""
        now = self._engine.context.clock()
        for task, since in self._engine.running.items():
            if now - since > OVERDUE[task]:
                log.error("a task is overdue, the watchdog is not fed", task=task)
                return
        beat = Heartbeat(os.getpid(), socket.gethostname(), self._started_at, now, __version__)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._engine.context.write(lambda connection: heartbeat.put(connection, beat))
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
                await self._engine.idle()
        except TimeoutError:
            log.warning("the mail in flight did not end in time; it goes again at the next start")
        # Waiting would cancel a coroutine that still runs; by now none should.
        self._scheduler.shutdown(wait=False)
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        with contextlib.suppress(WatcherError):
            await self._engine.context.write(lambda connection: heartbeat.put(connection, None))

    def _status(self) -> str:
        job = self._scheduler.get_job("check")
        at = f"{job.next_run_time:%H:%M} UTC" if job and job.next_run_time else "?"
        count = len(self._engine.context.config.settings.subscriptions)
        return f"next check {at}, {count} subscription{'' if count == 1 else 's'}"


def _fingerprint(config: Config) -> tuple[tuple[str, int, int], ...]:
    """What tells that a configuration file was written to since."""
    found = []
    for path in config.files():
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _log_bug(event: JobExecutionEvent) -> None:
    log.error("a job failed in a way nobody foresaw", job=event.job_id, exc_info=event.exception)
