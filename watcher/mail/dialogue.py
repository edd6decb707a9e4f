"""Our half of an SMTP connection that is open, once it only carries mails.

aiosmtplib opens it, greets, encrypts and logs in. It waits for the answer to each command before
the next one; here commands may go together (RFC 2920), and a mail costs half as much.
"""

from __future__ import annotations

import asyncio
from collections import deque

from aiosmtplib import (
    SMTPException,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

LONGEST_ANSWER = 32 * 1024
"""Bytes of an answer, all its lines together; more is not read."""

_NO_ANSWER = -1


class Dialogue(asyncio.Protocol):
    """Takes the transport over. What a server says unasked is not listened to."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._size = 0
        self._due_count = 0
        self._answers: deque[SMTPResponse] = deque()
        self._trouble: SMTPException | None = None
        self._waiter: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether the server can still be asked something, as far as is known."""
        return self._trouble is None and not self._transport.is_closing()

    @property
    def unread_count(self) -> int:
        """How many answers are still to be read, come or not."""
        return self._due_count + len(self._answers)

    def say(self, text: bytes, answer_count: int = 1) -> None:
        """Write what the server gives so many answers to. Raises SMTPServerDisconnected."""
        if not self.is_open:
            raise SMTPServerDisconnected("Connection lost")
        self._due_count += answer_count
        self._transport.write(text)

    async def answer(self, seconds: float) -> SMTPResponse:
        """The next answer that is due. Raises SMTPException where none comes, or none in time."""
        if not self._answers and self._trouble is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._waiter
            except TimeoutError:
                raise SMTPTimeoutError("Timed out waiting for server response") from None
            finally:
                self._waiter = None
        if self._answers:
            return self._answers.popleft()
        raise self._trouble or SMTPServerDisconnected("Connection lost")

    def data_received(self, data: bytes) -> None:
        """Take answers that are due out of what came."""
        if self._trouble is not None or not self._due_count:
            return
        self._buffer += data
        while self._due_count and (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._take(line)
        if not self._due_count:
            self._buffer.clear()
        elif self._size + len(self._buffer) > LONGEST_ANSWER:
            self._end(SMTPResponseException(_NO_ANSWER, "Response too long"))
        self._wake()

    def eof_received(self) -> None:
        """Nothing more comes, though under TLS the connection may stay for a while."""
        self._end(SMTPServerDisconnected("Unexpected EOF received"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits waits in vain."""
        trouble = SMTPServerDisconnected("Connection lost")
        trouble.__cause__ = exc
        self._end(trouble)

    def _take(self, line: bytes) -> None:
        code = line[:3]
        if len(code) < 3 or not code.isdigit():
            said = line.decode("utf-8", "replace")
            self._end(SMTPResponseException(_NO_ANSWER, f"Malformed SMTP response line: {said}"))
            return
        self._lines.append(line[4:].strip(b" \t\r"))
        self._size += len(line)
        if line[3:4] != b"-":
            text = b"\n".join(self._lines).decode("utf-8", "surrogateescape")
            self._answers.append(SMTPResponse(int(code), text))
            self._due_count -= 1
            self._lines, self._size = [], 0

    def _end(self, trouble: SMTPException) -> None:
        if self._trouble is None:
            self._trouble, self._due_count = trouble, 0
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done() and (self._answers or self._trouble):
            self._waiter.set_result(None)
