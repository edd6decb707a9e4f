"""Rows from one database into another; then both are read again and compared.

No more than a few hundred rows are held at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

import sqlalchemy as sa

from watcher.errors import StoreError
from watcher.store.column_types import StoredText
from watcher.store.database import Database
from watcher.store.schema import metadata

Record = sa.Row[Any]

Told = Callable[[str, str, int], None]
"""Hears what is done (`copying`, `comparing`), of which table, and how many rows are behind it."""

PART = 200
"""Rows; with a mail of 90 KB in each it is 18 MB."""

_TELL_EVERY = 500 * PART

_ABOUT_A_VALUE = (sa.exc.StatementError, ValueError, TypeError, OverflowError)
"""What a value causes that is not of its column's type."""

_OF_A_ROW = (sa.exc.IntegrityError, sa.exc.DataError, sa.exc.ProgrammingError)
"""What a driver says of a row, and not of its connection or the disk."""


def untold(what: str, table: str, count: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class View:
    """A transaction, with the database it is one of, so that errors name that one."""

    database: Database
    connection: sa.Connection

    def rows(self, table: sa.Table) -> Generator[Record]:
        """All rows by primary key, in the same order on every database. Raises StoreError."""
        statement = sa.select(table).order_by(*(self._ordered(c) for c in table.primary_key))
        last = None
        try:
            with self.database.explained():
                found = _run(self.connection, statement, yield_per=PART)
                with contextlib.closing(found):
                    for row in found:
                        yield row
                        last = row
        except StoreError as error:
            raise StoreError(f"{error} ({_behind(table, last)})") from error
        except _ABOUT_A_VALUE as error:
            where = f"{self.database.name}, {_behind(table, last)}"
            raise StoreError(f"{where}, holds what cannot be read: {_first_line(error)}") from error

    def _ordered(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        # Each server sorts text in its own language; SQLite by bytes.
        is_text = isinstance(column.type, (StoredText, sa.String))
        is_server = self.connection.dialect.name == "postgresql"
        return sa.collate(column, "C") if is_text and is_server else column

    def insert(self, table: sa.Table, rows: list[dict[str, object]]) -> None:
        """Raises StoreError that names the row and, where it is one, the column that is refused."""
        try:
            with self.connection.begin_nested():
                _run(self.connection, table.insert(), rows)
        except _ABOUT_A_VALUE as error:
            if not _is_refusal(error):
                raise
            raise StoreError(self._refusal(table, rows) or _first_line(error)) from error

    def _refusal(self, table: sa.Table, rows: list[dict[str, object]]) -> str | None:
        """Which of them is refused, and why."""
        for row in rows:
            try:
                with self.connection.begin_nested():
                    _run(self.connection, table.insert(), [row])
            except _ABOUT_A_VALUE as error:
                key = ", ".join(str(row[column.name]) for column in table.primary_key)
                columns = [c.name for c in table.c if not self._takes(c, row[c.name])]
                what = f", {columns[0]}" if columns else ""
                return (
                    f"{self.database.name} does not take {table.name} {key}{what}:"
                    f" {_first_line(error)}; nothing was changed"
                )
        return None

    def _takes(self, column: sa.Column[Any], value: object) -> bool:
        """Whether the column's type has room for that value."""
        bound = sa.bindparam("value", value, type_=column.type)
        try:
            with self.connection.begin_nested():
                _run(self.connection, sa.select(sa.cast(bound, column.type)))
        except _ABOUT_A_VALUE:
            return False
        return True


def _run(
    connection: sa.Connection,
    statement: sa.Executable,
    rows: list[dict[str, object]] | None = None,
    **options: int,
) -> sa.CursorResult[Any]:
    return connection.execute(statement, rows, execution_options=options)


def key_of(table: sa.Table, row: Record) -> str:
    """A row's primary key, for people."""
    return ", ".join(str(row[table.c.keys().index(c.name)]) for c in table.primary_key)


def _behind(table: sa.Table, last: Record | None) -> str:
    where = "at its beginning" if last is None else f"behind {key_of(table, last)}"
    return f"in {table.name}, {where}"


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, _OF_A_ROW) or not isinstance(error, sa.exc.DBAPIError)


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, sa.exc.StatementError) else error
    return str(cause).strip().partition("\n")[0] or type(cause).__name__


def copy_rows(here: View, there: View, told: Told = untold) -> Mapping[str, int]:
    """Copy every row of a database of the newest schema into an empty one of the same.

    How many they were, by table. Raises StoreError.
    """
    counts = {}
    for table in metadata.sorted_tables:
        told("copying", table.name, 0)
        names, count = table.c.keys(), 0
        with contextlib.closing(here.rows(table)) as rows:
            while part := [dict(zip(names, row, strict=True)) for row in islice(rows, PART)]:
                there.insert(table, part)
                count += len(part)
                if count % _TELL_EVERY == 0:
                    told("copying", table.name, count)
        counts[table.name] = count
    _count_on(there.connection)
    return counts


def _count_on(connection: sa.Connection) -> None:
    """See that the server gives out no number that is taken: it knows of none that it did not."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "id" in table.c and isinstance(table.c.id.type, sa.BigInteger):
            counter = sa.func.pg_get_serial_sequence(table.name, "id")
            connection.execute(sa.select(sa.func.setval(counter, sa.func.max(table.c.id))))


def compare(here: View, there: View, told: Told = untold) -> None:
    """Read both, and raise StoreError at the first row that is not the same in each column."""
    for table in metadata.sorted_tables:
        told("comparing", table.name, 0)
        with (
            contextlib.closing(here.rows(table)) as one,
            contextlib.closing(there.rows(table)) as other,
        ):
            for count, (ours, theirs) in enumerate(zip_longest(one, other), 1):
                if ours != theirs and (difference := _difference(table, ours, theirs)):
                    raise StoreError(
                        f"{there.database.name} is not the same as {here.database.name}:"
                        f" {difference}; nothing was changed"
                    )
                if count % _TELL_EVERY == 0:
                    told("comparing", table.name, count)


def _difference(
    table: sa.Table,
    ours: Record | None,
    theirs: Record | None,
) -> str | None:
    """Where two rows differ; None for those that only `!=` holds to."""
    if theirs is None or ours is None:
        row, what = (ours, "is missing") if theirs is None else (theirs, "is there besides")
        return row and f"{table.name} {key_of(table, row)} {what}"
    for name, one, other in zip(table.c.keys(), ours, theirs, strict=True):
        if one != other and not (one != one and other != other):  # noqa: PLR0124  # NaN
            return f"{table.name} {key_of(table, ours)} differs in {name}"
    return None


def require_unicode(connection: sa.Connection, name: str) -> None:
    """Raise StoreError for a server's database that cannot hold every text."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.scalar(sa.text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise StoreError(
            f"{name} is in {encoding}, which cannot hold every title; make one with"
            " createdb --encoding=UTF8 --template=template0"
        )
