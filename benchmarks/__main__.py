"""`python -m benchmarks`."""

from __future__ import annotations

import sys

from benchmarks import (
    checking,
    composing,
    delivering,
    many,
    matching,
    outbox,
    parsing,
    signing,
    starting,
    web,
)
from benchmarks.measuring import Bound

PARTS = {
    "parsing": parsing.measure,
    "start": starting.measure,
    "check": checking.measure,
    "composing": composing.measure,
    "outbox": outbox.measure,
    "delivering": delivering.measure,
    "signing": signing.measure,
    "matching": matching.measure,
    "many": many.measure,
    "web": web.measure,
}


def line(bound: Bound) -> str:
    """One row of the table."""
    limit = ""
    if bound.least:
        limit = f"at least {bound.least:g}"
    elif bound.most is not None:
        limit = f"at most {bound.most:g}"
    verdict = "" if not limit else "ok" if bound.is_met else "MISSED"
    row = (
        f"{bound.name:<38}{_figure(bound.value):>8} {bound.unit:<4}{bound.against:<50}"
        f"{_figure(bound.reference):>9} {bound.unit:<4}{bound.ratio:>10,.2f}  {limit:<16}{verdict}"
    )
    return row.rstrip()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def main(names: list[str]) -> int:
    """Measure the named parts (none: all); 1 where a bound is missed, 2 for an unknown name."""
    if unknown := set(names) - set(PARTS):
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        return 2
    bounds = []
    for name in names or PARTS:
        for bound in PARTS[name]():
            print(line(bound), flush=True)
            bounds.append(bound)
    return 0 if all(bound.is_met for bound in bounds) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
