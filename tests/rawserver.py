"""An HTTP server on loopback whose every byte the test decides."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked: header names in lower case, the last of a name wins."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A connection after its request was read."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def hang(self) -> None:
        """Until the client leaves."""
        with contextlib.suppress(ConnectionError):
            await self.reader.read()


Answer = bytes | Callable[[Exchange], Awaitable[None]]


def answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """An answer with its length, unless `headers` (`_` for `-`) name one or are chunked."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if not {"content-length", "transfer-encoding"} & named.keys():
        named["content-length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode("latin-1") + body


class RawServer:
    """Gives its answers in order, the last one for ever, and closes after each."""

    host = "127.0.0.1"

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self._tls = tls
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http{'s' if self._tls else ''}://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._converse(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            del self._open[task]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.splitlines()
        method, target, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        request = Request(method, target, headers)
        self.requests.append(request)
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, bytes):
            writer.write(given)
            await writer.drain()
        else:
            await given(Exchange(request, reader, writer))
