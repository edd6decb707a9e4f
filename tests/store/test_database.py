"""Opening, refusing, and the two kinds of transaction."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from tests.store.conftest import NOW
from tests.unprivileged import shut_out_of
from watcher.errors import NoDatabaseError, StoreError
from watcher.store import checks, schema, versions
from watcher.store.database import Database, patient


def test_a_transaction_that_fails_leaves_no_trace(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        checks.put_meta(connection, "key", "value")
        raise RuntimeError
    with database.read() as connection:
        assert checks.get_meta(connection, "key") is None


def test_an_error_tells_nothing_of_what_was_to_be_stored(database: Database) -> None:
    row = schema.meta.insert().values(key="mark", value="of no concern to a log")
    with pytest.raises(StoreError) as caught, database.write() as connection:
        for _ in range(2):
            connection.execute(row)
    told = "".join(traceback.format_exception(caught.value))
    assert "INSERT INTO meta" in told
    assert "of no concern" not in told


def test_instants_come_back_aware_and_naive_ones_are_refused(database: Database) -> None:
    paris = dt.timezone(dt.timedelta(hours=1))
    with database.write() as connection:
        checks.start(connection, "daily", NOW.astimezone(paris))
    with database.read() as connection:
        assert checks.recent(connection)[0].started_at == NOW
        assert checks.recent(connection)[0].started_at.tzinfo is not None
    with (
        pytest.raises(sa.exc.StatementError, match="naive"),
        database.write() as connection,
    ):
        checks.start(connection, "daily", NOW.replace(tzinfo=None))


def test_readers_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    writer = Database(url, writable=True)
    versions.migrate(writer, NOW)
    reader = Database(url, writable=False)
    with writer.write() as connection:
        checks.put_meta(connection, "key", "value")
        with reader.read() as other:
            assert checks.get_meta(other, "key") is None
    with reader.read() as other:
        assert checks.get_meta(other, "key") == "value"
    writer.close()
    reader.close()


def test_readers_cannot_write(database: Database) -> None:
    if not database.path:
        return
    reader = Database(f"sqlite:///{database.path}", writable=False)
    with pytest.raises(StoreError, match="readonly"), reader.write() as connection:
        checks.put_meta(connection, "key", "value")
    reader.close()


def test_writes_are_durable_and_journalled(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    versions.migrate(database, NOW)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()


def test_a_missing_database_is_not_made_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "state" / "w.db"
    with pytest.raises(StoreError, match=r"no database at .*w\.db yet; `watcher check-now` makes"):
        Database(f"sqlite:///{path}", writable=False)
    assert not path.parent.exists()


@pytest.mark.parametrize("writable", [True, False])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, writable: bool) -> None:
    path = tmp_path / "w.db"
    path.write_bytes(b"this is no database, and never was one" * 40)
    before = path.read_bytes()
    database = Database(f"sqlite:///{path}", writable=writable)
    with pytest.raises(StoreError, match=r"w\.db is damaged .*watcher restore"):
        versions.version(database)
    database.close()
    assert path.read_bytes() == before


def test_a_file_damaged_in_the_middle_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    database = Database(f"sqlite:///{path}", writable=True)
    versions.migrate(database, NOW)
    database.close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 8] = b"\xa5" * (4096 * 7)
    path.write_bytes(content)
    database = Database(f"sqlite:///{path}", writable=True)
    with pytest.raises(StoreError, match="damaged"), database.read() as connection:
        connection.execute(sa.text("SELECT * FROM papers JOIN checks ON 1=1 ORDER BY 1")).all()
        checks.recent(connection)
        for table in sa.inspect(connection).get_table_names():
            connection.exec_driver_sql(f'SELECT * FROM "{table}"').all()
    database.close()


def test_a_locked_database_names_the_trouble(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    database = Database(f"sqlite:///{path}", writable=True)
    versions.migrate(database, NOW)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    raw = Database(f"sqlite:///{path}?timeout=0", writable=True)
    with pytest.raises(StoreError, match="locked by another program"), raw.write():
        pass
    other.close()
    database.close()
    raw.close()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Database(f"sqlite:///{tmp_path / 'file' / 'w.db'}", writable=True)


def test_a_url_that_is_none() -> None:
    with pytest.raises(StoreError, match="not a database URL"):
        Database("nonsense", writable=True)


def test_the_name_is_as_it_was_configured_without_the_password() -> None:
    database = Database("postgresql://ada:secret@localhost/papers", writable=True)
    assert database.name == "postgresql://ada:***@localhost/papers"


def test_a_server_that_is_away_is_named() -> None:
    database = Database("postgresql://ada:secret@127.0.0.1:1/papers", writable=True)
    with pytest.raises(StoreError, match="refused") as caught, database.read():
        pass
    assert "secret" not in str(caught.value)


def test_two_threads_write_one_after_the_other(database: Database) -> None:
    def count() -> None:
        for _ in range(20):
            with database.write() as connection:
                if not database.path:
                    connection.execute(sa.text("LOCK TABLE meta IN EXCLUSIVE MODE"))
                found = int(checks.get_meta(connection, "count") or 0)
                checks.put_meta(connection, "count", str(found + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert checks.get_meta(connection, "count") == "80"


def test_a_database_that_is_none_of_our_business_is_no_missing_one(tmp_path: Path) -> None:
    inner = tmp_path / "state"
    inner.mkdir()
    with shut_out_of(inner), pytest.raises(StoreError, match="cannot be looked at") as caught:
        Database(f"sqlite:///{inner / 'watcher.db'}", writable=False)
    assert not isinstance(caught.value, NoDatabaseError)
    with pytest.raises(NoDatabaseError):
        Database(f"sqlite:///{inner / 'watcher.db'}", writable=False)


def test_who_connects_by_other_means_waits_no_longer_unless_told_to() -> None:
    url = patient(make_url("postgresql://ada@db.example.org/papers?connect_timeout=3"))
    assert url.query["connect_timeout"] == "3"
    assert {"keepalives_idle", "tcp_user_timeout"} <= url.query.keys()
    assert url.database == "papers"
