"""Votes over time as a plot: where lines, dots and words stand in it. Pure; a template draws it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from watcher.digest import dates
from watcher.digest.language import ENGLISH, Language
from watcher.models import VoteCount
from watcher.web.showing import votes

WIDTH, HEIGHT = 420, 230
"""The units of the drawing; it is scaled as a whole."""

MOST_POINTS = 250
"""More cannot be told apart."""

MOST_DOTS = 30
"""With more, the line says enough."""

MOST_ROWS = 400
"""Days in the table: the newest."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 66, WIDTH - 30, 14, HEIGHT - 46
_HOUR, _DAY = 3600, 86_400
_STEPS = (
    *(_HOUR, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(days * _DAY for days in (1, 2, 4, 7, 14, 30, 60, 90, 180, 365, 730, 1825)),
)
_TICKS = 4


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, and where along it."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point, in units of the drawing."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: the last count of a day."""

    day: str
    count: int


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot and what it says in words; `line` are the points in SVG's way."""

    line: str
    dots: tuple[Dot, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    time_label: str
    description: str
    rows: tuple[Row, ...]
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    bottom: int = _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def plot(counts: Sequence[VoteCount], language: Language = ENGLISH) -> Plot | None:
    """The plot of these counts, oldest first; None where there are none."""
    if not counts:
        return None
    counts = list({each.at: each for each in counts}.values())  # of pages read at once the last
    first, last = counts[0].at.timestamp(), counts[-1].at.timestamp()
    if last <= first:  # one point stands in the middle of a day
        first, last = first - _DAY / 2, last + _DAY / 2
    step = next((step for step in _STEPS if (last - first) / step <= _TICKS), _STEPS[-1])
    top = _above(max(each.count for each in counts))

    def x(at: float) -> float:
        return round(_LEFT + (at - first) / (last - first) * (_RIGHT - _LEFT), 1)

    def y(count: float) -> float:
        return round(_BOTTOM - count / top * (_BOTTOM - _TOP), 1)

    dots = [Dot(x(each.at.timestamp()), y(each.count)) for each in _thinned(counts)]
    up = range(0, top + 1, top // _TICKS if top % _TICKS == 0 else top)
    return Plot(
        line=" ".join(f"{dot.x},{dot.y}" for dot in dots),
        dots=tuple(dots) if len(dots) <= MOST_DOTS else (),
        across=tuple(
            Tick(x(at), _label(at, step, language)) for at in _multiples(first, last, step)
        ),
        up=tuple(Tick(y(count), language.number(count)) for count in up),
        time_label=_time_label(counts, step, language),
        description=_description(counts, language),
        rows=_rows(counts, language),
    )


def _above(count: int) -> int:
    """The end of the axis: a round number not below the count, in four parts where it can be."""
    size = 1
    while True:
        for leading in (4, 8, 12, 20, 32):
            if leading * size >= count:
                return leading * size
        size *= 10


def _multiples(first: float, last: float, step: int) -> list[int]:
    begin = -(-int(first) // step) * step
    return list(range(begin, int(last) + 1, step))


def _label(at: int, step: int, language: Language) -> str:
    when = dt.datetime.fromtimestamp(at, dt.UTC)
    if step < _DAY and when.hour:
        return f"{when:%H:%M}"
    if step < 90 * _DAY:
        return dates.day_of_year(when.date(), language)
    return dates.month(when.date(), language)


def _time_label(counts: Sequence[VoteCount], step: int, language: Language) -> str:
    first, last = (_day(counts[0].at, language), _day(counts[-1].at, language))
    days = first
    if first != last:
        days = language.say("%(first)s to %(last)s", first=first, last=last)
    if step < _DAY:
        return language.say("%(days)s, hours of UTC", days=days)
    return language.say("%(days)s, days of UTC", days=days)


def _day(at: dt.datetime, language: Language) -> str:
    return dates.day(at.astimezone(dt.UTC).date(), language)


def _thinned(counts: Sequence[VoteCount]) -> list[VoteCount]:
    """The first and the last, and between them the last one of each stretch of time."""
    if len(counts) <= MOST_POINTS:
        return list(counts)
    first, last = counts[0].at, counts[-1].at
    span = (last - first) / dt.timedelta(seconds=1) or 1.0
    chosen: dict[int, VoteCount] = {}
    for each in counts[1:]:
        part = (each.at - first) / dt.timedelta(seconds=1) / span
        chosen[int(part * (MOST_POINTS - 2))] = each
    return [counts[0], *chosen.values()]


def _description(counts: Sequence[VoteCount], language: Language) -> str:
    first, last, say = counts[0], counts[-1], language.say
    most = max(each.count for each in counts)
    since, until = _day(first.at, language), _day(last.at, language)
    if first.count == last.count == most:
        if since == until:
            return say("%(votes)s on %(day)s.", votes=votes(most, language), day=since)
        told = {"first": since, "last": until}
        return say("%(votes)s from %(first)s to %(last)s.", votes=votes(most, language), **told)
    facts = {
        "votes": votes(first.count, language),
        "first": since,
        "count": language.number(last.count),
        "last": until,
        "most": language.number(most),
    }
    if most > max(first.count, last.count):
        return say(
            "From %(votes)s on %(first)s to %(count)s on %(last)s; %(most)s at most.", **facts
        )
    return say("From %(votes)s on %(first)s to %(count)s on %(last)s.", **facts)


def _rows(counts: Sequence[VoteCount], language: Language) -> tuple[Row, ...]:
    by_day = {_day(each.at, language): each.count for each in counts}
    return tuple(Row(day, count) for day, count in by_day.items())[-MOST_ROWS:][::-1]
