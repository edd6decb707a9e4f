"""One paper as the templates show it: every text cleaned, every list bounded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from watcher.digest.arrange import primary
from watcher.digest.dates import counted, published
from watcher.digest.growth import GrowthView, growth_view
from watcher.digest.latex import readable
from watcher.digest.marks import Marker, Piece
from watcher.digest.text import clean, isolated, shorten, web_url
from watcher.models import DigestPaper, Hit, Paper, Reason

TITLE_LIMIT = 300
NAME_LIMIT = 60
AUTHORS_SHOWN = 6
WORDS_SHOWN = 8
REASONS_SHOWN = 6

_KEYWORD = " (keyword)"
_SENTENCE_ENDS = (". ", "? ", "! ", "。")


@dataclass(frozen=True, slots=True)
class Link:
    """A link to the web: `url` is http or https, in ASCII."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Why:
    """One rule that holds, and what made it hold."""

    rule: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperView:
    """A paper in full. `why` begins with the rule under which the paper stands."""

    title: tuple[Piece, ...]
    plain_title: str
    url: str
    authors: tuple[Piece, ...]
    facts: tuple[str, ...]
    growth: GrowthView | None
    why: tuple[Why, ...]
    crossed: tuple[str, ...]
    remark: str
    links: tuple[Link, ...]
    _summary: str
    _abstract: str
    _marker: Marker

    def excerpt(self, limit: int) -> tuple[Piece, ...]:
        """At most about `limit` characters on what the paper is about.

        The one-line summary, else the abstract's beginning; where neither the title nor this
        holds a word that matched but the abstract does, the sentence with it follows.
        """
        lead = self._summary or self._abstract
        text = shorten(lead, limit)
        if not any(piece.is_marked for piece in self.title) and not self._marker.find(text):
            span = self._marker.find(self._abstract)
            if span is not None:
                ends = ((self._abstract.rfind(end, 0, span[0]), end) for end in _SENTENCE_ENDS)
                begin = max((at + len(end) for at, end in ends if at >= 0), default=0)
                begin = _near(self._abstract, begin, span[0], limit // 4)
                sentence = shorten(self._abstract[begin:], max(limit // 2, span[1] - begin + 1))
                text = f"{shorten(lead, limit // 2)} … {sentence}".replace("… … ", "… ")
        return _isolated_pieces(self._marker.pieces(text))

    def plain_excerpt(self, limit: int) -> str:
        """`excerpt` without marks."""
        return "".join(piece.text for piece in self.excerpt(limit))


def paper_view(chosen: DigestPaper, *, tz: dt.tzinfo, today: dt.date, hub_url: str) -> PaperView:
    """The view of one paper; dates are in `tz`, with the year unless it is that of `today`."""
    paper = chosen.paper
    marker = Marker(word for reason in chosen.reasons for hit in reason.hits for word in hit.words)
    plain_title = title_of(paper)
    first = primary(chosen)
    reasons = [first, *(reason for reason in chosen.reasons if reason is not first)]
    crossed = [shorten(clean(s), NAME_LIMIT) for reason in reasons for s in reason.crossed]
    return PaperView(
        title=_isolated_pieces(marker.pieces(plain_title)),
        plain_title=isolated(plain_title),
        url=page_url(paper, hub_url),
        authors=_authors(paper, marker),
        facts=tuple(_facts(paper, tz, today)),
        growth=growth_view(chosen.votes),
        why=tuple(_why(reason) for reason in reasons[:REASONS_SHOWN]),
        crossed=tuple(dict.fromkeys(crossed))[:REASONS_SHOWN],
        remark=_remark(chosen, reasons),
        links=tuple(_links(paper, hub_url)),
        _summary=clean(readable(paper.summary or "")),
        _abstract=clean(readable(paper.abstract or "")),
        _marker=marker,
    )


def title_of(paper: Paper) -> str:
    """The title as plain text, never empty."""
    return shorten(clean(readable(paper.title)), TITLE_LIMIT) or paper_id(paper)


def paper_id(paper: Paper) -> str:
    """The id as one short word."""
    return shorten(clean(paper.id), NAME_LIMIT) or "?"


def page_url(paper: Paper, hub_url: str) -> str:
    """The paper's page on the Hub; on arXiv where `hub_url` is no web address."""
    hub = web_url(hub_url.rstrip("/"))
    return f"{hub}/papers/{_path(paper)}" if hub else f"https://arxiv.org/abs/{_path(paper)}"


def _path(paper: Paper) -> str:
    return quote(paper_id(paper), safe="")


def _links(paper: Paper, hub_url: str) -> Iterator[Link]:
    yield Link("Paper page", page_url(paper, hub_url))
    yield Link("arXiv", f"https://arxiv.org/abs/{_path(paper)}")
    yield Link("PDF", f"https://arxiv.org/pdf/{_path(paper)}")
    for label, url in (("Code", paper.code_url), ("Project", paper.project_url)):
        if plain_url := web_url(url):
            yield Link(label, plain_url)


def _authors(paper: Paper, marker: Marker) -> tuple[Piece, ...]:
    known = paper.authors or ()
    cleaned = ((author, shorten(clean(readable(author.name)), NAME_LIMIT)) for author in known)
    names = [name for author, name in cleaned if name and not author.is_hidden]
    hidden_count = sum(author.is_hidden for author in known)
    total = max(max(paper.author_count or 0, len(known)) - hidden_count, len(names))
    # Who matched is named, wherever in the list.
    matched = [name for name in names[AUTHORS_SHOWN:] if marker.find(name)][:AUTHORS_SHOWN]
    shown = names[:AUTHORS_SHOWN] + matched
    rest = total - len(shown)
    if not shown:
        return (Piece(counted(total, "author")),) if total else ()
    text = ", ".join(map(isolated, shown))
    return (*marker.pieces(text), *([Piece(f" and\u00a0{rest}\u00a0more")] if rest else []))


def _facts(paper: Paper, tz: dt.tzinfo, today: dt.date) -> Iterator[str]:
    if organization := paper.organization:
        name = clean(organization.fullname or "") or clean(organization.name)
        if name:
            yield isolated(shorten(name, NAME_LIMIT))
    if paper.published_at is not None:
        yield published(paper.published_at, tz, today)
    if paper.upvotes is not None:
        yield counted(paper.upvotes, "vote")
    if paper.star_count is not None:
        yield counted(paper.star_count, "star")


def _why(reason: Reason) -> Why:
    told: dict[str, str] = {}
    # A word found in a text says more than the same one among the keywords.
    for hit in sorted(reason.hits, key=lambda hit: hit.field == "keywords"):
        for text in _told(hit, reason):
            told.setdefault(text.removesuffix(_KEYWORD).casefold(), text)
    words = list(told.values())
    if len(words) > WORDS_SHOWN:
        words[WORDS_SHOWN:] = [f"{len(words) - WORDS_SHOWN} more"]
    if not reason.hits:
        words = ["every paper"]
    return Why(isolated(shorten(clean(reason.rule), NAME_LIMIT)), tuple(words))


def _told(hit: Hit, reason: Reason) -> Iterator[str]:
    """What a hit adds to the reasons: nothing where a sentence on what was crossed says it."""
    words = dict.fromkeys(isolated(shorten(clean(word), NAME_LIMIT)) for word in hit.words)
    match hit.condition:
        case "authors":
            yield from (f"by {word}" for word in words)
        case "organizations":
            yield from (f"from {word}" for word in words)
        case "min_upvotes_per_day":
            yield from words
        case "min_upvotes" | "min_stars":
            noun = "votes" if hit.condition == "min_upvotes" else "stars"
            if not any(sentence.endswith((noun, noun[:-1])) for sentence in reason.crossed):
                yield f"at least {shorten(clean(hit.wanted), NAME_LIMIT)} {noun}"
        case "has_code":
            if not any("code" in sentence for sentence in reason.crossed):
                yield "has code"
        case _:
            where = _KEYWORD if hit.field == "keywords" else ""
            yield from (f"“{word}”{where}" for word in words)


def _remark(chosen: DigestPaper, reasons: list[Reason]) -> str:
    remarks = [shorten(clean(chosen.remark), NAME_LIMIT)] if chosen.remark else []
    if reasons and all(reason.is_incomplete for reason in reasons):
        has_abstract = chosen.paper.abstract is not None
        remarks.append(f"judged {'on what was known' if has_abstract else 'without its abstract'}")
    return "; ".join(filter(None, remarks))


def _near(text: str, begin: int, word: int, distance: int) -> int:
    """Where to begin reading: the sentence's start, or a word nearer to the one that matched."""
    if word - begin <= distance:
        return begin
    space = text.find(" ", word - distance, word)
    return space + 1 if space >= 0 else word


def _isolated_pieces(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    text = "".join(piece.text for piece in pieces)
    around = isolated(text)
    if around == text:
        return pieces
    return (Piece(around[0]), *pieces, Piece(around[-1]))
