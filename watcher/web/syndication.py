"""A feed written out: as Atom (RFC 4287) and as JSON Feed (https://www.jsonfeed.org/version/1.1/).

Ids hold neither an address of the pages nor anything of a link: they are the same for ever.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass

from watcher.digest import dates
from watcher.digest.language import Language
from watcher.digest.latex import readable
from watcher.digest.papers import page_url, title_of
from watcher.digest.reasons import NAME_LIMIT, Why, news, why
from watcher.digest.text import clean, shorten
from watcher.models import Paper
from watcher.store.archive import MailedPaper
from watcher.web import pages

_IDS = uuid.UUID("5f0b6a0e-3d0c-4c0e-9a53-1b8f6a8d2c41")

AUTHORS_NAMED = 100
AUTHORS_SHOWN = 10
ABSTRACT_LIMIT = 5_000
REASONS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class FedPaper:
    """A paper in a feed; `html` is what a reader shows of it, `rules` those that brought it."""

    id: str
    url: str
    title: str
    authors: tuple[str, ...]
    rules: tuple[str, ...]
    html: str
    mailed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """What both forms say. `url` is the feed's own, `home_url` the page for people.

    `tag` is the language of its title; the papers are in English, whatever else is said of them.
    """

    id: str
    title: str
    tag: str
    url: str
    home_url: str
    updated_at: dt.datetime
    papers: tuple[FedPaper, ...]


def feed_id(subscription_id: str) -> str:
    """The id of its feed."""
    return uuid.uuid5(_IDS, subscription_id).urn


def fed_paper(
    subscription_id: str,
    mailed: MailedPaper,
    mailed_at: dt.datetime,
    *,
    hub_url: str,
    language: Language,
) -> FedPaper:
    """A paper as it stands in the feed of that subscription."""
    paper = mailed.paper
    reasons = mailed.reasons[:REASONS_SHOWN]
    told = [why(reason, language) for reason in reasons]
    authors = _authors(paper)
    abstract = clean(readable(paper.abstract or paper.summary or ""))
    sentences = (sentence for reason in reasons for sentence in news(reason, language))
    shown = {
        "authors": authors[:AUTHORS_SHOWN],
        "more_authors": max(paper.author_count or 0, len(authors)) - AUTHORS_SHOWN,
        "abstract": shorten(abstract, ABSTRACT_LIMIT),
        "published_on": paper.published_at and dates.day(paper.published_at.date(), language),
        "reasons": [
            part for part in (*(_reason(each, language) for each in told), *sentences) if part
        ],
        "why": f"{language.say('Why')}{language.colon}",
    }
    return FedPaper(
        id=uuid.uuid5(_IDS, f"{subscription_id}\n{paper.id}").urn,
        url=page_url(paper, hub_url),
        title=title_of(paper),
        authors=authors,
        rules=tuple(dict.fromkeys(each.rule for each in told if each.rule)),
        html=pages.write("fed.html.j2", shown, language).strip(),
        mailed_at=mailed_at,
    )


def atom(feed: Feed) -> bytes:
    """The feed as Atom."""
    return pages.write("atom.xml.j2", {"feed": feed, "instant": _instant}).encode()


def json_feed(feed: Feed) -> bytes:
    """The feed as JSON Feed 1.1."""
    told = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home_url,
        "feed_url": feed.url,
        "language": "en",
        "items": [
            {
                "id": paper.id,
                "url": paper.url,
                "title": paper.title,
                "content_html": paper.html,
                "date_published": _instant(paper.mailed_at),
                "authors": [{"name": name} for name in paper.authors],
                "tags": list(paper.rules),
            }
            for paper in feed.papers
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def _reason(told: Why, language: Language) -> str:
    return language.colon.join(part for part in (told.rule, language.listed(told.words)) if part)


def _authors(paper: Paper) -> tuple[str, ...]:
    named = (
        shorten(clean(readable(author.name)), NAME_LIMIT)
        for author in paper.authors or ()
        if not author.is_hidden
    )
    return tuple(name for name in named if name)[:AUTHORS_NAMED]


def _instant(at: dt.datetime) -> str:
    """As in RFC 3339, to the second."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
