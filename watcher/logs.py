"""Where the log goes and how it looks: stderr or a file; for people, for journals, for machines."""

from __future__ import annotations

import io
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import structlog

from watcher.errors import ConfigError
from watcher.lines import Lines

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Levels as the journal has them, in front of a line: sd-daemon(3)."""

_TRACEBACKS = {"exception", "stack"}


def configure(level: str, form: str = "auto", path: Path | None = None) -> Lines:
    """Set the log up, once at the start of a command; where its lines go.

    `form` auto is coloured on a terminal (unless NO_COLOR), plain elsewhere: a line for each event,
    under systemd with the level as the journal has it, and without the instant, which the journal
    adds itself. Raises ConfigError where the file cannot be written, but not of a full disk;
    from then on logging never raises.
    """
    try:
        lines = Lines.of_stderr() if path is None else Lines(path=path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", key="log.file") from error
    structlog.configure(
        processors=_processors(lines, form),
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=_Factory(lines, form),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.ERROR, handlers=[_Forwarding()])
    return lines


def tell(level: str, event: str, error: BaseException | None = None) -> bool:
    """Log what a person at a terminal is told on stderr; whether stderr has it as an event now.

    It does where the journal reads it, or where it is a log in JSON and no terminal. With a log in
    a file that file has it, too. `error` is one that nobody foresaw: its traceback is added.
    """
    factory = structlog.get_config()["logger_factory"]
    if not isinstance(factory, _Factory):
        return False
    lines, form = factory.lines, factory.form
    log, number = structlog.get_logger(), logging.getLevelNamesMapping()[level.upper()]
    if lines.path is None:
        is_event = lines.is_journal or (form == "json" and not lines.is_terminal)
        if is_event:
            log.log(number, event, exc_info=error)
        return is_event
    log.log(number, event, exc_info=error)
    stderr = Lines.of_stderr()
    if stderr.is_journal:
        structlog.wrap_logger(
            _Logger(stderr),
            processors=_processors(stderr, form),
            wrapper_class=type(log.bind()),
        ).log(number, event, exc_info=error)
    return stderr.is_journal


def _processors(lines: Lines, form: str) -> list[structlog.typing.Processor]:
    is_journal, is_terminal = lines.is_journal, lines.is_terminal
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
        _tell_lost(lines),
    ]
    if not is_journal or form == "json":
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    if form == "json":
        # Without the variables of the frames: a password is one of them.
        traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        processors.append(structlog.processors.ExceptionRenderer(traceback))
        render: structlog.typing.Processor = structlog.processors.JSONRenderer(
            ensure_ascii=not lines.is_unicode
        )
    else:
        is_coloured = form != "plain" and is_terminal and not os.environ.get("NO_COLOR")
        processors.append(_printable)
        render = structlog.dev.ConsoleRenderer(
            colors=is_coloured, exception_formatter=_plain_traceback
        )
    processors.append(_lined(render, is_one=not is_terminal, is_journal=is_journal))
    return processors


@dataclass(frozen=True, slots=True)
class _Factory:
    """Makes the loggers of structlog; what it was set up with can be asked of it."""

    lines: Lines
    form: str

    def __call__(self, *_: object) -> _Logger:
        return _Logger(self.lines)


class _Logger:
    """What structlog hands the finished lines to, by the name of their level."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def msg(self, line: str) -> None:
        """Write the line, or lose it."""
        self._lines.write(line)

    debug = info = warning = error = critical = exception = msg


class _Forwarding(logging.Handler):
    """Has what libraries log look like the rest."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as an event of our own log."""
        try:
            said = record.getMessage()
        except Exception:  # noqa: BLE001  # as in `logging`: whoever logs is not to fail by it
            said = str(record.msg)
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        log = structlog.get_logger()
        log.log(level, said, logger=record.name, exc_info=record.exc_info)


def _tell_lost(lines: Lines) -> structlog.typing.Processor:
    """After lines that could not be written, the first that can says how many those were."""

    def tell(
        _: structlog.typing.WrappedLogger, __: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        if lines.lost_count:
            event["lines_lost"] = lines.lost_count
        return event

    return tell


def _printable(
    _: structlog.typing.WrappedLogger, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Values without control characters: what a server says must not look like a line of ours."""
    return {
        key: "".join(map(_harmless, value))
        if isinstance(value, str) and key not in _TRACEBACKS
        else value
        for key, value in event.items()
    }


def _plain_traceback(out: TextIO, error: structlog.typing.ExcInfo) -> None:
    """What the exceptions say is another's text as well."""
    found = io.StringIO()
    structlog.dev.plain_traceback(found, error)
    out.write("\n".join("".join(map(_harmless, line)) for line in found.getvalue().split("\n")))


def _harmless(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\ufffd"


def _lined(
    render: structlog.typing.Processor, *, is_one: bool, is_journal: bool
) -> structlog.typing.Processor:
    """The event as a line: `is_one` keeps tracebacks in it, the journal has its level in front."""

    def line(
        logger: structlog.typing.WrappedLogger, level: str, event: structlog.typing.EventDict
    ) -> str:
        text = str(render(logger, level, event))
        if is_one:
            text = text.replace("\n", "\\n")
        return f"<{_PRIORITIES.get(level, 6)}>{text}" if is_journal else text

    return line
