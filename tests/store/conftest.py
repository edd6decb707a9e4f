from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from watcher.store import versions
from watcher.store.database import Database

NOW = dt.datetime(2026, 2, 19, 8, 0, tzinfo=dt.UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path / 'watcher.db'}", writable=True)
        versions.migrate(opened, NOW)
    else:
        opened = Database(request.getfixturevalue("migrated_postgres_url"), writable=True)
    yield opened
    opened.close()
