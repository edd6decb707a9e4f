"""The index of words, behind a pass: it follows by itself, and can end none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.fakesite import make_paper
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import app
from watcher.finding import parse
from watcher.store import searching


@contextlib.contextmanager
def a_world(directory: Path, store: str, *, is_fleet: bool = False) -> Iterator[World]:
    with World(directory, store=store, is_fleet=is_fleet) as running:
        running.configure(DAILY, WEIGHTS)
        running.fill()
        running.add(make_paper(1, running.now, title=ZORBLAX))
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    is_file = request.param == "sqlite"
    store = "sqlite:///watcher.db" if is_file else request.getfixturevalue("postgres_url")
    with a_world(tmp_path, store) as running:
        yield running


def do(world: World, *statements: str) -> None:
    with (
        app.writing(world.config(), "test", world.now) as database,
        database.write() as connection,
    ):
        for statement in statements:
            connection.execute(sa.text(statement))


def found(world: World, typed: str) -> tuple[int, int]:
    """How many papers are found, and how many are left to be indexed."""
    with app.reading(world.config()) as database, database.read() as connection:
        ids = searching.search(connection, parse(typed).terms).ids
        return len(ids), searching.count_left(connection)


async def test_what_a_pass_has_seen_can_be_searched(world: World) -> None:
    await world.run_pass()
    assert found(world, "zorblaxes") == (1, 0)
    world.later(hours=1)
    world.add(make_paper(2, world.now, title=f"More {ZORBLAX}"))
    await world.run_pass()
    assert found(world, "zorblaxes") == (2, 0)


async def test_a_fleet_indexes_as_well(tmp_path: Path, postgres_url: str) -> None:
    with a_world(tmp_path, postgres_url, is_fleet=True) as world:
        await world.run_pass()
        assert found(world, "zorblaxes") == (1, 0)


async def test_an_index_that_is_broken_ends_no_pass_and_is_made_anew_once_it_is_gone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    is_file = world.store.startswith("sqlite")
    await world.run_pass()
    broken = "indexed_papers" if is_file else "paper_words"
    do(world, f"ALTER TABLE {broken} RENAME TO other", "UPDATE papers SET indexed_at = NULL")
    if not is_file:  # or it would be made anew
        do(world, "CREATE TABLE paper_words (paper_id text PRIMARY KEY)")
    world.later(hours=1)
    world.add(make_paper(2, world.now, title=f"More {ZORBLAX}"))
    world.new_mails()
    result = await world.run_pass()
    assert result.is_well
    assert len(world.new_mails()) == 1
    assert "the index for searching was not brought up to date" in capsys.readouterr().out
    do(world, "DROP TABLE paper_words")
    if not is_file:
        do(world, "DROP TABLE other")
    await world.run_pass()
    assert found(world, "zorblaxes") == (2, 0)


async def test_a_paper_that_cannot_be_read_keeps_no_other_out(world: World) -> None:
    with app.writing(world.config(), "test", world.now):
        pass
    do(
        world,
        "INSERT INTO papers (id, title, facts, first_facts, first_seen_at, facts_at) VALUES"
        " ('2601.00001', 'T', '{}', '{}', '2026-01-19 08:00', '2026-02-19 08:00')",
    )
    await world.run_pass()
    assert found(world, "zorblaxes") == (1, 0)


async def test_an_index_outlives_a_sqlite_without_fts5(tmp_path: Path) -> None:
    with a_world(tmp_path, "sqlite:///watcher.db") as world:
        await world.run_pass()
        do(world, "CREATE TABLE pragma_module_list (name TEXT)")  # hides which modules there are
        world.later(hours=1)
        world.add(make_paper(2, world.now, title=f"More {ZORBLAX}"))
        await world.run_pass()
        with app.reading(world.config()) as database, database.read() as connection:
            assert searching.count_left(connection) == 1, "the others stay as they are"
        do(world, "DROP TABLE pragma_module_list")
        world.later(hours=1)
        await world.run_pass()
        assert found(world, "zorblaxes") == (2, 0)
