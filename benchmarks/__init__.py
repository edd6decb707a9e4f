"""Measures the program against something else in the same run: only ratios count.

    python -m benchmarks          everything
    python -m benchmarks parsing  one of: parsing, start, check

Each line is a median over rounds in which the two sides take turns, so that a busy machine slows
both. A bound that is missed says so, and the exit code is 1. Times are processor time of user and
system, children included.

`parsing`: `Source.parse` of a trending page of 1.5 MB, against BeautifulSoup doing the same, and
against `json.loads` of the JSON in it. `start`: `watcher --version` against an interpreter that
does nothing. `check`: `watcher check-now` when there is nothing new, against an interpreter that
only imports the modules it imports; and the memory it takes.
"""
