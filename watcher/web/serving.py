"""The pages behind a socket: in a thread with a loop of its own, for as long as they are wanted."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from watcher import app
from watcher.links import Links
from watcher.settings import Config
from watcher.store.database import Database
from watcher.store.lock import bound
from watcher.web.face import Face
from watcher.web.guard import Forms, Limits
from watcher.web.post import Pace, Post
from watcher.web.routes import make_app
from watcher.web.trying import Past
from watcher.web.wire import IDLE_FOR, Bounded, most_connections

log = structlog.get_logger(__name__)

LEAVE_WITHIN = 8

GIVES_WAY_WITHIN = 0.0002
"""Seconds, of Python's usual 0.005: beside busy pages, the daemon waits so long for its turn after
each statement to the database, and a check has hundreds.
"""


@contextlib.contextmanager
def serving(
    config: Callable[[], Config],
    clock: Callable[[], dt.datetime] = app.utc_now,
    pace: Pace = Pace(),  # noqa: B008  # frozen
    idle_for: int = IDLE_FOR,
) -> Iterator[None]:
    """Answer at `[web] listen` for as long as this lasts; `config` is the one in force.

    `pace` is that of the mails they send, `idle_for` the seconds for which a connection is held on
    which nothing is asked. The database is there and of this version. Raises OSError where the port
    cannot be had, StoreError.
    """
    web = config().settings.web
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listener(*web.address))
        database = Database(config().store_url, writable=True)
        stack.callback(database.close)
        bound(database)
        reader = Database(config().store_url, writable=False)
        stack.callback(reader.close)
        face = _face(config, database, reader, clock, Post(config, database, reader, clock, pace))
        server = uvicorn.Server(
            uvicorn.Config(
                _pages(face),
                http=Bounded,
                ws="none",
                lifespan="on",
                loop="asyncio",
                access_log=False,  # it would tell the tokens that stand in paths
                log_config=None,
                server_header=False,
                proxy_headers=True,
                forwarded_allow_ips=list(web.proxies),
                limit_concurrency=most_connections(),
                timeout_keep_alive=idle_for,
                timeout_graceful_shutdown=LEAVE_WITHIN,
            )
        )
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(GIVES_WAY_WITHIN)
        thread = threading.Thread(target=server.run, args=([listener],), name="web", daemon=True)
        thread.start()
        log.info("pages are served", listen=web.listen, public_url=web.public_url)
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(2 * LEAVE_WITHIN)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    # Connections inherit it; or each answer waits 40 ms for the other side to acknowledge its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _face(
    config: Callable[[], Config],
    database: Database,
    reader: Database,
    clock: Callable[[], dt.datetime],
    post: Post,
) -> Face:
    web = config().settings.web
    secret, is_https = web.secret.get_secret_value(), web.public_url.startswith("https://")
    links = Links(secret, web.public_url, clock)
    return Face(
        config=config,
        database=database,
        reader=reader,
        clock=clock,
        links=links,
        forms=Forms(links, is_https=is_https),
        limits=Limits(secret),
        past=Past(config, lambda: reader, clock),
        post=post,
    )


def _pages(face: Face) -> ASGIApp:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        face.post.start()
        try:
            yield
        finally:
            await face.post.close()

    is_https = face.config().settings.web.public_url.startswith("https://")
    return make_app(face, lifespan, is_https=is_https)
