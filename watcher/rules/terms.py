"""Every phrase and name of the rules once, under a number; texts are searched for all at once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from watcher.rules.keywords import Phrase, plain_words
from watcher.rules.vocabulary import Vocabulary

Numbers: TypeAlias = npt.NDArray[np.int32]
Keys: TypeAlias = npt.NDArray[np.int64]

Name: TypeAlias = tuple[str, ...]
"""The folded words of a name."""

_BITS = 28
"""Of a word's number: a node stands above them, so that node and word are one key."""

_REMEMBERED = 200_000
_END = "|"


class Occurrences(NamedTuple):
    """Where phrases stand: the text's position, the phrase's number, its first word, its end."""

    texts: Numbers
    phrases: Numbers
    starts: Numbers
    stops: Numbers


class TermTable:
    """A tree of word numbers: a phrase's number is that of the node its last word leads to.

    Each word of a text stands for a few words of the vocabulary (`model` and `models`), and all
    the ways through the tree are followed at once, so what is found is exactly the phrases that
    stand in the text. Terms may be added at any time; numbers do not change.
    """

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._spellings = _Spellings(self._vocabulary)
        self._keys: Keys = np.zeros(0, np.int64)
        self._nodes: Numbers = np.zeros(0, np.int32)
        self._lengths: Numbers = np.zeros(1, np.int32)
        self._is_inner: npt.NDArray[np.bool_] = np.zeros(1, np.bool_)
        self._authors: dict[Name, int] = {}
        self._organizations: dict[Name, int] = {}

    def add(self, phrases: Iterable[Phrase]) -> Numbers:
        """The phrases' numbers: new ones for those that are not in the table yet."""
        words, lengths = array("i"), array("i")
        folded = self._vocabulary.folded
        for phrase in phrases:
            lengths.append(len(phrase.words))
            if phrase.is_exact:
                words.extend(map(self._vocabulary.add_exact, phrase.words))
            elif phrase.is_prefix:
                words.extend(map(folded.__getitem__, phrase.words[:-1]))
                words.append(self._vocabulary.add_beginning(phrase.words[-1]))
            else:
                words.extend(map(folded.__getitem__, phrase.words))
        return self._grown(np.array(words, np.int32), np.array(lengths, np.int32))

    def add_plain(self, keywords: Sequence[str]) -> Numbers:
        """The same for plain keywords as they are written, in a fraction of the time."""
        row = array("i")
        # The mark is no word: it has a number so that the words are looked up in one go.
        words = plain_words(f" {_END} ".join((*keywords, "")))
        row.extend(map(self._vocabulary.folded.__getitem__, words))
        numbers = np.array(row, np.int32)
        is_end = numbers == self._vocabulary.folded[_END]
        return self._grown(numbers[~is_end], np.diff(np.flatnonzero(is_end), prepend=-1) - 1)

    def _grown(self, words: Numbers, lengths: Numbers) -> Numbers:
        nodes: Numbers = np.zeros(len(lengths), np.int32)
        firsts = np.cumsum(lengths) - lengths
        longer = np.arange(len(lengths))
        level = 0
        while len(longer):
            keys = nodes[longer].astype(np.int64) << _BITS | words[firsts[longer] + level]
            level += 1
            nodes[longer] = self._children(keys, level)
            longer = longer[lengths[longer] > level]
        return nodes

    def _children(self, keys: Keys, level: int) -> Numbers:
        """The nodes that keys lead to, made where there are none."""
        distinct, places = np.unique(keys, return_inverse=True)
        nodes, is_there = self._found(distinct)
        fresh = distinct[~is_there]
        if len(fresh):
            made = self._numbered(len(fresh), level)
            nodes[~is_there] = made
            where = np.searchsorted(self._keys, fresh)
            self._keys = np.insert(self._keys, where, fresh)
            self._nodes = np.insert(self._nodes, where, made)
            self._is_inner[fresh >> _BITS] = True
        return nodes[places]

    def _numbered(self, count: int, length: int) -> Numbers:
        first = len(self._lengths)
        self._lengths = np.append(self._lengths, np.full(count, length, np.int32))
        self._is_inner = np.append(self._is_inner, np.zeros(count, np.bool_))
        return np.arange(first, first + count, dtype=np.int32)

    def _found(self, keys: Keys) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """The nodes that keys lead to, and whether there are any."""
        if not len(self._keys):
            return np.zeros(len(keys), np.int32), np.zeros(len(keys), np.bool_)
        where = np.searchsorted(self._keys, keys)
        where[where == len(self._keys)] = 0
        return self._nodes[where], self._keys[where] == keys

    def add_author(self, name: Name) -> int:
        """The number of an author's whole name or its end."""
        return self._named(self._authors, name)

    def add_organization(self, name: Name) -> int:
        """The number of an organization's slug or full name."""
        return self._named(self._organizations, name)

    def _named(self, known: dict[Name, int], name: Name) -> int:
        number = known.get(name)
        if number is None:
            number = known[name] = int(self._numbered(1, 0)[0])
        return number

    def authors(self, names: Iterable[Name]) -> list[int]:
        """The numbers of those of `names` that are in the table."""
        return [number for name in names if (number := self._authors.get(name))]

    def organizations(self, names: Iterable[Name]) -> list[int]:
        """The numbers of those of `names` that are in the table."""
        return [number for name in names if (number := self._organizations.get(name))]

    def search(self, texts: Sequence[Sequence[str]]) -> Occurrences:
        """Where which phrases stand in `texts`, each being its words as they are spelled.

        Beginnings of phrases are found, too; they are nobody's keywords.
        """
        row = self._spellings.row(texts)
        firsts, counts, meant = self._spellings.meanings()
        lengths = np.array([len(words) + 1 for words in texts], np.int32)
        at = np.flatnonzero(counts[row])
        nodes: Numbers = np.zeros(len(at), np.int32)
        found: list[tuple[npt.NDArray[np.intp], Numbers]] = []
        while len(at):
            count = counts[row[at]]
            ends = np.cumsum(count)
            within = np.arange(ends[-1]) - np.repeat(ends - count, count)
            words = meant[np.repeat(firsts[row[at]], count) + within]
            keys = np.repeat(nodes, count).astype(np.int64) << _BITS | words
            at = np.repeat(at, count)
            nodes, is_there = self._found(keys)
            at, nodes = at[is_there], nodes[is_there]
            found.append((at, nodes))
            goes_on = self._is_inner[nodes]
            at, nodes = at[goes_on] + 1, nodes[goes_on]
            goes_on = counts[row[at]] > 0
            at, nodes = at[goes_on], nodes[goes_on]
        last = np.concatenate([np.zeros(0, np.intp), *(at for at, _ in found)])
        phrases = np.concatenate([np.zeros(0, np.int32), *(nodes for _, nodes in found)])
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)[last]
        stops = (last + 1 - (np.cumsum(lengths) - lengths)[owners]).astype(np.int32)
        return Occurrences(owners, phrases, stops - self._lengths[phrases], stops)


class _Spellings(dict[str, int]):
    """Numbers (from 1) of the words of texts, and which words of the vocabulary each stands for."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._start_anew()

    def _start_anew(self) -> None:
        self.clear()
        self._meant = array("i")
        self._ends = array("i", [0])
        self._known_count = self._vocabulary.size

    def __missing__(self, spelling: str) -> int:
        number = self[spelling] = len(self._ends)
        self._meant.extend(self._vocabulary.meant_by(spelling))
        self._ends.append(len(self._meant))
        return number

    def row(self, texts: Sequence[Sequence[str]]) -> Numbers:
        """The texts' words in a row, with 0, which stands for nothing, behind each text."""
        # Bounded, so that no page can fill the memory for good.
        if self._known_count != self._vocabulary.size or len(self) > _REMEMBERED:
            self._start_anew()
        row = array("i")
        for words in texts:
            row.extend(map(self.__getitem__, words))
            row.append(0)
        return np.array(row, np.int32)

    def meanings(self) -> tuple[Numbers, Numbers, Numbers]:
        """By number where in the last array its words begin, and how many there are."""
        ends = np.array(self._ends, np.int32)
        firsts = np.append(np.zeros(1, np.int32), ends[:-1])
        return firsts, ends - firsts, np.array(self._meant, np.int32)
