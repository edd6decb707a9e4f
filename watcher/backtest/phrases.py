"""The phrases of a text that could be keywords: one to four words, none of them filler."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from importlib.resources import files

from watcher.models import Paper
from watcher.rules.fold import Text, stem
from watcher.settings import TextField

LONGEST = 4

Key = tuple[str, ...]
"""A phrase with plural and singular made one: phrases that find the same papers share it."""

_BREAK = re.compile(r"[.,;:!?()\[\]{}\u2014]+(?=\s|$)|[(\[{\u2014]")


def phrases(paper: Paper, fields: Iterable[TextField]) -> dict[Key, tuple[str, ...]]:
    """The phrases of these fields by their keys, each as the paper has it first, folded.

    None goes beyond a comma or the end of a sentence.
    """
    found: dict[Key, tuple[str, ...]] = {}
    for text in _texts(paper, fields):
        for part in _BREAK.split(text):
            words = Text.of(part).words
            stems = tuple(map(stem, words))
            ends = [_can_end(word) for word in words]
            for start in range(len(words)):
                for stop in range(start + 1, min(start + LONGEST, len(words)) + 1):
                    if ends[start] and ends[stop - 1]:
                        found.setdefault(stems[start:stop], words[start:stop])
    return found


class Lookup:
    """Looks for the phrases of a set of keys, wherever a rule would find them."""

    def __init__(self, keys: Collection[Key]) -> None:
        self._keys = keys
        self._starts = {key[0] for key in keys}

    def present(self, paper: Paper, fields: Iterable[TextField]) -> set[Key]:
        """The keys that stand in these fields."""
        found: set[Key] = set()
        for text in _texts(paper, fields):
            stems = tuple(map(stem, Text.of(text).words))
            for start, first in enumerate(stems):
                if first in self._starts:
                    found.update(stems[start : start + size] for size in range(1, LONGEST + 1))
        return found.intersection(self._keys)


def key_of(keyword: str) -> Key:
    """The key of a keyword as a rule has it."""
    return tuple(map(stem, Text.of(keyword.rstrip("*")).words))


@lru_cache(maxsize=65_536)
def _can_end(word: str) -> bool:
    """Whether a phrase may begin or end with the word."""
    return len(word) > 1 and not word.isdecimal() and word not in _filler()


@cache
def _filler() -> frozenset[str]:
    """Words of grammar, and those that papers on anything say."""
    return frozenset((files("watcher.backtest") / "filler.txt").read_text("utf-8").split())


def _texts(paper: Paper, fields: Iterable[TextField]) -> Iterable[str]:
    for field in dict.fromkeys(fields):
        if field == "keywords":
            yield from paper.keywords or ()
        else:
            text = {"title": paper.title, "abstract": paper.abstract, "summary": paper.summary}
            yield text[field] or ""
