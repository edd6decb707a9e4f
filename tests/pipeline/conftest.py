from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.modes import a_world
from tests.world import World


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """On SQLite, or as a test is marked."""
    with a_world(request, tmp_path) as running:
        yield running
