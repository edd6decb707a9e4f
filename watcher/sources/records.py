"""Full records, as the hydration JSON and the API have them, to papers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from watcher.models import Author, Organization, Paper, Submitter
from watcher.sources import clean
from watcher.sources.harvest import MAX_PAPERS, Harvest
from watcher.sources.shapes import Account, Authorship, Entry, Facts, Group, fit

T = TypeVar("T")
E = TypeVar("E")


def gather(records: Sequence[object], now: dt.datetime) -> Harvest:
    """Every record that holds a paper; one that does not costs nobody else anything."""
    harvest = Harvest()
    for position, record in enumerate(records[:MAX_PAPERS]):
        add(harvest, position, record, now)
    if len(records) > MAX_PAPERS:
        harvest.skip(MAX_PAPERS, f"only {MAX_PAPERS} of {len(records)} records are read")
    return harvest


def add(harvest: Harvest, position: int, record: object, now: dt.datetime) -> None:
    """Take one record in: an `Entry`, or the JSON of one, or that of a bare paper."""
    misfits: list[str] = []
    if isinstance(record, Entry):
        given, entry = record.paper.id, record
    elif isinstance(record, dict):
        facts = record.get("paper", record)
        if not isinstance(facts, dict):
            harvest.skip(position, "`paper` is no object")
            return
        given = facts.get("id")
        around = {key: value for key, value in record.items() if key != "paper"}
        entry = fit(around | {"paper": {}}, Entry, misfits.append)
        entry.paper = fit(facts, Facts, misfits.append)
    else:
        harvest.skip(position, "the record is no object")
        return
    paper_id = clean.paper_id(given)
    if paper_id is None:
        harvest.skip(position, f"no arXiv id but {_shown(given)}")
        return
    for key in misfits:
        harvest.flaw(paper_id, f"unusable `{key}`")
    paper = _paper(entry, paper_id, harvest, now)
    if paper is None:
        harvest.skip(position, f"{paper_id} has no title")
        return
    harvest.add(paper)


def _paper(entry: Entry, paper_id: str, harvest: Harvest, now: dt.datetime) -> Paper | None:
    """The facts cleaned; what is unsound is None and noted."""
    facts = entry.paper

    def sound(key: str, given: object, found: T | None) -> T | None:
        if found is None and given is not None and given != "":
            harvest.flaw(paper_id, f"unusable `{key}`")
        return found

    def text(key: str, given: str | None, limit: int) -> str | None:
        if given is not None and len(given) > limit:
            harvest.flaw(paper_id, f"`{key}` longer than {limit} characters")
        return sound(key, given, clean.text(given, limit))

    def many(
        key: str, given: list[E] | None, read: Callable[[list[E]], tuple[T, ...]], limit: int
    ) -> tuple[T, ...] | None:
        if not given:
            return None
        found = read(given[:limit])
        if len(found) < min(len(given), limit):
            harvest.flaw(paper_id, f"unusable `{key}[]`")
        return found or None

    title = text("title", facts.title, clean.MAX_TITLE)
    title = title or text("title", entry.title, clean.MAX_TITLE)
    if title is None:
        return None
    authors = many("authors", facts.authors, _authors, clean.MAX_AUTHORS)
    submitter = entry.submitted_by or facts.submitted_on_daily_by
    group = facts.organization or entry.organization
    return Paper(
        id=paper_id,
        title=title,
        abstract=text("summary", facts.summary, clean.MAX_ABSTRACT)
        or text("summary", entry.summary, clean.MAX_ABSTRACT),
        summary=text("ai_summary", facts.ai_summary, clean.MAX_ABSTRACT),
        keywords=many("ai_keywords", facts.ai_keywords, _keywords, clean.MAX_KEYWORDS),
        authors=authors,
        author_count=len(facts.authors) if facts.authors and authors else None,
        organization=sound("organization", group, _organization(group)),
        # An entry's own publishedAt is four hours early.
        published_at=sound(
            "publishedAt", facts.published_at, clean.instant(facts.published_at, now)
        ),
        submitted_at=sound(
            "submittedOnDailyAt",
            facts.submitted_on_daily_at,
            clean.instant(facts.submitted_on_daily_at, now),
        ),
        submitted_by=sound("submittedBy", submitter, _submitter(submitter)),
        upvotes=sound("upvotes", facts.upvotes, clean.count(facts.upvotes)),
        comment_count=sound("numComments", entry.num_comments, clean.count(entry.num_comments)),
        star_count=sound("githubStars", facts.github_stars, clean.count(facts.github_stars)),
        code_url=sound("githubRepo", facts.github_repo, clean.code_url(facts.github_repo)),
        project_url=sound("projectPage", facts.project_page, clean.url(facts.project_page)),
        thumbnail_url=sound("thumbnail", entry.thumbnail, clean.url(entry.thumbnail)),
        media_urls=many("mediaUrls", facts.media_urls or entry.media_urls, _urls, clean.MAX_MEDIA),
        discussion_id=text("discussionId", facts.discussion_id, clean.MAX_NAME),
        is_author_participating=entry.is_author_participating,
        is_full=True,
    )


def _keywords(given: list[str]) -> tuple[str, ...]:
    return tuple(word for one in given if (word := _name(one)))


def _urls(given: list[str]) -> tuple[str, ...]:
    return tuple(url for one in given if (url := clean.url(one)))


def _name(given: str | None) -> str | None:
    return clean.text(given, clean.MAX_NAME)


def _authors(given: list[Authorship]) -> tuple[Author, ...]:
    """Those who have a name."""
    named = []
    for one in given:
        one.name = clean.text(one.name, clean.MAX_NAME)
        if one.name is None:
            continue
        if one.user is not None:
            user = one.user
            one.user = _name(user if isinstance(user, str) else user.name or user.user)
        if one.status is not None:
            one.status = _name(one.status)
        named.append(one)
    # A page has thousands: this takes a third of the time of calling Author for each.
    return msgspec.convert(named, tuple[Author, ...], from_attributes=True)


def _organization(given: Group | None) -> Organization | None:
    if given is None:
        return None
    name, fullname = _name(given.name), _name(given.fullname)
    return Organization(name or fullname or "", fullname) if name or fullname else None


def _submitter(given: Account | None) -> Submitter | None:
    if given is None:
        return None
    name = _name(given.name) or _name(given.user)
    found = Submitter(name, _name(given.fullname), _name(given.type))
    return found if found.name or found.fullname else None


def _shown(value: object) -> str:
    return (clean.text(repr(value), 60) or "") if value is not None else "none"
