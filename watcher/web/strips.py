"""The last checks of a source as a strip of cells, the newest at the right.

What was good stands above the line, what failed hangs below it, what was half good is on it: it is
seen without colours, too.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from watcher.models import Outcome
from watcher.overview import LOOKED_THROUGH, OUTCOME_WORDS
from watcher.store.checks import Check
from watcher.when import moment

WIDTH = 10
"""Of a cell with the gap behind it, in units of the picture, as are all below."""

HEIGHT, LINE = 48, 30
_TALLEST = 28


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of check: its class, what is said of it, and where its bar begins and how tall."""

    name: str
    words: str
    summary: str
    y: int
    height: int


NEWS = Kind("news", "good, with new papers", "good", LINE - _TALLEST, _TALLEST)
GOOD = Kind("good", "good, nothing new", "good", LINE - 14, 14)
DEGRADED = Kind("degraded", "degraded: the page has changed", "degraded", LINE - 8, 16)
FAILED = Kind("failed", "failed, or refused by the firewall", "failed", LINE, HEIGHT - LINE)
PUT_OFF = Kind("put-off", "put off by the rate limit", "put off", LINE, 8)
OPEN = Kind("open", "under way, or cut short", "without an end", LINE - 3, 3)

KINDS = (NEWS, GOOD, DEGRADED, FAILED, PUT_OFF, OPEN)

_KIND_OF = {
    None: OPEN,
    Outcome.DEGRADED: DEGRADED,
    Outcome.FAILED: FAILED,
    Outcome.BLOCKED: FAILED,
    Outcome.RATE_LIMITED: PUT_OFF,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A check: where it stands, and what became of it."""

    x: int
    kind: Kind
    at: str
    words: str
    check: Check

    @property
    def title(self) -> str:
        """All that is known of it, in a line."""
        check = self.check
        papers = f", {check.paper_count} papers, {check.new_count} new" if check.paper_count else ""
        return f"{self.at}: {self.words}{papers}" + (f" ({check.error})" if check.error else "")


@dataclass(frozen=True, slots=True)
class Strip:
    """The cells, the oldest first, and all in one sentence."""

    cells: tuple[Cell, ...]
    summary: str
    new_count: int


def strip(checks: Sequence[Check], zone: dt.tzinfo) -> Strip:
    """The strip of these checks, which are the newest first."""
    first = LOOKED_THROUGH - len(checks)
    cells = tuple(
        Cell(
            (first + at) * WIDTH,
            _kind(check),
            moment(check.started_at, zone),
            OUTCOME_WORDS[check.outcome] if check.outcome else OPEN.words,
            check,
        )
        for at, check in enumerate(reversed(checks))
    )
    return Strip(cells, _summary(cells), sum(check.new_count for check in checks))


def _kind(check: Check) -> Kind:
    if check.outcome and check.outcome.is_good:
        return NEWS if check.new_count else GOOD
    return _KIND_OF[check.outcome]


def _summary(cells: Sequence[Cell]) -> str:
    if not cells:
        return "Not checked yet"
    counts = Counter(cell.kind.summary for cell in cells)
    words = dict.fromkeys(kind.summary for kind in KINDS)
    told = ", ".join(f"{counts[each]} {each}" for each in words if counts[each])
    return (
        f"Last {len(cells)} checks: {told}" if len(cells) > 1 else f"The only check so far: {told}"
    )
