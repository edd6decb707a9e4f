"""20,000 files in `subscriptions.d`, on a day of 100 papers: a rehearsal, then two checks.

What the files ask for is as in `matching`. No digest is due while this lasts.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from string import Template

from benchmarks import corpus, subscribers, workload
from benchmarks.checking import environment
from benchmarks.measuring import Bound, Cost, cost_of
from benchmarks.subscribers import Subscriber
from tests.fakesite import FakeSite, SitePaper, make_paper
from watcher.models import Paper

FILES = 20_000
PAPERS = 100

CONFIG = Template("""\
[schedule]
timezone = "UTC"
[http]
base_url = "$url"
[mail]
transport = "maildir"
from = "papers@example.org"
[[sources]]
page = "daily"
""")


def measure() -> list[Bound]:
    """The bounds on the time that passes, and the processor time beside it."""
    now = dt.datetime.now(dt.UTC)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        print(workload.make(folder, FILES, PAPERS), flush=True)
        papers = corpus.read(folder / workload.PAPERS)
        with FakeSite(site_papers(papers, now), now=now) as site:
            site.redirects_empty = False  # the days before had no papers
            config = folder / "config.toml"
            config.write_text(CONFIG.substitute(url=site.url))
            write_files(folder, subscribers.read(folder / workload.SUBSCRIBERS, FILES), now)
            command = [sys.executable, "-m", "watcher", "check-now", "--json"]
            command += ["--config", str(config), "--state-dir", str(folder / "state")]
            rehearsed, first, second = (
                _seen(cost_of([*command, *more], environment(folder)))
                for more in (["--dry-run"], [], [])
            )
    rehearsal, check, again = (
        f"check-now{how}, {FILES:,} files" for how in (" --dry-run", "", " again")
    )
    return [
        Bound(rehearsal, "20 s", rehearsed.wall_seconds, 20, most=1, unit="s"),
        Bound("  processor time of it", "20 s", rehearsed.cpu_seconds, 20, unit="s"),
        Bound(check, "the rehearsal", first.wall_seconds, rehearsed.wall_seconds, unit="s"),
        Bound(again, "5 s", second.wall_seconds, 5, most=1, unit="s"),
        Bound("  processor time of it", "5 s", second.cpu_seconds, 5, unit="s"),
    ]


def site_papers(papers: Iterable[Paper], now: dt.datetime) -> Iterator[SitePaper]:
    """The papers on the page of the day that it is."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for number, paper in enumerate(papers):
        made = make_paper(number, midnight)
        yield replace(made, title=paper.title, abstract=paper.abstract or "")


def write_files(folder: Path, asking: Iterable[Subscriber], now: dt.datetime) -> None:
    """One file for each in `subscriptions.d`; their digests are due twelve hours from now."""
    due = now + dt.timedelta(hours=12)
    (folder / "subscriptions.d").mkdir()
    for number, one in enumerate(asking):
        lines = ["[[subscriptions]]", f'to = "reader-{number}@example.org"']
        lines += [f'digest = "daily {due:%H:%M}"', f"any = {json.dumps(one.any)}"]
        lines += [f"all = {json.dumps(one.all)}"] if one.all else []
        lines += [f"none = {json.dumps(one.none)}"] if one.none else []
        lines += [f"min_upvotes = {one.min_upvotes}"] if one.min_upvotes else []
        lines += ['fields = ["title"]'] if one.is_title_only else []
        path = folder / "subscriptions.d" / f"reader-{number}.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _seen(cost: Cost) -> Cost:
    result = json.loads(cost.stdout)
    [source] = result["sources"]
    if source["outcome"] != "ok" or source["papers"] != PAPERS or result["digests"]:
        raise RuntimeError(f"something was wrong: {result}")
    return cost
