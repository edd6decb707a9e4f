"""The process that reads pages, one for all worlds: starting one takes longer than reading."""

from __future__ import annotations

import asyncio
import atexit
import datetime as dt
import functools
import threading
from typing import Self

from watcher.isolation import Reader
from watcher.models import Listing, Page
from watcher.settings import SourceSettings


class SharedReader(Reader):
    """A `Reader` whose process outlives every test; it has a loop and a thread of its own.

    What a page does to its process is the same: one that fails ends it, and the next page has a new
    one. `test_isolation` and whatever starts a program have readers of their own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reader", daemon=True)
        self._thread.start()
        self._kept = Reader()
        asyncio.run_coroutine_threadsafe(self._kept.__aenter__(), self._loop).result()

    def close(self) -> None:
        """End the process."""
        asyncio.run_coroutine_threadsafe(self._kept.__aexit__(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def read(
        self,
        source: SourceSettings,
        base_url: str,
        page: Page,
        now: dt.datetime,
        *,
        timeout: float = 20.0,  # noqa: ASYNC109  # the reader's own
    ) -> Listing:
        reading = self._kept.read(source, base_url, page, now, timeout=timeout)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(reading, self._loop))


@functools.cache
def shared_reader() -> SharedReader:
    """The one of this process."""
    reader = SharedReader()
    atexit.register(reader.close)
    return reader
