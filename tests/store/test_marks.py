"""Marks tell what differs, the same here and on the server."""

from __future__ import annotations

import datetime as dt

from tests.store.conftest import NOW
from watcher.store import marks, stored
from watcher.store.database import Database
from watcher.store.marks import Division, differing

ROWS = {f"reader-{number}": f'{{"any": ["w{number}"]}}' for number in range(300)}
ROWS |= {"zoë/papers": '{"any": ["naïve", "表示"]}', "": "", "a\nb": "c", "odd\0": "\ud800"}


def test_what_differs_is_found_on_each_database_by_what_is_reckoned_here(
    database: Database,
) -> None:
    division = Division.of(ROWS.items())
    with database.write() as connection:
        stored.put(connection, ROWS, NOW)
        assert stored.marks(connection) == division.marks
        changed = {"reader-7": "{}", "new": "{}"}
        stored.put(connection, changed, NOW + dt.timedelta(hours=1))
        stored.remove(connection, ["reader-8"])
        parts = differing(division.marks, stored.marks(connection))
        assert parts == {marks.part_of(each) for each in ("reader-7", "new", "reader-8")}
        there = stored.ids(connection, parts)
        assert {*changed} <= {*there} <= {*ROWS, "new"} - {"reader-8"}
        assert set(stored.ids(connection, range(1 << 14))) == {*ROWS, "new", "odd\ufffd"} - {
            "reader-8",
            "odd\0",
        }
        now = (ROWS | changed).get
        after = division.changed(
            [*changed, "reader-8"], lambda each: None if each == "reader-8" else now(each)
        )
        assert after.marks == stored.marks(connection)
        assert after.within(parts) == set(there)
