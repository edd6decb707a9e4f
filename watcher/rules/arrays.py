"""What the index does with arrays of numbers, and numpy has no name for."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.int32]
Positions: TypeAlias = npt.NDArray[np.int64]
Keys: TypeAlias = npt.NDArray[np.int64]
Masks: TypeAlias = npt.NDArray[np.uint8]
Letters: TypeAlias = npt.NDArray[np.uint8]
"""Characters in ASCII."""
Flags: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

_Integer = TypeVar("_Integer", np.int32, np.int64)


def are_first(ascending: npt.NDArray[_Integer]) -> Flags:
    """Which of them are not the same as the one before."""
    is_first = np.ones(len(ascending), np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    return is_first


def distinct(numbers: npt.NDArray[_Integer]) -> npt.NDArray[_Integer]:
    """The different ones, ascending."""
    ascending = np.sort(numbers)
    return ascending.compress(are_first(ascending))


def ranges(starts: Numbers, counts: Numbers) -> tuple[Positions, Positions]:
    """All numbers of the ranges in a row, behind the positions of the ranges they are of."""
    which = np.repeat(np.arange(len(starts)), counts)
    numbers = (starts - np.cumsum(counts) + counts).take(which)
    numbers += np.arange(len(numbers))
    return which, numbers
