"""Whatever is asked: no page fails, each has its headers, none tells a log or a page too much.

In the test's own process, as thousands of answers are to come within seconds; what is not even HTTP
goes to the real server. Coverage is not measured: tests of each page do that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import socket
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
from tests.web_face.browsing import AT_ONCE, PUBLIC, SECRET, pages_of
from tests.web_face.odd import CANARY, EVE, IDS, Asked, Odd, subscription
from tests.web_face.test_status import ASKED
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.links import Links, Purpose
from watcher.settings import definition_of
from watcher.store import stored
from watcher.store.database import Database
from watcher.web.guard import WithHeaders
from watcher.web.post import Post
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
    world.configure(DAILY, web, ASKED, "archive = true\n", WEIGHTS)
    config = world.config()
    world.add(make_paper(1, world.now, title=f"{ZORBLAX} {CANARY}"))
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        runner.run(world.run_pass())
        database = Database(config.store_url, writable=True)
        stack.callback(database.close)
        reader = Database(config.store_url, writable=False)
        stack.callback(reader.close)
        post = Post(lambda: config, database, reader, lambda: world.now, AT_ONCE)
        face = _face(lambda: config, database, reader, lambda: world.now, post)
        log = stack.enter_context(structlog.testing.capture_logs())
        odd = Odd(config, Links(SECRET, PUBLIC, lambda: world.now))
        stack.callback(lambda: runner.run(face.post.close()))
        runner.get_loop().call_soon(face.post.start)
        yield Pages(odd, _pages(face), database, world, runner, log)


def see_good(asked: Asked, answer: httpx.Response) -> None:
    """Whether it is an answer as all are to be."""
    assert answer.status_code < 500, (asked, answer.text)
    for name, begins in HEADERS.items():
        assert answer.headers.get(name, "none").startswith(begins), (asked, name, answer.headers)
    if answer.is_redirect:
        to = answer.headers["location"]
        assert to.startswith("/"), to
        assert not to.startswith(("//", "/\\")), to
    kind = answer.headers.get("content-type", "")
    if "json" in kind or "toml" in kind:  # no browser takes these for a page
        return
    if CANARY[:3] in answer.text:
        raise AssertionError(f"markup of a stranger: {asked}, {answer.text}")
    for element in LexborHTMLParser(answer.text).css("[zz]"):
        raise AssertionError(f"an attribute of a stranger: {asked}, {element.html}")


@pytest.mark.parametrize(("database", "count"), [("sqlite", 400), ("postgresql", 80)])
def test_whatever_is_asked_is_answered(
    request: pytest.FixtureRequest, world: World, database: str, count: int
) -> None:
    if database == "postgresql":
        world.store = request.getfixturevalue("migrated_postgres_url")
    with pages_within(world) as pages:
        assert pages.routes == set(pages.odd.places), "each route has its place in odd.py"
        assert pages.ask(pages.odd.subscribe()).headers["location"] == "/sent", "they come far"

        @settings(max_examples=count, suppress_health_check=list(HealthCheck), database=None)
        @given(pages.odd.requests())
        def ask(asked: Asked) -> None:
            pages.restore()
            see_good(asked, pages.ask(asked))

        ask()
        told = json.dumps(pages.log, default=str)
        assert not [token for token in pages.odd.tokens if token in told]


BROKEN = (
    b"",
    b"\r\n\r\n",
    b"\0" * 40,
    b"GET /%s HTTP/1.1\r\n\r\n",
    b"GET /%s\r\n\r\n",
    b"GET /%s HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET  /%s HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET /%s HTTP/1.1\nHost: x\n\n",
    b"GET /%s\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%s\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://evil.example/%s HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET *%s HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT %s:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: %s\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)
"""What is hardly HTTP; %s is where a link's path goes."""


def said_to(port: int, sent: bytes) -> bytes:
    """What the server says to that until it closes, and this side sends no more."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as connection,
        contextlib.suppress(ConnectionError),  # it may have hung up meanwhile
    ):
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))
    return b""


def test_what_is_hardly_http_harms_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(5)
    with structlog.testing.capture_logs() as log, pages_of(world) as browser:
        port = browser.client.base_url.port
        assert port
        token = Links(SECRET, PUBLIC, lambda: world.now).token(Purpose.MANAGE, "weights", EVE)
        path = f"manage/{token}".encode()
        whole = [each.replace(b"%s", path) for each in BROKEN]
        for each in whole + [spoilt(rng, rng.choice(whole)) for _ in range(150)]:
            said = said_to(port, each)
            # Two answers to one connection are two requests that were kept apart.
            for head in re.findall(rb"^HTTP/1\.1 (\d+)", said, re.MULTILINE):
                assert int(head) < 500, (each, said)
            assert CANARY.encode() not in said
        assert browser.get("/healthz").status == 200
    told = caplog.text + json.dumps(log, default=str)
    assert token not in told
    assert "Traceback" not in told


def spoilt(rng: random.Random, sent: bytes) -> bytes:
    """It, with some bytes otherwise, left out or more of them."""
    changed = bytearray(sent or b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed))
        new = rng.choice(
            [b"", b"\0", b"\r", b"\n", b" ", b"\xff", b":", CANARY.encode(), b"9" * 50]
        )
        changed[at : at + rng.randint(0, 3)] = new
    return bytes(changed) or b"\n"
