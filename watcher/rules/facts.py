"""A paper as rules see it: cut into words once, every term of the rules looked up once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from watcher.models import Paper
from watcher.rules.fold import Text
from watcher.rules.terms import TermTable
from watcher.settings import TextField

TEXT_FIELDS: tuple[TextField, ...] = ("title", "abstract", "keywords", "summary")


AUTHORS, ORGANIZATION = 16, 32
FIELD_MASKS: dict[str, int] = {name: 1 << place for place, name in enumerate(TEXT_FIELDS)}
"""The bit of each field in a mask of fields; names have theirs, too."""


class Place(NamedTuple):
    """An occurrence of a phrase: words `start` to `stop` (exclusive) of one text of a field."""

    field: TextField
    text: Text
    start: int
    stop: int

    @property
    def spelling(self) -> str:
        """The words as the paper writes them."""
        return self.text.spelling(self.start, self.stop)


@dataclass
class Facts:
    """What is known of a paper at `now`, and which terms of `table` it has where."""

    paper: Paper
    now: dt.datetime
    table: TermTable
    votes_per_day: float | None = None

    @cached_property
    def texts(self) -> tuple[tuple[TextField, Text], ...]:
        """The paper's texts, cut into words; the site's keywords are texts of their own."""
        return tuple(
            (name, Text.of(raw)) for name in TEXT_FIELDS for raw in _texts(self.paper, name)
        )

    @cached_property
    def places(self) -> dict[int, list[Place]]:
        """Where each phrase stands, in the order of the fields."""
        places: dict[int, list[Place]] = {}
        found = self.table.search([text.exact for _, text in self.texts])
        for at, phrase, start, stop in zip(*(column.tolist() for column in found), strict=True):
            name, text = self.texts[at]
            places.setdefault(phrase, []).append(Place(name, text, start, stop))
        for stands in places.values():
            stands.sort(key=lambda place: (TEXT_FIELDS.index(place.field), place.start))
        return places

    def names(self) -> dict[int, int]:
        """The numbers of the names that the paper has, each with the mask of its field."""
        return {
            **dict.fromkeys(self.table.authors(self.authors), AUTHORS),
            **dict.fromkeys(self.table.organizations(self.organizations), ORGANIZATION),
        }

    @cached_property
    def unknown(self) -> int:
        """The mask of the fields of which nothing is known."""
        return (
            sum(FIELD_MASKS[name] for name in self.unknown_texts)
            | (0 if self.are_authors_complete else AUTHORS)
            | (0 if self.is_organization_known else ORGANIZATION)
        )

    def is_present(self, numbers: frozenset[int], fields: frozenset[TextField]) -> bool:
        """Whether one of the phrases stands in one of the fields."""
        places = self.places
        return any(
            place.field in fields
            for number in numbers
            if number in places
            for place in places[number]
        )

    @property
    def upvotes(self) -> int | None:
        """Votes; a full record without a count has none."""
        return self._counted(self.paper.upvotes)

    @property
    def stars(self) -> int | None:
        """Stars of the code repository; a full record without a count has none."""
        return self._counted(self.paper.star_count)

    def _counted(self, count: int | None) -> int | None:
        return 0 if count is None and self.paper.is_full else count

    @property
    def has_code(self) -> bool | None:
        """Whether a code repository is linked."""
        if self.paper.code_url is not None:
            return True
        return False if self.paper.is_full else None

    @property
    def age(self) -> dt.timedelta | None:
        """How long ago it was published."""
        published_at = self.paper.published_at
        return None if published_at is None else self.now - published_at

    @property
    def is_organization_known(self) -> bool:
        """Whether it is known which organization it is from, or that it is from none."""
        return self.paper.organization is not None or self.paper.is_full

    @cached_property
    def unknown_texts(self) -> frozenset[TextField]:
        """The text fields of which nothing is known: an abstract is never absent at the site."""
        paper = self.paper
        unknown: set[TextField] = {"abstract"} if paper.abstract is None else set()
        if not paper.is_full:
            unknown |= {"keywords"} if paper.keywords is None else set()
            unknown |= {"summary"} if paper.summary is None else set()
        return frozenset(unknown)

    @cached_property
    def authors(self) -> dict[tuple[str, ...], list[str]]:
        """Names by their folded words, whole and every tail: `van der Maaten`, `Maaten`."""
        names: dict[tuple[str, ...], list[str]] = {}
        for author in self.paper.authors or ():
            words = Text.of(author.name).words
            for start in range(max(0, len(words) - 12), len(words)):
                names.setdefault(words[start:], []).append(author.name)
            if len(words) > 12:
                names.setdefault(words, []).append(author.name)
        return names

    @cached_property
    def are_authors_complete(self) -> bool:
        """Whether all authors are known: cards name five at most."""
        paper = self.paper
        if paper.is_full:
            return True
        return paper.authors is not None and len(paper.authors) >= (paper.author_count or 0)

    @cached_property
    def organizations(self) -> dict[tuple[str, ...], str]:
        """The organization's slug and full name by their folded words."""
        organization = self.paper.organization
        if organization is None:
            return {}
        shown = organization.fullname or organization.name
        names = (organization.name, organization.fullname)
        return {Text.of(name).words: shown for name in names if name}


def _texts(paper: Paper, name: TextField) -> Iterable[str]:
    if name == "keywords":
        return paper.keywords or ()
    text = {"title": paper.title, "abstract": paper.abstract, "summary": paper.summary}[name]
    return (text,) if text else ()
