"""Reading a trending page of 1.5 MB: against BeautifulSoup, and against its JSON alone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

from bs4 import BeautifulSoup

from benchmarks import pages
from benchmarks.measuring import Bound, in_turns
from benchmarks.pages import PAPERS
from watcher.models import Page, PageRequest
from watcher.settings import SourceSettings
from watcher.sources import make_source

ROUNDS = 15
NOW = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)
URL = "https://huggingface.co"


def extracting(body: bytes) -> Callable[[], object]:
    """The same with BeautifulSoup: the JSON if there is any, and every article's id and title."""

    def extract() -> object:
        soup = BeautifulSoup(body, "html.parser")
        div = soup.find("div", attrs={"data-target": "DailyPapers"})
        props = json.loads(str(div["data-props"])) if div else {}
        found = [(entry["paper"]["id"], entry["title"]) for entry in props["dailyPapers"]]
        cards = []
        for article in soup.find_all("article"):
            link = article.select_one('h3 a[href^="/papers/"]')
            if link is not None:
                cards.append((str(link["href"]), link.get_text()))
        if len(found) != PAPERS or len(cards) != PAPERS:
            raise AssertionError(f"BeautifulSoup read {len(found)} and {len(cards)} papers")
        return found

    return extract


def measure() -> list[Bound]:
    """Both bounds on parsing."""
    body = pages.trending_page(pages.papers(NOW), NOW)
    soup = BeautifulSoup(body, "html.parser")
    blob = str(soup.select_one('[data-target="DailyPapers"]')["data-props"])  # type: ignore[index]  # it is there
    source = make_source(SourceSettings(name="trending", page="trending"), URL)
    request = PageRequest("trending", f"{URL}/papers/trending")
    page = Page(request, request.url, 200, body, NOW)

    def parse() -> None:
        listing = source.parse(page, NOW)
        if len(listing.papers) != PAPERS or listing.origin != "json":
            raise AssertionError(f"{len(listing.papers)} papers from {listing.origin}")

    took = in_turns(
        ROUNDS, {"parse": parse, "soup": extracting(body), "json": lambda: json.loads(blob)}
    )
    size = f"{len(body) / 1e6:.2f} MB"
    return [
        Bound(f"parse {size}", "BeautifulSoup, faster", took["parse"], took["soup"], least=12),
        Bound(f"parse {size}", "json.loads of its JSON", took["parse"], took["json"], most=3),
    ]
