"""Where the same test runs: one process on SQLite or PostgreSQL, or several on PostgreSQL.

A module's fixture `world` is made by `a_world`, which names the mode of tests that have no mark.
What is about one process alone is marked for no fleet: its lock, a pass that is narrowed or asked
to send at once, a rehearsal, the very second of what happens. Nor is each of many wordings.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World


def _in(*modes: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", modes, indirect=True)


in_all_modes = _in("sqlite", "postgresql", "fleet")
in_both_modes = _in("sqlite", "fleet")
on_both_stores = _in("sqlite", "postgresql")
on_the_server = _in("postgresql", "fleet")


def a_world(request: pytest.FixtureRequest, directory: Path, *, mode: str = "sqlite") -> World:
    """The world of a test, in the mode that it is marked for, else in `mode`."""
    mode = getattr(request, "param", mode)
    if mode == "sqlite":
        return World(directory)
    store = request.getfixturevalue("migrated_postgres_url")
    return World(directory, store=store, is_fleet=mode == "fleet")
