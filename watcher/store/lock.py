"""One writing instance at a time: a file lock beside SQLite, an advisory lock on PostgreSQL.

Both end with the process, however it ends. The server's lock ends with its session as well: it is
held by the very session that writes, and a new session has to take it before it can.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from watcher.errors import BusyError, StoreError
from watcher.store import heartbeat
from watcher.store.database import Database
from watcher.store.schema import meta

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

ADVISORY_LOCK = 0x7061706572  # "paper" in ASCII
TURN = ADVISORY_LOCK + 1
RULES = ADVISORY_LOCK + 2
STANDING_STILL = "5min"
"""So long one of several processes may do nothing in a transaction until the server ends it.

Whoever is stopped there holds all others up. It is more than a step takes to think.
"""

# Of a host that was cut off the server hears nothing by itself: half a minute, not two hours,
# and as long where it waits for its last answer to arrive, of which keepalives know nothing.
_BOUNDS = (
    f"SET idle_in_transaction_session_timeout = '{STANDING_STILL}';"
    "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;"
    "SET tcp_user_timeout = '30s'"
)

YIELDING_AFTER = "500ms"
"""So long a migration waits for a table before it lets others go first.

Less than `deadlock_timeout`, a second unless the server says otherwise: of two that wait for each
other it is the migration that gives way, not the step of a replica. Nor do all stand in line
behind it where it waits for something that takes long, such as a dump.
"""

_HELD_UP = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected

_HOLDING = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (classid::bigint << 32) | objid::bigint = :key"
)


class InstanceLock:
    """The right to write, held until `release`. Raises BusyError at once where another holds it.

    `is_shared`: with others that share it too, each a replica; only a server has that.
    """

    def __init__(
        self, database: Database, command: str, now: dt.datetime, *, is_shared: bool = False
    ) -> None:
        self._held: TextIO | _ServerLock = (
            _lock_file(database.path, command, now)
            if database.path
            else _ServerLock(database, now, is_shared=is_shared)
        )

    def release(self) -> None:
        """Let another instance write."""
        self._held.close()


def holder(database: Database) -> str | None:
    """Who has the right to write now, for people; None where nobody has. Never waits."""
    if database.path is None:
        with database.read() as connection:
            pid = connection.scalar(sa.text(_HOLDING), {"key": ADVISORY_LOCK})
        return None if pid is None else f"an instance with the server's process {pid} is writing"
    try:
        handle = _path(database.path).open(encoding="utf-8")
    except OSError:
        return None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(handle)
    return None


def take_turn(connection: sa.Connection) -> None:
    """Until the transaction's end, be the only one of several processes that writes so."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN)))


def hold_rules(connection: sa.Connection) -> None:
    """Until the transaction's end, have no other process change the rules in force."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(RULES)))


def change_rules(connection: sa.Connection) -> None:
    """Until the transaction's end, have no other process go by the rules in force."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(RULES)))


def yield_soon(connection: sa.Connection) -> None:
    """Until the transaction's end, rather fail than wait for what others use. See `is_held_up`."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{YIELDING_AFTER}'")


def is_held_up(error: Exception) -> bool:
    """Whether a transaction failed only because others used what it needs."""
    cause = error.__cause__
    orig = cause.orig if isinstance(cause, sa.exc.DBAPIError) else None
    return isinstance(error, StoreError) and getattr(orig, "sqlstate", None) in _HELD_UP


def bound(database: Database) -> None:
    """Have the server end sessions of `database` that hold others up and do nothing.

    They stand still in a transaction, or their host is cut off. A file knows neither.
    """
    if database.path is None:
        sa.event.listen(database.engine, "connect", _bound)


def _bound(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(_BOUNDS)
    cursor.close()
    connection.commit()


def _path(database_path: Path) -> Path:
    return database_path.with_name(f"{database_path.name}.lock")


class _ServerLock:
    def __init__(self, database: Database, now: dt.datetime, *, is_shared: bool) -> None:
        self._database = database
        self._is_shared = is_shared
        sa.event.listen(database.engine, "connect", self._take)
        database.engine.dispose()  # from here on there are only sessions that hold it
        try:
            with database.read():
                pass
        except BusyError as error:
            sa.event.remove(database.engine, "connect", self._take)
            who = _daemon(database, now)
            raise BusyError(f"{who}; nothing was done") if who else error from None

    def _take(self, connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        if self._is_shared:
            _bound(connection, entry)
        cursor = connection.cursor()
        cursor.execute(
            f"SELECT pg_try_advisory_lock_shared({ADVISORY_LOCK})"
            if self._is_shared
            else f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})"
        )
        [taken] = cursor.fetchone() or [False]
        cursor.close()
        connection.commit()
        if not taken:
            connection.close()
            raise BusyError(
                f"another instance is writing to {self._database.name}; nothing was done"
            )

    def close(self) -> None:
        sa.event.remove(self._database.engine, "connect", self._take)
        # Closing the session would do, but the server hears of that in its own time.
        with contextlib.suppress(StoreError), self._database.read() as connection:
            unlock = (
                sa.func.pg_advisory_unlock_shared if self._is_shared else sa.func.pg_advisory_unlock
            )
            connection.execute(sa.select(unlock(ADVISORY_LOCK)))
        self._database.engine.dispose()


def _daemon(database: Database, now: dt.datetime) -> str | None:
    """The daemon by its sign of life: the server does not know it by its own process id."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table(meta.name):
            return None
        beat = heartbeat.read(connection)
    if beat is None or now - beat.beat_at > heartbeat.SILENT_AFTER:
        return None
    return (
        f"`watcher run`, process {beat.pid} on {beat.host}, has been writing since"
        f" {beat.started_at:%Y-%m-%dT%H:%M:%S}Z (kill -USR1 {beat.pid} there makes it check now)"
    )


def _lock_file(path: Path, command: str, now: dt.datetime) -> TextIO:
    lock_path = _path(path)
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"cannot write in {lock_path.parent} ({error.strerror}); see its owner and permissions"
        ) from error
    handle = os.fdopen(descriptor, "r+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"{_holder(handle)}; nothing was done"
        handle.close()
        raise BusyError(message) from error
    told = {"pid": os.getpid(), "command": command, "since": now.isoformat()}
    with contextlib.suppress(OSError):  # on a full disk it holds without saying for whom
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(told).encode(), 0)
    return handle


def _holder(handle: TextIO) -> str:
    try:
        held = json.load(handle)
        pid, command, since = int(held["pid"]), str(held["command"]), str(held["since"])[:19]
    except (ValueError, KeyError, TypeError):
        return "another instance is writing"
    hint = f" (kill -USR1 {pid} makes it check now)" if command == "run" else ""
    return f"`watcher {command}`, process {pid}, has been writing since {since}Z{hint}"
