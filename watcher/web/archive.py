"""The archive of a subscription: every digest it was ever mailed, as pages for who has the link."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from watcher.digest.language import Language
from watcher.digest.papers import page_url, title_of
from watcher.digest.reasons import why
from watcher.links import Purpose
from watcher.store import archive
from watcher.store.archive import MailedPaper
from watcher.store.outbox import PastDigest
from watcher.web import framing, searching
from watcher.web.face import Face, vary
from watcher.web.readers import Readable, subscription_of

DIGESTS_SHOWN = 50
PAPERS_SHOWN = 200
REASONS_SHOWN = 4


class _DigestId(Convertor[int]):
    """Ids that a database can hold; nothing else of a path is one."""

    regex = "[1-9][0-9]{0,17}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("digest", _DigestId())


@dataclass(frozen=True, slots=True)
class DigestLine:
    """A digest in the list of all."""

    id: int
    subject: str
    day: str
    paper_count: int


@dataclass(frozen=True, slots=True)
class PaperLine:
    """A paper in the list of a digest's; `why` are rules with the words that brought it."""

    id: str
    title: str
    url: str
    why: tuple[str, ...]


async def list_all(face: Face, request: Request) -> Response:
    """All digests of the subscription, newest first, some on a page."""
    of = await subscription_of(face, request, Purpose.ARCHIVE)
    given = request.query_params.get("before", "")
    before = int(given) if re.fullmatch(_DigestId.regex, given) else None
    found = await face.look(
        lambda connection: archive.page(connection, of.id, before=before, limit=DIGESTS_SHOWN + 1)
    )
    shown, language = found[:DIGESTS_SHOWN], face.tongue(request)
    feed = face.links.token(Purpose.FEED, of.id)
    return face.page(
        request,
        "archive.html.j2",
        name=of.name,
        mails=_mails(of, language),
        digests=[
            DigestLine(each.id, each.subject, of.day(each.composed_at, language), each.paper_count)
            for each in shown
        ],
        path=_path(request),
        base=_path(request),
        is_first=before is None,
        before=shown[-1].id if len(found) > len(shown) else None,
        keep_days=face.config().settings.store.keep_days,
        feed_path=f"/feed/{feed}",
    )


async def show(face: Face, request: Request) -> Response:
    """A digest as it was mailed; its papers, once that is not kept any more."""
    of = await subscription_of(face, request, Purpose.ARCHIVE)
    digest = await _digest(face, request, of)
    language = face.tongue(request)

    def look() -> str:
        with face.reader.read() as connection:
            mailed = archive.html(connection, digest.id)
        here = _path(request)
        papers_path = f"{here}/{digest.id}/papers"
        return mailed and framing.framed(
            mailed, archive_path=here, papers_path=papers_path, language=language
        )

    page = await run_in_threadpool(look)
    if not page:
        return await _list_papers(face, request, of, digest, is_kept=False)
    response = HTMLResponse(page, headers={"Content-Security-Policy": framing.POLICY})
    vary(request, response)
    return response


async def show_papers(face: Face, request: Request) -> Response:
    """The papers of a digest as a list: all of them, which a mail may have no room for."""
    of = await subscription_of(face, request, Purpose.ARCHIVE)
    digest = await _digest(face, request, of)
    is_kept = await face.look(lambda connection: bool(archive.html(connection, digest.id)))
    return await _list_papers(face, request, of, digest, is_kept=is_kept)


async def search(face: Face, request: Request) -> Response:
    """The search, for who has the link, whether or not everybody may search."""
    await subscription_of(face, request, Purpose.ARCHIVE)
    return await searching.search(face, request, _path(request))


async def paper(face: Face, request: Request) -> Response:
    """A paper's page, for who has the link."""
    await subscription_of(face, request, Purpose.ARCHIVE)
    return await searching.paper(face, request, _path(request))


async def _list_papers(
    face: Face, request: Request, of: Readable, digest: PastDigest, *, is_kept: bool
) -> Response:
    after = request.query_params.get("after", "")
    found = await face.look(
        lambda connection: archive.papers_of(
            connection, digest.id, after=after, limit=PAPERS_SHOWN + 1
        )
    )
    hub_url = face.config().settings.http.base_url
    language = face.tongue(request)
    lines = [_line(each, language, hub_url) for each in found[:PAPERS_SHOWN]]
    return face.page(
        request,
        "archived.html.j2",
        mails=_mails(of, language),
        subject=digest.subject,
        day=of.day(digest.composed_at, language),
        paper_count=digest.paper_count,
        papers=lines,
        path=_path(request),
        base=_path(request),
        digest_id=digest.id,
        is_kept=is_kept,
        after=lines[-1].id if len(found) > len(lines) else None,
    )


async def _digest(face: Face, request: Request, of: Readable) -> PastDigest:
    """The one that is asked for, if it is that subscription's."""
    found = await face.look(
        lambda connection: archive.digest(connection, of.id, request.path_params["digest"])
    )
    if found is None:
        raise HTTPException(404)
    return found


def _path(request: Request) -> str:
    return f"/{Purpose.ARCHIVE}/{request.path_params['token']}"


def _mails(of: Readable, language: Language) -> str:
    """How the language of its mails is called, where the page's is another one."""
    return of.language.tag if of.language is not language else ""


def _line(mailed: MailedPaper, language: Language, hub_url: str) -> PaperLine:
    told = (why(reason, language) for reason in mailed.reasons[:REASONS_SHOWN])
    return PaperLine(
        mailed.paper.id,
        title_of(mailed.paper),
        page_url(mailed.paper, hub_url),
        tuple(
            language.colon.join(part for part in (each.rule, words) if part)
            for each in told
            if (words := language.listed(each.words)) or each.rule
        ),
    )
