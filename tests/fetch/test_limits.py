"""What the site asks for when it wants to be left alone, and that it is."""

from __future__ import annotations

import asyncio

import pytest

from tests.fetch.conftest import Clock, fetching, page
from tests.rawserver import RawServer, answer
from watcher.errors import FetchError
from watcher.fetch import Fetcher
from watcher.models import PageRequest
from watcher.settings import HttpSettings


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "17"}, 17),
        ({"retry-after": "17", "ratelimit": '"pages";r=0;t=53'}, 17),
        ({"ratelimit": '"pages";r=0;t=53'}, 53),
        ({"ratelimit": '"pages"; r = 3 ; t = 53'}, 53),
        ({"ratelimit": '"pages";r=1;t=53, "all";r=5;t=99'}, 53),
        ({"ratelimit": '"pages";r=0'}, 300),
        ({"ratelimit": "nonsense"}, 300),
        ({"retry-after": "Thu, 19 Feb 2026 12:02:00 GMT"}, 120),
        ({"retry-after": "Thu, 19 Feb 2026 12:02:00 -0000"}, 120),
        ({"retry-after": "Thu, 19 Feb 2026 11:00:00 GMT"}, 1),
        ({"retry-after": "Sat, 19 Feb 9999 11:00:00 GMT"}, 3600),
        ({"retry-after": "999999999"}, 3600),
        ({"retry-after": "9" * 5000}, 300),
        ({"retry-after": "-5"}, 300),
        ({"retry-after": "soon"}, 300),
        ({"retry-after": "\xb2"}, 300),
        ({"retry-after": "0"}, 1),
        ({}, 300),
    ],
)
async def test_429_says_how_long_to_wait_and_is_not_tried_again(
    headers: dict[str, str], wait: float
) -> None:
    clock = Clock()
    async with (
        RawServer(answer(429, b"too many", **headers)) as server,
        fetching(server, clock) as fetcher,
    ):
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(page(server))
        assert caught.value.status == 429
        assert caught.value.retryable
        assert caught.value.retry_after == wait
        clock.advance(wait - 0.5)
        with pytest.raises(FetchError, match="no more requests") as again:
            await fetcher.fetch(page(server, "/papers/trending"))
        assert again.value.status == 429
        assert again.value.retry_after == 0.5
        assert len(server.requests) == 1
        server.answers = [answer()]
        clock.advance(1)
        assert (await fetcher.fetch(page(server))).status == 200


async def test_when_nothing_is_left_the_next_one_is_not_asked() -> None:
    clock = Clock()
    async with (
        RawServer(answer(ratelimit='"pages";r=0;t=40')) as server,
        fetching(server, clock) as fetcher,
    ):
        assert (await fetcher.fetch(page(server))).status == 200
        with pytest.raises(FetchError, match="for 40 s") as caught:
            await fetcher.fetch(page(server))
        assert caught.value.status == 429
        clock.advance(41)
        await fetcher.fetch(page(server))
    assert len(server.requests) == 2


async def test_pages_and_api_are_counted_apart_as_the_site_names_them() -> None:
    async with (
        RawServer(
            answer(ratelimit='"pages";r=0;t=40'), answer(ratelimit='"calls";r=0;t=40')
        ) as server,
        fetching(server) as fetcher,
    ):
        await fetcher.fetch(page(server))
        api = PageRequest("trending", f"{server.url}/api/daily_papers", form="api")
        await fetcher.fetch(api)
        for request in (api, page(server)):
            with pytest.raises(FetchError, match="40 s"):
                await fetcher.fetch(request)
    assert len(server.requests) == 2


async def test_a_redirect_that_uses_up_the_last_is_not_followed() -> None:
    async with (
        RawServer(answer(302, location="/other", ratelimit='"pages";r=0;t=40'), answer()) as server,
        fetching(server) as fetcher,
    ):
        with pytest.raises(FetchError, match="40 s"):
            await fetcher.fetch(page(server))
    assert len(server.requests) == 1


async def test_503_with_retry_after_is_waited_for() -> None:
    async with RawServer(answer(503, retry_after="90")) as server, fetching(server) as fetcher:
        for _ in range(2):
            with pytest.raises(FetchError, match="90 s") as caught:
                await fetcher.fetch(page(server))
            assert caught.value.status == 503
            assert caught.value.retry_after == 90
    assert len(server.requests) == 1


async def test_a_named_wait_is_the_caller_s_to_keep() -> None:
    async with RawServer(answer(429)) as server:
        settings = HttpSettings(base_url=server.url)
        async with Fetcher(settings, wait_initial=600, clock=Clock()) as fetcher:
            async with asyncio.timeout(10):
                with pytest.raises(FetchError, match="300 s"):
                    await fetcher.fetch(page(server))


async def test_a_clock_set_back_does_not_prolong_the_wait() -> None:
    clock = Clock()
    async with RawServer(answer(429), answer()) as server, fetching(server, clock) as fetcher:
        with pytest.raises(FetchError):
            await fetcher.fetch(page(server))
        clock.advance(-86400)
        assert (await fetcher.fetch(page(server))).status == 200
