"""Reads bodies as the Hub's pages, without a network."""

from __future__ import annotations

import datetime as dt
import json
from html import escape
from pathlib import Path
from typing import Literal

from watcher.models import Listing, Page, PageKind, PageRequest, Period
from watcher.settings import SourceSettings
from watcher.sources import Source, make_source

PAGES = Path(__file__).parent / "pages"
HUB = "https://huggingface.co"
NOW = dt.datetime(2025, 12, 26, 9, tzinfo=dt.UTC)

PATHS: dict[PageKind, str] = {
    "daily": "/papers/date/2025-12-19",
    "weekly": "/papers/week/2025-W51",
    "monthly": "/papers/month/2025-12",
    "trending": "/papers/trending",
    "search": "/papers?q=hypernetwork",
}


def source(page: PageKind, base_url: str = HUB) -> Source:
    """A source of that kind, named after it."""
    return make_source(SourceSettings(name=page, page=page, query="hypernetwork"), base_url)


def answer(
    body: bytes | str,
    page: PageKind = "daily",
    *,
    path: str | None = None,
    form: Literal["page", "api", "paper"] = "page",
    period: Period | None = None,
    next_url: str | None = None,
) -> Page:
    """A page with that body, as the fetcher hands it over."""
    url = HUB + (path or PATHS[page])
    request = PageRequest(page, url, form, period)
    coded = body.encode() if isinstance(body, str) else body
    return Page(request, url, 200, coded, NOW, next_url=next_url)


def read(
    body: bytes | str, page: PageKind = "daily", *, now: dt.datetime = NOW, path: str | None = None
) -> Listing:
    """The listing of a page with that body."""
    return source(page).parse(answer(body, page, path=path), now)


def read_api(found: object, form: Literal["api", "paper"] = "api") -> Listing:
    """The listing of an API answer."""
    body = json.dumps(found)
    return source("daily").parse(answer(body, path="/api/daily_papers", form=form), NOW)


def sample(name: str) -> bytes:
    """A page in the site's own structure."""
    return (PAGES / name).read_bytes()


def hydrated(props: object, below: str = "") -> str:
    """A page that holds nothing but its hydration JSON, and markup below it."""
    raw = props if isinstance(props, str) else json.dumps(props)
    return (
        '<!doctype html><body class="DailyPapersPage"><div data-props="'
        f'{escape(raw)}" class="SVELTE_HYDRATER contents" data-target="DailyPapers">{below}</div>'
    )


def record(**paper: object) -> dict[str, object]:
    """An entry whose paper has these fields."""
    return {"paper": {"id": "2512.00001", "title": "A title"} | paper}
