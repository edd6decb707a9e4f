"""One line of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; a `warning` may be meant so."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing; where it is not ok, `text` says what to do."""

    about: str
    level: Level
    text: str


def ok(about: str, text: str) -> Finding:
    """All is well with it."""
    return Finding(about, Level.OK, text)


def warning(about: str, text: str) -> Finding:
    """It may be meant so."""
    return Finding(about, Level.WARNING, text)


def problem(about: str, text: str) -> Finding:
    """It cannot stay so."""
    return Finding(about, Level.PROBLEM, text)
