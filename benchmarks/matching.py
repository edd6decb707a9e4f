"""Matching papers against up to a million subscribers: against other ways to do it.

The whole path is timed: papers are folded, scanned and judged, and the matches listed. Sides that
would take hours do a part of it, which is scaled and said.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import workload
from benchmarks.measuring import Bound

PAPERS = 1_000
SMALL, LARGE, MILLION = 1_000, 100_000, 1_000_000
ROUNDS = 3
MEGABYTE = 1_000_000

_ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Side:
    """Somebody who matches `papers` papers against the rules of `subscribers` subscribers."""

    kind: str
    subscribers: int
    papers: int = PAPERS
    seconds: list[float] = field(default_factory=list)

    def median(self, subscribers: int) -> float:
        """Seconds for all the papers and so many subscribers, scaled if need be."""
        scale = subscribers / self.subscribers * (PAPERS / self.papers)
        return statistics.median(self.seconds) * scale

    def named(self, subscribers: int) -> str:
        """For the table, with what was scaled."""
        if (self.subscribers, self.papers) == (subscribers, PAPERS):
            return self.kind
        return f"{self.kind} ({self.subscribers:,} rules x {self.papers:,} papers, scaled)"


class Process:
    """A side at work; `ready` is what getting ready took."""

    def __init__(self, folder: Path, side: Side) -> None:
        self._side = side
        command = [sys.executable, "-m", "benchmarks.sides", str(folder), side.kind]
        self._process = subprocess.Popen(
            [*command, str(side.subscribers), str(side.papers)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = self._answer()

    def ask(self, order: str) -> dict[str, float]:
        """Have something done; what it took."""
        assert self._process.stdin
        print(order, file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """Have it end."""
        self._process.communicate()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"{self._side.kind} ended with {self._process.returncode}")
        told: dict[str, float] = json.loads(line)
        return told


def measure() -> list[Bound]:
    """The bounds on matching."""
    us = {size: Side("ours", size) for size in (SMALL, LARGE, MILLION)}
    expressions = Side("re", 100, 50)
    few = [Side("tantivy", SMALL), Side("FTS5", SMALL)]
    many = [Side("tantivy", 10_000), Side("FTS5", 5_000)]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        print(workload.make(folder, MILLION, PAPERS), flush=True)
        at_work = [
            (side, stack.enter_context(contextlib.closing(Process(folder, side))))
            for side in (expressions, *few, *many, *us.values())
        ]
        for side, process in at_work:
            if side.subscribers < MILLION:  # else it takes too long for what it would show
                process.ask("match")
        for _ in range(ROUNDS):
            for side, process in at_work:
                side.seconds.append(process.ask("match")["seconds"])
        tantivy, fts5 = many
        return [
            *_beside(us[SMALL], [(expressions, 200), *((side, None) for side in few)]),
            *_beside(us[LARGE], [(expressions, 10_000), (tantivy, 8), (fts5, None)]),
            *_of_a_million(us[MILLION], at_work[-1][1], us[LARGE]),
        ]


def _beside(us: Side, others: Sequence[tuple[Side, float | None]]) -> list[Bound]:
    size = us.subscribers
    return [
        Bound(
            f"match {PAPERS:,} papers, {size:,} rules",
            f"{other.named(size)}, faster",
            us.median(size),
            other.median(size),
            least=least or 0,
            unit="s",
        )
        for other, least in others
    ]


def _of_a_million(us: Side, process: Process, fewer: Side) -> list[Bound]:
    name = f"match {PAPERS:,} papers, {us.subscribers:,} rules"
    against = f"the same with {fewer.subscribers:,}"
    peak = process.ask("peak")["bytes"]
    streamed, edited, ready = process.ask("stream"), process.ask("edit"), process.ready
    build = ready["build"]
    million = f"{us.subscribers:,} rules"
    return [
        Bound(
            name,
            against,
            us.median(us.subscribers),
            fewer.median(fewer.subscribers),
            most=10,
            unit="s",
        ),
        Bound(f"one paper, {million}", "20 ms", streamed["median"] * 1000, 20, most=1),
        Bound("the slowest of 200", "20 ms", streamed["slowest"] * 1000, 20),
        Bound(f"build of {million}", "10 s", build, 10, most=1, unit="s"),
        Bound(f"index of {million}", "500 MB", ready["bytes"] / MEGABYTE, 500, most=1, unit="MB"),
        Bound("peak memory, papers and all", "500 MB", peak / MEGABYTE, 500, unit="MB"),
        *(
            Bound(f"{verb} one of {million}", "building all", took * 1000, build * 1000, most=0.01)
            for verb, took in edited.items()
        ),
    ]
