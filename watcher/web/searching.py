"""The archive: papers searched, and each on a page of its own, below whatever path."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlencode

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from watcher import finding
from watcher.digest import dates
from watcher.models import StoredPaper, VoteCount
from watcher.store import papers, searching, shown
from watcher.store.buckets import Limit
from watcher.store.searching import Found, SearchTimeoutError
from watcher.web import plotting, showing
from watcher.web.face import Face, Refused
from watcher.web.tongues import phrase

PER_PAGE = 20
LAST_PAGE = searching.MOST_COUNTED // PER_PAGE

OF_NETWORK = Limit(60, 60)
"""How many searches a network may make."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a paper's page tells."""

    paper: StoredPaper
    votes: list[VoteCount]
    seen_on: list[shown.SeenOn]
    pruned_at: dt.datetime | None


async def public_search(face: Face, request: Request) -> Response:
    """The search that is open to everybody."""
    require_archive(face)
    return await search(face, request, "")


async def public_paper(face: Face, request: Request) -> Response:
    """A paper's page that is open to everybody."""
    require_archive(face)
    return await paper(face, request, "")


def require_archive(face: Face) -> None:
    """Raise HTTPException where the archive is not for everybody."""
    if not face.config().settings.web.archive:
        raise HTTPException(404)


async def search(face: Face, request: Request, base: str) -> Response:
    """What the papers are that have the words in `q`; links lead below `base`.

    Raises Refused, StoreError.
    """
    query = finding.parse(request.query_params.get("q", ""))
    language = face.tongue(request)
    is_newest_first = request.query_params.get("order") == "newest"
    number = _page_number(request.query_params.get("page", ""))
    found, left_count = Found((), 0, is_more=False), 0
    cards: tuple[showing.Card, ...] = ()
    if query.can_be_asked:
        await face.count(request, "search", OF_NETWORK)

        def look(connection: sa.Connection) -> tuple[Found, dict[str, StoredPaper], int]:
            found = searching.search(
                connection,
                query.terms,
                is_newest_first=is_newest_first,
                skip=(number - 1) * PER_PAGE,
                limit=PER_PAGE,
            )
            return found, papers.load(connection, found.ids), searching.count_left(connection)

        def answer() -> tuple[Found, tuple[showing.Card, ...], int]:
            with face.reader.read() as connection:
                found, known, left_count = look(connection)
            cards = (showing.card(known[each], base, language, query) for each in found.ids)
            return found, tuple(cards), left_count

        try:
            found, cards, left_count = await run_in_threadpool(answer)
        except SearchTimeoutError as error:
            raise Refused(
                503,
                phrase("This search took too long"),
                phrase("So many papers have these words that it was given up. Ask for rarer ones."),
            ) from error

    def page_at(there: int) -> str:
        fields = {"q": query.text, "order": "newest" if is_newest_first else "", "page": there}
        return (
            f"{base}/search?{urlencode({name: value for name, value in fields.items() if value})}"
        )

    return face.page(
        request,
        "search.html.j2",
        base=base,
        query=query,
        is_newest_first=is_newest_first,
        found=found,
        cards=cards,
        left_count=left_count,
        first=(number - 1) * PER_PAGE + 1,
        number=number,
        before=page_at(number - 1) if number > 1 else "",
        after=page_at(number + 1) if number * PER_PAGE < found.count else "",
        keep_days=face.config().settings.store.keep_days,
    )


def _page_number(typed: str) -> int:
    """The page, 1 for what is none."""
    is_number = typed.isascii() and typed.isdigit() and len(typed) < 6
    return min(max(int(typed), 1), LAST_PAGE) if is_number else 1


async def paper(face: Face, request: Request, base: str) -> Response:
    """The page of the paper of that `id`; links lead below `base`. Raises Refused, StoreError."""
    asked = request.path_params["id"]
    paper_id = showing.id_of(asked)
    if paper_id and paper_id != asked:
        return RedirectResponse(showing.path_of(base, paper_id), 301)

    def look() -> Stored | None:
        if paper_id is None:
            return None
        with face.reader.read() as connection:
            stored = papers.load(connection, [paper_id]).get(paper_id)
            if stored is None:
                return None
            return Stored(
                stored,
                shown.votes_of(connection, paper_id),
                shown.seen_on(connection, paper_id),
                shown.pruned_at(connection, paper_id),
            )

    found = await run_in_threadpool(look)
    if found is None:
        raise Refused(
            404,
            phrase("There is no such paper here"),
            phrase("It was never seen on the pages that are watched."),
        )
    settings = face.config().settings
    language = face.tongue(request)
    view = showing.whole(found.paper, settings.http.base_url, language)
    first_seen = found.paper.first_seen_at
    kept_from = face.clock() - dt.timedelta(days=settings.store.keep_days)
    return face.page(
        request,
        "paper.html.j2",
        base=base,
        paper=view,
        paper_id=found.paper.paper.id,
        first_seen=dates.long_day(first_seen.date(), language),
        seen_on=[
            (
                each.source,
                dates.long_day(each.first_at.date(), language),
                dates.long_day(each.last_at.date(), language),
            )
            for each in found.seen_on
        ],
        plot=plotting.plot(found.votes, language),
        was_pruned=found.pruned_at is not None,
        are_votes_pruned=first_seen < kept_from,
        keep_days=settings.store.keep_days,
    )
