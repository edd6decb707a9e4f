"""One paper as the templates show it: every text cleaned, every list bounded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from watcher.digest.arrange import primary
from watcher.digest.dates import published
from watcher.digest.growth import GrowthView, growth_view
from watcher.digest.language import Language
from watcher.digest.latex import readable
from watcher.digest.marks import Marker, Piece
from watcher.digest.reasons import NAME_LIMIT, Why, matched_words, news, why
from watcher.digest.text import clean, isolated, shorten, web_url
from watcher.models import DigestPaper, Paper, Reason

TITLE_LIMIT = 300
AUTHORS_SHOWN = 6
REASONS_SHOWN = 6

_SENTENCE_ENDS = (". ", "? ", "! ", "。")


@dataclass(frozen=True, slots=True)
class Link:
    """A link to the web: `url` is http or https, in ASCII."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class PaperView:
    """A paper in full. `why` begins with the rule under which the paper stands.

    `wishes` are the pages on which to say that more like it is wanted, or not; often none.
    """

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
    wishes: tuple[Link, ...]
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


def paper_view(
    chosen: DigestPaper, *, tz: dt.tzinfo, today: dt.date, hub_url: str, language: Language
) -> PaperView:
    """The view of one paper; dates are in `tz`, with the year unless it is that of `today`."""
    paper = chosen.paper
    marker = Marker(word for reason in chosen.reasons for word in matched_words(reason))
    plain_title = title_of(paper)
    first = primary(chosen)
    reasons = [first, *(reason for reason in chosen.reasons if reason is not first)]
    crossed = (sentence for reason in reasons for sentence in news(reason, language))
    return PaperView(
        title=_isolated_pieces(marker.pieces(plain_title)),
        plain_title=isolated(plain_title),
        url=page_url(paper, hub_url),
        authors=_authors(paper, marker, language),
        facts=tuple(_facts(paper, tz, today, language)),
        growth=growth_view(chosen.votes, language),
        why=tuple(why(reason, language) for reason in reasons[:REASONS_SHOWN]),
        crossed=tuple(dict.fromkeys(crossed))[:REASONS_SHOWN],
        remark=_remark(chosen, reasons, language),
        links=tuple(_links(paper, hub_url, language)),
        wishes=tuple(_wishes(chosen, language)),
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


def _links(paper: Paper, hub_url: str, language: Language) -> Iterator[Link]:
    yield Link(language.say("Paper page"), page_url(paper, hub_url))
    yield Link("arXiv", f"https://arxiv.org/abs/{_path(paper)}")
    yield Link("PDF", f"https://arxiv.org/pdf/{_path(paper)}")
    if code_url := web_url(paper.code_url):
        yield Link(language.say("Code"), code_url)
    if project_url := web_url(paper.project_url):
        yield Link(language.say("Project"), project_url)


def _wishes(chosen: DigestPaper, language: Language) -> Iterator[Link]:
    """Where its reader says whether more like it is wanted."""
    if more_url := web_url(chosen.more_url):
        yield Link(language.say("More like this"), more_url)
    if not_url := web_url(chosen.not_url):
        yield Link(language.say("Not this"), not_url)


def _authors(paper: Paper, marker: Marker, language: Language) -> tuple[Piece, ...]:
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
        counted = language.counted("%(count)s author", "%(count)s authors", total)
        return (Piece(counted),) if total else ()
    pieces = marker.pieces(language.listed(map(isolated, shown)))
    if not rest:
        return pieces
    told = language.counted(
        "%(names)s and %(count)s more", "%(names)s and %(count)s more", rest, names="\0"
    )
    before, _, after = told.partition("\0")
    after = after[:1] + after[1:].replace(" ", "\u00a0")
    return tuple(piece for piece in (Piece(before), *pieces, Piece(after)) if piece.text)


def _facts(paper: Paper, tz: dt.tzinfo, today: dt.date, language: Language) -> Iterator[str]:
    if organization := paper.organization:
        name = clean(organization.fullname or "") or clean(organization.name)
        if name:
            yield isolated(shorten(name, NAME_LIMIT))
    if paper.published_at is not None:
        yield published(paper.published_at, tz, today, language)
    if (votes := paper.upvotes) is not None:
        yield language.counted("%(count)s vote", "%(count)s votes", votes, language.compact(votes))
    if (stars := paper.star_count) is not None:
        yield language.counted("%(count)s star", "%(count)s stars", stars, language.compact(stars))


def _remark(chosen: DigestPaper, reasons: list[Reason], language: Language) -> str:
    remarks = []
    if days := chosen.backfill_days:
        remarks.append(
            language.counted(
                "found looking back %(count)s day", "found looking back %(count)s days", days
            )
        )
    if reasons and all(reason.is_incomplete for reason in reasons):
        is_without = chosen.paper.abstract is None
        remarks.append(
            language.say("judged without its abstract")
            if is_without
            else language.say("judged on what was known")
        )
    return language.grouped(remarks)


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
