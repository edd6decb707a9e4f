"""`run`, `check-now`, `migrate`: the commands that write."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from watcher.cli.common import (
    ALL_SOURCES_FAILED,
    DONE,
    NOT_WELL,
    USAGE,
    ConfigOption,
    JsonOption,
    QuietOption,
    StateOption,
    VerboseOption,
    common,
    fail,
    guarded,
    guarded_service,
    is_interactive,
    print_json,
    say,
)
from watcher.cli.owner import act_as_owner
from watcher.cli.serving import beside_daemon
from watcher.errors import BusyError, ConfigError, StoreError, WatcherError
from watcher.settings import Config, require_mail

if TYPE_CHECKING:
    from watcher.counting import Counting
    from watcher.engine import Engine, Request, Result
    from watcher.store.database import Database

MANY = 1_000


ROLES = ("all", "clock", "worker")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("run")(run)
    app.command("check-now")(check_now)
    app.command("migrate")(migrate)


@guarded_service
def run(
    context: typer.Context,
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            metavar="|".join(ROLES),
            help="Be one of several processes on one PostgreSQL; `worker-2` is a worker, too.",
        ),
    ] = None,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    verbose: VerboseOption = 0,
    quiet: QuietOption = False,
) -> None:
    """Watch for good: check by the timer, mail at each slot, until stopped."""
    from watcher import app
    from watcher.counting import Counting
    from watcher.daemon import Daemon
    from watcher.mail import make_signer
    from watcher.settings import load

    _note_early_signals()
    kind = None if role is None else role.partition("-")[0]
    if kind is not None and kind not in ROLES:
        fail(f"--role {role}: there are {', '.join(ROLES)}", USAGE)
    options = common(context, config, state_dir, verbose=verbose, quiet=quiet)
    is_worker = kind == "worker"  # it gets those that count from the store
    loaded = options.load(is_whole=not is_worker, is_bare=is_worker)
    _keep(loaded)
    require_mail(loaded)
    make_signer(loaded)  # or raises, before the database is touched
    serving = _metrics(loaded)
    # Of several processes on a machine one can have the port: workers leave it to the others.
    pages = beside_daemon(loaded, is_wanted=not is_worker)
    act_as_owner(loaded.state_dir)

    def load_again() -> Config:
        return load(options.config, state_dir=options.state_dir, environ=os.environ)

    async def watch() -> None:
        counting = Counting()
        opened = app.writing(loaded, "run", app.utc_now())
        async with _running(loaded, opened, is_told=True) as engine:
            with (
                serving(lambda: engine.context.config, counting),
                pages(lambda: engine.context.config),
            ):
                await Daemon(engine, load_again, counting=counting).run()

    async def take_part(role: str) -> None:
        from watcher.fleet import joined

        counting = Counting()
        async with joined(loaded, role) as replica:
            with (
                serving(lambda: replica.context.config, counting),
                pages(lambda: replica.context.config),
            ):
                async with replica.working():
                    await Daemon(replica, load_again, counting=counting).run()

    if kind is None:
        asyncio.run(watch())
        return
    _see_server(loaded)
    asyncio.run(take_part(kind))


def _see_server(config: Config) -> None:
    """Raise ConfigError where there can be no more than one process."""
    from watcher.store.database import name_of

    path, line = config.locate("", "store.url")
    if config.store_url.startswith("sqlite"):
        raise ConfigError(
            f"several processes (--role) need PostgreSQL, and this is {name_of(config.store_url)};"
            " without --role, one process does it all",
            path=path,
            line=line,
            key="store.url",
        )


def _note_early_signals() -> None:
    """Survive what asks for a check or for another look at the configuration before we listen.

    Both are done at the start anyhow. Not SIG_IGN, which the programs we start would inherit.
    """
    for number in (signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, lambda *_: None)


@guarded_service
def check_now(
    context: typer.Context,
    send: Annotated[
        bool, typer.Option("--send", help="Compose now, whatever the slot says.")
    ] = False,
    everyone: Annotated[
        bool, typer.Option("--all", help="With --send: every subscription.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing, send nothing; say what would be.")
    ] = False,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")
    ] = None,
    subscription: Annotated[
        list[str] | None,
        typer.Option("--subscription", help="Compose only for this one; may be repeated."),
    ] = None,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    quiet: QuietOption = False,
) -> None:
    """One pass: fetch, match, and deliver what is due."""
    from watcher import app
    from watcher.mail import make_signer

    options = common(context, config, state_dir, as_json=as_json, verbose=verbose, quiet=quiet)
    if send and not everyone and not subscription:
        fail("--send needs --subscription NAME or --all", USAGE)
    loaded = options.load_whole("warning")
    _keep(loaded)
    request = _request(loaded, source, subscription, is_sent=send)
    if not is_interactive() and not dry_run:
        require_mail(loaded)
    make_signer(loaded)
    act_as_owner(loaded.state_dir)
    now = app.utc_now()
    opened = app.rehearsing(loaded, now) if dry_run else app.writing(loaded, "check-now", now)

    async def check() -> Result:
        is_told = not (dry_run or source or subscription)
        async with _running(loaded, opened, is_told=is_told, is_rehearsal=dry_run) as engine:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, engine.stopping.set)
            if sys.stderr.isatty() and not options.as_json and not options.quiet:
                engine.on_source = lambda name: say(f"reading {name} …")
            return await _pass(engine, request, is_told=is_told)

    result = asyncio.run(check())
    if options.as_json:
        print_json(as_contract(result))
    elif not options.quiet:
        _report(loaded, result, is_dry=dry_run)
    if result.all_sources_failed:
        raise typer.Exit(ALL_SOURCES_FAILED)
    raise typer.Exit(DONE if result.is_well else NOT_WELL)


def _metrics(
    config: Config,
) -> Callable[[Callable[[], Config], Counting], AbstractContextManager[None]]:
    """What serves the metrics, or does nothing where none are wanted. Raises ConfigError."""
    if not config.settings.metrics.listen:
        return lambda _, __: nullcontext()
    with config.needing("metrics", "metrics need their library"):
        from watcher.metrics import serving
    return serving


@contextlib.asynccontextmanager
async def _running(
    config: Config,
    opened: AbstractContextManager[Database],
    *,
    is_told: bool,
    is_rehearsal: bool = False,
) -> AsyncIterator[Engine]:
    """An engine; `is_told`: a dead man's switch hears it where the database cannot be used."""
    from watcher import app

    async with contextlib.AsyncExitStack() as stack:
        try:
            database = stack.enter_context(opened)
            engine = await stack.enter_async_context(
                app.running(config, database, is_rehearsal=is_rehearsal)
            )
        except BusyError:  # another one watches
            raise
        except StoreError:
            if is_told:
                await _tell(config, is_good=False)
            raise
        yield engine


async def _pass(engine: Engine, request: Request, *, is_told: bool) -> Result:
    """A pass; `is_told`: a dead man's switch hears how it ended, as it does of the daemon's."""
    config = engine.context.config
    try:
        result = await engine.run_pass(request)
    except WatcherError:
        if is_told:
            await _tell(config, is_good=False)
        raise
    if is_told and result.is_well:
        await _tell(config, is_good=True)
    return result


async def _tell(config: Config, *, is_good: bool) -> None:
    """Tell a dead man's switch."""
    from watcher.fetch import ping

    settings = config.settings
    error = await ping(settings.health.ping_url, settings.http, is_good=is_good)
    if error is not None:
        structlog.get_logger().warning("the dead man's switch was not reached", error=error)


def _keep(config: Config) -> None:
    """Spare thousands of subscriptions the search for garbage: all of them stay."""
    if len(config.settings.subscriptions) >= MANY:
        gc.freeze()


def _request(
    config: Config, sources: list[str] | None, subscriptions: list[str] | None, *, is_sent: bool
) -> Request:
    from watcher.cli.names import pick
    from watcher.engine import Request

    known_sources = [source.name for source in config.settings.sources]
    known = {s.id: s.name for s in config.settings.subscriptions}
    return Request(
        sources={pick("source", name, dict.fromkeys(known_sources, "")) for name in sources}
        if sources
        else None,
        subscriptions={pick("subscription", name, known) for name in subscriptions}
        if subscriptions
        else None,
        manual_run=f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S.%fZ}" if is_sent else None,
    )


def as_contract(result: Result) -> dict[str, object]:
    """What `check-now --json` prints; scripts rely on these names."""
    return {
        "sources": [
            {
                "name": source.source,
                "outcome": source.outcome.value,
                "papers": source.paper_count,
                "new": source.new_count,
                "error": source.error,
            }
            for source in result.sources
        ],
        "matches": result.match_count,
        "digests": result.digest_count,
        "delivered": result.delivered_count,
        "pending": result.pending_count,
        "failed": result.failed_count,
    }


def _report(config: Config, result: Result, *, is_dry: bool) -> None:
    from watcher.cli.tables import count, table
    from watcher.store.database import name_of

    table(
        ("source", "outcome", "papers", "new", ""),
        [
            (s.source, s.outcome.value, str(s.paper_count), str(s.new_count), s.error or "")
            for s in result.sources
        ],
    )
    parts = [
        count(result.match_count, "new match", "new matches"),
        count(result.digest_count, "digest"),
        f"{result.delivered_count} delivered",
        f"{result.pending_count} waiting",
    ]
    if result.failed_count:
        parts.append(f"{result.failed_count} failed for good")
    print(("Nothing was written or sent. Would be: " if is_dry else "") + ", ".join(parts))
    if result.is_cut_short:
        say("it was stopped before it was through; the next one goes on", "warning")
    if result.mail_error:
        say(f"mail is stuck: {result.mail_error}", "warning")
    elif result.pending_count and not is_dry:
        print("What waits goes out at its slot: `watcher status` shows when.")
        print("To have it now: `watcher check-now --send --all`.")
    say(f"config {config.path}, database {name_of(config.store_url)}")


@guarded
def migrate(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the database up to this version, after a copy of it."""
    from watcher import app

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning")
    act_as_owner(loaded.state_dir)
    # Replicas go on meanwhile: what an upgrade adds does not concern those of the version before.
    is_file = loaded.store_url.startswith("sqlite")
    opened = app.writing if is_file else app.sharing
    with opened(loaded, "migrate", app.utc_now()) as database:
        if options.as_json:
            print_json({"database": database.name})
        else:
            print(f"{database.name} is up to date")
