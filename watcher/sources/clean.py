"""From what a site sends to values that can be trusted: bounded, and None where they are not sound.

Every function takes any JSON value; what it returns is safe to store and to print as text.
"""

from __future__ import annotations

import datetime as dt
import re

from watcher.models import Period

MAX_TITLE = 1_000
MAX_ABSTRACT = 20_000
MAX_NAME = 200
MAX_URL = 2_000
MAX_AUTHORS = 2_000
MAX_KEYWORDS = 100
MAX_MEDIA = 20
MAX_COUNT = 10**9

_UNWANTED = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
_ID = re.compile(r"([0-9]{4}\.[0-9]{4,5})(?:v[0-9]{1,3})?")
_URL = re.compile(r"https?://[^\s<>\"\\^`{|}\[\]@/?#]+([/?#][^\s<>\"\\^`{|}]*)?", re.IGNORECASE)
_REPOSITORY = re.compile(
    r"(?:(?:www\.)?github\.com/)?([A-Za-z0-9][\w.-]{0,99}/[\w.-]{1,100})/?", re.ASCII
)
_SHORT_NUMBER = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,3}){0,3})\s?([kKmM])?")
_EARLIEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
_AHEAD = dt.timedelta(days=2)


def text(value: object, limit: int) -> str | None:
    """One line without control characters or lone surrogates, cut to `limit` characters."""
    if not isinstance(value, str):
        return None
    if value.isprintable() and "  " not in value and len(value) <= limit:
        return value.strip() or None  # as nearly all of the thousands of names on a page
    line = " ".join(value.split())
    if not line.isprintable():
        line = " ".join(_UNWANTED.sub("", line).split())
    return line[:limit].rstrip() or None


def paper_id(value: object) -> str | None:
    """An arXiv id without its version."""
    found = _ID.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def count(value: object) -> int | None:
    """A number of things."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        return None
    return value


def short_number(value: str) -> int | None:
    """A number as markup shows it: `131`, `1,234`, `1.66k`, `110k`."""
    found = _SHORT_NUMBER.fullmatch(value.strip())
    if not found:
        return None
    digits, unit = found.groups()
    if not unit:
        return count(int(digits.replace(",", ""))) if "." not in digits else None
    parts = digits.replace(",", ".").split(".")
    if len(parts) > 2:
        return None
    return count(round(float(".".join(parts)) * {"k": 1e3, "m": 1e6}[unit.lower()]))


def url(value: object) -> str | None:
    """An absolute http(s) URL with nothing in it that could end an attribute or a line."""
    if not isinstance(value, str) or len(value) > MAX_URL:
        return None
    candidate = value.strip()
    return candidate if _URL.fullmatch(candidate) and not _UNWANTED.search(candidate) else None


def code_url(value: object) -> str | None:
    """The URL of a repository, also given as `owner/repository`."""
    if isinstance(value, str) and (found := _REPOSITORY.fullmatch(value.strip())):
        return f"https://github.com/{found[1]}"
    return url(value)


def instant(value: object, now: dt.datetime) -> dt.datetime | None:
    """An ISO 8601 instant in UTC, between 1990 and two days after `now`."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        at = dt.datetime.fromisoformat(value)
        at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return at if _EARLIEST <= at <= now + _AHEAD else None


def shown_date(value: str, now: dt.datetime) -> dt.datetime | None:
    """The start of a day written `Feb 27, 2025`, or `May 29` when it is of the current year."""
    year = now.astimezone(dt.UTC).year
    # On the first day of a year the site may still be in the old one.
    days = (value,) if "," in value else (f"{value}, {year}", f"{value}, {year - 1}")
    for day in days:
        for form in ("%b %d, %Y", "%B %d, %Y"):
            try:
                at = dt.datetime.strptime(day, form).replace(tzinfo=dt.UTC)
            except ValueError:
                continue
            if _EARLIEST <= at <= now + _AHEAD:
                return at
    return None


def period_key(value: str) -> Period | None:
    """The period a key in a path names."""
    try:
        return Period.parse(value)
    except ValueError:
        return None
