from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.processes import prepare
from tests.world import DAILY, WEIGHTS, World


@pytest.fixture
def world(tmp_path: Path, migrated_postgres_url: str) -> Iterator[World]:
    """A world whose tables replicas find made, at its time."""
    with World(tmp_path, store=migrated_postgres_url) as running:
        running.configure(DAILY, WEIGHTS)
        running.fill()
        prepare(running)
        yield running
