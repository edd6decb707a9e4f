"""A fetcher for a raw server, and a clock that stands still."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.rawserver import RawServer
from watcher.fetch import Fetcher
from watcher.models import Page, PageRequest
from watcher.settings import HttpSettings

NOW = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)


class Clock:
    """Goes only when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


def page(server: RawServer, path: str = "/papers") -> PageRequest:
    return PageRequest("trending", server.url + path)


@asynccontextmanager
async def fetching(
    server: RawServer, clock: Clock | None = None, *, attempts: int = 3, **changes: object
) -> AsyncIterator[Fetcher]:
    keys: dict[str, object] = {"base_url": server.url, "timeout": 20}
    settings = HttpSettings.model_validate(keys | changes)
    async with Fetcher(
        settings, attempts=attempts, wait_initial=0, clock=clock or Clock()
    ) as fetcher:
        yield fetcher


async def fetched(server: RawServer, path: str = "/papers", **changes: object) -> Page:
    async with fetching(server, **changes) as fetcher:  # type: ignore[arg-type]  # settings only
        return await fetcher.fetch(page(server, path))
