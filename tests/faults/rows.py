"""The rows of the table: each tries one fault so many times, and tallies what came of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import tests.faults


@dataclass(slots=True)
class Tally:
    """What a row counted.

    `lost` and `duplicated` are (recipient, paper) pairs: owed and never mailed, mailed more than
    once. `unexpected` are sentences on whatever was not as promised, losses and duplicates that are
    not allowed among it.
    """

    tries: int = 0
    lost: int = 0
    duplicated: int = 0
    unexpected: list[str] = field(default_factory=list)

    def expect(self, holds: object, otherwise: str) -> None:
        """Note what is not as promised."""
        if not holds:
            self.unexpected.append(otherwise)

    def add(self, other: Tally) -> None:
        """Count the tries of another tally as well."""
        self.tries += other.tries
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.unexpected += other.unexpected


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: `run` makes that many tries in a directory of its own.

    `is_alone`: all of them need the machine for themselves, because real seconds count.
    """

    name: str
    promise: str
    few: int
    many: int
    is_alone: bool
    run: Callable[[int, Path], Tally]


ALL = 10**6
"""More than any row has cases: `many` of one that makes as many tries as there are of these."""

_ROWS: dict[str, Row] = {}


def row(
    name: str, promise: str, *, few: int, many: int, is_alone: bool = False
) -> Callable[[Callable[[int, Path], Tally]], Callable[[int, Path], Tally]]:
    """Make a function a row: `few` tries in the tests, `many` in `make faults`."""

    def register(run: Callable[[int, Path], Tally]) -> Callable[[int, Path], Tally]:
        if name in _ROWS:
            raise ValueError(f"there are two rows {name!r}")
        _ROWS[name] = Row(name, promise, few, many, is_alone, run)
        return run

    return register


def rows() -> list[Row]:
    """Every row of the modules beside this one."""
    for module in pkgutil.iter_modules(tests.faults.__path__):
        if module.name.startswith("of_"):
            importlib.import_module(f"tests.faults.{module.name}")
    return list(_ROWS.values())
