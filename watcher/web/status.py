"""The operator's page: whether all is well, how each source fares, what waits, what went wrong."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from watcher import overview
from watcher.models import DeliveryState
from watcher.overview import LOOKED_THROUGH, Overview, as_contract, headline
from watcher.store import outbox
from watcher.store.database import name_of
from watcher.web import strips, tongues
from watcher.web.face import Face
from watcher.web.operator import kept_out
from watcher.when import ago, moment

MOST_SUBSCRIPTIONS = 200
"""Of more, none is looked at by itself: each costs some queries."""

LATELY = dt.timedelta(days=7)
MOST_MAILS = 50_000
"""Of those queued lately, looked through for their states."""

MOST_PROBLEMS = 20
MOST_COMING = 10
MOST_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, when last, how often of late in the same words."""

    at: dt.datetime
    what: str
    text: str
    count: int = 1


async def show(face: Face, request: Request) -> Response:
    """The page, in English as commands are."""
    tongues.choose(request, "en")
    if answer := await kept_out(face, request):
        return answer
    context = await run_in_threadpool(_context, face)
    return face.page(request, "status.html.j2", 200, **context)


async def as_json(face: Face, request: Request) -> Response:
    """What `status --json` prints; `whole`: whether each subscription was looked at."""
    tongues.choose(request, "en")
    if answer := await kept_out(face, request):
        return answer
    found = await run_in_threadpool(_look, face)
    config = face.config()
    told = as_contract(config, found, name_of(config.store_url))
    return JSONResponse({**told, "whole": found.is_whole})


def _look(face: Face) -> Overview:
    return overview.look(
        face.config(),
        face.reader,
        face.clock(),
        host=socket.gethostname(),
        most_subscriptions=MOST_SUBSCRIPTIONS,
    )


def _context(face: Face) -> Mapping[str, object]:
    found = _look(face)
    with face.reader.read() as connection:
        coming = overview.coming(face.config(), connection, found, MOST_COMING)
        lately = outbox.lately(connection, found.now - LATELY, MOST_MAILS)

    shown = [(each, strips.strip(each.recent, found.zone)) for each in found.sources]
    kinds = {cell.kind for _, strip in shown for cell in strip.cells}

    def when(at: dt.datetime) -> str:
        return moment(at, found.zone)

    def short(at: dt.datetime) -> str:
        return f"{at.astimezone(found.zone):%a %d %b %H:%M}"

    def since(at: dt.datetime) -> str:
        return ago(at, found.now)

    return {
        "overview": found,
        "headline": headline(found),
        "sources": shown,
        "kinds": [kind for kind in strips.KINDS if kind in kinds],
        "strips": strips,
        "looked_through": LOOKED_THROUGH,
        "states": [
            (state, lately.get(state, 0), found.mail.counts[state]) for state in DeliveryState
        ],
        "lately_is_cut": sum(lately.values()) >= MOST_MAILS,
        "lately_days": LATELY.days,
        "most_mails": MOST_MAILS,
        "most_problems": MOST_PROBLEMS,
        "most_subscriptions": MOST_SUBSCRIPTIONS,
        "coming": coming,
        "errors": _errors(found),
        "when": when,
        "short": short,
        "ago": since,
    }


def _errors(found: Overview) -> list[Trouble]:
    """The last errors, the newest first, each once however often it came."""
    by_words: dict[tuple[str, str], Trouble] = {}
    for each in sorted(_troubles(found), key=lambda each: each.at):
        former = by_words.pop((each.what, each.text), None)
        count = 1 + (former.count if former else 0)
        by_words[each.what, each.text] = Trouble(each.at, each.what, each.text, count)
    return list(reversed(by_words.values()))[:MOST_ERRORS]


def _troubles(found: Overview) -> Iterator[Trouble]:
    for source in found.sources:
        for check in source.recent:
            if check.error:
                yield Trouble(check.started_at, f"check of {source.name}", check.error)
    mail = found.mail
    for failed in mail.failed:
        delivery = failed.delivery
        what = f"mail to {delivery.recipient}, {delivery.state}"
        yield Trouble(delivery.finished_at or delivery.queued_at, what, delivery.answer or "")
    if mail.trouble_at:
        yield Trouble(mail.trouble_at, "mail is stuck", mail.trouble or "")
    if mail.oldest and mail.oldest.answer:
        what = f"mail to {mail.oldest.recipient}, waiting"
        yield Trouble(mail.oldest.queued_at, what, mail.oldest.answer)
    if mail.letters.oldest_at and mail.letters.error:
        yield Trouble(mail.letters.oldest_at, "mails of the pages, waiting", mail.letters.error)
