"""More like this, or not this: the pages that digests link to, and what was said so far.

A link is a subscription's, not a recipient's: all who get its digests speak for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from watcher import past
from watcher.backtest import Verdict, replay_feedback
from watcher.digest import dates
from watcher.digest.language import Language
from watcher.digest.papers import page_url, title_of
from watcher.links import Purpose
from watcher.models import Paper, StoredPaper
from watcher.settings import SubscriptionSettings
from watcher.store import feedback, papers, subscriptions
from watcher.store.feedback import Said
from watcher.web import deeds, tongues
from watcher.web.face import Face, Refused
from watcher.web.readers import language_of
from watcher.web.sentences import papers_of
from watcher.web.tongues import phrase

WORDS = {True: phrase("More like this"), False: phrase("Not this")}
"""By whether it is wanted; the mails have the same."""

_ASKED = {True: phrase("More like this?"), False: phrase("Not this?")}
_NOTED = {True: phrase("Noted: more like this"), False: phrase("Noted: not this")}
_SO_FAR = {
    True: phrase("Noted so far: more like this."),
    False: phrase("Noted so far: not this."),
}

ACTS: Mapping[str, bool | None] = {"more": True, "not": False, "back": None}

MOST_LISTED = 50
MOST_JUDGED = 500
"""Papers of which something was said that rules are asked of for one page."""


@dataclass(frozen=True, slots=True)
class Row:
    """A paper of which something was said; `wrong` is what the rules do against that, or empty."""

    id: str
    title: str
    url: str
    told: str
    day: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Told:
    """What was said for a subscription, the latest first, and what rules make of it."""

    effect: str = ""
    rows: tuple[Row, ...] = ()
    more_count: int = 0


async def ask(face: Face, request: Request) -> Response:
    """The paper and a button, which alone keeps anything: scanners of mails follow links."""
    wish, subscription_id, paper_id = _link(face, request)
    paper, said = await _look(face, request, subscription_id, paper_id)
    is_pressed = "done" in request.query_params
    is_kept = said is not None and (said is wish or is_pressed)
    say = face.tongue(request).say
    return face.page(
        request,
        "feedback.html.j2",
        wish=wish,
        said=said,
        words={wanted: say(text) for wanted, text in WORDS.items()},
        headline=say(_NOTED[bool(said)] if is_kept else _ASKED[wish]),
        so_far="" if said is None else say(_SO_FAR[said]),
        title=title_of(paper),
        url=page_url(paper, face.config().settings.http.base_url),
        is_kept=is_kept,
        is_back=said is None and is_pressed,
    )


async def say(face: Face, request: Request) -> Response:
    """Keep what the button says, or take it back."""
    _, subscription_id, paper_id = _link(face, request)
    form = await face.form(request)
    act = (form.get("act") or [""])[0]
    if act not in ACTS:
        raise Refused(
            400,
            phrase("This form is not whole"),
            phrase("Load the page again. Nothing was done."),
        )
    await _look(face, request, subscription_id, paper_id)  # whether there is such a one
    await _keep(face, subscription_id, paper_id, is_wanted=ACTS[act])
    return RedirectResponse(f"{request.url.path}?done=yes", 303)


async def take_back(
    face: Face, subscription: SubscriptionSettings, form: Mapping[str, list[str]]
) -> None:
    """Forget what was said of the paper that the form names. Raises Refused, StoreError."""
    await _keep(face, subscription.id, (form.get("paper") or [""])[0], is_wanted=None)


async def told(
    face: Face, present: SubscriptionSettings, tried: SubscriptionSettings, language: Language
) -> Told:
    """What was said for `present`, and what the rules of `tried` make of it. Raises StoreError."""
    return await run_in_threadpool(_told, face, present, tried, language)


def _told(
    face: Face, present: SubscriptionSettings, tried: SubscriptionSettings, language: Language
) -> Told:
    with face.reader.read() as connection:
        said = feedback.of_subscriptions(connection, [present.id], MOST_JUDGED).get(present.id, [])
    if not said:
        return Told()
    settings = face.config().settings
    verdict = replay_feedback(tried, settings.topics, past.feedback_in(said)).together
    rows = _rows(said[:MOST_LISTED], verdict, settings.http.base_url, language)
    return Told(_effect(verdict, language), tuple(rows), len(said[MOST_LISTED:]))


def _rows(said: list[Said], verdict: Verdict, hub_url: str, language: Language) -> Iterator[Row]:
    missed, brought = (
        {seen.paper.id for seen in papers} for papers in (verdict.missed, verdict.brought)
    )
    for one in said:
        paper = one.stored.paper
        wrong = ""
        if paper.id in missed:
            wrong = language.say("these rules do not bring it")
        elif paper.id in brought:
            wrong = language.say("these rules bring it")
        yield Row(
            paper.id,
            title_of(paper),
            page_url(paper, hub_url),
            language.say(WORDS[one.is_wanted]),
            dates.day(one.said_at.date(), language),
            wrong,
        )


def _effect(verdict: Verdict, language: Language) -> str:
    """`Of 5 papers you wanted more of, these rules bring 4; of 3 you did not want, 1.`"""
    wanted, unwanted = verdict.wanted_count, verdict.unwanted_count
    found, brought = len(verdict.found), len(verdict.brought)
    if wanted and unwanted:
        return language.say(
            "Of %(papers)s you wanted more of, these rules bring %(found)s;"
            " of %(unwanted)s you did not want, %(brought)s.",
            papers=papers_of(wanted, language),
            found=language.number(found),
            unwanted=language.number(unwanted),
            brought=language.number(brought),
        )
    if wanted:
        return language.say(
            "Of %(papers)s you wanted more of, these rules bring %(found)s.",
            papers=papers_of(wanted, language),
            found=language.number(found),
        )
    if unwanted:
        return language.say(
            "Of %(papers)s you did not want, these rules bring %(brought)s.",
            papers=papers_of(unwanted, language),
            brought=language.number(brought),
        )
    return ""


def _link(face: Face, request: Request) -> tuple[bool, str, str]:
    """What the link proposes, and its subscription and paper. Raises Refused."""
    purpose = Purpose(request.url.path.split("/")[1])
    paper_id, subscription_id = face.told(request, purpose)
    return purpose is Purpose.MORE, subscription_id, paper_id


async def _look(
    face: Face, request: Request, subscription_id: str, paper_id: str
) -> tuple[Paper, bool | None]:
    """The paper, and what is said of it now. Raises Refused, StoreError."""

    def look() -> tuple[bool, str, StoredPaper | None, bool | None]:
        with face.reader.read() as connection:
            known = subscriptions.get(connection, subscription_id)
            is_there = known is not None and not known.removed_at
            language = language_of(face, connection, subscription_id)
            found = papers.load(connection, [paper_id]).get(paper_id)
            return (
                is_there,
                language,
                found,
                feedback.of_paper(connection, subscription_id, paper_id),
            )

    is_there, language, found, said = await run_in_threadpool(look)
    tongues.choose(request, language)
    if not is_there:
        raise _ended()
    if found is None:
        raise Refused(
            404,
            phrase("This paper is not known"),
            phrase("Nothing is known of it here any more."),
        )
    return found.paper, said


async def _keep(face: Face, subscription_id: str, paper_id: str, *, is_wanted: bool | None) -> None:
    is_kept = await run_in_threadpool(
        deeds.say,
        face.database,
        subscription_id,
        paper_id,
        face.clock(),
        is_wanted=is_wanted,
    )
    if not is_kept:
        raise _ended()


def _ended() -> Refused:
    return Refused(404, phrase("This subscription has ended"), phrase("Nothing was noted."))
