"""`make faults`: every try of every row, as a table; also written to docs/faults.md.

`python -m tests.faults NAME…` runs some rows, and brings their lines in that file up to date.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.faults.rows import Row, rows
from tests.faults.trying import Outcome, as_line, tried

REPORT = Path(__file__).parents[2] / "docs" / "faults.md"
COLUMNS = ("fault", "right outcome", "tries", "lost", "duplicated", "unexpected", "seconds", "on")
HEAD = """\
# Faults

What `make faults` found, each row on the day it was last run. Every fault is made to happen; what
was mailed is counted by the mail server, what was asked for by the site. A duplicate is the same
bytes once more, where the answer to the first was lost; any other one counts as unexpected. Of a
single row: `python -m tests.faults "its name"`.

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows whose names begin with any of those given, or all; 1 where one went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2, help="rows at a time (2)")
    asked = parser.parse_args(arguments)
    for name in asked.names:
        if not any(each.name.startswith(name) for each in rows()):
            parser.error(
                f"no row has a name that begins with {name!r}; their names are in {REPORT}"
            )
    chosen = [r for r in rows() if not asked.names or r.name.startswith(tuple(asked.names))]
    head = f"{as_line(*COLUMNS)}\n|{'---|' * 2}{'--:|' * 6}"
    print(head, flush=True)
    known = dict(_known())
    has_failed = False
    for outcome in _outcomes(chosen, asked.jobs):
        line = outcome.line(dt.datetime.now(dt.UTC).date())
        print(line, flush=True)
        for sentence in outcome.tally.unexpected[:20]:
            print(f"{outcome.name}: {sentence}", file=sys.stderr, flush=True)
        has_failed |= bool(outcome.tally.unexpected)
        known[outcome.name] = line
        lines = "\n".join(known[each.name] for each in rows() if each.name in known)
        REPORT.write_text(f"{HEAD}{head}\n{lines}\n", encoding="utf-8")
    return int(has_failed)


def _known() -> Iterator[tuple[str, str]]:
    """The lines of the report as it is, by their rows' names."""
    if REPORT.exists():
        for line in REPORT.read_text(encoding="utf-8").splitlines():
            if line.startswith("| "):
                yield line.removeprefix("| ").partition(" | ")[0], line


def _outcomes(chosen: list[Row], jobs: int) -> Iterator[Outcome]:
    """Of each row as it ends; those that need the machine for themselves come last."""
    for together, workers in (
        ([each for each in chosen if not each.is_alone], jobs),
        ([each for each in chosen if each.is_alone], 1),
    ):
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            running: list[Future[Outcome]] = [pool.submit(tried, each.name) for each in together]
            for future in as_completed(running):
                yield future.result()


if __name__ == "__main__":
    sys.exit(main())
