"""One check of one source: ask, read, judge, store. Nothing is stored that was not judged first."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from dataclasses import dataclass, replace

import sqlalchemy as sa
import structlog

from watcher import health
from watcher.errors import BlockedError, FetchError, ParseError, SourceError
from watcher.models import Listing, Outcome, Page, PageRequest, Paper, Period
from watcher.pipeline.context import Context
from watcher.pipeline.limits import fetch
from watcher.pipeline.trouble import follow, keep_outage, tell, tell_of_skipped
from watcher.sources import Source
from watcher.steps import Step, reached
from watcher.store import checks, papers

log = structlog.get_logger(__name__)

BASELINE_AGE = dt.timedelta(days=45)
"""Older good listings say nothing about a page of today."""

MORE_PAGES = 20

FEW_BYTES = 256 * 1024
"""JSON of this size costs neither time nor memory, whatever it holds."""

LONGEST_HOLD = dt.timedelta(hours=1)
"""No site is left alone for longer; what seems to want that was stored under a wrong clock."""

SEVERITY = (
    Outcome.BLOCKED,
    Outcome.RATE_LIMITED,
    Outcome.FAILED,
    Outcome.DEGRADED,
    Outcome.OK,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a check; `error` says why it is not good.

    `is_read`: every page that was due gave what it has, if only on a degraded page.
    """

    source: str
    outcome: Outcome
    paper_count: int = 0
    new_count: int = 0
    error: str | None = None
    id: int = 0
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """What became of one page. `known_count` stands for papers that were not read again."""

    outcome: Outcome
    paper_ids: frozenset[str] = frozenset()
    known_count: int = 0
    new_count: int = 0
    error: str | None = None


async def check(
    context: Context, source: Source, now: dt.datetime, *, until: float | None = None
) -> Checked:
    """Read the pages of a source that are due, and store what they hold. Raises StoreError.

    What is not read by `until`, of the loop's clock, has failed.
    """

    def begin(connection: sa.Connection) -> tuple[int, checks.SourceState]:
        return checks.start(connection, source.name, now), checks.state(connection, source.name)

    check_id, state = await context.write(begin, Step.BEGUN)
    return await _go_on(context, source, check_id, state, now, until)


async def check_slot(
    context: Context,
    source: Source,
    slot_at: dt.datetime,
    now: dt.datetime,
    *,
    until: float | None = None,
) -> Checked | None:
    """`check`, once for that slot: None where it was begun before."""

    def begin(connection: sa.Connection) -> tuple[int, checks.SourceState] | None:
        if any(done.source == source.name for done in checks.at_slot(connection, slot_at)):
            return None
        check_id = checks.start(connection, source.name, now, slot_at)
        return check_id, checks.state(connection, source.name)

    begun = await context.write(begin, Step.BEGUN)
    return None if begun is None else await _go_on(context, source, *begun, now, until)


async def give_up(
    context: Context, source: Source, slot_at: dt.datetime, now: dt.datetime
) -> Checked | None:
    """End a check whose process is gone: it has failed. None where it came to its end."""

    def begun(connection: sa.Connection) -> int | None:
        for done in checks.at_slot(connection, slot_at):
            if done.source == source.name and done.finished_at is None:
                return done.id
        return None

    check_id = await context.read(begun)
    if check_id is None:
        return None
    lost = Checked(source.name, Outcome.FAILED, error="the process that read it ended", id=check_id)
    await _end(context, source, lost, now)
    return lost


async def _go_on(
    context: Context,
    source: Source,
    check_id: int,
    state: checks.SourceState,
    now: dt.datetime,
    until: float | None,
) -> Checked:
    held_until = state.not_before_at
    if held_until is not None and now < held_until <= now + LONGEST_HOLD:
        why = f"left alone until {held_until:%H:%M:%S} UTC"
        results = [_Read(Outcome.RATE_LIMITED, error=why)]
    else:
        results = []
        try:
            async with asyncio.timeout_at(until):
                await _read_all(context, source, state, check_id, now, results)
        except TimeoutError:
            results.append(_Read(Outcome.FAILED, error="there was no time for all of it"))
    checked = replace(_together(source.name, results), id=check_id)
    await _end(context, source, checked, now)
    return checked


async def _end(context: Context, source: Source, checked: Checked, now: dt.datetime) -> None:
    """Record what became of a check that began at `now`, and tell of what lasts."""
    finished_at = context.clock()

    def finish(connection: sa.Connection) -> None:
        checks.finish(
            connection,
            checked.id,
            checked.outcome,
            paper_count=checked.paper_count,
            new_count=checked.new_count,
            error=checked.error,
            now=finished_at,
        )
        before = checks.state(connection, source.name)
        requests = source.requests(now, before.read_at)
        after = follow(before, checked.outcome, now)
        if checked.is_read:
            after = replace(after, read_at=now)
            keep_outage(connection, source, before, requests, now)
        after = tell(
            context, connection, source, checked.outcome, checked.error, before, after, now
        )
        checks.put_state(connection, after)

    await context.write(finish, Step.CHECKED)
    log.info(
        "checked",
        source=source.name,
        outcome=checked.outcome,
        papers=checked.paper_count,
        new=checked.new_count,
        error=checked.error,
    )


async def _read_all(
    context: Context,
    source: Source,
    state: checks.SourceState,
    check_id: int,
    now: dt.datetime,
    results: list[_Read],
) -> None:
    for request in source.requests(now, state.read_at):
        try:
            results.append(await _read_page(context, source, request, check_id, now))
        except FetchError as error:
            results.append(_failed(error))
            if error.status == 429 or error.retry_after is not None:
                until = now + dt.timedelta(seconds=error.retry_after or 300)
                await context.write(
                    lambda connection, until=until: checks.put_state(  # type: ignore[misc]  # bound early
                        connection,
                        replace(checks.state(connection, source.name), not_before_at=until),
                    )
                )
                break
            if error.retryable:  # it was tried again already: the other pages would fare no better
                break
        except BlockedError as error:
            results.append(_Read(Outcome.BLOCKED, error=str(error)))
            break


def _failed(error: FetchError) -> _Read:
    outcome = Outcome.RATE_LIMITED if error.status == 429 else Outcome.FAILED
    return _Read(outcome, error=str(error))


async def _read_page(
    context: Context, source: Source, request: PageRequest, check_id: int, now: dt.datetime
) -> _Read:
    known = await context.read(lambda connection: checks.page(connection, request.url))
    if known and known.source != source.name:
        known = None  # another source's reading is no Listing of this one
    if known:
        request = replace(request, etag=known.etag, last_modified=known.last_modified)
    page = await fetch(context, request)
    reached(Step.FETCHED)
    body_hash = hashlib.sha256(page.body).hexdigest()
    if known and (page.is_unchanged or known.body_hash == body_hash):
        return _Read(Outcome.UNCHANGED, known_count=known.paper_count)
    try:
        listing = await parse(context, source, page, now)
    except ParseError as error:
        return await _from_api(context, source, request, check_id, now, str(error))
    reached(Step.PARSED)
    shown = listing
    listing, is_cut_off = await _completed(context, source, page, listing, now)
    # What the API makes good must not hide that the page has lost it.
    to_judge = shown if shown.origin == "dom" else listing
    judged = await _judge(context, source, to_judge, request.period, now)
    if judged.outcome is Outcome.DEGRADED and not listing.papers:
        return await _from_api(context, source, request, check_id, now, "; ".join(judged.reasons))
    if judged.suspect:
        listing = replace(
            listing, papers=tuple(_without(paper, judged.suspect) for paper in listing.papers)
        )
    trouble = "; ".join(judged.reasons) if judged.outcome is Outcome.DEGRADED else None

    def store(connection: sa.Connection) -> int:
        new_count = _observe(context, connection, listing, judged.outcome, check_id, now)
        if judged.outcome.is_good and not is_cut_off:
            checks.put_page(
                connection,
                checks.KnownPage(
                    url=request.url,
                    source=source.name,
                    etag=page.etag,
                    last_modified=page.last_modified,
                    body_hash=body_hash,
                    fetched_at=now,
                    paper_count=len(listing.papers),
                    outcome=judged.outcome,
                ),
            )
        else:
            checks.forget_page(connection, request.url)
        return new_count

    new_count = await context.write(store, Step.OBSERVED)
    return _Read(judged.outcome, _ids(listing), new_count=new_count, error=trouble)


def _ids(listing: Listing) -> frozenset[str]:
    return frozenset(paper.id for paper in listing.papers)


async def _from_api(
    context: Context,
    source: Source,
    request: PageRequest,
    check_id: int,
    now: dt.datetime,
    trouble: str,
) -> _Read:
    """What the page does not give, the API may: the check stays degraded, its papers are kept."""
    fallback = source.api_fallback(request)
    if fallback is None:
        return _Read(Outcome.DEGRADED, error=trouble)
    try:
        page = await fetch(context, fallback)
        listing = await parse(context, source, page, now)
    except SourceError as error:
        log.warning("the API did not help either", source=source.name, error=str(error))
        return _Read(Outcome.DEGRADED, error=trouble)
    listing, _ = await _completed(context, source, page, listing, now)
    new_count = await context.write(
        lambda connection: _observe(context, connection, listing, Outcome.DEGRADED, check_id, now)
    )
    trouble = f"{trouble}; read from the API instead"
    return _Read(Outcome.DEGRADED, _ids(listing), new_count=new_count, error=trouble)


async def parse(context: Context, source: Source, page: Page, now: dt.datetime) -> Listing:
    """Read a page in a process of its own, because of what hostile ones take in time and memory.

    Raises ParseError.
    """
    if page.request.form != "page" and len(page.body) <= FEW_BYTES:
        return source.parse(page, now)
    http = context.config.settings.http
    settings = next(s for s in context.config.settings.sources if s.name == source.name)
    return await context.reader.read(settings, http.base_url, page, now)


async def _completed(
    context: Context, source: Source, page: Page, listing: Listing, now: dt.datetime
) -> tuple[Listing, bool]:
    """The listing with what its page cut off, from the API; whether there was more to ask for."""
    request = (
        source.following(page, listing) if listing.origin == "api" else source.completion(listing)
    )
    is_cut_off = request is not None
    by_id = {paper.id: paper for paper in listing.papers}
    for _ in range(MORE_PAGES):
        if request is None:
            break
        try:
            page = await fetch(context, request)
            more = await parse(context, source, page, now)
        except SourceError as error:
            log.warning("list not completed", source=source.name, error=str(error))
            break
        for paper in more.papers:
            by_id[paper.id] = by_id[paper.id].merged_with(paper) if paper.id in by_id else paper
        request = source.following(page, more)
    return replace(listing, papers=tuple(by_id.values())), is_cut_off


async def _judge(
    context: Context, source: Source, listing: Listing, asked: Period | None, now: dt.datetime
) -> health.Judged:
    whole_only = listing.period is not None and listing.period.end_at <= now
    baseline = await context.read(
        lambda connection: papers.baseline(
            connection, source.name, whole_only=whole_only, since=now - BASELINE_AGE
        )
    )
    return health.judge(listing, page=source.page, requested=asked, now=now, baseline=baseline)


def _observe(
    context: Context,
    connection: sa.Connection,
    listing: Listing,
    outcome: Outcome,
    check_id: int,
    now: dt.datetime,
) -> int:
    if listing.skipped:
        tell_of_skipped(context, connection, listing, now)
    # A weekend's answer is another day's page, and a good one of that day.
    stored_as = Outcome.OK if outcome is Outcome.EMPTY and listing.papers else outcome
    return papers.observe(
        connection,
        listing,
        check_id=check_id,
        outcome=stored_as,
        is_whole=listing.period is None or listing.period.end_at <= now,
        coverage=health.coverage(listing),
    )


def _without(paper: Paper, suspect: tuple[str, ...]) -> Paper:
    return replace(paper, **dict.fromkeys(suspect))  # type: ignore[arg-type]  # fields that may be None


def _together(source: str, results: list[_Read]) -> Checked:
    """One outcome for all pages: the worst; among good ones, ok where any was, else the newest."""
    outcome = results[0].outcome
    for severe in reversed(SEVERITY):
        if any(result.outcome is severe for result in results):
            outcome = severe
    errors = dict.fromkeys(result.error for result in results if result.error)
    return Checked(
        source,
        outcome,
        len(frozenset().union(*(result.paper_ids for result in results)))
        + sum(result.known_count for result in results),
        sum(result.new_count for result in results),
        "; ".join(errors) or None,
        is_read=all(
            result.outcome.is_good or (result.outcome is Outcome.DEGRADED and result.paper_ids)
            for result in results
        ),
    )
