"""The words of all keywords, numbered, and which of them a word of a text stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from watcher.rules.arrays import Flags, Keys, Letters, Numbers, hashed
from watcher.rules.fold import fold_word, forms

Powers: TypeAlias = npt.NDArray[np.uint64]

_ALPHABET = "\0abcdefghijklmnopqrstuvwxyz0123456789"
_BASE = len(_ALPHABET)
_DIGITS = bytes(max(0, _ALPHABET.find(chr(code).lower())) for code in range(256))
_LONGEST = 12
"""Letters of the words that are numbers to the base of 37 in 64 bits."""

_SLOT_BITS = 17


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
        self._codes: Keys = np.zeros(1, np.int64)
        self._coded: Numbers = np.zeros(1, np.int32)
        self._slots: Numbers = np.zeros(1 << _SLOT_BITS, np.int32)
        self._up: Powers = np.zeros(0, np.uint64)
        self._down: Powers = np.zeros(0, np.uint64)
        self.size = 0

    def plain(self, letters: Letters) -> tuple[Numbers, Flags]:
        """What `folded` has for the words of lines in ASCII, and which are the last of their line.

        One character that is no letter or digit stands behind each word.
        """
        raw = letters.tobytes()
        digits = np.frombuffer(raw.translate(_DIGITS), np.uint8)
        ends = np.flatnonzero(digits == 0)
        sizes = np.diff(ends, prepend=-1) - 1
        starts = ends - sizes
        # All sums are modulo 2^64, which what a short word comes to does not reach.
        up, down = self._powers(len(raw))
        sums = np.cumsum(digits * down)
        codes = (np.diff(sums.take(ends), prepend=np.uint64(0)) * up.take(ends)).view(np.int64)
        numbers: Numbers = np.zeros(len(ends), np.int32)
        is_long = sizes > _LONGEST
        numbers[~is_long] = self._decoded(codes[~is_long])
        text = raw.decode("ascii").lower()
        where = zip(starts[is_long].tolist(), ends[is_long].tolist(), strict=True)
        numbers[is_long] = [self.folded[text[start:end]] for start, end in where]
        return numbers, letters[ends] == ord("\n")

    def _powers(self, count: int) -> tuple[Powers, Powers]:
        """The powers of 37 by place, and what undoes those of the next place, modulo 2^64."""
        if count > len(self._up):
            self._up = np.full(count + 1, _BASE, np.uint64)
            self._up[0] = 1
            self._up = np.cumprod(self._up, dtype=np.uint64)
            inverse = np.uint64(pow(_BASE, -1, 1 << 64))
            self._down = np.cumprod(np.full(count + 1, inverse, np.uint64), dtype=np.uint64)
        return self._up[:count], self._down[:count]

    def _decoded(self, codes: Keys) -> Numbers:
        """The numbers of short words."""
        where = self._where(codes)
        new = np.unique(codes.compress(self._codes.take(where) != codes))
        if len(new):
            made = [self.folded[_word(code)] for code in new.tolist()]
            places = np.searchsorted(self._codes, new)
            self._codes = np.insert(self._codes, places, new)
            self._coded = np.insert(self._coded, places, made)
            self._slots[hashed(self._codes, _SLOT_BITS)] = np.arange(len(self._codes))
            where = self._where(codes)
        return self._coded.take(where)

    def _where(self, codes: Keys) -> Numbers:
        """The positions of those of the codes that are there."""
        where = self._slots.take(hashed(codes, _SLOT_BITS))
        others = np.flatnonzero(self._codes.take(where) != codes)  # than what took the slot last
        found = np.searchsorted(self._codes, codes[others])
        where[others] = np.minimum(found, len(self._codes) - 1)
        return where

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

    def __missing__(self, word: str) -> int:
        number = self[word] = self._new(word)
        return number
