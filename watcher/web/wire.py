"""Connections within bounds: how many there are, and how long each is held without being used.

uvicorn bounds neither: a request that never becomes whole, and an answer that nobody reads, would
be held for ever, and with them, in `run`, the files that the daemon may have open.
"""

from __future__ import annotations

import asyncio
import resource

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 500
IDLE_FOR = 15
"""Seconds until a connection on which nothing is asked ends, or one whose request is not whole."""

_ANSWERS = 4
"""How often that long an answer may take."""

_LEAST_READ = 16_384
"""Bytes of an answer that are read in that time by whoever is slow but there."""


def most_connections() -> int:
    """How many are held: a process has other files to open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files < 0 else min(MOST_CONNECTIONS, files // 2)


class Bounded(H11Protocol):
    """Ends what is held for too long, and at once what is one too many."""

    _alarm: asyncio.TimerHandle | None = None
    _timed: object = None
    _unread: float = 0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            transport.abort()
        else:
            self._end_in(self.timeout_keep_alive)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._alarm:
            self._alarm.cancel()
        super().connection_lost(exc)

    @override
    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not self._timed:
            self._timed = self.cycle
            if not self.cycle.response_complete:
                self._end_in(_ANSWERS * self.timeout_keep_alive)

    @override
    def on_response_complete(self) -> None:
        # For what is not read yet, and until the next request is whole; uvicorn ends idle ones.
        self._end_in(2 * self.timeout_keep_alive)
        super().on_response_complete()

    def _end_in(self, seconds: float) -> None:
        if self._alarm:
            self._alarm.cancel()
        self._unread = float("inf")
        self._alarm = self.loop.call_later(seconds, self._end)

    def _end(self) -> None:
        unread = self.transport.get_write_buffer_size()
        if 0 < unread <= self._unread - _LEAST_READ:
            self._unread = unread
            self._alarm = self.loop.call_later(self.timeout_keep_alive, self._end)
        else:
            self.transport.abort()
