"""`python -m benchmarks`."""

from __future__ import annotations

import sys

from benchmarks import checking, parsing, starting
from benchmarks.measuring import Bound

PARTS = {"parsing": parsing.measure, "start": starting.measure, "check": checking.measure}


def line(bound: Bound) -> str:
    """One row of the table."""
    limit = f"at least {bound.least:g}" if bound.least is not None else f"at most {bound.most:g}"
    return (
        f"{bound.name:<26}{bound.value:>8.1f} {bound.unit}   {bound.against:<28}"
        f"{bound.reference:>8.1f} {bound.unit}   {bound.ratio:>6.2f}  {limit:<12}"
        f"{'ok' if bound.is_met else 'MISSED'}"
    )


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
