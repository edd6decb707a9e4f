"""The papers that rules are tried on, and the days they fell on."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from watcher.models import Paper


@dataclass(frozen=True, slots=True)
class SeenPaper:
    """A paper with its facts of today, when it was first seen, and the sources that showed it.

    `votes_per_day` is what it gained while it was seen, None where that is not known.
    """

    paper: Paper
    seen_at: dt.datetime
    sources: frozenset[str] = frozenset()
    votes_per_day: float | None = None

    @property
    def seen_on(self) -> dt.date:
        """The UTC day."""
        return self.seen_at.astimezone(dt.UTC).date()


@dataclass(frozen=True, slots=True)
class Window:
    """The UTC days from `first_on` to `last_on`, both included."""

    first_on: dt.date
    last_on: dt.date

    @classmethod
    def of(cls, papers: Iterable[SeenPaper]) -> Window | None:
        """From the first to the last day on which one was seen; None without any."""
        days = {seen.seen_on for seen in papers}
        return cls(min(days), max(days)) if days else None

    @property
    def day_count(self) -> int:
        """How many days it has."""
        return (self.last_on - self.first_on).days + 1

    @property
    def days(self) -> list[dt.date]:
        """Its days in their order."""
        return [self.first_on + dt.timedelta(days=number) for number in range(self.day_count)]

    def counts(self, papers: Iterable[SeenPaper]) -> list[int]:
        """How many of the papers were first seen on each day."""
        found = Counter(seen.seen_on for seen in papers)
        return [found[day] for day in self.days]


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change of rules adds and drops, newest first."""

    added: tuple[SeenPaper, ...]
    dropped: tuple[SeenPaper, ...]

    @classmethod
    def between(cls, before: Collection[SeenPaper], after: Collection[SeenPaper]) -> Edit:
        """From what was found before and after it."""
        had, has = _ids(before), _ids(after)
        return cls(
            tuple(seen for seen in after if seen.paper.id not in had),
            tuple(seen for seen in before if seen.paper.id not in has),
        )


def _ids(papers: Iterable[SeenPaper]) -> frozenset[str]:
    return frozenset(seen.paper.id for seen in papers)
