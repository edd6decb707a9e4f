"""Numbers by key, for many keys at once: a hash table of arrays."""

from __future__ import annotations

import numpy as np

from watcher.rules.arrays import Keys, Numbers

_MIX = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: its multiples spread well (Knuth, TAOCP 6.4)."""


class KeyTable:
    """Keys of 0 or more, each under a number of 1 or more; numbers with one hash are chained."""

    def __init__(self) -> None:
        self._keys: Keys = np.full(1, -1, np.int64)  # by number
        self._next: Numbers = np.zeros(1, np.int32)  # other numbers with the same hash, by number
        self._heads: Numbers = np.zeros(2, np.int32)  # numbers, by hash

    def put(self, keys: Keys, numbers: Numbers) -> None:
        """Keys that are not there, all different, under numbers that none of them has."""
        self._cover(int(numbers.max()))
        self._keys[numbers] = keys
        if len(self._heads) < len(self._keys):
            self._heads = np.zeros(1 << (2 * len(self._keys)).bit_length(), np.int32)
            numbers = np.flatnonzero(self._keys >= 0).astype(np.int32)
        while len(numbers):
            places = self._hashed(self._keys.take(numbers))
            others = self._heads.take(places)
            self._heads[places] = numbers  # of those with the same hash, one stays
            stays = self._heads.take(places) == numbers
            self._next[numbers.compress(stays)] = others.compress(stays)
            numbers = numbers.compress(~stays)

    def found(self, keys: Keys) -> Numbers:
        """The keys' numbers, 0 where there is none."""
        found = self._heads.take(self._hashed(keys))
        left = np.flatnonzero(found)
        numbers = found.take(left)
        while len(left):
            is_other = self._keys.take(numbers) != keys.take(left)
            left, numbers = left.compress(is_other), self._next.take(numbers.compress(is_other))
            found[left] = numbers
            goes_on = numbers > 0
            left, numbers = left.compress(goes_on), numbers.compress(goes_on)
        return found

    def _cover(self, number: int) -> None:
        more = number + 1 - len(self._keys)
        if more > 0:
            more += len(self._keys) // 8  # so that one by one does not take all anew each time
            self._keys = np.append(self._keys, np.full(more, -1, np.int64))
            self._next = np.append(self._next, np.zeros(more, np.int32))

    def _hashed(self, keys: Keys) -> Keys:
        bits = len(self._heads).bit_length() - 1
        return (keys.view(np.uint64) * _MIX >> np.uint64(64 - bits)).view(np.int64)
