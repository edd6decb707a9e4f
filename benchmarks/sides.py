"""One side of the comparison of `matching`, in a process of its own: its memory is its own, too.

    python -m benchmarks.sides FOLDER ours 100000 1000

It reads so many of the subscribers and of the papers in FOLDER, says in a line of JSON what
getting ready took, and then does what it is told by lines: `match`; ours `peak`, `stream` and
`edit`, too. Times are seconds of processor time.
"""

from __future__ import annotations

import gc
import itertools
import json
import resource
import statistics
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import corpus, ours, rivals, subscribers, workload
from benchmarks.subscribers import Subscriber
from watcher.models import Paper
from watcher.settings import SubscriptionSettings

Told = dict[str, float]

_STREAMED = 200
_EDITS = 5


class Ours:
    """The program."""

    def __init__(self, papers: Sequence[Paper], path: Path, count: int) -> None:
        self._papers = papers
        self._reading = 0.0
        before = _resident_bytes()
        start = time.process_time()
        self._ruleset = ours.compiled(self._read(path, count))
        took = time.process_time() - start
        gc.collect()
        self.ready: Told = {
            "build": took - self._reading,
            "reading": self._reading,
            "bytes": _resident_bytes() - before,
        }

    def match(self) -> Told:
        start = time.process_time()
        pairs = sum(len(ids) for ids in ours.matched(self._ruleset, self._papers))
        return {"seconds": time.process_time() - start, "pairs": pairs}

    def peak(self) -> Told:
        """The most memory so far, of the interpreter and the papers, too."""
        return {"bytes": _peak_bytes()}

    def stream(self) -> Told:
        """One paper after the other, each on its own."""
        took = []
        for paper in self._papers[:_STREAMED]:
            start = time.process_time()
            for _ in ours.matched(self._ruleset, [paper]):
                pass
            took.append(time.process_time() - start)
        return {"median": statistics.median(took), "slowest": max(took)}

    def edit(self) -> Told:
        """Add, change and remove one subscription, each seen to have worked."""
        paper = self._papers[0]
        number = 10 * subscribers.MILLION
        wanting = Subscriber((paper.title.split()[0],)).settings(number)
        missing = Subscriber(("nobody writes this",)).settings(number)
        steps: dict[str, tuple[list[SubscriptionSettings], list[str], bool]] = {
            "add": ([wanting], [], True),
            "change": ([missing], [], False),
            "remove": ([], [missing.id], False),
        }
        took: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(_EDITS):
            for name, (changed, removed, is_matched) in steps.items():
                start = time.process_time()
                self._ruleset = ours.edited(self._ruleset, changed, removed)
                took[name].append(time.process_time() - start)
                [ids] = ours.matched(self._ruleset, [paper])
                if (wanting.id in ids) is not is_matched:
                    raise RuntimeError(f"to {name} a subscription had no effect")
        return {name: statistics.median(times) for name, times in took.items()}

    def _read(self, path: Path, count: int) -> Iterator[SubscriptionSettings]:
        """As from a configuration; counts the time that goes into making and dropping them."""
        numbered = enumerate(subscribers.read(path, count))
        # What was read before the last time is in nobody's hands any more, and dropped here.
        kept: deque[list[SubscriptionSettings]] = deque(maxlen=2)
        while True:
            start = time.process_time()
            kept.append([one.settings(at) for at, one in itertools.islice(numbered, 1_000)])
            self._reading += time.process_time() - start
            if not kept[-1]:
                return
            yield from kept[-1]


class Theirs:
    """A rival."""

    def __init__(self, rival: rivals.Rival) -> None:
        self._rival = rival
        self.ready: Told = {}

    def match(self) -> Told:
        start = time.process_time()
        pairs = sum(map(len, self._rival.matches()))
        return {"seconds": time.process_time() - start, "pairs": pairs}


def make(kind: str, papers: Sequence[Paper], path: Path, count: int) -> Ours | Theirs:
    """The side of that kind, ready, with `count` of the subscribers at `path`."""
    if kind == "ours":
        return Ours(papers, path, count)
    rules = subscribers.read(path, count)
    if kind == "re":
        return Theirs(rivals.RegularExpressions(papers, rules))
    if kind == "FTS5":
        return Theirs(rivals.FullTextSearch(papers, rules))
    from benchmarks.with_tantivy import Tantivy  # noqa: PLC0415  (one side alone needs it)

    return Theirs(Tantivy(papers, rules))


def _resident_bytes() -> int:
    """What the process holds in memory now, or, where that is not told, has held at the most."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return _peak_bytes()
    return int(statm.read_text().split()[1]) * resource.getpagesize()


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(folder: Path, kind: str, subscriber_count: int, paper_count: int) -> None:
    """Get ready, and do what is asked until nothing more is."""
    papers = list(itertools.islice(corpus.read(folder / workload.PAPERS), paper_count))
    side = make(kind, papers, folder / workload.SUBSCRIBERS, subscriber_count)
    print(json.dumps(side.ready), flush=True)
    for order in sys.stdin:
        gc.collect()
        told: Told = getattr(side, order.strip())()
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
