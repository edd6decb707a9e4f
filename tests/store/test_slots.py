"""Closed slots are kept for as long as anybody may ask for them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import sqlalchemy as sa

from watcher.store import outbox, slots, taking_over, versions
from watcher.store.database import Database
from watcher.store.schema import slots as table

NOW = dt.datetime(2026, 2, 19, 8, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def subscribe(connection: sa.Connection, count: int) -> list[str]:
    """Make so many subscriptions known; their ids."""
    ids = [f"reader-{number}" for number in range(count)]
    wanted = [taking_over.Wanted(each, '{"to": []}', str, ()) for each in ids]
    taking_over.synchronise(connection, wanted, NOW, vocabulary="v")
    return ids


def test_of_slots_with_nothing_to_mail_the_latest_of_each_stays(database: Database) -> None:
    with database.write() as connection:
        ada, bob = subscribe(connection, 2)
        digest_id = outbox.enqueue_digest(
            connection,
            subscription_id=ada,
            slot_key="1",
            subject="1 paper",
            html="",
            paper_ids=(),
            messages=(),
            now=NOW,
        )
        slots.record_slot(connection, ada, "1", NOW, NOW, digest_id)
        for number in (2, 3, 4):
            slots.record_slot(connection, ada, str(number), NOW + number * DAY, NOW, None)
        slots.record_slot(connection, bob, "2", NOW + 2 * DAY, NOW, None)
        slots.prune(connection, NOW + 3 * DAY)
        left = connection.execute(sa.select(table.c.subscription_id, table.c.slot_key))
        assert set(map(tuple, left)) == {(ada, "1"), (ada, "3"), (ada, "4"), (bob, "2")}
        slots.prune(connection, NOW + 9 * DAY)
        left = connection.execute(sa.select(table.c.subscription_id, table.c.slot_key))
        assert set(map(tuple, left)) == {(ada, "1"), (ada, "4"), (bob, "2")}


def test_forgetting_slots_takes_no_longer_for_each_of_many(tmp_path: Path) -> None:
    steps = [steps_of_pruning(tmp_path / str(count), count) for count in (100, 1_000)]
    assert steps[1] < 15 * steps[0]


def steps_of_pruning(folder: Path, count: int) -> int:
    """How many hundred instructions SQLite needs for two slots of each of so many."""
    database = Database(f"sqlite:///{folder / 'watcher.db'}", writable=True)
    versions.migrate(database, NOW)
    with database.write() as connection:
        ids = subscribe(connection, count)
        for number in (1, 2):
            rows = ((each, str(number), NOW + number * DAY) for each in ids)
            slots.record_empty(connection, rows, NOW)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with database.write() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(step, 100)
        slots.prune(connection, NOW + 9 * DAY)
        driver.set_progress_handler(None, 0)
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == count
    database.close()
    return steps
