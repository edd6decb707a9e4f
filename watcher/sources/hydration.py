"""The JSON a page carries for its own scripts, in the `data-props` of one of its elements."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec
from selectolax.lexbor import LexborHTMLParser

from watcher.models import Period
from watcher.sources.shapes import Props

_KINDS: dict[str, Literal["day", "week", "month"]] = {
    "day": "day",
    "week": "week",
    "month": "month",
}

_DIVS = 40
"""Elements looked through for one that has papers, when none has the usual name."""


@dataclass(frozen=True, slots=True)
class Hydration:
    """What a page says: its lists (None: it has no such list) and the period it names."""

    daily_papers: list[object] | None
    search_results: list[object] | None
    period_type: object
    date_string: object


def decode(text: str | bytes) -> object:
    """JSON as loosely as Python reads it: lone surrogates and NaN pass. Raises ValueError."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        pass
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        return json.loads(text, strict=False, parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(digits: str) -> int | float:
    """The number; infinite where it has more digits than Python reads, to cost its record only."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def props(tree: LexborHTMLParser) -> Hydration | None:
    """What the element with the papers says; None where none decodes and has any."""
    for raw in _candidates(tree):
        if found := _read(raw):
            return found
    return None


def _read(raw: str) -> Hydration | None:
    try:
        typed = msgspec.json.decode(raw, type=Props)
    except (msgspec.DecodeError, RecursionError):
        return _read_loosely(raw)
    if typed.daily_papers is msgspec.UNSET and typed.search_results is msgspec.UNSET:
        return None
    return Hydration(
        _list(typed.daily_papers), _list(typed.search_results), typed.period_type, typed.date_string
    )


def _read_loosely(raw: str) -> Hydration | None:
    try:
        found = decode(raw)
    except ValueError:
        return None
    if not isinstance(found, dict) or not {"dailyPapers", "searchResults"} & found.keys():
        return None
    daily, search = _list(found.get("dailyPapers")), _list(found.get("searchResults"))
    return Hydration(daily, search, found.get("periodType"), found.get("dateString"))


def _list(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None


def _candidates(tree: LexborHTMLParser) -> Iterator[str]:
    for query in ('[data-target="DailyPapers"]', ".SVELTE_HYDRATER[data-props]"):
        for node in tree.css(query)[:_DIVS]:
            if raw := node.attrs.get("data-props"):
                yield raw


def period(found: Hydration, addressed: Period | None) -> Period | None:
    """The period the props name; `addressed` is the one in the page's address.

    A week's `dateString` is the Sunday before its Monday, so the day after decides; should it be
    the first day itself, as a month's may, the address tells which is meant.
    """
    named, day = found.period_type, found.date_string
    kind = _KINDS.get(named) if isinstance(named, str) else None
    if kind is None or not isinstance(day, str):
        return addressed
    try:
        at = dt.datetime.fromisoformat(day[:10]).replace(tzinfo=dt.UTC)
        after = at + dt.timedelta(days=1)
    except (ValueError, OverflowError):
        return addressed
    if kind == "day":
        return Period.containing(kind, at)
    choices = [Period.containing(kind, after), Period.containing(kind, at)]
    return addressed if addressed in choices else choices[0]
