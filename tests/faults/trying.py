"""All tries of one row, in a process that may be its own."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from tests.faults.rows import Tally, rows
from watcher import logs


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row, and how many seconds it took."""

    name: str
    promise: str
    tally: Tally
    seconds: float

    def line(self, day: dt.date) -> str:
        """As a line of the table, run on that day."""
        tally = self.tally
        numbers = (tally.tries, tally.lost, tally.duplicated, len(tally.unexpected))
        return as_line(self.name, self.promise, *numbers, f"{self.seconds:.0f}", day)


def tried(name: str) -> Outcome:
    """Make them."""
    logs.configure("error")
    [row] = [each for each in rows() if each.name == name]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="watcher-fault-") as directory:
        try:
            tally = row.run(row.many, Path(directory))
        except Exception:  # noqa: BLE001  # a row that breaks has failed; the others go on
            tally = Tally(unexpected=[f"the row itself broke: {traceback.format_exc()}"])
    return Outcome(row.name, row.promise, tally, time.monotonic() - started)


def as_line(*cells: object) -> str:
    """Cells as a line of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"
