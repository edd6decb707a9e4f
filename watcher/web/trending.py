"""What was trending on a day, and why it is not known of some."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from watcher.digest.papers import title_of
from watcher.models import Outcome
from watcher.store import papers, shown
from watcher.store.shown import Days, ShownDay
from watcher.web import showing
from watcher.web.face import Face, Refused
from watcher.web.searching import require_archive

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A paper at its place; `votes` None: they were not shown, or are not kept."""

    title: str
    path: str
    votes: int | None


@dataclass(frozen=True, slots=True)
class _Look:
    """What is told of one day; `shown` None: nothing is known of it, which `gap` explains."""

    on: dt.date
    known: Days
    shown: ShownDay | None
    ranked: tuple[_Ranked, ...]
    gaps: tuple[str, ...]


async def newest(face: Face, request: Request) -> Response:
    """The newest day of which it is known."""
    require_archive(face)
    return await _page(face, request, None)


async def on_day(face: Face, request: Request) -> Response:
    """One day."""
    require_archive(face)
    text = request.path_params["day"]
    try:
        on = dt.date.fromisoformat(text)
    except ValueError as error:
        raise HTTPException(404) from error
    if on.isoformat() != text:  # other ways to write it are other pages
        raise HTTPException(404)
    return await _page(face, request, on)


async def _page(face: Face, request: Request, on: dt.date | None) -> Response:
    settings = face.config().settings
    source = next((each.name for each in settings.sources if each.page == "trending"), None)
    if source is None:
        raise Refused(404, "Nothing is known of it", "The trending page is not watched here.")
    today = face.clock().astimezone(dt.UTC).date()

    def look() -> _Look | None:
        with face.reader.read() as connection:
            return _look(connection, source, on, today)

    found = await run_in_threadpool(look)
    if found is None:
        raise Refused(
            404,
            "Nothing is known of that day" if on else "Nothing is known yet",
            "What the trending page shows is kept from the first time that it is read.",
        )
    before, after = found.known.before(found.on), found.known.after(found.on)
    return face.page(
        request,
        "trending.html.j2",
        day=showing.day_of(found.on),
        is_today=found.on == today,
        shown=found.shown,
        is_degraded=found.shown is not None and found.shown.outcome is Outcome.DEGRADED,
        read_at=_read_at(found.shown),
        ranked=found.ranked,
        gaps=found.gaps,
        before=before and (before.isoformat(), showing.day_of(before)),
        after=after and (after.isoformat(), showing.day_of(after)),
        oldest=found.known.oldest and showing.day_of(found.known.oldest),
        keep_days=settings.store.keep_days,
    )


def _look(
    connection: sa.Connection, source: str, on: dt.date | None, today: dt.date
) -> _Look | None:
    known = shown.days(connection, source)
    oldest, newest = known.oldest, known.newest
    if oldest is None or newest is None or not oldest <= (on or newest) <= today:
        return None
    chosen = on or newest
    there = shown.day(connection, known, chosen)
    titles = papers.load(connection, [each.id for each in there.papers] if there else [])
    ranked = (
        _Ranked(title_of(titles[each.id].paper), showing.path_of("", each.id), each.upvotes)
        for each in (there.papers if there else ())
    )
    before, after = known.before(chosen), known.after(chosen)
    gaps = []
    if there is None:
        gaps.append(_gap(connection, source, chosen, chosen, today))
    elif before is not None:
        gaps.append(_gap(connection, source, before + _DAY, chosen - _DAY, today))
    if there is not None and after is None:
        gaps.append(_gap(connection, source, chosen + _DAY, today, today))
    return _Look(chosen, known, there, tuple(ranked), tuple(gap for gap in gaps if gap))


def _gap(
    connection: sa.Connection, source: str, first: dt.date, last: dt.date, today: dt.date
) -> str:
    """Why nothing is known from `first` to `last`; empty where there is no day between."""
    if last < first:
        return ""
    begin, end = showing.day_of(first), showing.day_of(last)
    days = f"On {begin}" if first == last else f"From {begin} to {end}"
    tried = shown.tried(connection, source, first, last)
    so_far = ", so far" if last == today else ""
    if not tried.count:
        return f"{days} the page was not looked at{so_far}."
    if not tried.good_count:
        times = "once" if tried.count == 1 else f"{tried.count} times"
        return f"{days} the page was looked at {times}, and could not be read{so_far}."
    return f"{days} the page was read, but what it showed was not kept."


def _read_at(there: ShownDay | None) -> str:
    """When what is shown was read; with the day where that is an earlier one."""
    if there is None:
        return ""
    at = there.observed_at.astimezone(dt.UTC)
    time = f"{at:%H:%M} UTC"
    return f"at {time}" if at.date() == there.on else f"on {showing.day_of(at.date())} at {time}"
