"""`watcher check-now` with nothing new: against what importing its modules costs, and its memory.

The site's votes drift between two runs, so that each gets whole pages and reads them.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path
from string import Template

from benchmarks import pages
from benchmarks.measuring import Bound, Cost, cost_of
from tests.fakesite import FakeSite, make_day

ROUNDS = 7
MEGABYTE = 1_000_000

CONFIG = Template("""\
[schedule]
timezone = "UTC"
[http]
base_url = "$url"
[mail]
transport = "maildir"
from = "papers@example.org"
[[subscriptions]]
name = "all"
to = ["ada@example.org"]
digest = "each-check"
[[subscriptions.rules]]
any = ["hypernetwork*", "LoRA", "model zoo"]
topics = ["agents"]
""")

IMPORTS = """\
import contextlib, importlib
for name in {}:
    with contextlib.suppress(ImportError):  # some are looked for in vain
        importlib.import_module(name)
"""

IMPORTED = re.compile(r"import time:\s+\d+ \|\s+\d+ \|\s*(\S+)")


def measure() -> list[Bound]:
    """The bounds on processor time and memory."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, _site() as site:
        folder = Path(name)
        config = folder / "config.toml"
        config.write_text(CONFIG.substitute(url=site.url))
        environ = environment(folder)
        arguments = ["-m", "watcher", "check-now", "--json", "--config", str(config)]
        arguments += ["--state-dir", str(folder / "state")]
        command = [sys.executable, *arguments]
        cost_of(command, environ)  # stores and mails all there is
        modules = _modules([sys.executable, "-X", "importtime", *arguments], environ)
        imports = folder / "imports.py"
        imports.write_text(IMPORTS.format(modules))
        checks: list[Cost] = []
        bare: list[Cost] = []
        for _ in range(ROUNDS):
            site.now += dt.timedelta(minutes=30)
            checks.append(_nothing_new(cost_of(command, environ)))
            bare.append(cost_of([sys.executable, str(imports)], environ))
    return [
        Bound(
            "check-now, nothing new",
            f"importing its {len(modules)} modules",
            statistics.median(cost.cpu_seconds for cost in checks) * 1000,
            statistics.median(cost.cpu_seconds for cost in bare) * 1000,
            most=2,
        ),
        Bound(
            "peak memory of check-now",
            "120 MB",
            max(cost.peak_bytes for cost in checks) / MEGABYTE,
            120,
            most=1,
            unit="MB",
        ),
    ]


def _site() -> FakeSite:
    now = dt.datetime.now(dt.UTC).replace(hour=9)
    days = [now.date() - dt.timedelta(days=back) for back in range(6)]
    papers = [
        paper
        for number, on in enumerate(days)
        for paper in make_day(on, 30, first=1000 * (number + 1))
        if paper.arrives_at <= now
    ]
    site = FakeSite(pages.papers(now) + papers, now=now)
    site.faults["/papers/*"] = pages.ICONS
    return site


def environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return kept | {"HOME": str(folder), "TZ": "UTC"}


def _modules(command: list[str], environ: dict[str, str]) -> list[str]:
    """The modules that the command itself imports, in their order."""
    told = IMPORTED.findall(_nothing_new(cost_of(command, environ)).stderr)
    return [name for name in dict.fromkeys(told) if name != "watcher.__main__"]


def _nothing_new(cost: Cost) -> Cost:
    result = json.loads(cost.stdout)
    outcomes = {source["outcome"] for source in result["sources"]}
    counts = [result[name] for name in ("matches", "digests", "delivered", "pending", "failed")]
    if outcomes != {"ok"} or any(counts) or any(source["new"] for source in result["sources"]):
        raise RuntimeError(f"something was new or wrong: {result}")
    return cost
