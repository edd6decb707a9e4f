from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.smtpserver import SmtpServer
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """What its passes reach is for the tests of the pipeline to say; they only lay the ground."""
    with World(tmp_path) as running:
        running.is_traced = False
        yield running


@pytest.fixture
def stored_world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """The same on SQLite and on PostgreSQL."""
    with World(tmp_path, store=database_url) as running:
        running.is_traced = False
        yield running


@pytest.fixture
def ask(world: World) -> Asker:
    return Asker(world)


@pytest.fixture
def present(world: World) -> World:
    """The world at this hour: the programs under test are processes with a real clock."""
    world.now = dt.datetime.now(dt.UTC)
    world.fill()
    world.add(make_paper(1, world.now - dt.timedelta(hours=1), title="Zorblax is all you need"))
    return world


@pytest.fixture
def env(present: World) -> dict[str, str]:
    """What leads a program that is being set up to the present world."""
    return {"WATCHER_HTTP__BASE_URL": present.site.url, "WATCHER_SMTP__TIMEOUT": "10"}


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    """A mail server that wants a password, in clear text on loopback."""
    with SmtpServer(login=("ada", "s3cret"), is_auth_in_clear=True) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, ...]:
    """Where a set-up puts its configuration."""
    return ("--config", str(tmp_path / "etc" / "config.toml"))
