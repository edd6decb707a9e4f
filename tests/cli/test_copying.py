"""`copy`: from SQLite to PostgreSQL and back, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cli.looking import Asker, fill
from tests.cli.terminal import Terminal
from tests.disks import no_room
from tests.postgres import PostgresServer
from tests.world import DAILY, WEIGHTS, World
from watcher import app
from watcher.store import versions
from watcher.store.database import Database, name_of
from watcher.store.schema import metadata


@pytest.fixture(scope="module")
def mailed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A mail has gone to Ada."""
    with World(tmp_path_factory.mktemp("world")) as world:
        world.configure(DAILY, WEIGHTS)
        fill(world, 1)
        run_pass(world)
        assert len(world.new_mails()) == 1
        yield world


@pytest.fixture
def filled(mailed: World) -> Iterator[World]:
    """The same for each test, whatever the one before did to its state directory."""
    before = mailed.directory / "before"
    shutil.copytree(mailed.state_dir, before)
    yield mailed
    shutil.rmtree(mailed.state_dir)
    before.rename(mailed.state_dir)
    mailed.store = "sqlite:///watcher.db"
    mailed.configure(DAILY, WEIGHTS)


@pytest.fixture
def ask(filled: World) -> Asker:
    return Asker(filled)


def run_pass(world: World) -> None:
    asyncio.run(world.run_pass())


def is_missing(url: str) -> bool:
    database = Database(url, writable=True)
    try:
        return versions.is_missing(database)
    finally:
        database.close()


def dumped(connection: sqlite3.Connection) -> list[str]:
    """All but the index of words, which a copy is without until the next check makes it."""
    connection.execute("UPDATE papers SET indexed_at = NULL")  # and never commits it
    index = re.compile("paper_words|indexed_papers")
    return sorted(line for line in connection.iterdump() if not index.search(line))


def test_there_and_back(filled: World, postgres_url: str) -> None:
    ask = Asker(filled)
    origin = filled.state_dir / "watcher.db"
    said = ask("copy", "config", postgres_url)
    assert said.code == 0, said.err
    target = name_of(postgres_url)
    rows = int(said.out.partition(f"{origin} is copied to {target}: ")[2].partition(" ")[0])
    assert rows > 30
    assert said.out.endswith(f": {rows} rows of {len(metadata.tables)} tables, each compared\n")
    assert said.err == (
        "Write its URL in [store] url, then start the watcher: it goes on there.\n"
        f"Do not use {origin} any more: it will not know what is mailed from now on, and would mail"
        " it again.\n"
    )
    back = ask("copy", "env:THERE", "sqlite:///back.db", "--json", env={"THERE": postgres_url})
    copy = filled.state_dir / "back.db"
    assert back.code == 0, back.err
    assert (back.json["from"], back.json["to"]) == (target, str(copy))
    assert sum(back.json["rows"].values()) == rows
    assert back.json["rows"]["deliveries"] == 1
    assert copy.stat().st_mode & 0o777 == 0o600
    with (
        contextlib.closing(sqlite3.connect(origin)) as one,
        contextlib.closing(sqlite3.connect(copy)) as other,
    ):
        assert dumped(one) == dumped(other)
    assert not list(filled.state_dir.glob("*.partial*"))


def test_a_copy_that_goes_missing_is_missed(filled: World, ask: Asker) -> None:
    assert ask("copy", "config", "sqlite:///new.db").code == 0
    (filled.state_dir / "new.db").unlink()
    filled.store = "sqlite:///new.db"
    filled.configure(DAILY, WEIGHTS)
    said = ask("check-now")
    assert said.code == 74
    assert "new.db is gone" in said.err


def test_where_the_configuration_names_the_copy_already_it_says_so(filled: World) -> None:
    before = filled.state_dir / "watcher.db"
    filled.store = "sqlite:///new.db"
    filled.configure(DAILY, WEIGHTS)
    said = Asker(filled)("copy", f"sqlite:///{before}", "config")
    assert said.code == 0
    assert said.err.startswith("[store] url names the copy already: start the watcher")


def test_what_happens_is_shown_at_a_terminal(filled: World) -> None:
    place = ("--config", str(filled.config_path), "--state-dir", str(filled.state_dir))
    with Terminal("copy", "config", "sqlite:///new.db", *place, env={}) as terminal:
        terminal.expect("copying deliveries …\n")
        terminal.expect("comparing deliveries …\n")
        assert terminal.end() == 0


MISTAKES = [
    ("config sqlite://new.db", 2, "TO: an SQLite database is written sqlite:///watcher.db"),
    ("config postgres://u@h/d", 2, "TO: write postgresql:// at its beginning"),
    ("config postgresql://u@h:port/d", 2, "TO: is not a URL"),
    ("config mysql://u@h/d", 2, "TO: must be sqlite:///watcher.db"),
    ("env:NOWHERE config", 2, "FROM: there is no NOWHERE in the environment, or it is empty"),
    ("config config", 2, "FROM and TO are the same database"),
    ("config sqlite:///../state/watcher.db", 2, "FROM and TO are the same database"),
    ("config sqlite:///nowhere/new.db", 2, "there is no directory {state}/nowhere; make it, or"),
    ("sqlite:///watcher.dB config", 74, "there is no database at {state}/watcher.dB to copy"),
    ("sqlite:///empty.db sqlite:///new.db", 74, "{state}/empty.db is empty: there is nothing to"),
    ("sqlite:///rubbish.db sqlite:///new.db", 74, "{state}/rubbish.db is damaged"),
    ("config sqlite:///other.db", 74, "{state}/other.db is not empty; nothing was changed"),
    ("config sqlite:///songs.db", 74, "{state}/songs.db holds other tables (songs)"),
    ("config sqlite:///gone.db", 74, "{state}/gone.db-wal lies there without its database"),
    ("config postgresql://u@127.0.0.1:1/d", 74, "127.0.0.1:1/d: connection failed"),
]


def test_mistakes_are_a_sentence_and_change_nothing(filled: World, ask: Asker) -> None:
    state = filled.state_dir
    assert ask("copy", "config", "sqlite:///other.db").code == 0
    (state / "empty.db").touch()
    (state / "rubbish.db").write_bytes(b"this is no database" * 100)
    (state / "gone.db-wal").write_bytes(b"")
    with contextlib.closing(sqlite3.connect(state / "songs.db")) as raw, raw:
        raw.execute("CREATE TABLE songs (id)")
    before = {path: path.read_bytes() for path in state.glob("*.db")}
    for arguments, code, told in MISTAKES:
        said = ask("copy", *shlex.split(arguments))
        assert (said.code, said.out) == (code, ""), arguments
        assert told.format(state=state) in said.err, said.err
        assert "Traceback" not in said.err
        assert {path: path.read_bytes() for path in state.glob("*.db")} == before, arguments


def test_one_of_an_older_version_is_brought_up_first(filled: World, ask: Asker) -> None:
    with contextlib.closing(sqlite3.connect(filled.state_dir / "watcher.db")) as raw, raw:
        raw.execute(f"UPDATE {versions.VERSION_TABLE} SET version_num = '0004'")
    said = ask("copy", "config", "sqlite:///new.db")
    assert said.code == 74
    assert "watcher.db is from an older version; run `watcher migrate`" in said.err
    assert not (filled.state_dir / "new.db").exists()


def test_a_database_at_work_is_left_alone(filled: World, ask: Asker, postgres_url: str) -> None:
    assert ask("copy", "config", postgres_url).code == 0
    new = filled.state_dir / "new.db"
    with app.writing(filled.config(), "run", filled.now):
        said = ask("copy", "config", "sqlite:///new.db")
        assert (said.code, said.out) == (75, "")
        assert f"`watcher run`, process {os.getpid()}, has been writing since" in said.err
        said = ask("copy", postgres_url, "config")
        assert said.code == 75
    filled.store = postgres_url
    filled.configure(DAILY, WEIGHTS)
    with app.writing(filled.config(), "run", filled.now):
        for arguments in (("config", "sqlite:///new.db"), ("sqlite:///watcher.db", "config")):
            said = ask("copy", *arguments)
            assert said.code == 75
            assert f"another instance is writing to {name_of(postgres_url)}" in said.err
    assert not new.exists()


def test_a_password_is_shown_nowhere_and_warned_of_in_the_arguments(
    filled: World, ask: Asker
) -> None:
    url = "postgresql://ada:s3cret@127.0.0.1:1/papers"
    said = ask("copy", "config", url)
    assert said.code == 74
    assert "warning: TO holds a password, which everybody on this machine can read" in said.err
    assert "ada:***@127.0.0.1:1/papers" in said.err
    hidden = ask("copy", "config", "env:THERE", env={"THERE": url})
    assert hidden.code == 74
    assert "warning" not in hidden.err
    assert "s3cret" not in said.err + hidden.err


def test_what_the_server_says_is_passed_on(
    filled: World, ask: Asker, postgres_server: PostgresServer, postgres_url: str
) -> None:
    said = ask("copy", "config", postgres_server.url("papres"))
    assert said.code == 74
    assert 'database "papres" does not exist' in said.err
    rules = postgres_server.directory / "cluster" / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE shy LOGIN PASSWORD 'right'")
        admin.execute("CREATE ROLE poor LOGIN")
        admin.execute("CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            rules.write_text(f"local all shy scram-sha-256\n{before}")
            admin.execute("SELECT pg_reload_conf()")
            wrong = postgres_url.replace("postgres@", "shy:wrong@", 1)
            said = ask("copy", "config", "env:THERE", env={"THERE": wrong})
            assert said.code == 74
            assert 'password authentication failed for user "shy"' in said.err
            said = ask("copy", "config", postgres_url.replace("postgres@", "poor@", 1))
            assert said.code == 74
            assert "permission denied for schema public" in said.err
            said = ask("copy", "config", postgres_server.url("narrow"))
            assert said.code == 74
            assert "is in LATIN1, which cannot hold every title" in said.err
        finally:
            rules.write_text(before)
            admin.execute("SELECT pg_reload_conf()")
            for each in ("ROLE shy", "ROLE poor", "DATABASE narrow"):
                admin.execute(f"DROP {each}".encode())
    assert is_missing(postgres_url)


def test_without_the_driver_it_says_what_to_install(
    ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    said = ask("copy", "config", "postgresql://u@h/d")
    assert said.code == 74
    assert said.err == (
        "watcher: PostgreSQL needs its driver: pip install 'paper-watcher[postgres]'\n"
    )


def test_a_file_that_is_damaged_where_no_row_is_gives_no_copy(filled: World, ask: Asker) -> None:
    with contextlib.closing(sqlite3.connect(filled.state_dir / "watcher.db")) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        index = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_papers_first_seen_at'"
        [[page]] = raw.execute(index).fetchall()
        [[size]] = raw.execute("PRAGMA page_size").fetchall()
    with (filled.state_dir / "watcher.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    said = ask("copy", "config", "sqlite:///new.db")
    assert said.code == 74
    assert "watcher.db is damaged" in said.err


def test_on_a_full_disk_nothing_is_left(filled: World, ask: Asker) -> None:
    with no_room(40_000):
        said = ask("copy", "config", "sqlite:///new.db")
    assert said.code == 74
    assert "new.db.partial" in said.err
    assert [path.name for path in filled.state_dir.glob("new.db*")] == ["new.db.lock"]


KILLED = """
import datetime as dt, os, signal, sys
from watcher.store import copying
def die(what, table, count):
    if (what, table) == ("comparing", "deliveries"):
        os.kill(os.getpid(), signal.SIGKILL)
copying.copy(sys.argv[1], sys.argv[2], dt.datetime.now(dt.UTC), die)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_in_the_middle_it_leaves_nothing_and_can_be_done_again(
    filled: World, ask: Asker, kind: str, request: pytest.FixtureRequest
) -> None:
    path: Path = filled.state_dir / "new.db"
    target = f"sqlite:///{path}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    killed = [sys.executable, "-c", KILLED, filled.config().store_url, target]
    assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
    assert is_missing(target)
    for end in ("", "-journal"):  # as a larger one leaves them
        (filled.state_dir / f"new.db.partial{end}").write_bytes(b"half of it" * 1000)
    said = ask("copy", "config", target)
    assert said.code == 0, said.err
    if kind == "sqlite":
        assert not list(filled.state_dir.glob("*.partial*"))
