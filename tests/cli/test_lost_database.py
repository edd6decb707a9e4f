"""A database that was there and is gone is an error; one that never was is made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.looking import Asker, fill
from tests.world import DAILY, WEIGHTS, World
from watcher.store import known
from watcher.store.database import Database

LOST = "watcher: the database {} is gone; it was there since 2026-02-19."


def run_pass(world: World) -> None:
    asyncio.run(world.run_pass())


def lose(world: World) -> None:
    """As if its disk was not there, or its server was another one."""
    database = Database(world.config().store_url, writable=True)
    if database.path:
        for path in database.path.parent.glob("watcher.db*"):
            path.unlink()
    else:
        with database.write() as connection:
            connection.execute(sa.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    database.close()


def begun(world: World) -> Asker:
    """One mail has gone."""
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    run_pass(world)
    assert len(world.new_mails()) == 1
    return Asker(world)


def database_name(world: World) -> str:
    return Database(world.config().store_url, writable=True).name


def test_nothing_is_started_afresh(stored_world: World) -> None:
    ask = begun(stored_world)
    lose(stored_world)
    before = sorted(stored_world.directory.rglob("watcher.db"))
    backup = f"backup {stored_world.directory / 'copy.db'}"
    for command in ("check-now", "run", "migrate", "preview weights", "history", backup):
        said = ask(*command.split())
        assert said.code == 74, command
        assert said.err.startswith(LOST.format(database_name(stored_world))), command
        assert "watcher restore" in said.err
        assert "watcher init --new-database" in said.err
    assert ask("check-now", "--dry-run").code == 74
    status = ask("status", "--json")
    assert (status.code, status.json["verdict"]) == (3, "trouble")
    assert stored_world.new_mails() == []
    assert sorted(stored_world.directory.rglob("watcher.db")) == before


def test_a_new_one_on_purpose(stored_world: World) -> None:
    ask = begun(stored_world)
    lose(stored_world)
    said = ask("init", "--new-database")
    assert said.code == 0
    assert said.out == f"{database_name(stored_world)} is new and empty\n"
    assert "mailed again" in said.err
    run_pass(stored_world)
    assert [mail.paper_ids for mail in stored_world.new_mails()] == [["2602.00001"]]
    lose(stored_world)
    assert ask("check-now").code == 74


def test_one_that_is_there_is_never_replaced(stored_world: World) -> None:
    ask = begun(stored_world)
    said = ask("init", "--new-database")
    assert (said.code, said.out) == (74, "")
    assert "is there; move it away to begin with a new one" in said.err
    run_pass(stored_world)
    assert stored_world.new_mails() == []


def test_a_backup_in_its_place_goes_on(world: World) -> None:
    ask = begun(world)
    copy = world.directory / "copy.db"
    assert ask("backup", str(copy)).code == 0
    lose(world)
    assert ask("restore", str(copy), "--yes").code == 0
    run_pass(world)
    assert world.new_mails() == []


def test_an_empty_file_in_its_place_is_no_database(world: World) -> None:
    ask = begun(world)
    lose(world)
    (world.state_dir / "watcher.db").touch()
    assert "is gone" in ask("check-now").err
    copy = world.directory / "copy.db"
    assert "is gone" in ask("backup", str(copy)).err
    assert not copy.exists()


def moved(world: World) -> Asker:
    world.state_dir.rename(world.directory / "elsewhere")
    (world.directory / "state").symlink_to("elsewhere")
    return Asker(world)


def renamed(world: World) -> Asker:
    """The state directory has another name, which `--state-dir` says."""

    class Elsewhere(World):
        @property
        def state_dir(self) -> Path:
            return self.directory / "elsewhere"

    world.state_dir.rename(world.directory / "elsewhere")
    world.__class__ = Elsewhere
    return Asker(world)


@pytest.mark.parametrize("move", [moved, renamed])
def test_the_state_directory_can_be_moved(world: World, move: Callable[[World], Asker]) -> None:
    begun(world)
    ask = move(world)
    assert ask("check-now").code == 0
    assert world.new_mails() == []
    lose(world)
    assert "is gone" in ask("check-now").err


def test_another_database_can_be_named(world: World, postgres_url: str) -> None:
    ask = begun(world)
    for store in ("sqlite:///other.db", postgres_url):
        world.store = store
        world.configure(DAILY, WEIGHTS)
        assert ask("check-now").code == 0
    told = json.loads((world.state_dir / known.FILE).read_text())
    assert list(told)[:2] == ["watcher.db", "other.db"]
    assert len(told) == 3


def test_no_secret_is_taken_down(tmp_path: Path, world: World) -> None:
    url = "postgresql://ada:s3cret@db.example.org:5433/papers?host=/run/pg&passfile=s3cret"
    known.remember(tmp_path, url, world.now)
    path = tmp_path / known.FILE
    assert json.loads(path.read_text()) == {
        "postgresql://db.example.org:5433/papers?host=%2Frun%2Fpg": "2026-02-19T07:00:00+00:00"
    }
    assert path.stat().st_mode & 0o777 == 0o600
    known.remember(tmp_path, url.replace("ada:s3cret", "bob:other"), world.now)
    assert len(json.loads(path.read_text())) == 1


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_damaged_memory_is_mended_while_the_database_is_there(world: World, text: str) -> None:
    ask = begun(world)
    path = world.state_dir / known.FILE
    path.write_text(text)
    lose(world)
    assert f"{path} is damaged" in ask("check-now").err
    assert ask("init", "--new-database").code == 0
    assert list(json.loads(path.read_text())) == ["watcher.db"]


def test_a_server_needs_no_state_directory(tmp_path: Path, postgres_url: str) -> None:
    with World(tmp_path, store=postgres_url) as world:
        world.configure(DAILY, WEIGHTS)
        fill(world, 1)
        ask = Asker(world)
        world.state_dir.write_text("no directory")
        said = ask("check-now", "-v")
        assert said.code == 0
        assert "it would not be noticed" in said.err
        assert len(world.mails) == 1
