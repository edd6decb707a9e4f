"""Dates and numbers as people read them, the same on every machine."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watcher.errors import RenderError

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises RenderError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RenderError(
            f"there is no time zone {name!r}; set a name such as Europe/Paris"
        ) from error


def short_day(on: dt.date) -> str:
    """As in `Thu 19 Feb`."""
    return f"{_DAYS[on.weekday()]} {on.day} {_MONTHS[on.month - 1]}"


def long_day(on: dt.date) -> str:
    """As in `Thu 19 Feb 2026`."""
    return f"{short_day(on)} {on.year}"


def instant(at: dt.datetime, tz: dt.tzinfo = dt.UTC) -> str:
    """As in `Thu 19 Feb 2026, 08:00 UTC`."""
    local = at.astimezone(tz)
    return f"{long_day(local.date())}, {local:%H:%M} {tz}"


def published(at: dt.datetime, tz: dt.tzinfo, today: dt.date) -> str:
    """The day a paper came out: `12 Feb`, and with the year unless it is this one.

    Midnight UTC stands for a day without an hour, which no zone shifts.
    """
    utc = at.astimezone(dt.UTC)
    try:
        on = utc.date() if utc.time() == dt.time() else utc.astimezone(tz).date()
    except OverflowError:  # the first and last days of the calendar
        on = utc.date()
    day = f"{on.day} {_MONTHS[on.month - 1]}"
    return day if on.year == today.year else f"{day} {on.year}"


def counted(count: int, noun: str) -> str:
    """As in `1 paper`, `7 papers`, `1.7k stars`."""
    return f"{compact(count)} {noun if count == 1 else noun + 's'}"


def compact(count: int) -> str:
    """As in `950`, `1.7k`, `110k`, `1.2M`."""
    if count < 1000:
        return str(count)
    amount, unit = (count / 1000, "k") if count < 999_500 else (count / 1_000_000, "M")
    return f"{amount:.1f}{unit}".replace(".0", "") if amount < 99.95 else f"{amount:.0f}{unit}"
