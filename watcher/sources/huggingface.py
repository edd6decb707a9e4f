"""The papers pages of the Hugging Face Hub, and its API."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from watcher.errors import ParseError
from watcher.models import Listing, Page, PageKind, PageRequest, Period
from watcher.sources import clean, hydration, markup, records
from watcher.sources.base import CATCH_UP, TAIL
from watcher.sources.harvest import Harvest

API_LIMIT = 100
"""Records in one part of an API list, and the most a page of a week or month may be trusted to."""

MORE_PARTS = 20

_PERIODS: dict[PageKind, Literal["day", "week", "month"]] = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
}
_FOLDERS = {"day": "date", "week": "week", "month": "month"}
_DATED_PATH = re.compile(r"/papers/(?:date|week|month)/([0-9W-]+)/?")


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """One page of the Hub at `base_url`; `query` is for search only."""

    name: str
    page: PageKind
    query: str = ""
    base_url: str = "https://huggingface.co"

    @property
    def is_dated(self) -> bool:
        """Whether its pages are those of days, weeks or months."""
        return self.page in _PERIODS

    def requests(
        self, now: dt.datetime, last_good_at: dt.datetime | None
    ) -> tuple[PageRequest, ...]:
        """The page; of a dated source each period that may have grown since `last_good_at`."""
        kind = _PERIODS.get(self.page)
        if kind is None:
            tail = f"?{urlencode({'q': self.query})}" if self.page == "search" else "/trending"
            return (PageRequest(self.name, self._url(f"/papers{tail}")),)
        return tuple(
            self.page_request(period) if period.end_at + TAIL > now else self._api_request(period)
            for period in _due(kind, now, min(last_good_at or now, now))
        )

    def page_request(self, period: Period) -> PageRequest:
        """The page of one period of a dated source."""
        url = self._url(f"/papers/{_FOLDERS[period.kind]}/{period.key}")
        return PageRequest(self.name, url, "page", period)

    def completion(self, listing: Listing) -> PageRequest | None:
        """The API's list of the period, where the page stopped at a hundred or was markup only."""
        if listing.period is None or listing.origin == "api" or not listing.papers:
            return None
        is_cut_off = len(listing.papers) + len(listing.skipped) >= API_LIMIT
        if is_cut_off or listing.origin == "dom":
            return self._api_request(listing.period)
        return None

    def following(self, page: Page, listing: Listing) -> PageRequest | None:
        """The next part of an API list: where its Link header says, else by counting."""
        if listing.origin != "api" or page.request.form != "api" or not listing.papers:
            return None
        period = page.request.period
        if page.next_url and _part(page.next_url) <= MORE_PARTS:
            return PageRequest(self.name, page.next_url, "api", period)
        return self._counted(page.request.url, listing, period)

    def paper_request(self, paper_id: str) -> PageRequest:
        """Where the full record of one paper is."""
        return PageRequest(self.name, self._url(f"/api/papers/{quote(paper_id)}"), "paper")

    def api_fallback(self, request: PageRequest) -> PageRequest | None:
        """The API's list of a period whose page gave nothing."""
        if request.form != "page" or request.period is None:
            return None
        return self._api_request(request.period)

    def parse(self, page: Page, now: dt.datetime) -> Listing:
        """Read a page, an API list or an API record. Raises ParseError."""
        if page.request.form == "page":
            return self._parse_page(page, now)
        try:
            found = hydration.decode(page.body)
        except ValueError as error:
            raise self._unreadable(page, f"its JSON does not decode: {error}") from error
        if isinstance(found, dict) and "error" in found:
            said = clean.text(found["error"], 200) or "no reason"
            raise self._unreadable(page, f"the site answers with an error: {said}")
        harvest, says_empty = Harvest(), False
        if page.request.form == "paper":
            records.add(harvest, 0, found, now)
            if not harvest.papers:
                raise self._unreadable(page, harvest.skipped[0].reason)
        elif isinstance(found, list):
            harvest, says_empty = records.gather(found, now), not found
        else:
            raise self._unreadable(page, "the answer is no list of papers")
        return self._listing(
            page, now, harvest, origin="api", period=page.request.period, says_empty=says_empty
        )

    def _parse_page(self, page: Page, now: dt.datetime) -> Listing:
        # The cards are half of a page, and of no use where the JSON before them is whole. JSON
        # that holds this very tag is cut short, does not decode, and the whole page is read.
        cards_at = page.body.find(b"<article")
        head = page.body[:cards_at] if cards_at >= 0 else page.body
        told = self._from_json(page, self._tree(page, head), now)
        if told and told.papers:
            return told
        tree = self._tree(page, page.body)
        told = told or self._from_json(page, tree, now)
        if told and (told.papers or (told.says_empty and self.page == "search")):
            return told
        broken_at = page.body.rfind(b"<article")
        is_broken = broken_at > page.body.rfind(b"</article")
        if is_broken:  # what the last card shows may be half of it
            tree = self._tree(page, page.body[:broken_at])
        cards = markup.gather(tree, self.page, now)
        if is_broken:
            position = len(cards.papers) + len(cards.skipped)
            cards.skip(position, "the page breaks off within the card")
        if told and not cards.papers:
            return told
        period = told.period if told else self._addressed(page)
        listing = self._listing(page, now, cards, origin="dom", period=period)
        if told:
            odd = "the page's JSON holds no readable paper, but its markup does"
            return replace(listing, notes=(odd, *listing.notes))
        has_marks = bool(cards.papers) or tree.css_first(markup.MARKS) is not None
        return replace(listing, has_marks=has_marks)

    def _from_json(self, page: Page, tree: LexborHTMLParser, now: dt.datetime) -> Listing | None:
        props = hydration.props(tree)
        if props is None:
            return None
        found = props.search_results if self.page == "search" else props.daily_papers
        if found is None:
            return None
        harvest = records.gather(found, now)
        period = hydration.period(props, self._addressed(page)) if self.is_dated else None
        return self._listing(page, now, harvest, period=period, says_empty=not found)

    def _tree(self, page: Page, html: bytes) -> LexborHTMLParser:
        try:
            return LexborHTMLParser(html)
        except SelectolaxError as error:
            raise self._unreadable(page, "the HTML parser gave up on it") from error

    def _addressed(self, page: Page) -> Period | None:
        """The period in the address of a dated page."""
        found = _DATED_PATH.fullmatch(urlsplit(page.url).path) if self.is_dated else None
        return clean.period_key(found[1]) if found else None

    def _listing(
        self,
        page: Page,
        now: dt.datetime,
        harvest: Harvest,
        *,
        origin: Literal["json", "dom", "api"] = "json",
        period: Period | None,
        says_empty: bool = False,
    ) -> Listing:
        return Listing(
            source=self.name,
            url=page.url,
            papers=harvest.papers,
            observed_at=now,
            origin=origin,
            period=period,
            skipped=tuple(harvest.skipped),
            says_empty=says_empty,
            notes=harvest.notes(),
        )

    def _counted(self, url: str, listing: Listing, period: Period | None) -> PageRequest | None:
        part = _part(url) + 1
        if len(listing.papers) + len(listing.skipped) < API_LIMIT or part > MORE_PARTS:
            return None
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        following = parts._replace(query=urlencode(query | {"p": str(part)})).geturl()
        return PageRequest(self.name, following, "api", period)

    def _api_request(self, period: Period) -> PageRequest:
        query = urlencode({_FOLDERS[period.kind]: period.key, "limit": API_LIMIT, "p": 0})
        return PageRequest(self.name, self._url(f"/api/daily_papers?{query}"), "api", period)

    def _url(self, path: str) -> str:
        return self.base_url.rstrip("/") + path

    def _unreadable(self, page: Page, why: str) -> ParseError:
        return ParseError(f"{page.url} cannot be read: {why}", source=self.name, url=page.url)


def _due(
    kind: Literal["day", "week", "month"], now: dt.datetime, since: dt.datetime
) -> Iterator[Period]:
    """The periods, newest first, whose page may have changed after `since`."""
    current = Period.containing(kind, now)
    oldest = max(since - TAIL, now - CATCH_UP)
    period = current
    while period.end_at > oldest:
        if period == current or kind != "day" or period.start_on.weekday() < 5:
            yield period
        period = Period.containing(kind, period.start_at - dt.timedelta(days=1))


def _part(url: str) -> int:
    part = parse_qs(urlsplit(url).query).get("p", ["0"])[0]
    return int(part) if part.isdecimal() and len(part) < 6 else MORE_PARTS + 1
