"""Counts in a row, as marks that are seen at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "·▁▂▃▄▅▆▇█"
PLAIN = ".12345678"


def sparkline(counts: Sequence[int], marks: str = BLOCKS) -> str:
    """One mark for each count: the first for nothing, the last for the most."""
    top = max(counts, default=0)
    steps = len(marks) - 1
    return "".join(marks[math.ceil(count / top * steps) if count else 0] for count in counts)
