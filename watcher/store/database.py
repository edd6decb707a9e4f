"""Opening the database, and its transactions."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from watcher.errors import LostDatabaseError, NoDatabaseError, StoreError
from watcher.store.compiled import Statements

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection


_PATIENCE = {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 30_000}
"""How long to wait for a server: seconds, seconds, milliseconds; the URL may say otherwise."""

_LOCK_PATIENCE = {"timeout": 30}
"""The same for a file that another program has locked: seconds."""

_NO_ROOM = 65_536
"""Bytes; the index of SQLite's journal alone grows by half of it."""

_FILE = "file"

_STATEMENTS = Statements()
"""Of all engines of this process: it has several, of the same few statements."""

_ONE_VIEW = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Database:
    """One database and its engine.

    `writable` False is for readers: they never wait for the writer, never create, never migrate.
    """

    def __init__(self, url: str, *, writable: bool) -> None:
        self.url = _normalised(url)
        self.writable = writable
        self.path = (
            Path(self.url.database)
            if self.url.get_backend_name() == "sqlite" and self.url.database
            else None
        )
        if self.path and not writable and not _is_there(self.path):
            raise NoDatabaseError(
                f"there is no database at {self.path} yet; `watcher check-now` makes it"
            )
        try:
            self.engine = self._sqlite(self.path) if self.path else self._server()
        except ImportError as error:
            raise StoreError(
                "PostgreSQL needs its driver: pip install 'paper-watcher[postgres]'"
            ) from error

    @property
    def name(self) -> str:
        """What a user knows it by; never a password."""
        return _name(self.url)

    def _sqlite(self, path: Path) -> sa.Engine:
        if self.writable:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise StoreError(f"{path.parent} cannot be made: {error.strerror}") from error
        patience = self._patience(_LOCK_PATIENCE)
        engine = self._engine({"check_same_thread": False} | patience)

        @event.listens_for(engine, "connect")
        def configure(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
            entry.info[_FILE] = _file_at(path)
            # The driver's own transaction handling emits no BEGIN for DDL; "begin" below does.
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA synchronous=FULL")
            if not self.writable:
                cursor.execute("PRAGMA query_only=ON")
            cursor.close()

        @event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            if connection.info[_FILE] != _file_at(path):
                raise LostDatabaseError(
                    f"the database {path} was moved or removed while it was in use; nothing is"
                    " recorded or sent until it is back in its place. To go on with another one"
                    " that is there now, start again"
                )
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _server(self) -> sa.Engine:
        patience = self._patience(_PATIENCE)
        if not self.writable:
            return self._engine(patience, pool_pre_ping=True)
        # The one writer has one session: it is what holds the lock.
        return self._engine(patience, pool_pre_ping=True, pool_size=1, max_overflow=0)

    def _engine(self, connect_args: Mapping[str, int], **pool: int) -> sa.Engine:
        options = {"compiled_cache": _STATEMENTS}
        return sa.create_engine(
            self.url,
            connect_args=dict(connect_args),
            execution_options=options,
            hide_parameters=True,  # errors come into logs: with addresses, mails and their links
            **pool,
        )

    def _patience(self, usual: Mapping[str, int]) -> dict[str, int]:
        return {name: value for name, value in usual.items() if name not in self.url.query}

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that commits whole or leaves no trace. Raises StoreError."""
        with (
            self.explained(),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view. Raises StoreError."""
        options = {} if self.path else _ONE_VIEW
        with (
            self.explained(),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the driver's errors into StoreError, with what to do."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise StoreError(self._explain(error.orig)) from error
        except sqlite3.Error as error:
            raise StoreError(self._explain(error)) from error
        except sa.exc.TimeoutError as error:  # of the pool
            raise StoreError(f"{self.name} does not answer") from error

    def _explain(self, error: BaseException | None) -> str:
        said = str(error).strip() or type(error).__name__
        if isinstance(error, sqlite3.DatabaseError):
            if "not a database" in said or "malformed" in said:
                return self.damaged(said)
            if "locked" in said:
                return f"{self.name} is locked by another program ({said}); close it and try again"
            if "unable to open" in said or "readonly" in said:
                return f"{self.name} cannot be opened ({said}); see its owner and permissions"
            if "disk is full" in said or ("disk I/O" in said and self._is_full()):
                return f"no room left for {self.name} ({said}); make room, it goes on by itself"
            if "disk I/O" in said:
                return f"{self.name} cannot be read or written ({said}); see its disk, and its room"
        return f"{self.name}: {said}"

    def _is_full(self) -> bool:
        """Whether there is no room: SQLite says so only of some of its files."""
        try:
            return self.path is not None and shutil.disk_usage(self.path.parent).free < _NO_ROOM
        except OSError:
            return False

    def damaged(self, how: str) -> str:
        """What to do about a damaged file."""
        return (
            f"{self.name} is damaged ({how}). It was left as it is: put a copy back with"
            " `watcher restore`, or move it away and use `watcher init --new-database`"
        )

    def close(self) -> None:
        """Give up the connections."""
        self.engine.dispose()


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file has the name now: what is written to one that lost it is gone with it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise StoreError(
            f"{path} cannot be looked at ({error.strerror}); be the user that the watcher runs as,"
            " or root"
        ) from error


def patient(url: URL) -> URL:
    """A server's URL that says how long to wait for it, for who connects by other means."""
    return url.update_query_dict(
        {name: str(value) for name, value in _PATIENCE.items() if name not in url.query}
    )


def name_of(url: str) -> str:
    """What a user knows the database of that URL by; never a password. Raises StoreError."""
    return _name(_normalised(url))


def _name(url: URL) -> str:
    if url.get_backend_name() == "sqlite" and url.database:
        return str(Path(url.database))
    plain = url.set(drivername=url.get_backend_name())  # as it is written in the configuration
    return plain.render_as_string(hide_password=True)


def _normalised(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreError("[store] url is not a database URL; use sqlite:///watcher.db") from error
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed
