"""An oracle for slots: the instants by zoneinfo alone, and which digests they make."""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tests.faults.rows import Tally
from tests.world import Mail

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cadence:
    """A cadence as it is written, and what it means.

    `times` on the wall clock of the days that `on` names; or `minutes` of every hour of the clock
    that runs on; or neither: after each check.
    """

    text: str
    times: tuple[dt.time, ...] = ()
    on: Callable[[dt.date], bool] = lambda _: True
    minutes: tuple[int, ...] = ()

    def slots(self, zone: ZoneInfo, start: dt.datetime, end: dt.datetime) -> Iterator[dt.datetime]:
        """The instants from `start` to `end`, in no order; some of them twice."""
        if self.minutes:
            at = start.replace(second=0, microsecond=0)
            while at <= end:
                if at >= start and at.astimezone(zone).minute in self.minutes:
                    yield at
                at += MINUTE
            return
        day = start.astimezone(zone).date() - DAY
        while day <= end.astimezone(zone).date() + DAY:
            for time in self.times if self.on(day) else ():
                if start <= (at := instant(dt.datetime.combine(day, time), zone)) <= end:
                    yield at
            day += DAY

    def latest(self, zone: ZoneInfo, now: dt.datetime) -> dt.datetime | None:
        """The last instant up to `now`."""
        back = dt.timedelta(hours=3) if self.minutes else 9 * DAY
        return max(self.slots(zone, now - back, now), default=None)


def instant(wall: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """When a clock of the zone shows this for the first time, or jumps over it."""
    at = wall.replace(tzinfo=zone).astimezone(dt.UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    at = wall.replace(tzinfo=zone, fold=1).astimezone(dt.UTC)  # before the gap
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += MINUTE
    return at


def changes(zone: ZoneInfo, year: int) -> list[tuple[dt.datetime, dt.timedelta]]:
    """The instants of a year at which the zone's clock jumps, and by how much."""
    found = []
    start = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    for quarter in range(4 * 8784):
        at = start + quarter * 15 * MINUTE
        before, after = ((at - n * MINUTE).astimezone(zone).utcoffset() for n in (1, 0))
        if before != after:
            found.append((at, (after or dt.timedelta()) - (before or dt.timedelta())))
    return found


@dataclass(slots=True)
class Reader:
    """A subscription, and the digests that it should have had: when, with which papers.

    Of several missed slots the latest counts; none comes before `known_at`, and none twice.
    """

    name: str
    cadence: Cadence
    zone: ZoneInfo
    known_at: dt.datetime
    pending: set[str] = field(default_factory=set)
    digests: list[tuple[dt.datetime, frozenset[str]]] = field(default_factory=list)
    _closed: set[dt.datetime] = field(default_factory=set)
    _seen_at: dt.datetime | None = None

    @property
    def recipient(self) -> str:
        """Who reads it: nobody else does."""
        return f"{self.name}@example.org"

    def toml(self, rule: str) -> str:
        """Its lines in the configuration."""
        return (
            f'[[subscriptions]]\nname = "{self.name}"\nto = "{self.recipient}"\n'
            f'digest = "{self.cadence.text}"\ntimezone = "{self.zone.key}"\n{rule}\n'
        )

    def tick(self, now: dt.datetime, *, is_check: bool) -> None:
        """The program has looked at its clock."""
        if self._seen_at is not None and now < self._seen_at:
            self.known_at = min(self.known_at, now)
        self._seen_at = now
        if self.cadence.times or self.cadence.minutes:
            slot = self.cadence.latest(self.zone, now)
            if slot is None or slot in self._closed or slot <= min(self.known_at, now):
                return
            self._closed.add(slot)
        elif not is_check:
            return
        if self.pending:
            self.digests.append((now, frozenset(self.pending)))
            self.pending.clear()


def compare(tally: Tally, where: str, readers: Iterable[Reader], mails: Collection[Mail]) -> None:
    """Whether each reader had their digests, each at its time, and no other."""
    came: dict[str, list[tuple[dt.datetime, frozenset[str]]]] = defaultdict(list)
    for mail in mails:
        [date] = re.findall(rb"(?m)^Date: (.*?)\r?$", mail.raw)
        sent_at = email.utils.parsedate_to_datetime(date.decode())
        came[mail.recipient].append((sent_at, frozenset(mail.paper_ids)))
    for reader in readers:
        wanted = [(at.replace(microsecond=0), papers) for at, papers in reader.digests]
        missing = [digest for digest in wanted if digest not in came[reader.recipient]]
        beyond = [digest for digest in came[reader.recipient] if digest not in wanted]
        said = f"{where}, {reader.cadence.text} ({reader.zone.key})"
        tally.expect(not missing, f"{said}: no digest {missing[:3]}")
        tally.expect(not beyond, f"{said}: a digest too many {beyond[:3]}")
        count = len(came[reader.recipient])
        tally.expect(count == len(wanted), f"{said}: {count} digests, not {len(wanted)}")
