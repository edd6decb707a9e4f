"""The papers that rules are tried on: those stored, and those on the site's pages of past days."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher import app, health, past
from watcher.backtest import Feedback, SeenPaper
from watcher.cli.tables import count
from watcher.errors import BlockedError, FetchError, NoDatabaseError, ParseError
from watcher.fetch import Fetcher
from watcher.isolation import Reader
from watcher.models import Outcome, PageRequest, Paper, Period
from watcher.settings import Config, SourceSettings
from watcher.sources import make_source
from watcher.store import checks

if TYPE_CHECKING:
    from rich.progress import Progress

MOST_PAPERS = 100_000
MOST_DAYS = 30
"""Days whose pages are read at once: a fifth of what the site allows in five minutes."""

LONGEST_HOLD = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the pages gave; `trouble` says what could not be read, None if all could."""

    page_count: int
    paper_count: int
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """Papers, newest first, and where they come from; `fetched` None: no page was asked for."""

    papers: tuple[SeenPaper, ...]
    stored_count: int
    fetched: Fetched | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of them, as sentences."""
        found = []
        if self.stored_count == MOST_PAPERS:
            found.append(f"Only the newest {MOST_PAPERS} stored papers were looked at.")
        if self.fetched:
            read = count(self.fetched.page_count, "page")
            shown = count(self.fetched.paper_count, "paper")
            found.append(f"{read} of past days read from the site, with {shown}; none is stored.")
        if self.fetched and self.fetched.trouble:
            found.append(f"Not all could be read: {self.fetched.trouble}.")
        return tuple(found)


def gather(
    config: Config, days: int, now: dt.datetime, *, is_fetching: bool, is_quiet: bool = False
) -> Gathered:
    """The papers of the last `days` UTC days, today included. Raises StoreError.

    Without a database NoDatabaseError, unless pages are read; `is_quiet`: without progress.
    """
    today = now.astimezone(dt.UTC).date()
    wanted = [today - dt.timedelta(days=back) for back in range(days)]
    try:
        known, held_until = _stored(config, Period("day", wanted[-1]).start_at, now)
    except NoDatabaseError as error:
        if not is_fetching:
            raise NoDatabaseError(f"{error}, --fetch reads the site's pages instead") from error
        known, held_until = {}, None
    stored_count = len(known)
    fetched = None
    if is_fetching and held_until:
        fetched = Fetched(0, 0, f"the site is left alone until {held_until:%H:%M:%S} UTC")
    elif is_fetching:
        days_read = [day for day in wanted[:MOST_DAYS] if day.weekday() < 5]
        fetched = asyncio.run(_read_days(config, days_read, now, known, _progress(is_quiet)))
    newest = sorted(known.values(), key=lambda seen: (seen.seen_at, seen.paper.id), reverse=True)
    return Gathered(tuple(newest), stored_count, fetched)


def said_of(config: Config, subscription_ids: Iterable[str]) -> Mapping[str, Feedback]:
    """What was said for these subscriptions of papers, by id, where anything was.

    Raises StoreError.
    """
    try:
        with app.reading(config) as database, database.read() as connection:
            return past.feedback_of(connection, subscription_ids)
    except NoDatabaseError:
        return {}  # the pages alone are read


def _stored(
    config: Config, since: dt.datetime, now: dt.datetime
) -> tuple[dict[str, SeenPaper], dt.datetime | None]:
    """The stored papers by id, and until when the site asked to be left alone."""
    with app.reading(config) as database, database.read() as connection:
        found = past.seen_since(connection, since, MOST_PAPERS)
        states = [checks.state(connection, source.name) for source in config.settings.sources]
    held = [
        state.not_before_at
        for state in states
        if state.not_before_at and now < state.not_before_at <= now + LONGEST_HOLD
    ]
    known = {seen.paper.id: seen for seen in found}
    return known, max(held, default=None)


async def _read_days(
    config: Config,
    days: Sequence[dt.date],
    now: dt.datetime,
    known: dict[str, SeenPaper],
    bar: Progress,
) -> Fetched:
    """Read the page of each day, newest first, and put its papers into `known`."""
    settings = next(
        (source for source in config.settings.sources if source.page == "daily"),
        SourceSettings(page="daily"),
    )
    dated = frozenset(
        source.name
        for source in config.settings.sources
        if source.page in {"daily", "weekly", "monthly"}
    )
    source = make_source(settings, config.settings.http.base_url)
    troubles: list[str] = []
    ids: set[str] = set()
    page_count = 0
    async with Fetcher(config.settings.http, clock=app.utc_now) as fetcher, Reader() as reader:
        with bar as progress:
            for day in progress.track(days, description="reading pages"):
                request = source.page_request(Period("day", day))
                try:
                    shown = await _read_day(
                        config, settings, fetcher, reader, request, now, troubles
                    )
                except (BlockedError, FetchError) as error:
                    troubles.append(f"{day}: {error}")
                    if isinstance(error, BlockedError) or _is_final(error):
                        left = len(days) - page_count
                        troubles.append(f"stopped there, {count(left, 'page')} of days unread")
                        break
                    continue
                page_count += 1
                _add(known, shown, Period("day", day).start_at, dated)
                ids |= {paper.id for paper in shown}
    return Fetched(page_count, len(ids), "; ".join(dict.fromkeys(troubles)) or None)


async def _read_day(
    config: Config,
    settings: SourceSettings,
    fetcher: Fetcher,
    reader: Reader,
    request: PageRequest,
    now: dt.datetime,
    troubles: list[str],
) -> tuple[Paper, ...]:
    """The papers of one day's page; none where it answers with another day's."""
    page = await fetcher.fetch(request)
    try:
        listing = await reader.read(settings, config.settings.http.base_url, page, now)
    except ParseError as error:
        troubles.append(str(error))
        return ()
    judged = health.judge(listing, page="daily", requested=request.period, now=now, baseline=())
    if judged.outcome is Outcome.DEGRADED:
        troubles.extend(f"{request.url}: {reason}" for reason in judged.reasons)
    return listing.papers if listing.period == request.period else ()


def _is_final(error: FetchError) -> bool:
    """Whether the other pages would fare no better: it was tried again already, or must not be."""
    return error.retryable or error.status == 429 or error.retry_after is not None


def _add(
    known: dict[str, SeenPaper],
    shown: Iterable[Paper],
    day_at: dt.datetime,
    sources: frozenset[str],
) -> None:
    for paper in shown:
        had = known.get(paper.id)
        known[paper.id] = (
            SeenPaper(
                had.paper.merged_with(paper),
                min(had.seen_at, day_at),
                had.sources | sources,
                had.votes_per_day,
            )
            if had
            else SeenPaper(paper, day_at, sources)
        )


def _progress(is_quiet: bool) -> Progress:
    """A bar on stderr, on a terminal only, gone once it is full."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    is_shown = sys.stderr.isatty() and console.is_interactive and not is_quiet
    return Progress(console=console, transient=True, disable=not is_shown)
