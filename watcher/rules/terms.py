"""Every phrase and name of the rules once, under a number; texts are searched for all at once."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
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
_WORD = (1 << _BITS) - 1
"""Of a word's number: a node stands above them, so that node and word are one key."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: its multiples spread well (Knuth, TAOCP 6.4)."""

_SPARE = 6
"""Bits of the map for each key, at the least."""

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
        self._follows: npt.NDArray[np.bool_] = np.zeros(
            0, np.bool_
        )  # words that are not only first
        self._is_used: npt.NDArray[np.bool_] = np.zeros(1, np.bool_)  # by hash of a key
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
        nodes = self._found(distinct)
        is_new = nodes == 0
        fresh = distinct[is_new]
        if len(fresh):
            made = self._numbered(len(fresh), level)
            nodes[is_new] = made
            where = np.searchsorted(self._keys, fresh)
            self._keys = np.insert(self._keys, where, fresh)
            self._nodes = np.insert(self._nodes, where, made)
            if len(self._is_used) < _SPARE * len(self._keys):
                self._is_used = np.zeros(1 << (2 * _SPARE * len(self._keys)).bit_length(), np.bool_)
                fresh_ones = self._keys
            else:
                fresh_ones = fresh
            self._is_used[self._hashed(fresh_ones)] = True
            self._is_inner[fresh >> _BITS] = True
            unnumbered = self._vocabulary.size + 1 - len(self._follows)
            self._follows = np.append(self._follows, np.zeros(unnumbered, np.bool_))
            if level > 1:
                self._follows[fresh & _WORD] = True
            self._spellings.forget()
        return nodes[places]

    def _numbered(self, count: int, length: int) -> Numbers:
        first = len(self._lengths)
        self._lengths = np.append(self._lengths, np.full(count, length, np.int32))
        self._is_inner = np.append(self._is_inner, np.zeros(count, np.bool_))
        return np.arange(first, first + count, dtype=np.int32)

    def _found(self, keys: Keys) -> Numbers:
        """The nodes that keys lead to, 0 where there is none."""
        if not len(self._keys):
            return np.zeros(len(keys), np.int32)
        found = np.zeros(len(keys), np.int32)
        # Most keys that texts ask for are not there, which a glance at a bit map tells.
        may_be = np.flatnonzero(self._is_used[self._hashed(keys)])
        asked = keys[may_be]
        where = np.searchsorted(self._keys, asked)
        where[where == len(self._keys)] = 0
        found[may_be] = np.where(self._keys[where] == asked, self._nodes[where], 0)
        return found

    def _hashed(self, keys: Keys) -> npt.NDArray[np.uint64]:
        bits = len(self._is_used).bit_length() - 1
        return keys.astype(np.uint64) * _MIX >> np.uint64(64 - bits)

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
        meanings = self._spellings.meanings(self._found, self._follows)
        lengths = np.array([len(words) + 1 for words in texts], np.int32)
        at, nodes = meanings.first.expanded(row, np.arange(len(row)))
        found: list[tuple[npt.NDArray[np.intp], Numbers]] = []
        while len(at):
            found.append((at, nodes))
            goes_on = self._is_inner[nodes]
            above, next_ = nodes[goes_on], at[goes_on] + 1
            which, words = meanings.later.expanded(row[next_], np.arange(len(next_)))
            nodes = self._found(above[which].astype(np.int64) << _BITS | words)
            at = next_[which[nodes > 0]]
            nodes = nodes[nodes > 0]
        last = np.concatenate([np.zeros(0, np.intp), *(at for at, _ in found)])
        phrases = np.concatenate([np.zeros(0, np.int32), *(nodes for _, nodes in found)])
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)[last]
        stops = (last + 1 - (np.cumsum(lengths) - lengths)[owners]).astype(np.int32)
        return Occurrences(owners, phrases, stops - self._lengths[phrases], stops)


class _Lists(NamedTuple):
    """Lists of numbers in one array: where each begins, and how many there are in it."""

    firsts: Numbers
    counts: Numbers
    numbers: Numbers

    @classmethod
    def of(cls, numbers: Numbers, ends: Numbers, is_kept: npt.NDArray[np.bool_]) -> _Lists:
        """The lists that end there, of what is kept."""
        kept_before = np.append(np.zeros(1, np.int32), np.cumsum(is_kept, dtype=np.int32))
        bounds = kept_before[ends]
        return cls(bounds[:-1], np.diff(bounds), numbers[is_kept])

    def expanded(
        self, chosen: Numbers, marks: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], Numbers]:
        """All numbers of the chosen lists, each behind the mark of its list."""
        counts = self.counts[chosen]
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        where = np.arange(total) + np.repeat(self.firsts[chosen] - ends + counts, counts)
        return np.repeat(marks, counts), self.numbers[where]


class _Meanings(NamedTuple):
    """What words of texts stand for: the nodes of those that begin phrases, words that go on."""

    first: _Lists
    later: _Lists


class _Spellings(dict[str, int]):
    """Numbers (from 1) of the words of texts, and which words of the vocabulary each stands for."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self.forget()

    def forget(self) -> None:
        """Begin anew: there are other words, or other phrases, to stand for."""
        self.clear()
        self._meant = array("i")
        self._ends = array("i", [0, 0])
        self._meanings: _Meanings | None = None

    def __missing__(self, spelling: str) -> int:
        number = self[spelling] = len(self._ends) - 1
        self._meant.extend(self._vocabulary.meant_by(spelling))
        self._ends.append(len(self._meant))
        self._meanings = None
        return number

    def row(self, texts: Sequence[Sequence[str]]) -> Numbers:
        """The texts' words in a row, with 0, which stands for nothing, behind each text."""
        if len(self) > _REMEMBERED:  # no page can fill the memory for good
            self.forget()
        row = array("i")
        for words in texts:
            row.extend(map(self.__getitem__, words))
            row.append(0)
        return np.array(row, np.int32)

    def meanings(
        self, found: Callable[[Keys], Numbers], follows: npt.NDArray[np.bool_]
    ) -> _Meanings:
        """By number, what words stand for; `found` gives the nodes of words that begin phrases."""
        if self._meanings is None:
            meant, ends = np.array(self._meant, np.int32), np.array(self._ends, np.int32)
            nodes = found(meant.astype(np.int64))
            self._meanings = _Meanings(
                _Lists.of(nodes, ends, nodes > 0), _Lists.of(meant, ends, follows[meant])
            )
        return self._meanings
