"""The task engine: named jobs in the store's own PostgreSQL, run by procrastinate.

Jobs carry names and instants only, and nothing that matters stands in a job alone: what is due is
in the tables, and each minute's tick asks for it again. So a job may be lost, or run twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import procrastinate
import psycopg
import sqlalchemy as sa
import structlog
from procrastinate import exceptions
from procrastinate.jobs import Status
from sqlalchemy.engine import URL

from watcher.errors import StoreError, WatcherError
from watcher.store.database import patient

log = structlog.get_logger(__name__)

Task = Callable[..., Awaitable[None]]

TABLE = "procrastinate_jobs"

STALLED_AFTER = 20.0
"""Seconds without a sign of life after which a worker's jobs are given to others."""

_BEATS = 4
"""Signs of life of a worker in that time."""

LOOK_AGAIN = 1.0
"""Seconds until a worker looks for jobs that nobody told it of: those that were put off."""

AGAIN_AFTER = 2.0
"""Seconds until a worker that lost the database tries again."""

LINE = "default"
"""Where jobs stand unless they are put into a line of their own."""

_TROUBLE = (exceptions.ProcrastinateException, psycopg.Error, OSError)


_UNDER_WAY = sa.text(
    "SELECT queueing_lock FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
)


def name_of(task: str, key: str) -> str:
    """What tells a job from all others."""
    return f"{task}:{key}"


def _driver(connection: sa.Connection) -> psycopg.Connection:
    return cast("psycopg.Connection", connection.connection.driver_connection)


def _told(name: str, task: Task) -> Task:
    """The task, with what goes wrong in the log; the next tick tries again."""

    async def run(**arguments: str) -> None:
        try:
            await task(**arguments)
        except WatcherError as error:
            log.error("a job failed; the next minute tries again", job=name, error=str(error))
        except Exception:  # whatever it was, the worker goes on with others
            log.exception("a job failed in a way nobody foresaw", job=name)

    return run


class Queue:
    """The jobs of one database. `stalled_after`: as STALLED_AFTER, the same for all replicas."""

    def __init__(self, url: URL, *, stalled_after: float = STALLED_AFTER) -> None:
        self._stalled_after = stalled_after
        # Or a worker that is cut off without a word would wait for a quarter of an hour.
        place = patient(url.set(drivername="postgresql"))
        self._place = place.render_as_string(hide_password=False)
        self._app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=self._place, min_size=1, max_size=3)
        )
        # Never opened: it writes on connections that others have opened.
        self._deferring = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def prepare(self, connection: sa.Connection) -> None:
        """Make the engine's tables where they are missing. The caller sees to it being alone."""
        if sa.inspect(connection).has_table(TABLE):
            return
        connector = procrastinate.SyncPsycopgConnector(conninfo=self._place, min_size=1, max_size=1)
        try:
            with procrastinate.App(connector=connector).open() as opened:
                opened.schema_manager.apply_schema()
        except _TROUBLE as error:
            raise StoreError(f"the tables of jobs cannot be made: {error}") from error

    def put(
        self,
        connection: sa.Connection,
        task: str,
        *,
        key: str = "",
        line: str = LINE,
        after: dt.timedelta | None = None,
        **arguments: str,
    ) -> bool:
        """Have a task done, if this transaction commits; False where it waits to be done already.

        `key` tells jobs of a task apart; `line` is which it stands in; `after` puts it off.
        """
        job = self._deferring.configure_task(
            task,
            queue=line,
            queueing_lock=name_of(task, key),
            schedule_in={"seconds": after.total_seconds()} if after else None,
            connection=_driver(connection),
        )
        try:
            with connection.begin_nested():  # a refusal must not cost the whole transaction
                job.defer(**arguments)
        except exceptions.AlreadyEnqueued:
            return False
        except exceptions.ProcrastinateException as error:
            raise StoreError(f"no job can be put into the queue: {error.__cause__}") from error
        return True

    def under_way(self, connection: sa.Connection) -> set[str]:
        """The names of all jobs that wait to be done, or that somebody does."""
        return set(connection.scalars(_UNDER_WAY))

    async def work(
        self,
        tasks: Mapping[str, Task],
        stopping: asyncio.Event,
        *,
        concurrency: Mapping[str, int],
        drain_within: float,
    ) -> None:
        """Do jobs until `stopping` is set; those under way then have `drain_within` seconds.

        `concurrency` is how many of each line are done at once. Without the database it waits until
        there is one again.
        """
        for name, task in tasks.items():
            self._app.task(name=name)(_told(name, task))
        while not stopping.is_set():
            try:
                async with self._app.open_async():
                    await self._work(stopping, concurrency, drain_within)
            except _TROUBLE as error:
                log.warning("no jobs: the database does not answer", error=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), AGAIN_AFTER)

    async def _work(
        self, stopping: asyncio.Event, concurrency: Mapping[str, int], drain_within: float
    ) -> None:
        working = [
            asyncio.create_task(
                self._app.run_worker_async(
                    queues=[line],
                    concurrency=count,
                    fetch_job_polling_interval=LOOK_AGAIN,
                    shutdown_graceful_timeout=drain_within,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    update_heartbeat_interval=self._stalled_after / _BEATS,
                    stalled_worker_timeout=self._stalled_after,
                )
            )
            for line, count in concurrency.items()
        ]
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({*working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopped, *working):
                task.cancel()
        for ended in await asyncio.gather(*working, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def give_on(self) -> int:
        """Have the jobs of workers that give no sign any more done by others; how many.

        For tasks: the engine itself leaves such jobs as they are for ever.
        """
        manager = self._app.job_manager
        jobs = list(await manager.get_stalled_jobs(seconds_since_heartbeat=self._stalled_after))
        for job in jobs:
            try:
                await manager.retry_job(job)
            except exceptions.UniqueViolation:  # the same is waiting to be done already
                await manager.finish_job(job, Status.FAILED, delete_job=True)
        return len(jobs)
