"""What all pages share: the configuration in force, the store, the clock, how a page is made."""

from __future__ import annotations

import asyncio
import datetime as dt
import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from watcher.digest.language import Language
from watcher.links import AGES, ExpiredLinkError, LinkError, Links, Purpose
from watcher.settings import Config, SubscriptionSettings
from watcher.store.buckets import Limit
from watcher.store.database import Database
from watcher.web import deeds, pages, tongues
from watcher.web.blanks import Blanks
from watcher.web.guard import (
    MAILS_OF_NETWORK,
    OF_NETWORK,
    Forms,
    Limits,
    form_of,
    network_of,
)
from watcher.web.post import Made, Post
from watcher.web.tongues import phrase
from watcher.web.trying import Past, Preview

T = TypeVar("T")


class Refused(Exception):  # noqa: N818  # an answer, not an error of ours
    """A request that is answered with a page that says why, and does nothing.

    Headline and text are phrases, said in the language of whoever asked; `facts` are the text's.
    """

    def __init__(
        self, status: int, headline: str, text: str, *, wait: int | None = None, **facts: object
    ) -> None:
        self.status, self.headline, self.text, self.wait = status, headline, text, wait
        self.facts = facts
        super().__init__(headline)


@dataclass(frozen=True, slots=True)
class Face:
    """The parts; `database` writes past the daemon's lock, `reader` never waits for it."""

    config: Callable[[], Config]
    database: Database
    reader: Database
    clock: Callable[[], dt.datetime]
    links: Links
    forms: Forms
    limits: Limits
    past: Past
    post: Post
    blanks: Blanks = field(default_factory=Blanks)
    previewing: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 2))

    def page(
        self, request: Request, template: str, status: int = 200, **context: object
    ) -> Response:
        """The page of that template, its forms marked as ours."""
        word, mark = self.forms.mark(request)
        context = {"mark": mark, "status": status, **self._fixed(), **context}
        response = HTMLResponse(pages.write(template, context, self.tongue(request)), status)
        self.forms.remember(response, word)
        vary(request, response)
        return response

    def same_page(
        self,
        request: Request,
        template: str,
        of: tuple[object, ...],
        context: Callable[[], Mapping[str, object]],
    ) -> Response:
        """As `page`, where nothing but its mark differs while `of` are the very same objects.

        One of them is the configuration.
        """
        word, mark = self.forms.mark(request)
        response = HTMLResponse(
            self.blanks.write(
                template,
                of,
                lambda: {**self._fixed(), **context()},
                mark,
                self.tongue(request),
            )
        )
        self.forms.remember(response, word)
        vary(request, response)
        return response

    def tongue(self, request: Request) -> Language:
        """The language that the request is answered in."""
        return tongues.spoken(request, self.config().settings.digest.language)

    def _fixed(self) -> Mapping[str, object]:
        """What every page says; `base` is the path of an archive that is not for everybody."""
        return {"has_archive": self.config().settings.web.archive, "base": ""}

    async def form(self, request: Request) -> Mapping[str, list[str]]:
        """The fields of a form of ours. Raises Refused, TooLargeError, StoreError."""
        form = await form_of(request)
        if not self.forms.are_ours(request, form):
            raise Refused(
                403,
                phrase("Please press the button once more"),
                phrase(
                    "Nothing was done: this page was open for more than a day, or your browser "
                    "keeps no cookies for this site. Go back, load the page again, and press it "
                    "there."
                ),
            )
        await self.count(request, "form", OF_NETWORK)
        return form

    async def count(self, request: Request, kind: str, limit: Limit) -> None:
        """Count once for the network that asks. Raises Refused where that is too often."""
        limits = {(kind, network_of(request)): limit}
        wait = await run_in_threadpool(self.limits.take, self.database, limits, self.clock())
        if wait is not None:
            raise Refused(
                429,
                phrase("Too much at once"),
                phrase(
                    "So much came from your network that nothing was done. "
                    "Please try again in a few minutes."
                ),
                wait=int(wait.total_seconds()) + 1,
            )

    async def send(self, request: Request, prepare: Callable[[], Made]) -> None:
        """Have the mail that `prepare` makes sent, in its own time. Raises Refused, StoreError."""
        await self.count(request, "mail", MAILS_OF_NETWORK)
        if await self.post.is_full():
            raise Refused(
                503,
                phrase("Too much at once"),
                phrase("Please try again in a few minutes."),
                wait=300,
            )
        self.post.take_on(prepare)

    def told(self, request: Request, purpose: Purpose) -> tuple[str, ...]:
        """What the link of this request was told. Raises Refused."""
        try:
            return self.links.read(purpose, request.path_params["token"])
        except ExpiredLinkError as error:
            raise Refused(
                410,
                phrase("This link has expired"),
                phrase("It worked for %(days)s days. A newer mail may have a newer link."),
                days=AGES[purpose].days,
            ) from error
        except LinkError as error:
            raise Refused(
                404,
                phrase("This link does not work"),
                phrase(
                    "A part of it may have been lost on the way: some mail programs break long "
                    "lines. Open it from the mail itself, or copy all of it."
                ),
            ) from error

    async def look(self, step: Callable[[sa.Connection], T]) -> T:
        """What `step` reads, in a thread. Raises StoreError."""

        def read() -> T:
            with self.reader.read() as connection:
                return step(connection)

        return await run_in_threadpool(read)

    async def found(self, request: Request, subscription_id: str) -> SubscriptionSettings:
        """The subscription of that id, whose language is spoken from then on.

        Raises Refused, StoreError.
        """

        found = await self.look(lambda connection: deeds.find(connection, subscription_id))
        if found is None:
            raise Refused(
                404,
                phrase("This subscription has ended"),
                phrase("No mail comes of it any more."),
            )
        tongues.choose(request, found.language)
        return found

    async def preview(self, request: Request, subscription: SubscriptionSettings) -> Preview:
        """What that one would have brought: few at a time. Raises StoreError, RuleError."""
        language = self.tongue(request)
        async with self.previewing:
            return await run_in_threadpool(self.past.preview, subscription, language)

    def may_join(self, address: str) -> bool:
        """Whether `[web] allow` lets that address subscribe."""
        allowed = self.config().settings.web.allow
        return not allowed or any(
            fnmatch.fnmatchcase(address.lower(), pattern) for pattern in allowed
        )

    @property
    def timezone(self) -> str:
        """The time zone of who says nothing of theirs."""
        return self.config().zone().key


def vary(request: Request, response: Response) -> None:
    """Say that the answer would be another one for a browser that asks for another language."""
    if not tongues.is_chosen(request):
        response.headers.append("Vary", "Accept-Language")
