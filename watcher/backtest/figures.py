"""Counts by day, as figures and as marks that are seen at once."""

from __future__ import annotations

import math
from collections.abc import Sequence


def grouped(counts: Sequence[int], most: int) -> tuple[int, list[int]]:
    """Days in a group, and the sum of each of at most `most` groups; the last one is whole."""
    size = max(1, math.ceil(len(counts) / most))
    ends = range(len(counts), 0, -size)
    return size, [sum(counts[max(0, end - size) : end]) for end in reversed(ends)]


def a_day(count: int, day_count: int) -> str:
    """`3.5 a day`."""
    mean = count / day_count
    if 0 < mean < 0.1:
        return "less than 0.1 a day"
    return f"{mean:.1f} a day" if mean < 10 else f"{mean:.0f} a day"


def percent(share: float) -> str:
    """`0.3%`, `28%`."""
    if 0 < share < 0.001:
        return "under 0.1%"
    return f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"
