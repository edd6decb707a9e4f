from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from watcher.store import versions
from watcher.store.database import Database

NOW = dt.datetime(2026, 2, 19, 8, 0, tzinfo=dt.UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url, writable=True)
    versions.migrate(opened, NOW)
    yield opened
    opened.close()
