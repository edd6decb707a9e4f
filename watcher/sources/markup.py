"""Papers from a page's markup: what its cards show, for when there is no JSON to read.

Of a paper whose card names five authors only five are known; `author_count` is what it says of
the rest. Dates lack the hour, and stars may be rounded to three digits.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from watcher.models import Author, Organization, PageKind, Paper, Submitter
from watcher.sources import clean
from watcher.sources.harvest import MAX_PAPERS, Harvest

MARKS = '[data-target="DailyPapers"], body.DailyPapersPage, article h3 a[href*="/papers/"]'
"""What every page of papers bears, and no other page."""

_PAPER = re.compile(r"/papers/([0-9]{4}\.[0-9]{4,5}(?:v[0-9]{1,3})?)/?")
_PROFILE = re.compile(r"/([\w.-]{1,200})", re.ASCII)
_CODE = re.compile(r"https?://(?:www\.)?github\.com/", re.IGNORECASE)
_AUTHOR_COUNT = re.compile(r"·?\s*([0-9]{1,5}) authors?")
_DATE = re.compile(r"(?:Published on )?([A-Z][a-z]{2,8} [0-9]{1,2}(?:, [0-9]{4})?)")
_VOTES = re.compile(r"(?:Upvote)?\s*(-|[0-9].*)")
_BREAKS = frozenset({"br", "div", "p", "li", "tr"})


def gather(tree: LexborHTMLParser, page: PageKind, now: dt.datetime) -> Harvest:
    """Every card that holds a paper."""
    harvest = Harvest()
    for position, card in enumerate(tree.css("article")[:MAX_PAPERS]):
        _add(harvest, position, card, page, now)
    return harvest


def words(node: LexborNode) -> str:
    """The text below a node as one line.

    Text is often cut into many nodes. Where these bring their own spaces, as beside an emphasised
    word, they are joined as they stand; where nearly none does, each node is a word of its own.
    """
    pieces = list(_pieces(node))
    bounds = [(a, b) for a, b in pairwise(pieces) if a and b]
    touching = sum(not (a[-1].isspace() or b[0].isspace()) for a, b in bounds)
    is_cut_at_words = len(bounds) >= 8 and touching > 0.8 * len(bounds)
    joined = (" " if is_cut_at_words else "").join(pieces)
    if is_cut_at_words:
        joined = re.sub(r"\s+([.,;:!?%)\]])", r"\1", joined)
    return " ".join(joined.split())


def _pieces(node: LexborNode) -> Iterator[str]:
    for below in node.traverse(include_text=True):
        if below.is_text_node:
            yield below.text_content or ""
        elif below.tag in _BREAKS:
            yield "\n"


def _add(
    harvest: Harvest, position: int, card: LexborNode, page: PageKind, now: dt.datetime
) -> None:
    heading = card.css_first('h3 a[href*="/papers/"]')
    if heading is None:
        harvest.skip(position, "the card has no heading that links to a paper")
        return
    paper_id = _linked(heading)
    if paper_id is None:
        href = clean.text(heading.attrs.get("href"), 60)
        harvest.skip(position, f"the card's link names no arXiv id: {href}")
        return
    title = clean.text(words(heading), clean.MAX_TITLE)
    if title is None:
        harvest.skip(position, f"{paper_id} has no title")
        return
    paragraph = card.css_first("p")
    when = card.css_first("time")
    if page == "search" and paragraph is None and when is None:
        harvest.skip(position, f"{paper_id} stands in a card that is no search result")
        return
    text = clean.text(words(paragraph), clean.MAX_ABSTRACT) if paragraph else None
    harvest.add(
        Paper(
            id=paper_id,
            title=title,
            abstract=text if page == "search" else None,
            # The other cards show the one-line summary or the abstract, and do not say which.
            summary=text if page != "search" else None,
            authors=_authors(card),
            author_count=_author_count(card),
            organization=_organization(card),
            published_at=_published_at(card, when, now),
            submitted_by=_submitted_by(card),
            upvotes=_upvotes(card),
            comment_count=_comment_count(card),
            star_count=_star_count(card),
            code_url=_code_url(card),
            thumbnail_url=_thumbnail_url(card),
        )
    )


def _linked(link: LexborNode) -> str | None:
    try:
        path = urlsplit(link.attrs.get("href") or "").path
    except ValueError:
        return None
    found = _PAPER.fullmatch(path)
    return clean.paper_id(found[1]) if found else None


def _upvotes(card: LexborNode) -> int | None:
    box = card.css_first("[role=checkbox]")
    found = _VOTES.fullmatch(words(box)) if box else None
    if not found:
        return None
    return 0 if found[1] == "-" else clean.short_number(found[1])


def _comment_count(card: LexborNode) -> int | None:
    link = card.css_first('a[href$="#community"]')
    return clean.short_number(words(link)) if link else None


def _star_count(card: LexborNode) -> int | None:
    for link in card.css("a[href]"):
        href = link.attrs.get("href") or ""
        is_code = _CODE.match(href) is not None
        if not is_code and (not _linked(link) or "#" in href or not link.css_first("svg")):
            continue
        shown = words(link).removeprefix("GitHub")
        if (stars := clean.short_number(shown)) is not None:
            return stars
    return None


def _code_url(card: LexborNode) -> str | None:
    for link in card.css("a[href]"):
        href = link.attrs.get("href") or ""
        if _CODE.match(href):
            return clean.code_url(href)
    return None


def _thumbnail_url(card: LexborNode) -> str | None:
    image = card.css_first('img[src*="thumbnail"]')
    return clean.url(image.attrs.get("src")) if image else None


def _organization(card: LexborNode) -> Organization | None:
    for link in card.css('a[href^="/"]'):
        found = _PROFILE.fullmatch(unquote(link.attrs.get("href") or ""))
        chip = link.css_first("span.truncate")
        if found and chip:
            return Organization(found[1], clean.text(words(chip), clean.MAX_NAME))
    return None


def _authors(card: LexborNode) -> tuple[Author, ...] | None:
    for people in card.css("ul"):
        named = (
            clean.text(li.attrs.get("title"), clean.MAX_NAME) for li in people.css("li[title]")
        )
        if authors := tuple(Author(name) for name in named if name):
            return authors
    return None


def _author_count(card: LexborNode) -> int | None:
    for last in card.css("ul li"):
        if found := _AUTHOR_COUNT.fullmatch(words(last)):
            return int(found[1])
    return None


def _published_at(
    card: LexborNode, when: LexborNode | None, now: dt.datetime
) -> dt.datetime | None:
    if when is not None:
        stated = clean.instant(when.attrs.get("datetime"), now)
        return stated or clean.shown_date(words(when), now)
    for node in card.traverse(include_text=True):
        if node.is_text_node and (parent := node.parent) and parent.tag not in {"p", "a"}:
            found = _DATE.fullmatch(" ".join((node.text_content or "").split()))
            if found:
                return clean.shown_date(found[1], now)
    return None


def _submitted_by(card: LexborNode) -> Submitter | None:
    for node in card.traverse(include_text=True):
        if not node.is_text_node or node.parent is None:
            continue
        if (node.text_content or "").lstrip().startswith("Submitted by"):
            shown = words(node.parent).removeprefix("Submitted by")
            name = clean.text(shown, clean.MAX_NAME)
            return Submitter(name) if name else None
    return None
