"""What is remembered of rules that looked back, and what they look at."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from tests.store.conftest import NOW
from tests.store.test_matches import know
from tests.store.test_papers import FULL, observe
from watcher.store import backfills
from watcher.store.database import Database

DAY = dt.timedelta(days=1)


def test_a_wording_is_remembered_until_it_is_forgotten(database: Database) -> None:
    know(database, "weights", "agents")
    with database.write() as connection:
        backfills.mark_done(connection, [], NOW)
        assert backfills.done(connection) == set()
        backfills.mark_done(connection, [("weights", "a"), ("agents", "a")], NOW)
        assert backfills.done(connection) == {("weights", "a"), ("agents", "a")}
        backfills.forget(connection, [("weights", "a"), ("weights", "b")])
        assert backfills.done(connection) == {("agents", "a")}


def test_papers_are_looked_at_from_when_they_were_first_seen(database: Database) -> None:
    observe(database, FULL, at=NOW - 3 * DAY)
    fresh = replace(FULL, id="2602.00002")
    observe(database, fresh, FULL, at=NOW - 2 * DAY, source="trending")
    with database.read() as connection:
        assert backfills.ids_since(connection, NOW - 3 * DAY) == [FULL.id, fresh.id]
        assert backfills.ids_since(connection, NOW - 2 * DAY) == [fresh.id]
        assert backfills.seen_on(connection, [FULL.id, fresh.id, "2602.99999"]) == {
            FULL.id: {"daily", "trending"},
            fresh.id: {"trending"},
        }
