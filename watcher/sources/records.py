"""Full records, as the hydration JSON and the API have them, to papers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TypeVar

from watcher.models import Author, Organization, Paper, Submitter
from watcher.sources import clean
from watcher.sources.harvest import MAX_PAPERS, Harvest

T = TypeVar("T")


def gather(records: list[object], now: dt.datetime) -> Harvest:
    """Every record that holds a paper; one that does not costs nobody else anything."""
    harvest = Harvest()
    for position, record in enumerate(records[:MAX_PAPERS]):
        add(harvest, position, record, now)
    if len(records) > MAX_PAPERS:
        harvest.skip(MAX_PAPERS, f"only {MAX_PAPERS} of {len(records)} records are read")
    return harvest


def add(harvest: Harvest, position: int, record: object, now: dt.datetime) -> None:
    """Take one record in, whether it is an entry with a `paper` or a bare paper."""
    if not isinstance(record, dict):
        harvest.skip(position, "the record is no object")
        return
    facts = record.get("paper", record)
    if not isinstance(facts, dict):
        harvest.skip(position, "`paper` is no object")
        return
    paper_id = clean.paper_id(facts.get("id"))
    if paper_id is None:
        harvest.skip(position, f"no arXiv id but {_shown(facts.get('id'))}")
        return
    reader = _Reader(facts, record, paper_id, harvest)
    title = reader.text("title", clean.MAX_TITLE)
    if title is None:
        harvest.skip(position, f"{paper_id} has no title")
        return
    harvest.add(_paper(reader, title, now))


def _paper(reader: _Reader, title: str, now: dt.datetime) -> Paper:
    authors = reader.many("authors", _author, clean.MAX_AUTHORS)
    return Paper(
        id=reader.paper_id,
        title=title,
        abstract=reader.text("summary", clean.MAX_ABSTRACT),
        summary=reader.text("ai_summary", clean.MAX_ABSTRACT),
        keywords=reader.many("ai_keywords", _keyword, clean.MAX_KEYWORDS),
        authors=authors,
        author_count=reader.length("authors") if authors else None,
        organization=reader.get("organization", _organization),
        # An entry's own publishedAt is four hours early.
        published_at=reader.own("publishedAt", lambda value: clean.instant(value, now)),
        submitted_at=reader.own("submittedOnDailyAt", lambda value: clean.instant(value, now)),
        submitted_by=reader.get("submittedBy", _submitter)
        or reader.get("submittedOnDailyBy", _submitter),
        upvotes=reader.own("upvotes", clean.count),
        comment_count=reader.get("numComments", clean.count),
        star_count=reader.own("githubStars", clean.count),
        code_url=reader.own("githubRepo", clean.code_url),
        project_url=reader.own("projectPage", clean.url),
        thumbnail_url=reader.get("thumbnail", clean.url),
        media_urls=reader.many("mediaUrls", clean.url, clean.MAX_MEDIA),
        discussion_id=reader.own("discussionId", _name),
        is_author_participating=reader.get("isAuthorParticipating", _flag),
        is_full=True,
    )


class _Reader:
    """Reads one record's fields: absent is None, unsound is None and noted."""

    def __init__(
        self,
        facts: Mapping[str, object],
        entry: Mapping[str, object],
        paper_id: str,
        harvest: Harvest,
    ) -> None:
        self._facts, self._entry = facts, entry
        self.paper_id, self._harvest = paper_id, harvest

    def own(self, key: str, read: Callable[[object], T | None]) -> T | None:
        """A field of the paper itself."""
        return self._read(self._facts.get(key), key, read)

    def get(self, key: str, read: Callable[[object], T | None]) -> T | None:
        """A field of the paper, else of the entry around it."""
        found = self.own(key, read)
        if found is None and self._entry is not self._facts:
            return self._read(self._entry.get(key), key, read)
        return found

    def text(self, key: str, limit: int) -> str | None:
        """A text of the paper, else of its entry."""
        found = self.get(key, lambda value: clean.text(value, limit))
        if found is not None and len(found) >= limit:
            self._harvest.flaw(self.paper_id, f"`{key}` longer than {limit} characters")
        return found

    def many(
        self, key: str, read: Callable[[object], T | None], limit: int
    ) -> tuple[T, ...] | None:
        """A list of the paper or its entry without what is unsound in it; None when empty."""
        value = self.get(key, _list)
        found = [self._read(element, f"{key}[]", read) for element in (value or [])[:limit]]
        return tuple(element for element in found if element is not None) or None

    def length(self, key: str) -> int:
        """How many elements a list of the paper or its entry has, sound or not."""
        return len(self.get(key, _list) or [])

    def _read(self, value: object, key: str, read: Callable[[object], T | None]) -> T | None:
        if value is None or value in ("", []):
            return None
        found = read(value)
        if found is None:
            self._harvest.flaw(self.paper_id, f"unusable `{key}`")
        return found


def _list(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _name(value: object) -> str | None:
    return clean.text(value, clean.MAX_NAME)


def _keyword(value: object) -> str | None:
    return clean.text(value, clean.MAX_NAME)


def _author(value: object) -> Author | None:
    if not isinstance(value, dict):
        return None
    name, user = _name(value.get("name")), value.get("user")
    if name is None:
        return None
    if isinstance(user, dict):
        user = user.get("name") or user.get("user")
    return Author(name, _name(user), _name(value.get("status")), value.get("hidden") is True)


def _organization(value: object) -> Organization | None:
    if not isinstance(value, dict):
        return None
    name, fullname = _name(value.get("name")), _name(value.get("fullname"))
    return Organization(name or fullname or "", fullname) if name or fullname else None


def _submitter(value: object) -> Submitter | None:
    if not isinstance(value, dict):
        return None
    name = _name(value.get("name")) or _name(value.get("user"))
    found = Submitter(name, _name(value.get("fullname")), _name(value.get("type")))
    return found if found.name or found.fullname else None


def _shown(value: object) -> str:
    return (clean.text(repr(value), 60) or "") if value is not None else "none"
