"""The composition root: from settings to a database, rules, sources, a mailer, an engine."""

from __future__ import annotations

import contextlib
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import structlog

from watcher import effective
from watcher.errors import ConfigError, NoDatabaseError, StoreError
from watcher.settings import Config, require_mail
from watcher.store import known, moving, subscriptions, versions
from watcher.store.database import Database
from watcher.store.lock import InstanceLock
from watcher.takeover import changed, take_over

if TYPE_CHECKING:  # commands that only look open the database here, and need nothing of an engine
    from watcher.engine import Engine
    from watcher.pipeline.context import Context
    from watcher.rules import Ruleset

log = structlog.get_logger(__name__)


def utc_now() -> dt.datetime:
    """The wall clock."""
    return dt.datetime.now(dt.UTC)


@contextlib.contextmanager
def reading(
    config: Config, require: Callable[[Database], None] = versions.require_newest
) -> Iterator[Database]:
    """The database for a command that only looks: no lock, no change. Raises StoreError.

    `require` raises NoDatabaseError of one that is empty, StoreError of what is of no use.
    """
    try:
        database = _look_at(config, require)
    except NoDatabaseError:
        known.see_not_lost(config.state_dir, config.store_url)
        raise
    try:
        yield database
    finally:
        database.close()


def _look_at(config: Config, require: Callable[[Database], None]) -> Database:
    database = Database(config.store_url, writable=False)
    try:
        require(database)
    except StoreError:
        database.close()
        raise
    return database


@contextlib.contextmanager
def writing(
    config: Config, command: str, now: dt.datetime, *, is_new: bool = False
) -> Iterator[Database]:
    """The database for the one writer, migrated. Raises StoreError, BusyError.

    One that is missing is made where there never was one, or where it `is_new` on purpose: then
    none may be there.
    """
    database = Database(config.store_url, writable=True)
    try:
        lock = InstanceLock(database, command, now)
        try:
            if versions.is_missing(database):
                if not is_new:
                    known.see_not_lost(config.state_dir, config.store_url)
            elif is_new:
                raise StoreError(f"{database.name} is there; move it away to begin with a new one")
            else:
                versions.require_whole(database)
            copy = versions.migrate(database, now)
            if copy:
                log.warning("database migrated", copy=str(copy))
            _remember(config, now)
            yield database
        finally:
            lock.release()
    finally:
        database.close()


@contextlib.contextmanager
def sharing(config: Config, command: str, now: dt.datetime) -> Iterator[Database]:
    """The database of a server for one of several writers. Raises StoreError, BusyError.

    BusyError: a single instance writes, which none may join.
    """
    database = Database(config.store_url, writable=True)
    try:
        lock = InstanceLock(database, command, now, is_shared=True)
        try:
            if versions.is_missing(database):
                known.see_not_lost(config.state_dir, config.store_url)
            versions.migrate(database, now)
            _remember(config, now)
            yield database
        finally:
            lock.release()
    finally:
        database.close()


def _remember(config: Config, now: dt.datetime) -> None:
    try:
        known.remember(config.state_dir, config.store_url, now)
    except StoreError as error:  # a server's database can do without a state directory
        log.info("it would not be noticed if the database went missing", error=str(error))


@contextlib.contextmanager
def rehearsing(config: Config, now: dt.datetime) -> Iterator[Database]:
    """A copy of the database to be thrown away; an empty one where none is yet."""
    with tempfile.TemporaryDirectory(prefix="paper-watcher-") as folder:
        database = Database(f"sqlite:///{folder}/rehearsal.db", writable=True)
        try:
            with contextlib.suppress(NoDatabaseError):
                _copy(config, database, now)
            versions.migrate(database, now)
            yield database
        finally:
            database.close()


def _copy(config: Config, target: Database, now: dt.datetime) -> None:
    with reading(config) as origin:
        if origin.path and target.path:
            versions.backup(origin, target.path)
            return
        versions.migrate(target, now)
        with origin.read() as here, target.write() as there:
            moving.copy_rows(moving.View(origin, here), moving.View(target, there))


@contextlib.asynccontextmanager
async def running(
    config: Config,
    database: Database,
    *,
    clock: Callable[[], dt.datetime] = utc_now,
    is_rehearsal: bool = False,
    retry_wait: float = 1.0,
    record_within: float | None = None,
    token: str | None = None,
    make_engine: Callable[[Context], Engine] | None = None,
    is_bare: bool = False,
) -> AsyncIterator[Engine]:
    """An engine over an open database, with the configuration taken over. Raises WatcherError.

    `retry_wait` is about how many seconds pass before a page that failed is asked for again,
    `record_within` how many the store has to take down what has happened elsewhere. `token` names
    this process among several, which `make_engine` makes the engine of. `is_bare`: it gets its
    subscriptions from the store, and takes nothing over.
    """
    from watcher.engine import Engine

    if is_bare:
        config = config.bare()
    else:
        with database.read() as connection:
            config = effective.followed(config, connection)
    with ThreadPoolExecutor(1, thread_name_prefix="store") as writer:
        context = build(
            config,
            database,
            writer,
            clock=clock,
            last_good={} if is_bare else None,
            is_rehearsal=is_rehearsal,
            retry_wait=retry_wait,
            record_within=record_within,
            token=token,
        )
        engine = (make_engine or Engine)(context)
        await context.fetcher.__aenter__()
        try:
            if engine.leads:
                engine.context = await take_over(engine.context)
            yield engine
        finally:  # whichever fetcher a reload has left in place
            await engine.context.fetcher.__aexit__(None, None, None)


def build(
    config: Config,
    database: Database,
    writer: Executor,
    *,
    clock: Callable[[], dt.datetime],
    last_good: Mapping[str, str] | None = None,
    former: Ruleset | None = None,
    is_rehearsal: bool = False,
    retry_wait: float = 1.0,
    record_within: float | None = None,
    token: str | None = None,
) -> Context:
    """The parts that a configuration asks for. Raises ConfigError, RuleError.

    `last_good` are the definitions in the store; it is asked for them where they are not given.
    Rules that have not changed are taken from `former`.
    """
    from watcher.fetch import Fetcher
    from watcher.mail import make_mailer, make_signer
    from watcher.pipeline.context import RECORD_WITHIN, Context
    from watcher.sources import make_source

    config, ruleset = effective.compile_rules(
        config, effective.last_good_of(database) if last_good is None else last_good, former
    )
    settings = config.settings
    return Context(
        config=config,
        database=database,
        ruleset=ruleset,
        sources=tuple(make_source(s, settings.http.base_url) for s in settings.sources),
        fetcher=Fetcher(settings.http, clock=clock, wait_initial=retry_wait),
        mailer=make_mailer(settings, config.state_dir),
        signer=make_signer(config),
        writer=writer,
        clock=clock,
        is_rehearsal=is_rehearsal,
        record_within=RECORD_WITHIN if record_within is None else record_within,
        token=token,
    )


async def reload(engine: Engine, load: Callable[[], Config]) -> tuple[ConfigError, ...]:
    """Take a changed configuration up; what does not validate keeps the last good rules.

    Returns the problems. The place of the database is fixed until a restart. Raises StoreError.
    """
    from watcher.pipeline import upkeep

    async with engine.between_passes():
        old = engine.context
        try:
            config = load()
            require_mail(config)  # or it would not start either
            if engine.leads:
                config = await old.read(partial(effective.followed, config))
                last_good = await old.read(subscriptions.definitions)
            else:
                config, last_good = config.bare(), {}
            context = build(
                config,
                old.database,
                old.writer,
                clock=old.clock,
                last_good=last_good,
                former=old.ruleset,
                record_within=old.record_within,
                token=old.token,
            )
        except ConfigError as error:
            log.error("configuration not taken over", problem=str(error))
            now, problems = old.clock(), (error,)
            await old.write(
                lambda connection: upkeep.report_broken(
                    old, connection, problems, now, is_whole=False
                )
            )
            return problems
        async with contextlib.AsyncExitStack() as failure:
            await failure.enter_async_context(context.fetcher)
            if engine.leads:
                context = await take_over(context)
            failure.pop_all()
        engine.context = context
        await old.fetcher.__aexit__(None, None, None)
        return context.config.broken


async def follow(engine: Engine, load: Callable[[], Config]) -> tuple[ConfigError, ...]:
    """Take up what has changed in the store alone; the same as `reload` for less.

    The files are those that the engine's configuration was read from. Where more is to be done than
    to exchange some subscriptions, `reload` does it.
    """
    async with engine.between_passes():
        if (context := await changed(engine.context)) is not None:
            engine.context = await take_over(context)
            return context.config.broken
    return await reload(engine, load)
