"""Starting: `watcher --version` against an interpreter that does nothing."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from pathlib import Path

from benchmarks.measuring import Bound, cost_of

ROUNDS = 15


def measure() -> list[Bound]:
    """The bound on `--version`."""
    watcher = shutil.which("watcher", path=str(Path(sys.executable).parent))
    command = [watcher] if watcher else [sys.executable, "-m", "watcher"]
    environ = dict(os.environ)
    version, bare = [], []
    for _ in range(ROUNDS):
        version.append(cost_of([*command, "--version"], environ).cpu_seconds * 1000)
        bare.append(cost_of([sys.executable, "-c", "pass"], environ).cpu_seconds * 1000)
    return [
        Bound(
            "watcher --version",
            "python -c pass",
            statistics.median(version),
            statistics.median(bare),
            most=5,
        )
    ]
