"""Room kept for the record of mails that were taken."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks import no_room
from watcher.errors import StoreError
from watcher.models import DeliveryState
from watcher.store import outbox, reserve, sending, versions
from watcher.store.database import Database

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "w.db.reserve"


@pytest.fixture
def database(kept: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{kept.with_suffix('')}", writable=True)
    yield opened
    opened.close()


def test_it_is_kept_and_given_up(database: Database, kept: Path) -> None:
    assert not reserve.give_up(database)
    for size, whole in ((1, 1), (reserve.UNIT, 1), (reserve.UNIT + 1, 2), (1, 2)):
        reserve.keep(database, size)
        assert kept.stat().st_size == kept.stat().st_blocks * 512 == whole * reserve.UNIT
        assert kept.stat().st_mode & 0o777 == 0o600
    assert reserve.give_up(database)
    assert kept.stat().st_blocks == 0
    assert not reserve.give_up(database)
    reserve.keep(database, 1)
    assert kept.stat().st_size == reserve.UNIT


def test_where_there_is_no_room_only_what_was_there_stays(database: Database, kept: Path) -> None:
    with no_room(1000), pytest.raises(StoreError, match=r"no room left for .*: nothing more is"):
        reserve.keep(database, 1)
    assert kept.stat().st_size == 0
    reserve.keep(database, 1)
    before = kept.read_bytes()
    with no_room(len(before) + 1000), pytest.raises(StoreError, match="no room left"):
        reserve.keep(database, len(before) + 1)
    assert kept.read_bytes() == before


def test_a_reserve_that_cannot_be_written_is_named(database: Database, kept: Path) -> None:
    kept.mkdir()
    with pytest.raises(StoreError, match=f"{kept} cannot be written .*; see its owner"):
        reserve.keep(database, reserve.UNIT)


def test_a_server_has_its_own_room(postgres_url: str) -> None:
    server = Database(postgres_url, writable=True)
    reserve.keep(server, 1)
    assert not reserve.give_up(server)


@pytest.mark.parametrize("is_beside", [False, True])
@pytest.mark.parametrize("mail_bytes", [1_000, 150_000, 600_000])
def test_a_record_takes_no_more_than_is_kept_for_it(
    database: Database, kept: Path, mail_bytes: int, *, is_beside: bool
) -> None:
    versions.migrate(database, NOW)
    message = outbox.Message("a@a.org", "b@b.org", "<1@a.org>", os.urandom(mail_bytes))
    with database.write() as connection:
        outbox.enqueue_notice(connection, key="k", kind="k", subject="s", message=message, now=NOW)
        if is_beside:  # as an older version queued it
            connection.exec_driver_sql(
                "UPDATE deliveries SET message = (SELECT message FROM messages)"
            )
            connection.exec_driver_sql("DELETE FROM messages")
    with database.write() as connection:
        assert sending.start(connection, 1, NOW)
    journal = kept.with_name("w.db-wal")
    before = journal.stat().st_size
    with database.write() as connection:
        sending.finish(connection, 1, DeliveryState.DELIVERED, "250 2.0.0 " + "queued" * 80, NOW)
    assert journal.stat().st_size - before <= reserve.for_record(mail_bytes)
