"""Whatever is asked: no page fails, each has its headers, none tells a log or a page too much.

In the test's own process, as thousands of answers are to come within seconds; what is not even HTTP
goes to the real server. Coverage is not measured: tests of each page do that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from selectolax.lexbor import LexborHTMLParser
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.fakesite import make_paper
from tests.web_face.browsing import PUBLIC, SECRET
from tests.web_face.odd import CANARY, IDS, Asked, Odd, subscription
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.links import Links
from watcher.settings import definition_of
from watcher.store import stored
from watcher.store.database import Database
from watcher.web.guard import WithHeaders
from watcher.web.serving import _face, _pages

pytestmark = [pytest.mark.untraced]

HEADERS = {
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
    "cache-control": "",
}
"""What each answer has, and how it begins."""


@dataclass
class Pages:
    """The pages without a server; `log` is all that they said."""

    odd: Odd
    pages: ASGIApp
    database: Database
    world: World
    runner: asyncio.Runner
    log: Sequence[object] = field(default_factory=list)
    number: int = 0

    @property
    def routes(self) -> set[str]:
        assert isinstance(self.pages, WithHeaders)
        starlette = self.pages._app
        assert isinstance(starlette, Starlette)
        return {route.path for route in starlette.routes if isinstance(route, Route)}

    def restore(self) -> None:
        """Have Eve's subscriptions there again, whatever was done to them."""
        with self.database.write() as connection:
            there = stored.definitions(connection)
            gone = {each: definition_of(subscription(each)) for each in IDS if each not in there}
            stored.put(connection, gone, self.world.now)

    def ask(self, asked: Asked) -> httpx.Response:
        """The answer; what a page raises comes out of here. Each comes from another network."""
        self.number += 1
        address = f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
        return self.runner.run(self._asked(asked, address))

    async def _asked(self, asked: Asked, address: str) -> httpx.Response:
        transport = httpx.ASGITransport(self.pages, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as client:
            headers = [(name.encode(), value) for name, value in asked.headers]
            return await client.request(
                asked.method, f"{PUBLIC}{asked.target}", headers=headers, content=asked.content
            )


@contextlib.contextmanager
def pages_within(world: World) -> Iterator[Pages]:
    web = f'\n[web]\nlisten = "127.0.0.1:1"\npublic_url = "{PUBLIC}"\nsecret = "{SECRET}"\n'
    world.configure(DAILY, web, WEIGHTS)
    config = world.config()
    world.add(make_paper(1, world.now, title=f"{ZORBLAX} {CANARY}"))
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        runner.run(world.run_pass())
        database = Database(config.store_url, writable=True)
        stack.callback(database.close)
        reader = Database(config.store_url, writable=False)
        stack.callback(reader.close)
        face = _face(lambda: config, database, reader, lambda: world.now)
        log = stack.enter_context(structlog.testing.capture_logs())
        odd = Odd(config, Links(SECRET, PUBLIC, lambda: world.now))
        yield Pages(odd, _pages(face), database, world, runner, log)
        runner.run(face.post.close())


def see_good(asked: Asked, answer: httpx.Response) -> None:
    """Whether it is an answer as all are to be."""
    assert answer.status_code < 500, (asked, answer.text)
    for name, begins in HEADERS.items():
        assert answer.headers.get(name, "none").startswith(begins), (asked, name, answer.headers)
    if answer.is_redirect:
        to = answer.headers["location"]
        assert to.startswith("/"), to
        assert not to.startswith(("//", "/\\")), to
    if "html" in answer.headers.get("content-type", "") and CANARY[:3] in answer.text:
        raise AssertionError(f"markup of a stranger: {asked}, {answer.text}")
    for element in LexborHTMLParser(answer.text).css("[zz]"):
        raise AssertionError(f"an attribute of a stranger: {asked}, {element.html}")


@pytest.mark.parametrize(("database", "count"), [("sqlite", 6000), ("postgresql", 2000)])
def test_whatever_is_asked_is_answered(
    request: pytest.FixtureRequest, world: World, database: str, count: int
) -> None:
    if database == "postgresql":
        world.store = request.getfixturevalue("migrated_postgres_url")
    with pages_within(world) as pages:
        assert pages.routes == set(pages.odd.places), "each route has its place in odd.py"
        statuses: dict[int, int] = {}

        @settings(max_examples=count, suppress_health_check=list(HealthCheck), database=None)
        @given(pages.odd.requests())
        def ask(asked: Asked) -> None:
            pages.restore()
            answer = pages.ask(asked)
            see_good(asked, answer)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1

        ask()
        assert {200, 303, 404, 405} <= set(statuses), "some come far, some do not"
        told = json.dumps(pages.log, default=str)
        assert not [token for token in pages.odd.tokens if token in told]
