"""Rows move between databases as they are, or the one that does not is named."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import NOW
from watcher.errors import StoreError
from watcher.store import checks, moving, versions
from watcher.store.column_types import StoredText, UtcDateTime
from watcher.store.database import Database
from watcher.store.schema import metadata

STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
"""With NUL and lone surrogates, which neither database holds."""

STATES = {
    "matches": ("undecided", "pending", "baseline", "composed", "withdrawn"),
    "deliveries": (*("queued", "sending", "delivered", "dead", "expired", "cancelled", "parked"),),
}

Rows = dict[str, list[dict[str, Any]]]


def values(column: sa.Column[Any], *, is_key: bool) -> st.SearchStrategy[Any]:
    """All that a column can hold."""
    if column.name == "state" and column.table.name in STATES:
        return st.sampled_from(STATES[column.table.name])
    match column.type:
        case StoredText():
            found: st.SearchStrategy[Any] = STORABLE if is_key else ANY_TEXT
        case UtcDateTime():
            found = st.datetimes(timezones=st.just(dt.UTC))
        case sa.Boolean():
            found = st.booleans()
        case sa.BigInteger():
            found = st.integers(1, 2**63 - 1) | st.integers(1, 9)
        case sa.Integer():
            found = st.integers(-(2**31), 2**31 - 1)
        case sa.Float():
            found = st.floats(allow_nan=False)
        case sa.LargeBinary():
            found = st.binary(max_size=50)
        case other:
            raise AssertionError(f"nothing is known of {other}")
    return found | st.none() if column.nullable and not is_key else found


@st.composite
def databases(draw: st.DrawFn) -> Rows:
    """Rows for all tables: each leads to rows that are there."""
    made: Rows = {}
    for table in metadata.sorted_tables:
        unique = [
            [column.name for column in unique.columns]
            for unique in (*table.constraints, *(each for each in table.indexes if each.unique))
            if isinstance(unique, (sa.PrimaryKeyConstraint, sa.UniqueConstraint, sa.Index))
        ]
        keys = {name for names in unique for name in names}
        rows: list[dict[str, Any]] = []
        for _ in range(draw(st.integers(0, 3))):
            row: dict[str, Any] = {}
            for column in table.c:
                if column.foreign_keys:
                    [foreign] = column.foreign_keys
                    parents = [r[foreign.column.name] for r in made[foreign.column.table.name]]
                    choices = [*parents, *([None] if column.nullable else [])]
                    row[column.name] = draw(st.sampled_from(choices)) if choices else None
                else:
                    row[column.name] = draw(values(column, is_key=column.name in keys))
            if table.name == "papers":
                row["indexed_at"] = None  # as a copy has it: the index is made anew there
            if table.name == "deliveries" and row["digest_id"] is not None:
                row["notice_id"] = None
            is_lost = any(row[c.name] is None and not c.nullable for c in table.c) or (
                table.name == "deliveries" and row["digest_id"] is row["notice_id"]
            )
            if not is_lost and not any(
                all(row[name] == other[name] for name in names)
                for names in unique
                for other in rows
            ):
                rows.append(row)
        made[table.name] = rows
    return made


@contextlib.contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url, writable=True)
    try:
        yield database
    finally:
        database.close()


def emptied(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))


def dump(path: Path) -> list[str]:
    """All of a SQLite file as its own library sees it."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        return sorted(raw.iterdump())


@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=databases())
def test_whatever_is_stored_goes_there_and_comes_back(
    rows: Rows, postgres_url: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    for path in (first, second):
        path.unlink(missing_ok=True)
    with (
        opened(f"sqlite:///{first}") as origin,
        opened(postgres_url) as server,
        opened(f"sqlite:///{second}") as target,
    ):
        with origin.write() as connection:
            versions.create(connection)
            for table in metadata.sorted_tables:
                for row in rows[table.name]:
                    connection.execute(table.insert(), row)
        emptied(server)
        counts = versions.fill(origin, server)
        assert counts == {name: len(made) for name, made in rows.items()}
        versions.fill(server, target)
    assert dump(first) == dump(second)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Database]:
    """SQLite with a paper, a notice and its mail; made raw, as no part of this program would."""
    with opened(f"sqlite:///{tmp_path / 'filled.db'}") as database:
        versions.migrate(database, NOW)
        with database.write() as connection:
            for statement in ROWS.split(";"):
                connection.exec_driver_sql(statement)
        yield database


ROWS = """
INSERT INTO papers VALUES ('2602.00001', 'A', '{}', '{}', '2026-02-19 08:00', '2026-02-19 08:00',
NULL, NULL, NULL), ('2602.00002', 'B', '{}', '{}', '2026-02-19 08:00', '2026-02-19 08:00', NULL,
NULL, NULL);
INSERT INTO notices VALUES (7, 'key', 'kind', '2026-02-19 08:00:00.123456', 'subject');
INSERT INTO deliveries
(id, notice_id, sender, recipient, message_id, state, queued_at, next_attempt_at)
VALUES (5, 7, 's', 'r', 'm', 'queued', '2026-02-19 08:00', '2026-02-19 08:00')
"""

NAMED = [
    ("UPDATE deliveries SET attempt_count = 1 << 40", "deliveries 5, attempt_count: .*range"),
    ("UPDATE deliveries SET attempt_count = 'many'", "deliveries 5, attempt_count: .*integer"),
    ("UPDATE deliveries SET attempt_count = 1.5", "deliveries 5 differs in attempt_count"),
    ("UPDATE papers SET title = 'A' || char(0) WHERE title = 'B'", "2602.00002 differs in title"),
    ("UPDATE papers SET title = x'00ff' WHERE title = 'B'", "papers 2602.00002, title: "),
    (
        "UPDATE papers SET facts_at = 'noon' WHERE title = 'B'",
        "in papers, behind 2602.00001, holds what cannot be read: .*'noon'",
    ),
    (
        "UPDATE notices SET subject = CAST(x'ff' AS TEXT)",
        "Could not decode to UTF-8 column 'subject' .*in notices, at its beginning",
    ),
]


@pytest.mark.parametrize(("change", "told"), NAMED, ids=[told for _, told in NAMED])
def test_what_the_server_refuses_or_would_change_is_named(
    filled: Database, postgres_url: str, change: str, told: str
) -> None:
    with filled.write() as connection:
        connection.exec_driver_sql(change)
    with opened(postgres_url) as server:
        with pytest.raises(StoreError, match=told):
            versions.fill(filled, server)
        assert versions.version(server) is None, "nothing is left there"


def test_a_row_that_leads_nowhere_is_named(filled: Database, postgres_url: str) -> None:
    with contextlib.closing(sqlite3.connect(str(filled.path))) as raw, raw:
        raw.execute("UPDATE deliveries SET notice_id = 8")
    with (
        opened(postgres_url) as server,
        pytest.raises(StoreError, match=r"deliveries 5: .*violates foreign key"),
    ):
        versions.fill(filled, server)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE papers SET title = 'C' WHERE title = 'A'", "papers 2602.00001 differs in title"),
        ("UPDATE deliveries SET message = x'00'", "deliveries 5 differs in message"),
        ("DELETE FROM papers WHERE title = 'B'", "papers 2602.00002 is missing"),
        (
            "INSERT INTO meta VALUES ('more', '')",
            "meta more is there besides",
        ),
        ("UPDATE meta SET key = 'other'", "meta key differs in key"),
    ],
)
def test_a_difference_is_named(filled: Database, tmp_path: Path, change: str, told: str) -> None:
    with filled.write() as connection:
        checks.put_meta(connection, "key", "value")
    with opened(f"sqlite:///{tmp_path / 'other.db'}") as other:
        versions.fill(filled, other)
        compare(filled, other)
        with other.write() as connection:
            connection.exec_driver_sql(change)
        with pytest.raises(StoreError, match=f"other.db is not the same as .*{told}"):
            compare(filled, other)


def compare(one: Database, other: Database) -> None:
    with one.read() as here, other.read() as there:
        moving.compare(moving.View(one, here), moving.View(other, there))


def test_the_server_counts_on_behind_what_is_there(filled: Database, postgres_url: str) -> None:
    with opened(postgres_url) as server:
        versions.fill(filled, server)
        with server.write() as connection:
            assert checks.start(connection, "daily", NOW) == 1
            notices = metadata.tables["notices"]
            row = {"key": "new", "kind": "kind", "raised_at": NOW, "subject": ""}
            assert connection.execute(notices.insert(), row).inserted_primary_key == (8,)


@pytest.mark.filterwarnings("ignore:.*ServerCursor")  # which SQLAlchemy leaves to the collector
@pytest.mark.parametrize("side", ["origin", "target"])
def test_what_fails_is_told_of_the_side_where_it_fails(
    filled: Database, postgres_url: str, side: str
) -> None:
    """The session of one side ends in the middle."""
    new = f"sqlite:///{filled.path}.new"
    with opened(postgres_url) as server, opened(new) as file, opened(postgres_url) as other:
        if side == "origin":
            versions.fill(filled, server)

        def end(what: str, table: str, count: int) -> None:
            with other.write() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        origin, target = (server, file) if side == "origin" else (filled, server)
        with pytest.raises(StoreError, match="terminating connection") as raised:
            versions.fill(origin, target, end)
        assert str(raised.value).startswith(f"{server.name}: ")
        assert versions.version(target) is None
        del raised
        gc.collect()
