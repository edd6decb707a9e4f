"""Pages of the site, and what was found on them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from watcher.models.papers import Paper

PageKind = Literal["daily", "weekly", "monthly", "trending", "search"]


class Outcome(StrEnum):
    """What became of a check of a source."""

    OK = "ok"
    UNCHANGED = "unchanged"
    EMPTY = "empty"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate-limited"
    FAILED = "failed"
    DEGRADED = "degraded"

    @property
    def is_good(self) -> bool:
        """Whether the source said all it has to say."""
        return self in {Outcome.OK, Outcome.UNCHANGED, Outcome.EMPTY}


@dataclass(frozen=True, slots=True)
class Period:
    """A day, ISO week or month of the site's calendar (UTC); `start_on` is its first day."""

    kind: Literal["day", "week", "month"]
    start_on: dt.date

    @property
    def key(self) -> str:
        """As in the site's paths: `2026-02-19`, `2026-W08`, `2026-02`."""
        if self.kind == "day":
            return self.start_on.isoformat()
        if self.kind == "week":
            year, week, _ = self.start_on.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.start_on:%Y-%m}"

    @property
    def next(self) -> Period:
        """The period after this one."""
        if self.kind == "day":
            return Period("day", self.start_on + dt.timedelta(days=1))
        if self.kind == "week":
            return Period("week", self.start_on + dt.timedelta(days=7))
        return Period(
            "month", (self.start_on.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        )

    @property
    def start_at(self) -> dt.datetime:
        """The first instant."""
        return dt.datetime.combine(self.start_on, dt.time(), dt.UTC)

    @property
    def end_at(self) -> dt.datetime:
        """The first instant after it."""
        return self.next.start_at

    @classmethod
    def containing(cls, kind: Literal["day", "week", "month"], at: dt.datetime) -> Period:
        """The period of that kind in which `at` (aware) falls."""
        on = at.astimezone(dt.UTC).date()
        if kind == "week":
            on -= dt.timedelta(days=on.weekday())
        elif kind == "month":
            on = on.replace(day=1)
        return cls(kind, on)

    @classmethod
    def parse(cls, key: str) -> Period:
        """The period a `key` names; ValueError where it names none."""
        if "-W" in key:
            year, week = key.split("-W")
            return cls("week", dt.date.fromisocalendar(int(year), int(week), 1))
        if len(key) == 7:
            return cls("month", dt.date.fromisoformat(f"{key}-01"))
        return cls("day", dt.date.fromisoformat(key))


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One GET. `period` is what was asked of a dated source; the validators make it conditional."""

    source: str
    url: str
    form: Literal["page", "api", "paper"] = "page"
    period: Period | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One HTTP answer, whole and decompressed. 304 has an empty body; `url` is the final one."""

    request: PageRequest
    url: str
    status: int
    body: bytes
    fetched_at: dt.datetime
    etag: str | None = None
    last_modified: str | None = None
    next_url: str | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether the site said that what was seen last still stands."""
        return self.status == 304


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that could not become a Paper: `position` in its page (from 0), and why."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The papers one answer held, in its order.

    `origin` is the layer they were read from. `period` is the one the answer itself names (a
    weekend page answers with another day's), None for trending and search. `says_empty`: it
    states that it has no papers. `has_marks`: it bears the page's own marks. `notes` are
    oddities worth a line to the operator.
    """

    source: str
    url: str
    papers: tuple[Paper, ...]
    observed_at: dt.datetime
    origin: Literal["json", "dom", "api"] = "json"
    period: Period | None = None
    skipped: tuple[Skipped, ...] = ()
    has_marks: bool = True
    says_empty: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a source was not read that had consequences, told once it is over.

    `unit` and `caught_up_count`: the dated pages read afterwards. Without them: what came and went
    in between was not seen.
    """

    source: str
    since_at: dt.datetime
    until_at: dt.datetime
    unit: Literal["day", "week", "month"] | None = None
    caught_up_count: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Checks of a source in a row, none of them good; `until_at` None: the last one too.

    `is_degraded`: it was read, but not as it usually is.
    """

    source: str
    since_at: dt.datetime
    until_at: dt.datetime | None = None
    is_degraded: bool = False
