"""`serve`: the pages on which people subscribe, beside the daemon or without one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import structlog
import typer

from watcher.cli.common import (
    ConfigOption,
    QuietOption,
    StateOption,
    VerboseOption,
    common,
    guarded_service,
)
from watcher.cli.owner import act_as_owner
from watcher.errors import ConfigError, NoDatabaseError, WatcherError
from watcher.settings import Config, require_mail

Serving = Callable[[Callable[[], Config]], AbstractContextManager[None]]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("serve")(serve)


@guarded_service
def serve(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    verbose: VerboseOption = 0,
    quiet: QuietOption = False,
) -> None:
    """Serve the pages of [web], on which people subscribe, until stopped."""
    from watcher.daemon import sd_notify
    from watcher.mail import make_signer
    from watcher.settings import load

    options = common(context, config, state_dir, verbose=verbose, quiet=quiet)
    loaded = options.load(is_warned_of=False)
    if not loaded.settings.web.listen:
        path, line = loaded.locate("", "web")
        raise ConfigError(
            'says nowhere to listen; write listen = "127.0.0.1:8466" below [web]',
            path=path,
            line=line,
            key="web.listen",
        )
    require_mail(loaded)
    make_signer(loaded)  # or raises, before anybody asks for a mail
    pages = _pages(loaded)
    act_as_owner(loaded.state_dir)
    _make_database(loaded)
    in_force = loaded

    def load_again() -> None:
        nonlocal in_force
        sd_notify("RELOADING=1")
        try:
            again = load(options.config, state_dir=options.state_dir, environ=os.environ)
            require_mail(again)
        except WatcherError as error:
            structlog.get_logger().error("configuration not taken over", problem=str(error))
        else:
            in_force = again
        sd_notify("READY=1")

    try:
        with pages(lambda: in_force):
            asyncio.run(_until_stopped(load_again))
    except OSError as error:
        raise _port_trouble(loaded, error) from error


async def _until_stopped(load_again: Callable[[], None]) -> None:
    from watcher.daemon import sd_notify

    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, load_again)
    sd_notify("READY=1")
    await stopped.wait()
    sd_notify("STOPPING=1")


def beside_daemon(config: Config, *, is_wanted: bool = True) -> Serving:
    """What serves the pages while `run` lasts, if it is to serve any. Raises ConfigError.

    Where the port is taken, that is logged, and mails go out all the same.
    """
    if not (is_wanted and config.settings.web.listen):
        return lambda _: nullcontext()
    pages = _pages(config)

    @contextmanager
    def serving(in_force: Callable[[], Config]) -> Iterator[None]:
        opened = pages(in_force)
        try:
            opened.__enter__()
        except OSError as error:
            structlog.get_logger().error("no pages", problem=str(_port_trouble(config, error)))
            opened = nullcontext()
        try:
            yield
        finally:
            opened.__exit__(None, None, None)

    return serving


def _pages(config: Config) -> Serving:
    with config.needing("web", "the pages need their libraries"):
        from watcher.web import serving
    return serving


def _port_trouble(config: Config, error: OSError) -> ConfigError:
    path, line = config.locate("", "web.listen")
    why = (error.strerror or str(error)).partition(" (while")[0]  # Python says there where, again
    return ConfigError(
        f"cannot listen at {config.settings.web.listen}: {why}; name another port, or"
        " end what has this one",
        path=path,
        line=line,
        key="web.listen",
    )


def _make_database(config: Config) -> None:
    """Have one, of this version: who subscribes before the first check is not lost."""
    from watcher import app

    try:
        with app.reading(config):
            return
    except NoDatabaseError:
        with app.writing(config, "serve", app.utc_now()):
            return
