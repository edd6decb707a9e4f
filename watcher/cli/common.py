"""What all commands share: options, exit codes, output, and errors as text."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec, TypeVar

import structlog
import typer

from watcher import logs
from watcher.errors import BusyError, ConfigError, StoreError, WatcherError
from watcher.lines import FULL, Lines
from watcher.settings import Config, load, log_format

_is_service: ContextVar[bool] = ContextVar("is_service", default=False)
"""Whether a service manager may have started the command, and logs what it says."""

P = ParamSpec("P")
T = TypeVar("T")

DONE = 0
ALL_SOURCES_FAILED = 1
USAGE = 2
NOT_WELL = 3
STORE = 74
BUSY = 75
BAD_CONFIG = 78

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="The TOML file. [default: the user's, else /etc/paper-watcher/config.toml]"
    ),
]
StateOption = Annotated[
    Path | None, typer.Option("--state-dir", help="Where the database and the maildir live.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
VerboseOption = Annotated[
    int, typer.Option("-v", "--verbose", count=True, help="Log more; -vv logs everything.")
]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Log errors only.")]


@dataclass(frozen=True, slots=True)
class Common:
    """The options that every command takes, wherever they stand."""

    config: Path | None = None
    state_dir: Path | None = None
    as_json: bool = False
    verbose: int = 0
    quiet: bool = False

    def load_whole(self, default_level: str | None = None) -> Config:
        """`load`, with the subscriptions that stand in the store, as far as it can be read."""
        return self.load(default_level, is_whole=True)

    def load(
        self,
        default_level: str | None = None,
        *,
        is_whole: bool = False,
        is_bare: bool = False,
        is_warned_of: bool = True,
    ) -> Config:
        """Read the configuration and set the log up. Raises ConfigError.

        `is_whole`: as `load_whole`. `is_bare`: without any subscription. `is_warned_of`: what looks
        wrong in it is said.
        """
        try:
            config = load(self.config, state_dir=self.state_dir, environ=os.environ)
            log = config.settings.log
            logs.configure(self.level(default_level or log.level), log.format, log.file)
        except ConfigError:  # to be told in the form that its reader expects
            logs.configure(self.level("info"), log_format(self.config, os.environ))
            raise
        if is_whole or is_bare:
            config = _whole(config) if is_whole else config.bare()
        for warning in config.warnings if is_warned_of else ():
            if log.format == "json" and not _is_service.get():
                structlog.get_logger().warning(warning)
            else:
                say(f"warning: {warning}", "warning")
        return config

    def level(self, default: str) -> str:
        """The log level that the flags ask for, else `default`."""
        if self.quiet:
            return "error"
        return {0: default, 1: "info"}.get(self.verbose, "debug")


def _whole(config: Config) -> Config:
    from watcher import app, effective

    try:
        with app.reading(config) as database, database.read() as connection:
            return effective.whole(config, connection)
    except StoreError:  # what needs the store tells of it
        return config


def common(
    context: typer.Context,
    config: Path | None = None,
    state_dir: Path | None = None,
    *,
    as_json: bool = False,
    verbose: int = 0,
    quiet: bool = False,
) -> Common:
    """The options of a command, over those given before its name."""
    before = context.obj if isinstance(context.obj, Common) else Common()
    return Common(
        config=config or before.config,
        state_dir=state_dir or before.state_dir,
        as_json=as_json or before.as_json,
        verbose=max(verbose, before.verbose),
        quiet=quiet or before.quiet,
    )


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """Errors that a user can cause become a sentence on stderr and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except WatcherError as error:
            if kwargs.get("as_json") or _asked_before(kwargs.get("context")):
                print_json({"error": str(error)})
            fail(str(error), exit_code(error))
        except BrokenPipeError:
            # Whoever read us has enough; say nothing, not even at the interpreter's end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(DONE) from None
        except OSError as error:
            if error.errno not in FULL:
                raise
            where = f" for {error.filename}" if error.filename else ""
            fail(f"no room left{where} ({error.strerror})", STORE)

    return run


def guarded_service(command: Callable[P, T]) -> Callable[P, T]:
    """`guarded`, for what a service manager or a timer runs: whatever it says can be an event.

    Where the journal reads stderr, or the log is in JSON, it is one, of its level and on a line of
    its own; so is an error that nobody foresaw. People at a terminal have the plain text.
    """
    within = guarded(command)

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        logs.configure("info", os.environ.get("WATCHER_LOG__FORMAT", "auto").lower())
        before = _is_service.set(True)
        try:
            return within(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            if logs.tell("critical", "ended in a way nobody foresaw", error):
                raise typer.Exit(ALL_SOURCES_FAILED) from error
            raise
        finally:
            _is_service.reset(before)

    return run


def _asked_before(context: object) -> bool:
    """Whether `--json` stood before the command's name."""
    before = getattr(context, "obj", None)
    return isinstance(before, Common) and before.as_json


def exit_code(error: WatcherError) -> int:
    """The exit code that stands for an error."""
    if isinstance(error, ConfigError):
        return BAD_CONFIG
    if isinstance(error, BusyError):
        return BUSY
    if isinstance(error, StoreError):
        return STORE
    return ALL_SOURCES_FAILED


def say(text: str, level: str = "info") -> None:
    """A line for the person at the terminal: on stderr, so that stdout stays for results.

    Of a service it is an event of that level, where its log is for machines. Never raises.
    """
    prefix = {"warning": "warning: ", "error": "watcher: "}.get(level, "")
    if not (_is_service.get() and logs.tell(level, text.removeprefix(prefix))):
        Lines.of_stderr().write(text)


def fail(text: str, code: int) -> NoReturn:
    """Say what is wrong, and end."""
    if not (_is_service.get() and logs.tell("error", text)):
        for line in text.splitlines() or [""]:
            Lines.of_stderr().write(f"watcher: {line}")
    raise typer.Exit(code)


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """A result for machines."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def is_interactive() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()
