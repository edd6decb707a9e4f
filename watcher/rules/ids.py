"""The ids of subscriptions, found again without a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from watcher.rules.arrays import Flags, Keys, Numbers, Positions, are_first


def hashes(names: Sequence[str]) -> Keys:
    """What Python hashes them to, in this process."""
    return np.fromiter(map(hash, names), np.int64, len(names))


@dataclass(frozen=True, eq=False)
class Ids:
    """Ids in a row, in which each has its place."""

    names: npt.NDArray[np.object_]
    hashes: Keys

    @classmethod
    def joined(cls, parts: Sequence[Ids]) -> Ids:
        """Those of the parts, one after the other."""
        return cls(
            np.concatenate([part.names for part in parts]),
            np.concatenate([part.hashes for part in parts]),
        )

    def kept(self, is_kept: Flags) -> Ids:
        """Some of them."""
        return Ids(self.names.compress(is_kept), self.hashes.compress(is_kept))

    def __len__(self) -> int:
        return len(self.names)

    def at(self, places: Numbers | Positions) -> list[str]:
        """The ids at places."""
        names: list[str] = self.names.take(places).tolist()
        return names

    @cached_property
    def _by_hash(self) -> Positions:
        return np.argsort(self.hashes)  # `searchsorted` would make others into such numbers

    def places(self, names: Sequence[str]) -> Numbers:
        """The places of those of the ids that are there."""
        wanted = hashes(names)
        starts = np.searchsorted(self.hashes, wanted, "left", self._by_hash)
        stops = np.searchsorted(self.hashes, wanted, "right", self._by_hash)
        found = [
            place
            for which in np.flatnonzero(starts < stops).tolist()
            for place in self._by_hash[starts[which] : stops[which]].tolist()
            if self.names[place] == names[which]
        ]
        return np.array(found, np.int32)

    def repeated(self) -> str | None:
        """The first id that is there already, before its place."""
        is_again = ~are_first(self.hashes.take(self._by_hash))
        is_again[:-1] |= is_again[1:]
        seen: set[str] = set()
        for name in self.at(np.sort(self._by_hash.compress(is_again))):
            if name in seen:
                return name
            seen.add(name)
        return None
