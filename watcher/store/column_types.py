"""The kinds of columns whose values both databases give back as they were."""

from __future__ import annotations

import datetime as dt
import re

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text, TypeDecorator

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class UtcDateTime(TypeDecorator[dt.datetime]):
    """Aware UTC in Python; `timestamptz` on PostgreSQL, ISO text without zone on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Refuse naive instants: they are a bug of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime: {value}")
        if value.tzinfo is not dt.UTC:
            value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: object, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Make what SQLite gives back aware again."""
        if not isinstance(value, dt.datetime):
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def storable(text: str) -> str:
    """The text without what a database refuses: NUL and lone surrogates become U+FFFD."""
    if text.isascii() and "\0" not in text:  # nearly always, and quicker
        return text
    return _UNSTORABLE.sub("\ufffd", text)


class StoredText(TypeDecorator[str]):
    """Text that no database refuses."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Replace what cannot be stored."""
        return value and storable(value)


RowId = BigInteger().with_variant(Integer(), "sqlite")
