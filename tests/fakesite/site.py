"""Which papers stand on which page at which instant, and the answer to each path."""

from __future__ import annotations

import calendar
import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.fakesite.faults import Answer
from tests.fakesite.markup import page
from tests.fakesite.papers import Json, SitePaper

Kind = Literal["day", "week", "month"]

CUT_OFF = 105
"""Where the pages of a week or a month stop."""

_KEYS: dict[str, re.Pattern[str]] = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "week": re.compile(r"\d{4}-W\d\d"),
    "month": re.compile(r"\d{4}-\d\d"),
}
_KINDS: dict[str, Kind] = {"date": "day", "week": "week", "month": "month"}


@dataclass(slots=True)
class Site:
    """The site's state: set `now` and the papers, then ask for answers.

    `redirects_empty`: a dated page without papers is a redirect to the latest earlier one, as on
    weekends; otherwise it is a page that says it has none.
    """

    base_url: str
    now: dt.datetime = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)
    papers: list[SitePaper] = field(default_factory=list)
    without_json: bool = False
    trending_size: int = 50
    redirects_empty: bool = True

    def answer(self, target: str, request_id: str) -> Answer:
        """The answer to a GET of `target` (path and query)."""
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        place, *rest = url.path.strip("/").split("/")
        if place == "api":
            return self._api(rest, query)
        match rest:
            case [] if place == "papers" and "q" in query:
                return self._search(query["q"], request_id)
            case [] if place == "papers":
                return self._latest("day", self.now.date())
            case ["trending"]:
                return self._trending(request_id)
            case [("date" | "week" | "month") as folder, key]:
                if start := _start(folder, key):
                    return self._dated(_KINDS[folder], start, request_id)
        return _missing()

    def _arrived(self) -> list[SitePaper]:
        return [paper for paper in tuple(self.papers) if paper.arrives_at <= self.now]

    def listed(self, kind: Kind, start_on: dt.date) -> list[SitePaper]:
        """The papers of a period as they stand now: most votes first."""
        end_on = _next(kind, start_on)
        found = [paper for paper in self._arrived() if start_on <= paper.listed_on < end_on]
        return sorted(found, key=lambda paper: (-paper.votes(self.now), paper.id))

    def trending(self) -> list[SitePaper]:
        """The trending page as it stands now."""
        now = self.now
        pinned = [p for p in self._arrived() if p.trends and p.trends[0] <= now < p.trends[1]]
        recent = [
            paper
            for paper in self._arrived()
            if paper.trends is None and now - paper.arrives_at < dt.timedelta(days=14)
        ]
        recent.sort(key=lambda paper: (-paper.votes(now), paper.id))
        return (pinned + recent)[: self.trending_size]

    def found(self, query: str) -> list[SitePaper]:
        """The papers that hold every word of `query`, newest first."""
        words = query.lower().split()
        hits = [
            paper
            for paper in self._arrived()
            if all(word in f"{paper.title} {paper.abstract}".lower() for word in words)
        ]
        return sorted(hits, key=lambda paper: paper.published_at, reverse=True)[:120]

    def _latest(self, kind: Kind, start_on: dt.date) -> Answer:
        earlier = [
            paper.listed_on for paper in self._arrived() if paper.listed_on < _next(kind, start_on)
        ]
        if not earlier:
            return _missing()
        path = f"/papers/{_folder(kind)}/{_key(kind, max(earlier))}"
        return Answer(302, headers={"Location": path})

    def _dated(self, kind: Kind, start_on: dt.date, request_id: str) -> Answer:
        papers = self.listed(kind, start_on)
        if not papers and self.redirects_empty:
            return self._latest(kind, start_on)
        named_on = start_on - dt.timedelta(days=1) if kind == "week" else start_on
        after = _next(kind, start_on)
        shown = papers if kind == "day" else papers[:CUT_OFF]
        props = self._props(shown)
        props["dateString"] = named_on.isoformat()
        props["prevDate"] = _key(kind, start_on - dt.timedelta(days=1))
        if after <= self.now.date():
            props["nextDate"] = _key(kind, after)
        props["periodType"] = kind
        heading = f"Week {start_on.isocalendar().week}" if kind == "week" else f"{start_on:%b %d}"
        return self._html(shown, props, "card", heading, request_id)

    def _trending(self, request_id: str) -> Answer:
        papers = self.trending()
        props = self._props(papers)
        return self._html(papers, props, "trending", "Trending Papers", request_id)

    def _search(self, query: str, request_id: str) -> Answer:
        papers = self.found(query)
        latest = max((paper.listed_on for paper in self._arrived()), default=self.now.date())
        props = self._props(self.listed("day", latest))
        props |= {
            "query": {"q": query},
            "dateString": latest.isoformat(),
            "periodType": "day",
            "searchResults": [paper.entry_json(self.now) for paper in papers],
        }
        return self._html(papers, props, "search", f"{latest:%b %d}", request_id)

    def _props(self, papers: Sequence[SitePaper]) -> Json:
        return {
            "canSubmit": False,
            "dailyPapers": [paper.entry_json(self.now) for paper in papers],
            "publisher": {},
            "query": {},
            "isTrending": False,
        }

    def _html(
        self,
        papers: Sequence[SitePaper],
        props: Json,
        layout: Literal["card", "trending", "search"],
        heading: str,
        request_id: str,
    ) -> Answer:
        text = page(
            papers,
            props,
            layout=layout,
            heading=heading,
            now=self.now,
            without_json=self.without_json,
            request_id=request_id,
        )
        headers = {"Content-Type": "text/html; charset=utf-8"}
        return Answer(200, text.encode(), headers)

    def _api(self, rest: list[str], query: dict[str, str]) -> Answer:
        if rest == ["daily_papers"]:
            return self._api_list(query)
        found = [paper for paper in self._arrived() if rest == ["papers", paper.id]]
        if not found:
            return _json({"error": "Paper not found"}, 404)
        return _json(found[0].paper_json(self.now))

    def _api_list(self, query: dict[str, str]) -> Answer:
        limit, number = query.get("limit", "50"), query.get("p", "0")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100 or not number.isdecimal():
            return _json({"error": "Invalid limit or page"}, 400)
        asked = [(name, query[name]) for name in _KINDS if name in query]
        if query.get("sort") == "trending":
            papers = self.trending()
        elif asked:
            name, key = asked[0]
            start = _start(name, key)
            if start is None:
                return _json({"error": f"Invalid {name}"}, 400)
            if start > self.now.date():
                return _json({"error": "date must not be in the future"}, 400)
            papers = self.listed(_KINDS[name], start)
        else:
            papers = sorted(self._arrived(), key=lambda paper: paper.arrives_at, reverse=True)
        first, last = int(number) * int(limit), (int(number) + 1) * int(limit)
        answer = _json([paper.entry_json(self.now, api=True) for paper in papers[first:last]])
        if last < len(papers):
            following = urlencode(query | {"limit": limit, "p": str(int(number) + 1)})
            url = f"{self.base_url}/api/daily_papers?{following}"
            answer.headers["Link"] = f'<{url}>; rel="next"'
        return answer


def _json(body: Json | list[Json], status: int = 200) -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, json.dumps(body, ensure_ascii=False).encode(), headers)


def _missing() -> Answer:
    return Answer(404, b"<html><body>404</body></html>", {"Content-Type": "text/html"})


def _start(folder: str, key: str) -> dt.date | None:
    if not _KEYS[folder].fullmatch(key):
        return None
    try:
        if folder == "week":
            return dt.date.fromisocalendar(int(key[:4]), int(key[6:]), 1)
        return dt.date.fromisoformat(key if folder == "date" else f"{key}-01")
    except ValueError:
        return None


def _next(kind: Kind, start_on: dt.date) -> dt.date:
    days = {"day": 1, "week": 7}.get(kind) or calendar.monthrange(start_on.year, start_on.month)[1]
    return start_on + dt.timedelta(days=days)


def _folder(kind: Kind) -> str:
    return "date" if kind == "day" else kind


def _key(kind: Kind, on: dt.date) -> str:
    if kind == "week":
        year, week, _ = on.isocalendar()
        return f"{year}-W{week:02}"
    return f"{on:%Y-%m}" if kind == "month" else on.isoformat()
