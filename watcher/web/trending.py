"""What was trending on a day, and why it is not known of some."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from watcher.digest import dates
from watcher.digest.language import Language
from watcher.digest.papers import title_of
from watcher.models import Outcome
from watcher.store import papers, shown
from watcher.store.shown import Days, ShownDay, Tried
from watcher.web import showing
from watcher.web.face import Face, Refused
from watcher.web.searching import require_archive
from watcher.web.tongues import phrase

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
        raise Refused(
            404, phrase("Nothing is known of it"), phrase("The trending page is not watched here.")
        )
    language = face.tongue(request)
    today = face.clock().astimezone(dt.UTC).date()
    found = await face.look(lambda connection: _look(connection, source, on, today, language))
    if found is None:
        raise Refused(
            404,
            phrase("Nothing is known of that day") if on else phrase("Nothing is known yet"),
            phrase("What the trending page shows is kept from the first time that it is read."),
        )
    before, after = found.known.before(found.on), found.known.after(found.on)
    return face.page(
        request,
        "trending.html.j2",
        day=dates.long_day(found.on, language),
        is_today=found.on == today,
        shown=found.shown,
        is_degraded=found.shown is not None and found.shown.outcome is Outcome.DEGRADED,
        read_at=_read_at(found.shown, language),
        ranked=found.ranked,
        gaps=found.gaps,
        before=before and (before.isoformat(), dates.long_day(before, language)),
        after=after and (after.isoformat(), dates.long_day(after, language)),
        oldest=found.known.oldest and dates.long_day(found.known.oldest, language),
        keep_days=settings.store.keep_days,
    )


def _look(
    connection: sa.Connection,
    source: str,
    on: dt.date | None,
    today: dt.date,
    language: Language,
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

    def gap(first: dt.date, last: dt.date) -> str:
        if last < first:
            return ""
        tried = shown.tried(connection, source, first, last)
        return _gap(tried, first, last, language, is_so_far=last == today)

    gaps = []
    if there is None:
        gaps.append(gap(chosen, chosen))
    elif before is not None:
        gaps.append(gap(before + _DAY, chosen - _DAY))
    if there is not None and after is None:
        gaps.append(gap(chosen + _DAY, today))
    return _Look(chosen, known, there, tuple(ranked), tuple(gap for gap in gaps if gap))


def _gap(
    tried: Tried, first: dt.date, last: dt.date, language: Language, *, is_so_far: bool
) -> str:
    """Why nothing is known from `first` to `last`."""
    say, begin = language.say, dates.long_day(first, language)
    days = say("On %(day)s", day=begin)
    if first != last:
        end = dates.long_day(last, language)
        days = say("From %(first)s to %(last)s", first=begin, last=end)
    if not tried.count:
        if is_so_far:
            return say("%(days)s the page was not looked at, so far.", days=days)
        return say("%(days)s the page was not looked at.", days=days)
    if tried.good_count:
        return say("%(days)s the page was read, but what it showed was not kept.", days=days)
    times = language.counted("once", "%(count)s times", tried.count)
    if is_so_far:
        return say(
            "%(days)s the page was looked at %(times)s, and could not be read, so far.",
            days=days,
            times=times,
        )
    return say(
        "%(days)s the page was looked at %(times)s, and could not be read.", days=days, times=times
    )


def _read_at(there: ShownDay | None, language: Language) -> str:
    """When what is shown was read; with the day where that is an earlier one."""
    if there is None:
        return ""
    at = there.observed_at.astimezone(dt.UTC)
    time = f"{at:%H:%M}"
    if at.date() == there.on:
        return language.say("First seen like this at %(time)s UTC.", time=time)
    day = dates.long_day(at.date(), language)
    return language.say("First seen like this on %(day)s at %(time)s UTC.", day=day, time=time)
