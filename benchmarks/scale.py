"""A day at size: 1,000, 10,000, 100,000 and a million subscribers on this machine.

    python -m benchmarks.scale [SIZES] [--shards COUNT]      make bench-scale [SIZES="1000 10000"]

Subscribers ask for what those of `matching` ask for, and stand in the store. On the page are 13
papers that are news, which bring a digest to about one subscriber in twelve; all digests are due
at the same minute. On PostgreSQL a clock takes the subscribers over and says what is due, another
one starts and takes over one that has changed, a worker reads, matches and composes for all of
them, and delivers the first 1,000 mails to Postfix's `smtp-sink`. Up to 10,000 subscribers the
same is done by a single daemon on SQLite.

Times are processor time of user and system, of the program and beside it of PostgreSQL, whose log
(WAL) is counted, too. The sink's is not. Then come ratios: what one subscriber, digest or mail
takes at a size, against what it takes at the size before: at most 1.3. What was not measured is
called scaled, and shown only where what a mail takes has not grown. With `--shards`, a worker
composes only for the subscribers of so many shards.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from string import Template

from benchmarks import corpus, day, delivering, many, workload
from benchmarks.__main__ import line
from benchmarks.checking import environment
from benchmarks.measuring import Bound, Cost, cost_of
from benchmarks.stages import Server, Stage
from tests.fakesite import FakeSite
from tests.postgres import PostgresServer

SIZES = (1_000, 10_000, 100_000, 1_000_000)
EMBEDDED_UP_TO = 10_000
PAPERS = 13
SAMPLE = 1_000
"""Mails that are delivered."""

MOST = 1.3
"""How much more one may take where there are ten times as many."""

FOLLOWED_FROM, FOLLOWED_FOR = 10_000, 0.35
"""From so many on, what one that has changed may take of what all of them take again."""

MEGABYTE = 1_000_000

CONFIG = Template("""\
[schedule]
timezone = "UTC"
check = "0 8 * * *"
[http]
base_url = "$site"
[store]
url = "$store"
[mail]
from = "papers@example.org"
[smtp]
host = "127.0.0.1"
port = $port
security = "none"
connections = $connections
[[sources]]
page = "daily"
""")

LIKE_A_REAL_ONE = {
    "fsync": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "2GB",
}
"""What the server of the tests goes without; the rest is PostgreSQL's default."""


@dataclass(frozen=True, slots=True)
class Day:
    """What one was made of and took. `peaks` are bytes of memory, by role."""

    store: str
    size: int
    stages: Mapping[str, Stage]
    told: Mapping[str, int]
    peaks: Mapping[str, int]
    stored_bytes: int

    def seconds(self, *names: str) -> float:
        """Of these stages, in the program and in the server."""
        return sum(self.stages[name].seconds for name in names if name in self.stages)

    @property
    def matching(self) -> float:
        """Seconds, for all subscribers."""
        return self.seconds("match", "complete", "settle")

    @property
    def composing(self) -> float:
        """Seconds for one subscriber, of those whose slots were closed."""
        return self.seconds("compose") / self.told["slots"]

    @property
    def mail_count(self) -> float:
        """Mails for all subscribers, as many for those that are left as for the others."""
        return self.told["mails"] * self.size / self.told["slots"]

    @property
    def mailing(self) -> float:
        """Seconds for one mail, of those that were delivered."""
        return self.seconds("deliver") / self.told["delivered"]

    @property
    def is_whole(self) -> bool:
        """Whether all mails were composed and delivered."""
        told = self.told
        return told["delivered"] == told["mails"] and told["slots"] == self.size


@dataclass
class Place:
    """Where days take place: the files of the work, a site, a sink, and a PostgreSQL."""

    folder: Path
    site: FakeSite
    port: int
    server: PostgresServer
    run: Callable[[Sequence[str], Mapping[str, str]], Cost] = cost_of
    shards: int = 0

    def on_postgres(self, size: int, sample: int = SAMPLE) -> Day:
        """A day of a clock and a worker."""
        url = self.server.create_database()
        try:
            home = self._home(url)
            found = self._day(
                "PostgreSQL", home, size, sample, ("import", "clock", "again", "worker")
            )
            with contextlib.closing(Server(url, self.server.pid)) as server:
                stored = server.asked("SELECT pg_database_size(current_database())")
        finally:
            self.server.drop_database(url)
        return Day("PostgreSQL", size, *found, stored)

    def on_sqlite(self, size: int, sample: int = SAMPLE) -> Day:
        """A day of a daemon by itself."""
        home = self._home("sqlite:///watcher.db")
        found = self._day("SQLite", home, size, sample, ("import", "alone"))
        return Day("SQLite", size, *found, (home / "state" / "watcher.db").stat().st_size)

    def _home(self, url: str) -> Path:
        home = Path(tempfile.mkdtemp(dir=self.folder))
        keys = {"site": self.site.url, "port": self.port, "store": url}
        written = CONFIG.substitute(keys, connections=delivering.CONNECTIONS)
        (home / "config.toml").write_text(written, encoding="utf-8")
        (home / workload.SUBSCRIBERS).symlink_to(self.folder / workload.SUBSCRIBERS)
        return home

    def _day(
        self, store: str, home: Path, size: int, sample: int, roles: Sequence[str]
    ) -> tuple[dict[str, Stage], dict[str, int], dict[str, int]]:
        stages: dict[str, Stage] = {}
        told: dict[str, int] = {}
        peaks: dict[str, int] = {}
        at = [str(self.server.pid), str(self.shards)] if store == "PostgreSQL" else []
        for role in roles:
            command = [sys.executable, "-m", "benchmarks.day", role, str(home)]
            cost = self.run([*command, str(size), str(sample), *at], environment(home))
            said = json.loads(cost.stdout)
            stages |= {name: Stage(**stage) for name, stage in said["stages"].items()}
            told |= said["told"]
            peaks[role] = cost.peak_bytes
        return stages, told, peaks


@contextlib.contextmanager
def place(largest: int) -> Iterator[Place]:
    """One for so many subscribers. Raises MissingError without Postfix."""
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(delivering.sink())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        print(workload.make(folder, largest, PAPERS), flush=True)
        papers = many.site_papers(corpus.read(folder / workload.PAPERS), day.DAY)
        site = stack.enter_context(FakeSite(papers, now=day.EIGHT))
        site.redirects_empty = False  # the days before had no papers
        server = stack.enter_context(PostgresServer(LIKE_A_REAL_ONE))
        yield Place(folder, site, sink.port, server)


def described(day_: Day) -> Iterator[str]:
    """What a day was, and took."""
    told, size = day_.told, day_.size
    share, each = told["mails"] / told["slots"], told["bytes"] / told["mails"] / 1000
    peaks = [f"{role} {peak / MEGABYTE:,.0f} MB" for role, peak in day_.peaks.items()]
    yield (
        f"{size:,} subscribers, {day_.store}: {told['mails']:,} digests for {told['slots']:,} of"
        f" them ({share:.1%}), {each:.1f} kB a mail; database {day_.stored_bytes / MEGABYTE:,.0f}"
        f" MB; memory at the most {', '.join(peaks)}"
    )
    for name, stage in day_.stages.items():
        row = f"  {name:<12}{stage.ours:>9,.2f} s"
        if day_.store == "PostgreSQL":
            row += f"  + server{stage.server:>9,.2f} s  log{stage.wal / MEGABYTE:>9,.1f} MB"
        if name == "deliver":
            row += f"  {told['delivered']:,} of {told['mails']:,} mails"
        yield row


def growth(days: Sequence[Day]) -> Iterator[Bound]:
    """How each figure grows from size to size, on one store."""
    figures: dict[str, tuple[Callable[[Day], float], str]] = {
        "take over, a subscriber": (lambda d: d.seconds("take over") / d.size * 1e6, "us"),
        "match, a subscriber": (lambda d: d.matching / d.size * 1e6, "us"),
        "compose, a subscriber": (lambda d: d.composing * 1e6, "us"),
        "deliver, a mail": (lambda d: d.mailing * 1e3, "ms"),
        "database, a subscriber": (lambda d: d.stored_bytes / d.size / 1e3, "kB"),
    }
    for role in days[0].peaks if days else ():
        figures[f"memory of {role}, a subscriber"] = (_peak(role), "kB")
    for name, (of, unit) in figures.items():
        for less, more in pairwise(days):
            yield Bound(
                f"{name}, {more.size:,}",
                f"{less.size:,} on {less.store}",
                of(more),
                of(less),
                most=MOST,
                unit=unit,
            )


def _peak(role: str) -> Callable[[Day], float]:
    return lambda d: d.peaks[role] / d.size / 1e3


def bottleneck(days: Sequence[Day]) -> Iterator[Bound]:
    """Matching at the largest size against what its mails take, if that is known."""
    if not days:
        return
    most, fewer = days[-1], days[:-1]
    is_flat = bool(fewer) and most.mailing <= MOST * fewer[-1].mailing
    if not (most.is_whole or is_flat):
        return
    told = most.told
    scaled = "" if most.is_whole else f", scaled from {told['delivered']:,}"
    mails = most.mailing * most.mail_count
    against = f"delivering {most.mail_count:,.0f} mails{scaled}"
    yield Bound(f"match for {most.size:,}", against, most.matching, mails, most=1, unit="s")
    scaled = "" if told["slots"] == most.size else f", scaled from {told['slots']:,}"
    name = f"compose for {most.size:,}{scaled}"
    yield Bound(name, against, most.composing * most.size, mails, unit="s")


def following(days: Sequence[Day]) -> Iterator[Bound]:
    """What one changed subscriber takes, against taking all over again."""
    for each in days:
        if day.ALL in each.stages:
            yield Bound(
                f"take over one changed of {each.size:,}",
                "all of them again",
                each.seconds(day.ONE),
                each.seconds(day.ALL),
                most=1 if each.size < FOLLOWED_FROM else FOLLOWED_FOR,
                unit="s",
            )


def report(days: Sequence[Day]) -> bool:
    """Print the ratios; whether all keep to their bounds."""
    bounds = [*growth(days), *bottleneck(days), *following(days)]
    for bound in bounds:
        print(line(bound), flush=True)
    if len(days) > 1 and not any("match for" in bound.name for bound in bounds):
        print("what a mail takes has grown: nothing is scaled from it")
    return all(bound.is_met for bound in bounds)


def main(sizes: Iterable[int], shards: int = 0) -> int:
    """Measure days of these sizes; 1 where a bound is missed."""
    ascending = sorted(set(sizes))
    try:
        with place(ascending[-1]) as there:
            there.shards = shards
            embedded = _days(there.on_sqlite, (n for n in ascending if n <= EMBEDDED_UP_TO))
            fleet = _days(there.on_postgres, ascending)
    except delivering.MissingError as error:
        print(f"nothing is measured: {error}", flush=True)
        return 1
    print()
    return 0 if all([report(embedded), report(fleet)]) else 1


def _days(measure: Callable[[int], Day], sizes: Iterable[int]) -> list[Day]:
    days = []
    for size in sizes:
        days.append(measure(size))
        print(*described(days[-1]), sep="\n", flush=True)
    return days


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="SIZE")
    parser.add_argument("--shards", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server must not be left behind
    asked = _arguments()
    sys.exit(main(asked.sizes, asked.shards))
