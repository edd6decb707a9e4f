"""A mail's bytes on the wire, whatever bytes it has: what a server got is the judge."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.mail.conftest import MESSAGE, envelope
from watcher.mail.smtp import SmtpMailer
from watcher.mail.wire import wire_form
from watcher.settings import SmtpSettings

BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
"""A line end that some servers take for one and some do not."""

PIECES = st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"=2E", b"\0", b"\xff"])
ANY_BYTES = st.lists(PIECES | st.binary(max_size=3), max_size=30).map(b"".join)

SMUGGLED = b"MAIL FROM:<ceo@example.org>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\npay up\r\n.\r\n"
ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\n",
    b"\n\n.\r\r.\n",
]
"""What one server or another has taken for the end of a mail."""


def plainly(message: bytes) -> bytes:
    """RFC 5321, byte after byte."""
    lines, line, rest = [], b"", message
    while rest:
        size = 2 if rest.startswith(b"\r\n") else 1
        byte, rest = rest[:size], rest[size:]
        if byte in {b"\r\n", b"\r", b"\n"}:
            lines.append(line)
            line = b""
        else:
            line += byte
    if line or not lines:
        lines.append(line)
    stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
    return b"".join(line + b"\r\n" for line in [*stuffed, b"."])


@given(message=ANY_BYTES)
@hypothesis_settings(max_examples=300)
def test_any_bytes_are_written_as_the_standard_says(message: bytes) -> None:
    written = wire_form(message)
    assert written == plainly(message)
    assert not BARE.search(written)
    assert written.find(b"\r\n.\r\n") == len(written) - 5


@asynccontextmanager
async def recording() -> AsyncIterator[tuple[SmtpMailer, bytearray]]:
    """A mailer for a server that takes every mail, and all that came after the first DATA."""
    heard, left = bytearray(), asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            is_data = line == b"DATA\r\n"
            writer.write(b"354 go on\r\n" if is_data else b"250 fine\r\n")
            if is_data:
                heard.extend(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
                while line := await reader.readline():
                    heard.extend(line)
                    writer.write(b"250 fine\r\n")
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        keys = {"host": host, "port": port, "security": "none", "helo": "client.example.org"}
        yield SmtpMailer(SmtpSettings.model_validate(keys)), heard
        await left.wait()


@pytest.mark.parametrize("end", ENDS)
async def test_no_message_ends_before_its_end(end: bytes) -> None:
    message = MESSAGE + b"hello" + end + SMUGGLED
    async with recording() as (mailer, heard), mailer.session() as session:
        await session.send(envelope(message=message))
    assert bytes(heard) == plainly(message) + b"QUIT\r\n"
    assert not BARE.search(heard)
    assert heard.count(b"\r\n.\r\n") == 1


@pytest.mark.parametrize("message", [b"", b".", b"\r", b"\n.", b".\n", b"a", b"\r\n", b"\n\n"])
async def test_the_shortest_messages_end_as_well(message: bytes) -> None:
    async with recording() as (mailer, heard), mailer.session() as session:
        await session.send(envelope(message=message))
    assert bytes(heard) == plainly(message) + b"QUIT\r\n"
