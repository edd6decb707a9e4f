"""`make faults`: every try of every row, as a table; also written to docs/faults.md."""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.rows import Row, rows
from watcher import logs

REPORT = Path(__file__).parents[2] / "docs" / "faults.md"
COLUMNS = ("fault", "right outcome", "tries", "lost", "duplicated", "unexpected", "seconds")
HEAD = """\
# Faults

What `make faults` found on {day}. Every fault is made to happen; what was mailed is counted by the
mail server, what was asked for by the site. A duplicate is the same bytes once more, where the
answer to the first was lost; any other one counts as unexpected.

"""


def main(wanted: list[str]) -> int:
    """Run the rows whose names begin with any of `wanted` (none: all); 1 where one went wrong."""
    logs.configure("error")
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * 2 + "|--:" * 5 + "|"]
    print("\n".join(lines), flush=True)
    chosen = [r for r in rows() if not wanted or r.name.startswith(tuple(wanted))]
    failures: list[str] = []
    for each in chosen:
        line, unexpected = _tried(each)
        lines.append(line)
        failures += [f"{each.name}: {sentence}" for sentence in unexpected]
        print(line, flush=True)
    print("\n".join(failures[:50]), file=sys.stderr)
    if not wanted:
        text = HEAD.format(day=dt.datetime.now(dt.UTC).date()) + "\n".join(lines) + "\n"
        REPORT.write_text(text, encoding="utf-8")
    return 1 if failures else 0


def _tried(each: Row) -> tuple[str, list[str]]:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="watcher-fault-") as directory:
        tally = each.run(each.many, Path(directory))
    cells = (
        *(each.name, each.promise, tally.tries, tally.lost, tally.duplicated),
        *(len(tally.unexpected), f"{time.monotonic() - started:.0f}"),
    )
    return "| " + " | ".join(map(str, cells)) + " |", tally.unexpected


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
