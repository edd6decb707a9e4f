"""From rows to typed records: what a query gives is checked once, here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

import msgspec
import sqlalchemy as sa

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")


def columns(table: sa.Table, kind: type[DataclassInstance]) -> list[sa.Column[object]]:
    """The table's columns that bear the names of the record's fields."""
    return [table.c[field.name] for field in fields(kind)]


def records(connection: sa.Connection, query: sa.Executable, kind: type[T]) -> list[T]:
    """All rows as records of that kind."""
    found = connection.execute(query)
    names = _names(found.keys())
    return [msgspec.convert(dict(zip(names, row, strict=True)), kind) for row in found]


def record(connection: sa.Connection, query: sa.Executable, kind: type[T]) -> T | None:
    """The first row as a record; None where there is none."""
    row = connection.execute(query).first()
    if row is None:
        return None
    return msgspec.convert(dict(zip(_names(row._fields), row, strict=True)), kind)


def scalar(connection: sa.Connection, query: sa.Executable, kind: type[T]) -> T | None:
    """The first column of the first row; None where that is null or there is none."""
    value = connection.scalar(query)
    return None if value is None else msgspec.convert(value, kind)


def scalars(connection: sa.Connection, query: sa.Executable, kind: type[T]) -> Sequence[T]:
    """The first column of all rows."""
    return msgspec.convert(connection.scalars(query).all(), list[kind])  # type: ignore[valid-type]  # a variable is a type here


def inserted_id(connection: sa.Connection, insert: sa.Executable) -> int:
    """The id that an INSERT … RETURNING gave its row."""
    return int(connection.execute(insert).scalar_one())


def _names(fields: Iterable[str]) -> list[str]:
    # SQLAlchemy's are a subclass of str, which msgspec does not take for keys.
    return [str(field) for field in fields]


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """The INSERT of this database, which can say ON CONFLICT: who does the same is waited for."""
    # Each takes its time to import, and only one is needed.
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415

    return postgresql.insert(table)


def is_inserted(
    connection: sa.Connection,
    row: sqlite.Insert | postgresql.Insert,
    key: sa.Column[str],
) -> bool:
    """Put a row there unless one is; whether it was put there.

    Not by its count of rows: on PostgreSQL, SQLAlchemy does not tell one for an INSERT.
    """
    done = connection.execute(row.on_conflict_do_nothing().returning(key))
    return done.scalar() is not None
