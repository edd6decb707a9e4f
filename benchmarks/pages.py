"""A trending page as large as the real one, in the real one's proportions.

50 papers. Seven tenths of the bytes are escaped JSON: abstracts of 1,600 characters (twice there,
twice in the markup), sixty authors (a trending page is that of large teams), a third of them with
a Hub account. The rest is markup, six tags in a thousand bytes: each paper stands twice in its
article, among icons drawn as paths.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import count

from tests.fakesite import Fault, SitePaper, faults, make_paper
from tests.fakesite.site import Site

PAPERS = 50
SIZE = 1_500_000
ABSTRACT = 1_600

_ICON = (
    '<svg class="mr-1 text-gray-500" xmlns="http://www.w3.org/2000/svg" aria-hidden="true"'
    ' role="img" width="1em" height="1em" viewBox="0 0 32 32"><g fill="currentColor">'
    + '<path d="M16 2a14 14 0 1 0 14 14A14 14 0 0 0 16 2Zm0 26a12 12 0 1 1 12-12a12"></path>' * 4
    + "</g></svg>"
)
ICONS: Fault = faults.edited(("<svg></svg>", _ICON))
"""Draws what the fake site leaves blank."""


def papers(now: dt.datetime) -> list[SitePaper]:
    """The papers of a page of SIZE bytes, all of the last days."""
    for author_count in count(10, 5):
        found = [_paper(number, author_count, now) for number in range(PAPERS)]
        if len(trending_page(found, now)) >= SIZE:
            return found
    raise AssertionError


def trending_page(found: list[SitePaper], now: dt.datetime) -> bytes:
    """The trending page that shows them."""
    answer = Site("https://huggingface.co", now, found).answer("/papers/trending", "Root=1-6ac5d2")
    return ICONS.change(answer).body if ICONS.change else answer.body


def _paper(number: int, author_count: int, now: dt.datetime) -> SitePaper:
    paper = make_paper(number, now - dt.timedelta(hours=number + 1), seed=7)
    paper = replace(paper, abstract=(f"{paper.abstract}\n  " * 9)[:ABSTRACT])
    authors = [_author(number, position, now) for position in range(author_count)]
    names = tuple(str(author["name"]) for author in authors)
    return replace(paper, authors=names, changes={"authors": authors})


def _author(number: int, position: int, now: dt.datetime) -> dict[str, object]:
    name = f"Grégoire N. Surname-{number}-{position}"
    author: dict[str, object] = {
        "_id": f"{number * 1000 + position:024x}",
        "name": name,
        "hidden": False,
    }
    if position % 3:
        return author
    account = {
        "_id": f"{number * 1000 + position:024x}",
        "avatarUrl": f"/avatars/{number * 1000 + position:032x}.svg",
        "isPro": False,
        "fullname": name,
        "user": f"gregoire-{number}-{position}",
        "type": "user",
    }
    status = {"status": "claimed_verified", "statusLastChangedAt": f"{now:%Y-%m-%dT%H:%M:%S}.000Z"}
    return author | {"user": account} | status
