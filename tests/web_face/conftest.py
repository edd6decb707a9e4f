from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world whose pages know no papers yet."""
    with World(tmp_path) as running:
        yield running
