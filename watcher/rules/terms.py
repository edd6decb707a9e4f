"""Every phrase and name of the rules once, under a number; texts are searched for all at once."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from watcher.rules.arrays import Flags, Keys, Numbers, Positions, distinct, ranges
from watcher.rules.keytable import KeyTable
from watcher.rules.keywords import Phrase, Written
from watcher.rules.vocabulary import Vocabulary

Name: TypeAlias = tuple[str, ...]
"""The folded words of a name."""

_BITS = 28
_WORD = (1 << _BITS) - 1
"""Of a word's number: a node stands above them, so that node and word are one key."""

_REMEMBERED = 200_000


class Occurrences(NamedTuple):
    """Where phrases stand: the text's position, the phrase's number, its first word, its end."""

    texts: Numbers
    phrases: Numbers
    starts: Numbers
    stops: Numbers


class Spelled(NamedTuple):
    """Phrases by the numbers of their words, one after the other, and how many words each has."""

    words: Numbers
    lengths: Numbers


class TermTable:
    """A tree of word numbers: a phrase's number is that of the node its last word leads to.

    Each word of a text stands for a few words of the vocabulary (`model` and `models`), and all
    the ways through the tree are followed at once, so what is found is exactly the phrases that
    stand in the text. Terms may be added at any time; numbers do not change.
    """

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._spellings = _Spellings(self._vocabulary)
        self._nodes = KeyTable()
        self._follows: Flags = np.zeros(0, np.bool_)  # whether words are not only first
        self._lengths: Numbers = np.zeros(1, np.int32)
        self._roots: Numbers = np.zeros(0, np.int32)  # the nodes of first words, by word
        self._is_inner: Flags = np.zeros(1, np.bool_)
        self._count = 1  # no node is 0
        self._authors: dict[Name, int] = {}
        self._organizations: dict[Name, int] = {}

    def add(self, phrases: Iterable[Phrase]) -> Numbers:
        """The phrases' numbers: new ones for those that are not in the table yet."""
        return self.number(self.spelled(phrases))

    def spelled(self, phrases: Iterable[Phrase]) -> Spelled:
        """The words of phrases, for `number`."""
        words, lengths = array("i"), array("i")
        folded = self._vocabulary.folded
        for phrase in phrases:
            lengths.append(len(phrase.words))
            if phrase.is_exact:
                words.extend(map(self._vocabulary.exact.__getitem__, phrase.words))
            elif phrase.is_prefix:
                words.extend(map(folded.__getitem__, phrase.words[:-1]))
                words.append(self._vocabulary.beginnings[phrase.words[-1]])
            else:
                words.extend(map(folded.__getitem__, phrase.words))
        return Spelled(np.array(words, np.int32), np.array(lengths, np.int32))

    def spelled_as_written(self, written: Written) -> Spelled:
        """The same for many keywords, in their order there, in a fraction of the time."""
        words, is_last = self._vocabulary.written(written)
        lengths = np.diff(np.flatnonzero(is_last), prepend=-1)
        others = self.spelled(written.others)
        return Spelled(
            np.append(words, others.words), np.append(lengths.astype(np.int32), others.lengths)
        )

    def number(self, spelled: Spelled) -> Numbers:
        """The numbers of phrases: new ones for those that are not in the table yet."""
        words, lengths = spelled
        nodes: Numbers = np.zeros(len(lengths), np.int32)
        starts = np.cumsum(lengths) - lengths
        longer = np.arange(len(lengths))
        level = 0
        while len(longer):
            above = nodes.take(longer).astype(np.int64) << _BITS
            keys = above | words.take(starts.take(longer) + level)
            level += 1
            nodes[longer] = self._children(keys, level)
            longer = longer.compress(lengths.take(longer) > level)
        return nodes

    def _children(self, keys: Keys, level: int) -> Numbers:
        """The nodes that keys lead to, made where there are none."""
        self._cover_words()
        found = self._nodes.found if level > 1 else self._roots.take
        nodes = found(keys)
        missing = np.flatnonzero(nodes == 0)
        if len(missing):
            fresh = distinct(keys.take(missing))
            made = self._numbered(len(fresh), level)
            self._nodes.put(fresh, made)
            self._is_inner[fresh >> _BITS] = True
            if level > 1:
                self._follows[fresh & _WORD] = True
            else:
                self._roots[fresh] = made
            nodes[missing] = found(keys.take(missing))
            self._spellings.forget()
        return nodes

    def _cover_words(self) -> None:
        missing = self._vocabulary.size + 1 - len(self._follows)
        if missing:
            self._follows = np.append(self._follows, np.zeros(missing, np.bool_))
            self._roots = np.append(self._roots, np.zeros(missing, np.int32))

    def _numbered(self, count: int, length: int) -> Numbers:
        first, self._count = self._count, self._count + count
        more = self._count - len(self._lengths)
        if more > 0:
            more += len(self._lengths) // 8  # so that one by one does not take all anew each time
            self._lengths = np.append(self._lengths, np.zeros(more, np.int32))
            self._is_inner = np.append(self._is_inner, np.zeros(more, np.bool_))
        self._lengths[first : self._count] = length
        return np.arange(first, self._count, dtype=np.int32)

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
        self._cover_words()  # of phrases that were spelled only, too
        meanings = self._spellings.meanings(self._nodes.found, self._follows)
        lengths = np.array([len(words) + 1 for words in texts], np.int32)
        at, nodes = meanings.first.expanded(row)
        found: list[tuple[Positions, Numbers]] = []
        while len(at):
            found.append((at, nodes))
            goes_on = np.flatnonzero(self._is_inner.take(nodes))
            above, next_ = nodes.take(goes_on).astype(np.int64) << _BITS, at.take(goes_on) + 1
            which, words = meanings.later.expanded(row.take(next_))
            nodes = self._nodes.found(above.take(which) | words)
            is_there = np.flatnonzero(nodes)
            at, nodes = next_.take(which.take(is_there)), nodes.take(is_there)
        last = np.concatenate([np.zeros(0, np.intp), *(at for at, _ in found)])
        phrases = np.concatenate([np.zeros(0, np.int32), *(nodes for _, nodes in found)])
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), lengths).take(last)
        stops = (last + 1 - (np.cumsum(lengths) - lengths).take(owners)).astype(np.int32)
        return Occurrences(owners, phrases, stops - self._lengths.take(phrases), stops)


class _Lists(NamedTuple):
    """Lists of numbers in one array: where each begins, and how many there are in it."""

    firsts: Numbers
    counts: Numbers
    numbers: Numbers

    @classmethod
    def of(cls, numbers: Numbers, ends: Numbers, is_kept: Flags) -> _Lists:
        """The lists that end there, of what is kept."""
        kept_before = np.append(np.zeros(1, np.int32), np.cumsum(is_kept, dtype=np.int32))
        bounds = kept_before[ends]
        return cls(bounds[:-1], np.diff(bounds), numbers[is_kept])

    def expanded(self, chosen: Numbers) -> tuple[Positions, Numbers]:
        """All numbers of the chosen lists, and the position in `chosen` that each is there for."""
        which, where = ranges(self.firsts.take(chosen), self.counts.take(chosen))
        return which, self.numbers.take(where)


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

    def meanings(self, found: Callable[[Keys], Numbers], follows: Flags) -> _Meanings:
        """By number, what words stand for; `found` gives the nodes of words that begin phrases."""
        if self._meanings is None:
            meant, ends = np.array(self._meant, np.int32), np.array(self._ends, np.int32)
            nodes = found(meant.astype(np.int64))
            self._meanings = _Meanings(
                _Lists.of(nodes, ends, nodes > 0), _Lists.of(meant, ends, follows[meant])
            )
        return self._meanings
