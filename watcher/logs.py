"""Where the log goes and how it looks: stderr or a file; for people, for journals, for machines."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import TextIO, cast

import structlog

from watcher.errors import ConfigError

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Levels as the journal has them, in front of a line: sd-daemon(3)."""

_TRACEBACKS = {"exception", "stack"}


def configure(level: str, form: str = "auto", path: Path | None = None) -> TextIO:
    """Set the log up, once at the start of a command; the stream it goes to.

    `form` auto is coloured on a terminal (unless NO_COLOR), plain elsewhere: a line for each event,
    under systemd with the level as the journal has it, and without the instant, which the journal
    adds itself. Raises ConfigError where the file cannot be written.
    """
    stream: TextIO = sys.stderr if path is None else _opened(path)
    is_journal = _is_journal(stream)
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
    ]
    if not is_journal or form == "json":
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    if form == "json":
        # Without the variables of the frames: a password is one of them.
        traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        processors.append(structlog.processors.ExceptionRenderer(traceback))
        render: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        is_coloured = form != "plain" and stream.isatty() and not os.environ.get("NO_COLOR")
        processors.append(_printable)
        render = structlog.dev.ConsoleRenderer(
            colors=is_coloured, exception_formatter=structlog.dev.plain_traceback
        )
    processors.append(_lined(render, is_one=not stream.isatty(), is_journal=is_journal))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Lenient(stream))),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.ERROR, handlers=[_Forwarding()])
    return stream


def _opened(path: Path) -> TextIO:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        stream = path.open("a", encoding="utf-8")
        if os.geteuid() == 0:  # or what root looks at once, the service could not go on with
            owner = path.parent.stat()
            os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", key="log.file") from error
    return stream


class _Lenient:
    """A stream of which what cannot be written, on a full disk, is left out: it stops no mail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


class _Forwarding(logging.Handler):
    """Has what libraries log look like the rest."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as an event of our own log."""
        log = structlog.get_logger()
        said, about = record.getMessage(), record.exc_info
        log.log(record.levelno, said, logger=record.name, exc_info=about)


def _is_journal(stream: TextIO) -> bool:
    """Whether the journal reads this very stream; the variable outlives a redirection."""
    journal = os.environ.get("JOURNAL_STREAM")
    if not journal:
        return False
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no stream of the system's
        return False
    return journal == f"{there.st_dev}:{there.st_ino}"


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
