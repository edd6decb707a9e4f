from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakesite import make_paper
from tests.world import ZORBLAX, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world whose pages know no papers yet."""
    with World(tmp_path) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world with a paper, on each database."""
    store = "sqlite:///watcher.db"
    if request.param == "postgresql":
        store = request.getfixturevalue("postgres_url")
    with World(tmp_path, store=store) as running:
        running.fill()
        running.add(make_paper(1, running.now, title=ZORBLAX))
        yield running
