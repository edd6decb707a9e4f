"""When slots and checks fall: instants computed from a cadence or a cron line in a zone.

A line that names hours or days is read on the wall clock: what falls into the hour that is skipped
in spring happens once, at the end of the gap; what falls into the hour that comes twice in autumn
happens once, in the first pass. A line of minutes only (`*/30 * * * *`) is read on the clock that
runs on, so that no hour goes without.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from cronsim import CronSim

from watcher.settings.cadence import Cadence, parse_cadence

__all__ = [
    "Cadence",
    "describe",
    "latest_slot",
    "next_check",
    "next_slot",
    "parse_cadence",
    "previous_check",
]

_SECOND = dt.timedelta(seconds=1)
_DAY_NAMES = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}


def latest_slot(
    cadence: Cadence, zone: ZoneInfo, *, after: dt.datetime, now: dt.datetime
) -> dt.datetime | None:
    """The last scheduled UTC instant in (`after`, `now`]: of several missed ones, the latest.

    None where there is none, and always for `each-check`.
    """
    if cadence.cron is None:
        return None
    slot = next(_backwards(cadence.cron, zone, now), None)
    return slot if slot is not None and slot > after else None


def next_slot(cadence: Cadence, zone: ZoneInfo, *, after: dt.datetime) -> dt.datetime | None:
    """The first scheduled UTC instant after `after`; None for `each-check`."""
    if cadence.cron is None:
        return None
    return next(_forwards(cadence.cron, zone, after), None)


def next_check(cron: str, zone: ZoneInfo, after: dt.datetime) -> dt.datetime:
    """The first UTC instant of a cron line after `after`. ValueError where it never comes."""
    for instant in _forwards(cron, zone, after):
        return instant
    raise ValueError(f"{cron} never comes")


def previous_check(cron: str, zone: ZoneInfo, at: dt.datetime) -> dt.datetime:
    """The last UTC instant of a cron line that is not after `at`. ValueError where none was."""
    for instant in _backwards(cron, zone, at):
        return instant
    raise ValueError(f"{cron} never came")


def describe(cadence: Cadence, zone: ZoneInfo | None = None) -> str:
    """In words: `weekdays at 08:00 (Asia/Tokyo)`, or without the zone where none is given."""
    where = f" ({zone.key})" if zone else ""
    if cadence.cron is None:
        return "after each check"
    if cadence.text == "hourly":
        return "every hour"
    days, _, time = cadence.text.removeprefix("weekly ").rpartition(" ")
    if ":" not in time:
        said = CronSim(cadence.cron, dt.datetime(2026, 1, 1)).explain()  # noqa: DTZ001  # not used
        return f"{said[:1].lower()}{said[1:]}{where}"
    if days not in {"daily", "weekdays"}:
        names = [_DAY_NAMES[day] for day in days.split(",")]
        days = f"every {' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))}"
    return f"{days} at {time}{where}"


def _forwards(cron: str, zone: ZoneInfo, after: dt.datetime) -> Iterator[dt.datetime]:
    """The instants after `after`, in their order."""
    start = after.astimezone(zone).replace(microsecond=0)
    return (at for at in _instants(cron, zone, start, is_reverse=False) if at > after)


def _backwards(cron: str, zone: ZoneInfo, until: dt.datetime) -> Iterator[dt.datetime]:
    """The instants up to `until`, the last one first."""
    start = (until + _SECOND).replace(microsecond=0).astimezone(zone)
    return (at for at in _instants(cron, zone, start, is_reverse=True) if at <= until)


def _instants(
    cron: str, zone: ZoneInfo, start: dt.datetime, *, is_reverse: bool
) -> Iterator[dt.datetime]:
    if _is_of_minutes(cron):
        return (at.astimezone(dt.UTC) for at in CronSim(cron, start, reverse=is_reverse))
    naive = start.replace(tzinfo=None)
    if is_reverse:
        # In the second pass of a doubled hour, the first one's wall clock is ahead.
        naive += max(_offset(start.replace(fold=0)) - _offset(start), dt.timedelta())
    return (_instant(wall, zone) for wall in CronSim(cron, naive, reverse=is_reverse))


def _offset(local: dt.datetime) -> dt.timedelta:
    return local.utcoffset() or dt.timedelta()


def _is_of_minutes(cron: str) -> bool:
    return cron.split()[1:] == ["*"] * 4


def _instant(naive: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """When the wall clock shows `naive` for the first time, or jumps over it."""
    at = naive.replace(tzinfo=zone).astimezone(dt.UTC)
    if at.astimezone(zone).replace(tzinfo=None) == naive:
        return at
    # With the offset from after the gap it lies before the gap, with the one from before, after.
    start = naive.replace(tzinfo=zone, fold=1).astimezone(dt.UTC)
    before = _offset(start.astimezone(zone))
    jump = bisect.bisect_left(
        range(int((at - start) / _SECOND)),
        1,
        key=lambda seconds: _offset((start + seconds * _SECOND).astimezone(zone)) != before,
    )
    return start + jump * _SECOND
