"""What stands in front of the pages: a server that has the certificate, and passes all on."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from tests.authority import Authority

NAME = "papers.example.org"


class Front:
    """Listens for https at `port`, as NAME."""

    def __init__(self, port: int, ca_file: Path) -> None:
        self.port = port
        self._ca_file = ca_file

    async def post(self, url: str, fields: dict[str, str]) -> httpx.Response:
        """As a mail program does at a click (RFC 8058): without a cookie."""
        context = ssl.create_default_context(cafile=self._ca_file)
        here = url.replace(f"https://{NAME}", f"https://127.0.0.1:{self.port}", 1)
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=20) as client:
            return await client.post(
                here, data=fields, headers={"Host": NAME}, extensions={"sni_hostname": NAME}
            )


@contextlib.asynccontextmanager
async def front_of(port: int, directory: Path) -> AsyncIterator[Front]:
    """One for the pages at that port of this machine."""
    authority = Authority(directory)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.wait(
                [
                    asyncio.create_task(_copy(reader, inner_writer)),
                    asyncio.create_task(_copy(inner_reader, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            inner_writer.transport.abort()
            writer.transport.abort()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=authority.server_context(NAME))
    async with server:
        yield Front(server.sockets[0].getsockname()[1], authority.ca_file)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while read := await reader.read(65_536):
            writer.write(read)
            await writer.drain()
