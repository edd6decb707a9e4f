"""A paper as rules see it: folded once, every phrase of the rules looked up once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from watcher.models import Paper
from watcher.rules.fold import Text, stem
from watcher.rules.keywords import Phrase
from watcher.settings import TextField

TEXT_FIELDS: tuple[TextField, ...] = ("title", "abstract", "keywords", "summary")


class PhraseTable:
    """Every distinct phrase once, under a number; filed by its first word.

    Phrases may be added at any time; numbers do not change.
    """

    def __init__(self) -> None:
        self._ids: dict[Phrase, int] = {}
        self._by_stem: dict[str, list[tuple[int, Phrase]]] = {}
        self._by_exact: dict[str, list[tuple[int, Phrase]]] = {}
        self._by_prefix: dict[str, list[tuple[int, Phrase]]] = {}

    def add(self, phrase: Phrase) -> int:
        """The phrase's number: a new one if it is not in the table yet."""
        known = self._ids.get(phrase)
        if known is not None:
            return known
        phrase_id = self._ids[phrase] = len(self._ids)
        first = phrase.words[0]
        if phrase.is_exact:
            self._by_exact.setdefault(first, []).append((phrase_id, phrase))
        elif phrase.is_prefix and len(phrase.words) == 1:
            self._by_prefix.setdefault(first, []).append((phrase_id, phrase))
        else:
            self._by_stem.setdefault(stem(first), []).append((phrase_id, phrase))
        return phrase_id

    def scan(self, text: Text) -> Iterator[tuple[int, int, int]]:
        """Where phrases stand in `text`: number, first word, word after the last; overlaps too."""
        lengths = sorted({len(prefix) for prefix in self._by_prefix})
        for start, (word, exact) in enumerate(zip(text.words, text.exact, strict=True)):
            for phrase_id, phrase in self._by_stem.get(stem(word), ()):
                if phrase.is_at(text, start):
                    yield phrase_id, start, start + len(phrase.words)
            for phrase_id, phrase in self._by_exact.get(exact, ()):
                if phrase.is_at(text, start):
                    yield phrase_id, start, start + len(phrase.words)
            for length in lengths:
                if length > len(word):
                    break
                for phrase_id, _ in self._by_prefix.get(word[:length], ()):
                    yield phrase_id, start, start + 1


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
    """What is known of a paper at `now`, and which phrases of `table` it has where."""

    paper: Paper
    now: dt.datetime
    places: dict[int, list[Place]]
    votes_per_day: float | None = None
    _present: dict[frozenset[TextField], frozenset[int]] = field(default_factory=dict, init=False)

    @classmethod
    def of(
        cls,
        paper: Paper,
        now: dt.datetime,
        table: PhraseTable,
        votes_per_day: float | None = None,
    ) -> Facts:
        """Fold the paper's texts and look every phrase of `table` up in them."""
        places: dict[int, list[Place]] = {}
        for name in TEXT_FIELDS:
            for raw in _texts(paper, name):
                text = Text.of(raw)
                for phrase_id, start, stop in table.scan(text):
                    places.setdefault(phrase_id, []).append(Place(name, text, start, stop))
        return cls(paper, now, places, votes_per_day)

    def present(self, fields: frozenset[TextField]) -> frozenset[int]:
        """The numbers of the phrases that occur in any of `fields`."""
        found = self._present.get(fields)
        if found is None:
            found = self._present[fields] = frozenset(
                phrase_id
                for phrase_id, places in self.places.items()
                if any(place.field in fields for place in places)
            )
        return found

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
