"""The words of all keywords, numbered, and which of them a word of a text stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from watcher.rules.arrays import Flags, Keys, Letters, Numbers, Positions, distinct
from watcher.rules.fold import fold_word, forms
from watcher.rules.keytable import KeyTable
from watcher.rules.keywords import Written

Powers: TypeAlias = npt.NDArray[np.uint64]

_ALPHABET = "\0abcdefghijklmnopqrstuvwxyz0123456789"
_BASE = len(_ALPHABET)
_DIGITS = bytes(max(0, _ALPHABET.find(chr(code).lower())) for code in range(256))
_LONGEST = 12
"""Letters of the words that are numbers to the base of 37 in 64 bits."""


class Vocabulary:
    """Numbers (from 1) of the words that keywords are made of: folded, exact, or a beginning.

    Words may be added at any time; numbers do not change. `folded` numbers a folded word, which
    stands for its plural and singular too, `exact` a word in just this spelling, `beginnings` all
    folded words that begin so, when they are first asked for it.
    """

    def __init__(self) -> None:
        self.folded = _Numbers(self._put)
        self.exact = _Numbers(lambda _: self._next())
        self._by_form: dict[str, tuple[int, ...]] = {}
        self.beginnings = _Numbers(self._put_beginning)
        self._lengths: tuple[int, ...] = ()
        self._up: Powers = np.zeros(0, np.uint64)
        self._down: Powers = np.zeros(0, np.uint64)
        self.size = 0

    def written(self, keywords: Written) -> tuple[Numbers, Flags]:
        """The numbers of the words of the simple ones; which are the last ones of their keyword."""
        raw = keywords.letters.tobytes()
        digits = np.frombuffer(raw.translate(_DIGITS), np.uint8)
        ends = np.flatnonzero(digits == 0)
        sizes = np.diff(ends, prepend=-1) - 1
        codes = self._codes(digits, ends)
        is_last = keywords.letters.take(ends) == ord("\n")
        owners = np.cumsum(is_last) - is_last
        is_exact = keywords.are_exact.take(owners)
        begins = keywords.are_prefixes.take(owners) & is_last
        is_short = sizes <= _LONGEST
        is_capital = (keywords.letters >= ord("A")) & (keywords.letters <= ord("Z"))
        capitals = np.searchsorted(ends, np.flatnonzero(is_capital))
        is_short[capitals.compress(is_exact.take(capitals))] = False  # codes know no case
        numbers: Numbers = np.zeros(len(ends), np.int32)
        for table, is_its in (
            (self.folded, ~(is_exact | begins)),
            (self.exact, is_exact),
            (self.beginnings, begins),
        ):
            at = np.flatnonzero(is_its & is_short)
            numbers[at] = table.decoded(codes.take(at))
            at = np.flatnonzero(is_its & ~is_short)
            stops = ends.take(at).tolist()
            starts = (ends - sizes).take(at).tolist()
            text = raw if table is self.exact else raw.lower()
            words = [text[start:stop] for start, stop in zip(starts, stops, strict=True)]
            numbers[at] = [table[word.decode("ascii")] for word in words]
        return numbers, is_last

    def _codes(self, digits: Letters, ends: Positions) -> Keys:
        """The words as numbers to the base of 37, modulo 2^64, which no short word reaches."""
        up, down = self._powers(len(digits))
        sums = np.cumsum(digits * down)
        return (np.diff(sums.take(ends), prepend=np.uint64(0)) * up.take(ends)).view(np.int64)

    def _powers(self, count: int) -> tuple[Powers, Powers]:
        """The powers of 37 by place, and what undoes those of the next place, modulo 2^64."""
        if count > len(self._up):
            self._up = np.full(count + 1, _BASE, np.uint64)
            self._up[0] = 1
            self._up = np.cumprod(self._up, dtype=np.uint64)
            inverse = np.uint64(pow(_BASE, -1, 1 << 64))
            self._down = np.cumprod(np.full(count + 1, inverse, np.uint64), dtype=np.uint64)
        return self._up[:count], self._down[:count]

    def _put_beginning(self, letters: str) -> int:
        if len(letters) not in self._lengths:
            self._lengths = tuple(sorted((*self._lengths, len(letters))))
        return self._next()

    def _put(self, word: str) -> int:
        """File a folded word under a new number."""
        number = self._next()
        for form in forms(word):
            self._by_form[form] = (*self._by_form.get(form, ()), number)
        return number

    def _next(self) -> int:
        self.size += 1
        return self.size

    def meant_by(self, spelling: str) -> tuple[int, ...]:
        """The numbers that a word of a text, as it is spelled there, stands for."""
        word = fold_word(spelling)
        found: dict[int, None] = {}
        for form in forms(word):
            found |= dict.fromkeys(self._by_form.get(form, ()))
        if exact := self.exact.get(spelling):
            found[exact] = None
        for length in self._lengths:
            if length > len(word):
                break
            if beginning := self.beginnings.get(word[:length]):
                found[beginning] = None
        return tuple(sorted(found))


def _word(code: int) -> str:
    letters = ""
    while code:
        code, digit = divmod(code, _BASE)
        letters = _ALPHABET[digit] + letters
    return letters


class _Numbers(dict[str, int]):
    """A dictionary, so that words are looked up in bulk without a call for each."""

    def __init__(self, new: Callable[[str], int]) -> None:
        super().__init__()
        self._new = new
        self._coded = KeyTable()

    def __missing__(self, word: str) -> int:
        number = self[word] = self._new(word)
        return number

    def decoded(self, codes: Keys) -> Numbers:
        """The numbers of short words."""
        numbers = self._coded.found(codes)
        missing = np.flatnonzero(numbers == 0)
        if len(missing):
            new = distinct(codes.take(missing))
            made = np.array([self[_word(code)] for code in new.tolist()], np.int32)
            self._coded.put(new, made)
            numbers[missing] = self._coded.found(codes.take(missing))
        return numbers
