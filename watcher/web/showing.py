"""Papers as the pages of the archive show them: texts cleaned, lists bounded, words marked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from watcher.digest import dates
from watcher.digest.language import Language
from watcher.digest.latex import readable
from watcher.digest.marks import Marker, Piece
from watcher.digest.papers import page_url, title_of
from watcher.digest.text import clean, shorten, web_url
from watcher.finding import Query, spellings
from watcher.models import Paper, StoredPaper

EXCERPT = 280
"""Characters."""

AUTHORS_SHOWN = 4
_NAME_LIMIT = 80
_MOST_NAMES = 200
_MOST_KEYWORDS = 20
_ID = re.compile(r"(\d{4}\.\d{4,5})(?:v\d+)?")


@dataclass(frozen=True, slots=True)
class Card:
    """A paper in a list; `votes` None: none are known."""

    title: tuple[Piece, ...]
    path: str
    byline: str
    excerpt: tuple[Piece, ...]
    day: str
    votes: int | None


@dataclass(frozen=True, slots=True)
class Outward:
    """A link to elsewhere."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A paper in full."""

    title: str
    authors: str
    facts: tuple[str, ...]
    summary: str
    abstract: str
    keywords: tuple[str, ...]
    links: tuple[Outward, ...]


def id_of(text: str) -> str | None:
    """The id that a path names, without its version; None where it names none."""
    found = _ID.fullmatch(text) if text.isascii() else None
    return found[1] if found else None


def path_of(base: str, paper_id: str) -> str:
    """Where the paper's page is, below `base`."""
    return f"{base}/papers/{quote(paper_id, safe='')}"


def card(stored: StoredPaper, base: str, language: Language, query: Query | None = None) -> Card:
    """The paper in a list, what was asked for marked in it."""
    paper = stored.paper
    title = title_of(paper)
    texts = [clean(readable(text)) for text in (paper.summary, paper.abstract) if text]
    marker = Marker(spellings(query, (title, *texts)) if query else ())
    names = _names(paper)
    return Card(
        title=marker.pieces(title),
        path=path_of(base, paper.id),
        byline=_listed(names, max(paper.author_count or 0, len(names)), language),
        excerpt=marker.pieces(_excerpt(texts, marker)),
        day=dates.long_day(stored.first_seen_at.date(), language),
        votes=paper.upvotes,
    )


def _excerpt(texts: Iterable[str], marker: Marker) -> str:
    """The beginning of the first text, or what stands around the first word that is marked."""
    lead = ""
    for text in texts:
        lead = lead or text
        span = marker.find(text)
        if span is None:
            continue
        if span[1] <= EXCERPT:
            return shorten(text, EXCERPT)
        start = text.rfind(" ", 0, max(span[0] - EXCERPT // 3, 0)) + 1
        return f"… {shorten(text[start:], max(EXCERPT, span[1] - start + 2))}"
    return shorten(lead, EXCERPT)


def _names(paper: Paper) -> list[str]:
    known = (author for author in paper.authors or () if not author.is_hidden)
    names = (shorten(clean(readable(author.name)), _NAME_LIMIT) for author in known)
    return [name for name in names if name]


def _listed(names: list[str], count: int, language: Language, shown: int = AUTHORS_SHOWN) -> str:
    """`A, B and 3 more`."""
    first = names[:shown]
    rest = count - len(first)
    if not first:
        return language.counted("%(count)s author", "%(count)s authors", count) if count else ""
    listed = language.listed(first)
    if rest <= 0:
        return listed
    return language.counted(
        "%(names)s and %(count)s more", "%(names)s and %(count)s more", rest, names=listed
    )


def whole(stored: StoredPaper, hub_url: str, language: Language) -> Whole:
    """The paper in full."""
    paper = stored.paper
    names = _names(paper)
    arxiv = quote(paper.id, safe="")
    links = [
        Outward("Hugging Face", page_url(paper, hub_url)),
        Outward("arXiv", f"https://arxiv.org/abs/{arxiv}"),
        Outward("PDF", f"https://arxiv.org/pdf/{arxiv}"),
    ]
    for label, url in (
        (language.say("Code"), paper.code_url),
        (language.say("Project"), paper.project_url),
    ):
        if safe := web_url(url):
            links.append(Outward(label, safe))
    keywords = (shorten(clean(readable(each)), _NAME_LIMIT) for each in paper.keywords or ())
    return Whole(
        title=title_of(paper),
        authors=_listed(names, max(paper.author_count or 0, len(names)), language, _MOST_NAMES),
        facts=tuple(_facts(paper, language)),
        summary=clean(readable(paper.summary or "")),
        abstract=clean(readable(paper.abstract or "")),
        keywords=tuple(each for each in keywords if each)[:_MOST_KEYWORDS],
        links=tuple(links),
    )


def _facts(paper: Paper, language: Language) -> Iterable[str]:
    if paper.organization:
        name = clean(paper.organization.fullname or paper.organization.name)
        if name:
            yield shorten(name, _NAME_LIMIT)
    if paper.published_at is not None:
        day = dates.long_day(paper.published_at.date(), language)
        yield language.say("published %(day)s", day=day)
    if paper.upvotes is not None:
        yield votes(paper.upvotes, language)
    if paper.comment_count is not None:
        yield language.counted("%(count)s comment", "%(count)s comments", paper.comment_count)
    if paper.star_count is not None:
        yield language.counted("%(count)s star", "%(count)s stars", paper.star_count)


def votes(count: int, language: Language) -> str:
    """As in `1 vote`, `1,234 votes`."""
    return language.counted("%(count)s vote", "%(count)s votes", count)
