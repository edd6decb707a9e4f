"""Where the log goes and how it looks: stderr or a file; for people, for journals, for machines."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TextIO

import structlog

from watcher.errors import ConfigError

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(level: str, form: str = "auto", path: Path | None = None) -> TextIO:
    """Set the log up, once at the start of a command; the stream it goes to.

    `form` auto is coloured on a terminal (unless NO_COLOR), plain elsewhere; under systemd without
    the instant, which the journal adds itself. Raises ConfigError where the file cannot be written.
    """
    stream: TextIO = sys.stderr
    if path is not None:
        try:
            stream = path.open("a", encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error.strerror}", key="log.file"
            ) from error
    is_terminal = stream.isatty()
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
    ]
    if "JOURNAL_STREAM" not in os.environ or path is not None or form == "json":
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    if form == "json":
        processors += [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        colours = form != "plain" and is_terminal and not os.environ.get("NO_COLOR")
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=colours, exception_formatter=structlog.dev.plain_traceback
            )
        )
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        stream=stream, level=logging.ERROR, format="%(levelname)s %(name)s %(message)s"
    )
    return stream
