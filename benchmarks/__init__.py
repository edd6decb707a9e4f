"""Measures the program against something else in the same run: only ratios count.

    python -m benchmarks          everything but `scale`
    python -m benchmarks parsing  that part; each is a name in `__main__.py`
    python -m benchmarks.scale    days of up to a million subscribers: takes an hour

Each line is a median over rounds in which the two sides take turns, so that a busy machine slows
both. A bound that is missed says so, and the exit code is 1. Times are processor time of user and
system, children included; only `many` counts what passes on the wall.

`parsing`: `Source.parse` of a trending page of 1.5 MB, against BeautifulSoup doing the same, and
against `json.loads` of the JSON in it. `start`: `watcher --version` against an interpreter that
does nothing. `check`: `watcher check-now` when there is nothing new, against an interpreter that
only imports the modules it imports; and the memory it takes. `matching`: papers against the rules
of up to a million subscribers, against regular expressions, tantivy and FTS5; and what an index of
a million costs. `signing`: DKIM, a mail. `many`: `watcher check-now` with 20,000 files in
`subscriptions.d`. Some of these last have fixed bounds, in seconds or bytes: those are shown as
what they are measured against.

The papers of `matching` and `many` are those of the file that `CORPUS` names, else of one in
`../shared/corpus/` beside the checkout, else made-up ones.
"""
