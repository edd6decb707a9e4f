"""What of a paper is searched, what is asked for, and where it stands in a text: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from watcher.models import Paper
from watcher.rules.fold import Text, forms, same_word
from watcher.store.searching import BREAK, Term, Words

LONGEST_QUERY = 300
"""Characters that are read of what was typed."""

MOST_TERMS = 20

_SHORTEST_PREFIX = 2
"""Letters: words that begin with one are too many."""

_LONGEST_TEXT = 60_000
"""Characters of one text; real abstracts have 2,000."""

_MOST_NAMES = 3000
"""Authors, or keywords, of one paper."""

_MOST_SPELLINGS = 60

_PIECE = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<plain>[^\s"]+))')
_CURLY = str.maketrans("“”„«»", '"""""')


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for. `can_be_asked`: some term says what papers have, not only what not."""

    text: str
    terms: tuple[Term, ...]

    @property
    def wanted(self) -> tuple[Term, ...]:
        """The terms that are not excluded."""
        return tuple(term for term in self.terms if not term.is_excluded)

    @property
    def can_be_asked(self) -> bool:
        """Whether it says what is looked for."""
        return bool(self.wanted)


def parse(typed: str) -> Query:
    """What was typed, which is never wrong: words, "phrases", -excluded, and beginnings*.

    All are required. A word stands for its plural and singular too, a phrase for itself alone.
    """
    text = " ".join(typed[:LONGEST_QUERY].split())
    pieces = _PIECE.finditer(text.translate(_CURLY))
    terms = (term for piece in pieces if (term := _term(piece)) is not None)
    return Query(text, tuple(dict.fromkeys(terms))[:MOST_TERMS])


def _term(piece: re.Match[str]) -> Term | None:
    phrase, plain = piece["phrase"], piece["plain"]
    raw = plain if phrase is None else phrase
    words = Text.of(raw).words
    if not words:
        return None
    *before, last = words
    is_prefix = phrase is None and raw.endswith("*") and len(last) >= _SHORTEST_PREFIX
    alternatives = (last,) if is_prefix or phrase is not None else _same(last)
    return Term(tuple(before), alternatives, is_prefix, is_excluded=bool(piece["minus"]))


def _same(word: str) -> tuple[str, ...]:
    """The word with its plurals and singulars."""
    found = [word, *forms(word)]
    for each in forms(word):
        found += [f"{each}s", f"{each}es", *([f"{each[:-1]}ies"] if each.endswith("y") else [])]
    return tuple(sorted({each for each in found if same_word(word, each)}))


def words_of(paper: Paper) -> Words:
    """The words of a paper as the index has them."""
    names = [author.name for author in paper.authors or () if not author.is_hidden]
    texts = [text for text in (paper.summary, paper.abstract) if text]
    return Words(
        paper.id,
        title=_words(paper.title),
        keywords=_apart(paper.keywords or ()),
        people=_apart(names),
        content=_apart(texts),
    )


def _words(text: str) -> Sequence[str]:
    return Text.of(text[:_LONGEST_TEXT]).words


def _apart(texts: Sequence[str]) -> list[str]:
    return [word for text in texts[:_MOST_NAMES] for word in (*_words(text), BREAK)][:-1]


def spellings(query: Query, texts: Iterable[str]) -> tuple[str, ...]:
    """How what is wanted is written in these texts."""
    found: dict[str, None] = {}
    for raw in texts:
        text = Text.of(raw)
        for term in query.wanted:
            for start, stop in _places(term, text.words):
                found[text.spelling(start, stop)] = None
    return tuple(found)[:_MOST_SPELLINGS]


def _places(term: Term, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    length = len(term.before)
    for at in range(length, len(words)):
        word = words[at]
        is_there = word.startswith(term.last) if term.is_prefix else word in term.last
        if is_there and tuple(words[at - length : at]) == term.before:
            yield at - length, at + 1
