"""The fake site on a real socket, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import fnmatch
import gzip
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Self

from tests.fakesite.faults import Answer, Fault
from tests.fakesite.papers import SitePaper
from tests.fakesite.site import Site
from tests.tracing import leave_thread_untraced


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it came: `target` is path and query, header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    at: dt.datetime

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


class FakeSite:
    """The site over HTTP/1.1 on 127.0.0.1, as a context manager (plain or async).

    It runs on its own thread and loop, so that both a test's loop and a program in another
    process can ask it. Everything public may be set and read from any thread: a request sees
    the state as it is when the request arrives.

    `now` is the site's clock and stands still. `papers` is a list to append to. `faults` maps
    patterns (fnmatch, against the target and against the path alone) to what goes wrong there;
    the first that fits counts. `has_etags` sends weak ETags and answers 304. `is_stable` makes
    the same page the same bytes twice, which the real site's never are. With `tls` it is an https
    one. `requests` is the ledger.
    """

    def __init__(
        self,
        papers: Iterable[SitePaper] = (),
        *,
        now: dt.datetime = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC),
        without_json: bool = False,
        has_etags: bool = False,
        is_stable: bool = False,
        is_compressed: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.site = Site(self.url, now, list(papers), without_json)
        self.has_etags, self.is_stable, self.is_compressed = has_etags, is_stable, is_compressed
        self.faults: dict[str, Fault] = {}
        self.requests: list[SeenRequest] = []
        self._arrival = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fakesite", daemon=True)
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def now(self) -> dt.datetime:
        """The site's clock."""
        return self.site.now

    @now.setter
    def now(self, value: dt.datetime) -> None:
        self.site.now = value

    @property
    def papers(self) -> list[SitePaper]:
        """All papers, arrived or not."""
        return self.site.papers

    @property
    def without_json(self) -> bool:
        """Whether pages come without their hydration JSON."""
        return self.site.without_json

    @without_json.setter
    def without_json(self, value: bool) -> None:
        self.site.without_json = value

    @property
    def redirects_empty(self) -> bool:
        """Whether a dated page without papers redirects to an earlier one."""
        return self.site.redirects_empty

    @redirects_empty.setter
    def redirects_empty(self, value: bool) -> None:
        self.site.redirects_empty = value

    def paths(self) -> list[str]:
        """The targets asked for so far."""
        return [request.target for request in tuple(self.requests)]

    def wait_for(self, pattern: str, *, count: int = 1, timeout: float = 20) -> None:
        """Block until `count` requests fitting `pattern` have arrived; TimeoutError otherwise."""
        with self._arrival:
            arrived = self._arrival.wait_for(
                lambda: sum(_fits(request.target, pattern) for request in self.requests) >= count,
                timeout,
            )
        if not arrived:
            raise TimeoutError(f"{pattern} was not asked for in {timeout} s, but {self.paths()}")

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.__exit__)

    def _run(self) -> None:
        leave_thread_untraced()
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._handle, sock=self._socket, ssl=self._tls)
        self._started.set()
        await self._stop.wait()
        server.close()
        for handler in tuple(self._handlers):
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await server.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = self._seen(await reader.readuntil(b"\r\n\r\n"))
        with self._arrival:
            self.requests.append(request)
            self._arrival.notify_all()
        fault = self._fault(request.target)
        if fault.hangs:
            await self._stop.wait()
        if fault.hangs or fault.disconnects:
            return False
        if fault.raw is not None:
            await fault.raw(writer)
            writer.close()
            await writer.wait_closed()
            return False
        answer = self._answer(request)
        if fault.change is not None:
            answer = fault.change(answer)
        answer = self._coded(answer, request)
        body = b"" if request.method == "HEAD" or answer.status == 304 else answer.body
        writer.write(_head(answer))
        if fault.drip_seconds is not None:
            for position in range(len(body)):
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), fault.drip_seconds)
                writer.write(body[position : position + 1])
        writer.write(body[: fault.truncate_at] if fault.drip_seconds is None else b"")
        await writer.drain()
        if fault.truncate_at is not None:
            writer.close()
            await writer.wait_closed()
            return False
        return request.headers.get("connection", "").lower() != "close"

    def _seen(self, head: bytes) -> SeenRequest:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.split(":", 1) for line in lines if line)
        headers = {name.lower(): value.strip() for name, value in pairs}
        return SeenRequest(method, target, headers, self.now)

    def _fault(self, target: str) -> Fault:
        for pattern, fault in tuple(self.faults.items()):
            if _fits(target, pattern):
                if fault.times == 0:
                    continue
                if fault.times is not None:
                    self.faults[pattern] = replace(fault, times=fault.times - 1)
                return fault
        return Fault()

    def _answer(self, request: SeenRequest) -> Answer:
        fixed = "Root=1-6ac5d2fa"
        answer = self.site.answer(request.target, fixed)
        is_api = request.path.startswith("/api/")
        bucket, quota = ("api", 500) if is_api else ("pages", 100)
        answer.headers["ratelimit"] = f'"{bucket}";r={quota - 6};t=53'
        answer.headers["ratelimit-policy"] = f'"fixed window";"{bucket}";q={quota};w=300'
        if answer.status != 200:
            return answer
        if self.has_etags:
            etag = f'W/"{hashlib.sha256(answer.body).hexdigest()[:20]}"'
            answer.headers["ETag"] = etag
            if request.headers.get("if-none-match") == etag:
                return replace(answer, status=304, body=b"")
        if not self.is_stable:
            own = f"Root=1-{len(self.requests):08x}"
            return replace(answer, body=answer.body.replace(fixed.encode(), own.encode(), 1))
        return answer

    def _coded(self, answer: Answer, request: SeenRequest) -> Answer:
        accepted = request.headers.get("accept-encoding", "")
        if answer.is_coded or not self.is_compressed or not answer.body or "gzip" not in accepted:
            return answer
        headers = answer.headers | {"Content-Encoding": "gzip"}
        return replace(answer, body=gzip.compress(answer.body, 1), headers=headers)


def _fits(target: str, pattern: str) -> bool:
    path = target.partition("?")[0]
    return (
        pattern in {target, path}
        or fnmatch.fnmatchcase(target, pattern)
        or fnmatch.fnmatchcase(path, pattern)
    )


def _head(answer: Answer) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = {"Content-Length": str(len(answer.body))} if answer.status != 304 else {}
    headers |= answer.headers
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
