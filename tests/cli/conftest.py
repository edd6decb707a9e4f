from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        yield running


@pytest.fixture
def stored_world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """The same on SQLite and on PostgreSQL."""
    with World(tmp_path, store=database_url) as running:
        yield running


@pytest.fixture
def ask(world: World) -> Asker:
    return Asker(world)
