"""One writer at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.store.conftest import NOW
from watcher.errors import BusyError, StoreError
from watcher.store import heartbeat, versions
from watcher.store.database import Database
from watcher.store.heartbeat import Heartbeat
from watcher.store.lock import InstanceLock, holder

HOLD = """
import datetime as dt, sys
from watcher.store import heartbeat, versions
from watcher.store.database import Database
from watcher.store.heartbeat import Heartbeat
from watcher.store.lock import InstanceLock
lock = InstanceLock(Database(sys.argv[1], writable=True), "run", dt.datetime.now(dt.UTC))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_writer_is_refused_at_once_and_told_who_writes(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    other = Database(url, writable=True)
    lock = InstanceLock(database, "run", NOW)
    with pytest.raises(BusyError) as caught:
        InstanceLock(other, "check-now", NOW)
    if database.path:
        assert f"`watcher run`, process {os.getpid()}, has been writing since 2026-02-19" in str(
            caught.value
        )
        assert f"kill -USR1 {os.getpid()} makes it check now" in str(caught.value)
    assert "nothing was done" in str(caught.value)
    lock.release()
    InstanceLock(other, "check-now", NOW).release()
    other.close()


def test_on_a_server_the_daemon_is_known_by_its_sign_of_life(postgres_url: str) -> None:
    database, other = (Database(postgres_url, writable=True) for _ in range(2))
    lock = InstanceLock(database, "run", NOW)
    versions.migrate(database, NOW)
    with database.write() as connection:
        heartbeat.put(connection, Heartbeat(4711, "ceres", NOW, NOW, "0.1.0"))
    with pytest.raises(BusyError, match=r"process 4711 on ceres.*kill -USR1 4711 there"):
        InstanceLock(other, "check-now", NOW)
    with pytest.raises(BusyError, match="another instance is writing to"):
        InstanceLock(other, "check-now", NOW + 2 * heartbeat.SILENT_AFTER)
    lock.release()
    database.close()
    other.close()


def test_the_lock_ends_with_its_process_however_it_ends(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(BusyError):
        InstanceLock(database, "run", NOW)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    holder.stdin.close()
    if not database.path:
        # The server notices the end of the session by itself, in its own time.
        with database.read() as connection:
            for _ in range(2000):
                held = connection.exec_driver_sql(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                ).scalar()
                if not held:
                    break
    InstanceLock(database, "run", NOW).release()


def test_a_lock_file_with_nonsense_in_it_still_locks(tmp_path: Path) -> None:
    first = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    lock = InstanceLock(first, "run", NOW)
    (tmp_path / "w.db.lock").write_text("nonsense")
    with pytest.raises(BusyError, match="another instance is writing"):
        InstanceLock(first, "run", NOW)
    lock.release()
    first.close()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'w.db'}", writable=True)
    (tmp_path / "w.db.lock").mkdir()
    with pytest.raises(StoreError, match=r"cannot write in .*see its owner"):
        InstanceLock(database, "run", NOW)
    database.close()


def test_a_reader_learns_who_writes_without_waiting(database: Database) -> None:
    assert holder(database) is None
    lock = InstanceLock(database, "run", NOW)
    said = holder(database)
    assert said is not None
    assert f"process {os.getpid()}" in said or "server's process" in said
    lock.release()
    if database.path:  # a server ends the session in its own time
        assert holder(database) is None


def test_who_writes_to_another_database_of_the_server_is_nobody_here(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    other_url = postgres_server.create_database()
    here, there = Database(postgres_url, writable=True), Database(other_url, writable=True)
    lock = InstanceLock(there, "run", NOW)
    assert holder(here) is None
    assert holder(there) is not None
    lock.release()
    here.close()
    there.close()
    postgres_server.drop_database(other_url)
