"""Instants in words, for people at a terminal."""

from __future__ import annotations

import datetime as dt

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def moment(at: dt.datetime, zone: dt.tzinfo) -> str:
    """The instant in a zone, day of the week first: `Thu 2026-02-19 08:00 CET`."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def ago(at: dt.datetime, now: dt.datetime) -> str:
    """How far away the instant is: `12 minutes ago`, `in 3 hours`, `just now`."""
    seconds = (now - at).total_seconds()
    words = span(abs(seconds))
    if not words:
        return "just now"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def span(seconds: float) -> str:
    """The largest unit and its count, rounded down; empty under a minute."""
    for size, unit in _UNITS:
        number = int(seconds // size)
        if number:
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return ""
