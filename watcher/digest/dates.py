"""Dates as people read them in their language, the same on every machine."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_skeleton

from watcher.digest.language import ENGLISH, Language
from watcher.errors import RenderError

_Skeleton = Literal["MMMEd", "yMMMEd", "MMMd", "yMMMd", "yMMMMd", "yMMM"]

# The day before the month, without commas: neither American nor British, and short in a subject.
_IN_ENGLISH: dict[_Skeleton, str] = {
    "MMMEd": "EEE d MMM",
    "yMMMEd": "EEE d MMM y",
    "MMMd": "d MMM",
    "yMMMd": "d MMM y",
    "yMMMMd": "d MMMM y",
    "yMMM": "MMM y",
}


def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises RenderError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RenderError(
            f"there is no time zone {name!r}; set a name such as Europe/Paris"
        ) from error


def short_day(on: dt.date, language: Language = ENGLISH) -> str:
    """As in `Thu 19 Feb`."""
    return _written(on, "MMMEd", language)


def long_day(on: dt.date, language: Language = ENGLISH) -> str:
    """As in `Thu 19 Feb 2026`."""
    return _written(on, "yMMMEd", language)


def day(on: dt.date, language: Language = ENGLISH) -> str:
    """As in `19 Feb 2026`."""
    return _written(on, "yMMMd", language)


def day_of_year(on: dt.date, language: Language = ENGLISH) -> str:
    """As in `19 Feb`."""
    return _written(on, "MMMd", language)


def month(on: dt.date, language: Language = ENGLISH) -> str:
    """As in `Feb 2026`."""
    return _written(on, "yMMM", language)


def whole_day(on: dt.date, language: Language = ENGLISH) -> str:
    """As in `19 February 2026`."""
    return _written(on, "yMMMMd", language)


def instant(at: dt.datetime, tz: dt.tzinfo = dt.UTC, language: Language = ENGLISH) -> str:
    """As in `Thu 19 Feb 2026, 08:00 UTC`."""
    local = at.astimezone(tz)
    day, time = long_day(local.date(), language), f"{local:%H:%M}"
    return language.say("%(day)s, %(time)s %(zone)s", day=day, time=time, zone=tz)


def moment(at: dt.datetime, tz: dt.tzinfo, language: Language) -> str:
    """As in `Thu 19 Feb, 08:00`: lately, in the reader's own zone."""
    local = at.astimezone(tz)
    day, time = short_day(local.date(), language), f"{local:%H:%M}"
    return language.say("%(day)s, %(time)s", day=day, time=time)


def published(at: dt.datetime, tz: dt.tzinfo, today: dt.date, language: Language = ENGLISH) -> str:
    """The day a paper came out: `12 Feb`, and with the year unless it is this one.

    Midnight UTC stands for a day without an hour, which no zone shifts.
    """
    utc = at.astimezone(dt.UTC)
    try:
        on = utc.date() if utc.time() == dt.time() else utc.astimezone(tz).date()
    except OverflowError:  # the first and last days of the calendar
        on = utc.date()
    return _written(on, "MMMd" if on.year == today.year else "yMMMd", language)


def _written(on: dt.date, skeleton: _Skeleton, language: Language) -> str:
    if language is ENGLISH:
        return format_date(on, _IN_ENGLISH[skeleton], locale=language.locale)
    return format_skeleton(skeleton, on, locale=language.locale)
