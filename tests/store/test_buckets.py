"""Rate limits that all processes share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.store import buckets, versions
from watcher.store.buckets import Limit
from watcher.store.database import Database
from watcher.store.schema import metadata

NOW = dt.datetime(2026, 2, 19, 7, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, writable=True)
    versions.migrate(made, NOW)
    yield made
    made.close()


def test_it_fills_by_its_rate_up_to_what_it_holds(database: Database) -> None:
    limits = {"a": Limit(60, at_once=2)}
    with database.write() as connection:
        assert buckets.take(connection, limits, NOW) == {}
        assert buckets.take(connection, limits, NOW) == {}
        assert buckets.take(connection, limits, NOW) == {"a": SECOND}
        assert buckets.take(connection, limits, NOW + SECOND / 2) == {"a": SECOND / 2}
        assert buckets.take(connection, limits, NOW + SECOND) == {}
        much_later = NOW + 1000 * SECOND
        taken = [buckets.take(connection, limits, much_later) for _ in range(3)]
        assert taken == [{}, {}, {"a": SECOND}]


def test_of_several_none_is_taken_where_one_is_empty(database: Database) -> None:
    with database.write() as connection:
        assert buckets.take(connection, {"a": Limit(1)}, NOW) == {}
        both = {"a": Limit(1), "b": Limit(60)}
        assert buckets.take(connection, both, NOW) == {"a": 60 * SECOND}
        assert buckets.take(connection, {"b": Limit(60)}, NOW) == {}


def test_a_clock_put_back_gives_nothing_and_takes_nothing(database: Database) -> None:
    limits = {"a": Limit(60)}
    with database.write() as connection:
        assert buckets.take(connection, limits, NOW) == {}
        assert buckets.take(connection, limits, NOW - 3600 * SECOND) == {"a": SECOND}


def test_a_full_bucket_may_be_forgotten(database: Database) -> None:
    with database.write() as connection:
        buckets.take(connection, {"a": Limit(60)}, NOW)
        buckets.prune(connection, NOW + SECOND)
        assert buckets.take(connection, {"a": Limit(60)}, NOW) == {}


@given(
    limit=st.builds(Limit, st.integers(1, 600), at_once=st.integers(1, 20)),
    waits=st.lists(st.floats(0, 30), min_size=1, max_size=60),
)
@settings(max_examples=30)
def test_never_more_than_the_rate_and_what_it_holds(limit: Limit, waits: list[float]) -> None:
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    now, taken = NOW, 0
    with engine.begin() as connection:
        for wait in waits:
            now += dt.timedelta(seconds=wait)
            taken += not buckets.take(connection, {"a": limit}, now)
    engine.dispose()
    assert taken <= limit.at_once + (now - NOW).total_seconds() * limit.per_minute / 60 + 1e-6
