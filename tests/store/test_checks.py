"""What is kept of checks."""

from __future__ import annotations

import datetime as dt

from tests.store.conftest import NOW
from tests.store.test_papers import FULL, observe
from watcher.models import Outcome
from watcher.store import checks
from watcher.store.database import Database

DAY = dt.timedelta(days=1)


def test_old_checks_go_but_for_those_in_use_and_the_newest(database: Database) -> None:
    observe(database, FULL, source="trending")
    with database.write() as connection:
        ids = [checks.start(connection, "daily", NOW) for _ in range(3)]
        checks.prune(connection, NOW + DAY)
        kept = {check.id for check in checks.recent(connection)}
        assert kept == {1, ids[-1]}
        assert checks.start(connection, "daily", NOW) > ids[-1]


def test_foreign_text_is_stored_whatever_it_holds(database: Database) -> None:
    with database.write() as connection:
        check_id = checks.start(connection, "daily", NOW)
        checks.finish(
            connection,
            check_id,
            Outcome.FAILED,
            paper_count=0,
            new_count=0,
            error="nul \0, half a pair \ud800, the rest",
            now=NOW,
        )
    with database.read() as connection:
        [check] = checks.recent(connection)
    assert check.error == "nul \ufffd, half a pair \ufffd, the rest"
