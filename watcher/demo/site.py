"""A small papers site over real HTTP on loopback: the trending page, the days, an outage."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec

from watcher.demo.papers import Json, SitePaper

Answer: TypeAlias = tuple[HTTPStatus, dict[str, str], str]
"""Status, headers, body."""

_PAGE = """<!doctype html><html class=""><head><meta charset="utf-8"/>\
<meta property="og:title" content="{title} - Hugging Face"/><title>{title} - Hugging Face</title>\
<script>window.requestId = "Root=1-{request_id:08x}";</script></head>
<body class="flex flex-col min-h-dvh bg-white DailyPapersPage"><div class="flex min-h-dvh">\
<div class="SVELTE_HYDRATER contents" data-target="MainHeader" data-props="{{}}">\
<header><a href="/papers">Daily Papers</a></header></div><main class="flex flex-1 flex-col">\
<div class="SVELTE_HYDRATER contents" data-target="DailyPapers" data-props="{props}">\
<section class="container"><h1>{title}</h1><div class="grid">{cards}</div></section>\
</div></main></div></body></html>"""

_CARD = """<article class="relative flex flex-col overflow-hidden rounded-xl border">\
<h3 class="mb-1 text-lg font-semibold"><a href="/papers/{id}" class="line-clamp-3">{title}</a></h3>\
<div role="checkbox"><div class="leading-none">{votes}</div></div></article>"""


@dataclass(slots=True)
class Site:
    """What the site holds at `now`, which stands still until it is set; `is_down`: nothing."""

    papers: Sequence[SitePaper]
    now: dt.datetime
    is_down: bool = False
    url: str = ""
    request_count: int = field(default=0, init=False)

    def answer(self, target: str) -> Answer:
        """What a GET of `target` (path and query) is told."""
        self.request_count += 1
        if self.is_down:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1200"}, "<h1>503</h1>"
        url = urlsplit(target)
        match url.path.strip("/").split("/"):
            case ["papers"]:
                return self._latest(self.now.date())
            case ["papers", "trending"]:
                return self._page("Trending Papers", self._trending(), {})
            case ["papers", "date", day]:
                with contextlib.suppress(ValueError):
                    return self._day(dt.date.fromisoformat(day))
            case ["api", "daily_papers"]:
                with contextlib.suppress(KeyError, ValueError):
                    return self._api(dt.date.fromisoformat(parse_qs(url.query)["date"][0]))
        return HTTPStatus.NOT_FOUND, {}, "<h1>404</h1>"

    def _api(self, on: dt.date) -> Answer:
        listed = [paper.as_json(self.now) for paper in self._listed(on)]
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return HTTPStatus.OK, headers, msgspec.json.encode(listed).decode()

    def _trending(self) -> list[SitePaper]:
        shown = [p for p in self.papers if p.trends_at is not None and p.trends_at <= self.now]
        return sorted(shown, key=lambda paper: paper.votes(self.now), reverse=True)

    def _listed(self, on: dt.date) -> list[SitePaper]:
        shown = [p for p in self.papers if p.listed_on == on and p.arrives_at <= self.now]
        return sorted(shown, key=lambda paper: paper.votes(self.now), reverse=True)

    def _latest(self, until_on: dt.date) -> Answer:
        days = {p.listed_on for p in self.papers if p.arrives_at <= self.now}
        earlier = [day for day in days if day <= until_on]
        if not earlier:
            return HTTPStatus.NOT_FOUND, {}, "<h1>404</h1>"
        return HTTPStatus.FOUND, {"Location": f"/papers/date/{max(earlier)}"}, ""

    def _day(self, on: dt.date) -> Answer:
        papers = self._listed(on)
        if not papers:
            return self._latest(on)
        props: Json = {"dateString": f"{on}", "periodType": "day"}
        return self._page("Daily Papers", papers, props)

    def _page(self, title: str, papers: Sequence[SitePaper], more: Json) -> Answer:
        props: Json = {
            "canSubmit": False,
            "dailyPapers": [paper.as_json(self.now) for paper in papers],
            "publisher": {},
            "query": {},
            "isTrending": False,
        } | more
        cards = (
            _CARD.format(id=p.id, title=escape(p.title), votes=p.votes(self.now)) for p in papers
        )
        text = _PAGE.format(
            title=title,
            request_id=self.request_count,
            props=escape(msgspec.json.encode(props).decode()),
            cards="".join(cards),
        )
        return HTTPStatus.OK, {"Content-Type": "text/html; charset=utf-8"}, text

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode("ascii", "replace")
            status, headers, text = self.answer(target)
            body = text.encode()
            lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "Connection: close\r\n\r\n"]).encode() + body)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answer on a free port of 127.0.0.1; sets `url`."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield
