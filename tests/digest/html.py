"""What a mail client would see in the HTML: anything but our own markup is an intrusion."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache

from selectolax.lexbor import LexborHTMLParser

from tests.digest.builders import NOW, PAPER, chosen, content
from watcher.digest import (
    ConfigBroken,
    MailStuck,
    render_digest,
    render_notice,
)
from watcher.digest.language import TAGS
from watcher.models import Author, Failure, Hit, Outage, Reason, VoteCount

DAY = dt.timedelta(days=1)
_LINKS = ("https://", "http://", "mailto:")


def parsed(html: str) -> LexborHTMLParser:
    return LexborHTMLParser(html)


def shown(html: str) -> str:
    """The text of the body, white space made single."""
    body = parsed(html).body
    assert body is not None
    return " ".join(body.text(separator=" ").split())


def signatures(html: str) -> set[tuple[object, ...]]:
    """Every kind of element: its name, parent and attributes, links reduced to their scheme."""
    found: set[tuple[object, ...]] = set()
    for node in parsed(html).css("*"):
        attributes = dict(node.attributes)
        if "href" in attributes:
            href = attributes["href"] or ""
            assert href.isascii()
            assert not set(href) & set(" \"'<>\\")
            attributes["href"] = next(
                (scheme for scheme in _LINKS if href.startswith(scheme)), href
            )
        parent = node.parent.tag if node.parent else None
        found.add((parent, node.tag, *sorted(attributes.items())))
    return found


@cache
def our_signatures() -> frozenset[tuple[object, ...]]:
    """The elements that the templates make of harmless papers."""
    by_author = Reason("people", (Hit("authors", "Yang", "authors", ("Xingyi Yang",)),))
    neural, votes = Hit("any", "neural", "title", ("Neural",)), Hit("min_upvotes", "20", "upvotes")
    hit = Reason("titles", (neural, votes), ("min_upvotes",))
    many = tuple(chosen(paper=PAPER, id=f"2601.{n:05}") for n in range(5000))
    names = tuple(Author(f"Name {n}") for n in range(9))
    rich = chosen(by_author, hit, Reason("third", is_incomplete=True), authors=names, code_url=None)
    bare = chosen(Reason("", is_incomplete=True), abstract=None, authors=None, published_at=None)
    grown = replace(chosen(), votes=(VoteCount(1, NOW), VoteCount(9, NOW + DAY)))
    linked = chosen(by_author, hit, code_url="http://a.example", project_url="http://b.example")
    http = "http://127.0.0.1:8000"
    troubles = {"outages": (Outage("daily", NOW, NOW),), "failures": (Failure("daily", NOW),)}
    pages = [
        *(
            render_digest(content(rich, bare, linked, grown, language=code, **troubles)).html
            for code in TAGS
        ),
        render_digest(content(rich, bare, linked, chosen(), hub_url=http)).html,
        render_digest(content(rich, chosen(), hub_url=http, max_papers=0)).html,
        render_digest(content(rich, chosen(), max_papers=1, hub_url="")).html,
        render_digest(content(rich, chosen(), max_papers=0, language="fr")).html,
        render_digest(content(*many, unsubscribe="")).html,
        render_notice(MailStuck(NOW, "error", 1)).html,
        render_notice(ConfigBroken(("a problem",))).html,
    ]
    return frozenset().union(*map(signatures, pages))
