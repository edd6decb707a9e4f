"""The JSON a page carries for its own scripts, in the `data-props` of one of its elements."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec
from selectolax.lexbor import LexborHTMLParser

from watcher.models import Period

Props: TypeAlias = dict[str, object]

_KINDS: dict[str, Literal["day", "week", "month"]] = {
    "day": "day",
    "week": "week",
    "month": "month",
}

_DIVS = 40
"""Elements looked through for one that has papers, when none has the usual name."""


def decode(text: str | bytes) -> object:
    """JSON as loosely as Python reads it: lone surrogates and NaN pass. Raises ValueError."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        pass
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        return json.loads(text, strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def props(tree: LexborHTMLParser) -> Props | None:
    """The props of the element with the papers; None where none decodes and has any."""
    for raw in _candidates(tree):
        try:
            found = decode(raw)
        except ValueError:
            continue
        if isinstance(found, dict) and ("dailyPapers" in found or "searchResults" in found):
            return found
    return None


def _candidates(tree: LexborHTMLParser) -> Iterator[str]:
    for query in ('[data-target="DailyPapers"]', ".SVELTE_HYDRATER[data-props]"):
        for node in tree.css(query)[:_DIVS]:
            if raw := node.attrs.get("data-props"):
                yield raw


def period(found: Props, addressed: Period | None) -> Period | None:
    """The period the props name; `addressed` is the one in the page's address.

    A week's `dateString` is the Sunday before its Monday, so the day after decides; should it be
    the first day itself, as a month's may, the address tells which is meant.
    """
    named, day = found.get("periodType"), found.get("dateString")
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
