"""Running two sides in turns, in this process or in processes of their own."""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Bound:
    """A measurement beside what it is measured against, and how much of that it may be.

    `value` and `reference` are in `unit`; `most` (or `least`, for `reference` over `value`)
    bounds their ratio. With neither, or a `least` of 0, the figures are only shown.
    """

    name: str
    against: str
    value: float
    reference: float
    most: float | None = None
    least: float | None = None
    unit: str = "ms"

    @property
    def ratio(self) -> float:
        """What the bound is about: value to reference, or reference to value for `least`."""
        if self.least is not None:
            return self.reference / self.value
        return self.value / self.reference

    @property
    def is_met(self) -> bool:
        """Whether the ratio keeps to the bound."""
        if self.least is not None:
            return self.ratio >= self.least
        return self.most is None or self.ratio <= self.most


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and its children took: seconds of processor and of time, bytes at the most."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    returncode: int
    stdout: str
    stderr: str


def in_turns(rounds: int, sides: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The median milliseconds of processor time of each side, after one round unmeasured."""
    for side in sides.values():
        side()
    took: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            gc.collect()
            start = time.process_time()
            side()
            took[name].append((time.process_time() - start) * 1000)
    return {name: statistics.median(times) for name, times in took.items()}


def cost_of(command: Sequence[str], environ: Mapping[str, str]) -> Cost:
    """Run a command to its end; it must end with 0."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_LAUNCHER), *command],
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    cost = Cost(**json.loads(done.stdout))
    if cost.returncode != 0:
        raise RuntimeError(f"{command} ended with {cost.returncode}: {cost.stderr[-2000:]}")
    return cost
