"""A copy of the database, and the way back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Self

import pytest

from tests.cli.looking import Asker, fill
from tests.cli.terminal import Terminal
from tests.world import DAILY, WEIGHTS, World
from watcher import app
from watcher.cli.copies import readable_by_owner
from watcher.errors import StoreError
from watcher.store import checks, papers, schema, versions
from watcher.store.database import name_of


@pytest.fixture
def filled(world: World) -> World:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    run_pass(world)
    return world


def run_pass(world: World) -> None:
    async def run() -> None:
        await world.run_pass()

    asyncio.run(run())


def paper_count(world: World) -> int:
    with app.reading(world.config()) as database, database.read() as connection:
        return papers.count_since(connection)


def test_there_and_back_while_a_daemon_is_at_work(filled: World, ask: Asker) -> None:
    database = filled.state_dir / "watcher.db"
    copy = filled.directory / "copy.db"
    with app.writing(filled.config(), "run", filled.now):
        said = ask("backup", str(copy))
    size = copy.stat().st_size
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        f"{database} is copied to {copy} ({size / 1e6:.1f} MB)\n"
        "The configuration is not in it: copy that too.\n"
    )
    assert copy.stat().st_mode & 0o777 == 0o600
    before = paper_count(filled)
    filled.later(hours=1)
    fill(filled, 2, 3)
    run_pass(filled)
    assert paper_count(filled) == before + 2
    said = ask("restore", str(copy), "--yes")
    assert said.code == 0
    kept = f"{database}.replaced-{filled.now:%Y%m%d%H%M%S}"
    assert said.out == f"{copy} is now {database}\nWhat stood there is kept as {kept}\n"
    assert said.err == (
        "what was mailed after the copy was made is not known to it: it may be mailed again.\n"
        "`watcher subscriptions pause NAME` holds a subscription back.\n"
    )
    assert paper_count(filled) == before
    assert Path(kept).exists()


MANY = 100
"""Papers, of a page each."""


class Committing:
    """Commits again and again in a thread, while entered: `count` stands in every paper."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._started, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._commit)
        self.count = 0

    def _commit(self) -> None:
        now = self._world.now
        instants = {"first_seen_at": now, "facts_at": now}
        rest = {"title": "0", "facts": "x" * 3000, "first_facts": "", **instants}
        with app.writing(self._world.config(), "run", now) as database:
            with database.write() as connection:
                more = [{"id": f"{number}", **rest} for number in range(MANY)]
                connection.execute(schema.papers.insert(), more)
            while not self._is_over.is_set():
                with database.write() as connection:
                    written = f"{self.count + 1}"
                    checks.put_meta(connection, "count", written)
                    connection.execute(schema.papers.update().values(title=written))
                self.count += 1
                self._started.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()


def test_a_copy_is_whole_while_the_daemon_commits(filled: World, ask: Asker) -> None:
    with Committing(filled) as writer:
        for number in range(10):
            copy = filled.directory / f"{number}.db"
            before = writer.count
            assert ask("backup", str(copy)).code == 0
            after = writer.count
            with contextlib.closing(sqlite3.connect(copy)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                [[count]] = connection.execute("SELECT value FROM meta WHERE key = 'count'")
                [[held, paper_count]] = connection.execute(
                    "SELECT title, count(*) FROM papers GROUP BY title"
                )
            assert (held, paper_count > MANY) == (count, True)
            assert before <= int(count) <= after + 1
        assert writer.count > 10, "it wrote meanwhile"


def test_the_json(filled: World, ask: Asker) -> None:
    database = filled.state_dir / "watcher.db"
    copies = filled.directory / "copies"
    copies.mkdir()
    told = ask("backup", "--json", str(copies)).json
    copy = copies / "watcher-20260219-070000.db"
    assert told == {
        "database": str(database),
        "copy": str(copy),
        "bytes": copy.stat().st_size,
    }
    database.unlink()
    assert ask("restore", "--yes", "--json", str(copy)).json == {
        "database": str(database),
        "kept": None,
    }


def test_one_of_another_version_can_be_copied(filled: World, ask: Asker) -> None:
    database = filled.state_dir / "watcher.db"
    for number in ("0004", "9999"):
        with contextlib.closing(sqlite3.connect(database)) as raw, raw:
            raw.execute(f"UPDATE {versions.VERSION_TABLE} SET version_num = {number!r}")
        said = ask("backup", str(filled.directory / number))
        assert said.code == 0, said.err
        with contextlib.closing(sqlite3.connect(filled.directory / number)) as raw:
            [[found]] = raw.execute(f"SELECT version_num FROM {versions.VERSION_TABLE}")
        assert found == number


def test_what_cannot_be_copied(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    copy = world.directory / "copy.db"
    said = ask("backup", str(copy))
    assert (said.code, said.out) == (74, "")
    assert "there is no database at" in said.err
    database = world.state_dir / "watcher.db"
    database.parent.mkdir()
    database.touch()
    said = ask("backup", str(copy))
    assert (said.code, said.out) == (74, "")
    assert f"{database} is still empty; `watcher check-now` fills it" in said.err
    assert not copy.exists()
    fill(world)
    run_pass(world)
    said = ask("backup", str(world.directory / "nowhere" / "copy.db"))
    assert said.code == 2
    assert said.err == (
        f"watcher: there is no directory {world.directory}/nowhere; make it, or name another\n"
    )
    copy.write_text("mine\n")
    said = ask("backup", str(copy))
    assert said.code == 74
    assert f"{copy} exists already; name another file" in said.err
    assert copy.read_text() == "mine\n"


def test_restoring_is_agreed_to_first(filled: World, ask: Asker) -> None:
    copy = filled.directory / "copy.db"
    assert ask("backup", str(copy)).code == 0
    said = ask("restore", str(copy))
    assert (said.code, said.err) == (2, "watcher: there is nobody to ask here; --yes agrees\n")
    place = ("--config", str(filled.config_path), "--state-dir", str(filled.state_dir))
    with Terminal("restore", str(copy), *place, env={}) as terminal:
        terminal.answer(f"Put {copy} in the place of {filled.state_dir}/watcher.db? [y/N] ", "")
        assert terminal.end() == 1
    with Terminal("restore", str(copy), *place, env={}) as terminal:
        terminal.expect("[y/N] ")
        assert terminal.interrupt() == 130
    assert not list(filled.state_dir.glob("*.replaced-*"))


def test_a_daemon_at_work_keeps_its_database(filled: World, ask: Asker) -> None:
    copy = filled.directory / "copy.db"
    assert ask("backup", str(copy)).code == 0
    with app.writing(filled.config(), "run", filled.now):
        said = ask("restore", str(copy), "--yes")
    assert (said.code, said.out) == (75, "")
    assert "`watcher run`, process" in said.err


def test_what_is_no_copy_changes_nothing(filled: World, ask: Asker) -> None:
    before = (filled.state_dir / "watcher.db").read_bytes()
    wrong = filled.directory / "wrong.db"
    said = ask("restore", str(wrong), "--yes")
    assert said.code == 2
    assert "does not exist" in said.err
    wrong.write_bytes(b"")
    said = ask("restore", str(wrong), "--yes")
    assert said.code == 74
    assert f"{wrong} is empty or damaged; nothing was changed" in said.err
    wrong.write_bytes(b"no database, though longer than a header of one is" * 99)
    assert ask("restore", str(wrong), "--yes").code == 74
    assert (filled.state_dir / "watcher.db").read_bytes() == before


def test_a_damaged_database_can_be_replaced(filled: World, ask: Asker) -> None:
    copy = filled.directory / "copy.db"
    assert ask("backup", str(copy)).code == 0
    (filled.state_dir / "watcher.db").write_bytes(b"rubbish" * 1000)
    assert ask("restore", str(copy), "--yes").code == 0
    assert paper_count(filled) > 0


def test_postgresql_has_its_own_tools(world: World, postgres_url: str) -> None:
    world.store = postgres_url
    world.configure(DAILY, WEIGHTS)
    run_pass(world)
    ask = Asker(world)
    said = ask("backup", str(world.directory / "copy.db"))
    assert said.code == 74
    assert "use pg_dump" in said.err


def test_from_sqlite_to_postgresql_nothing_is_lost_and_nothing_comes_twice(
    filled: World, postgres_url: str
) -> None:
    copy = filled.directory / "copy.db"
    assert Asker(filled)("backup", str(copy)).code == 0
    before = paper_count(filled)
    assert len(filled.new_mails()) == 1
    filled.store = postgres_url
    filled.configure(DAILY, WEIGHTS)
    ask = Asker(filled)
    said = ask("restore", str(copy), "--yes")
    assert (said.code, said.out) == (0, f"{copy} is now {name_of(postgres_url)}\n")
    assert paper_count(filled) == before
    [digest] = ask("history", "--json").rows
    assert digest["subscription"] == "weights"
    filled.later(hours=1)
    run_pass(filled)
    assert filled.new_mails() == [], "what was mailed is not mailed again"
    fill(filled, 2)
    filled.later(hours=1)
    run_pass(filled)
    [second] = filled.new_mails()
    assert [each[-5:] for each in second.paper_ids] == ["00002"]
    said = ask("restore", str(copy), "--yes")
    assert said.code == 74
    assert "is not empty; nothing was changed" in said.err
    assert paper_count(filled) == before + 1


def test_a_move_that_breaks_off_leaves_the_server_s_database_empty(
    filled: World, postgres_url: str
) -> None:
    good, bad = (filled.directory / name for name in ("good.db", "bad.db"))
    for copy in (good, bad):
        assert Asker(filled)("backup", str(copy)).code == 0
    with contextlib.closing(sqlite3.connect(bad)) as connection, connection:
        connection.execute("UPDATE deliveries SET attempt_count = 1 << 40")  # no number there
    filled.store = postgres_url
    filled.configure(DAILY, WEIGHTS)
    ask = Asker(filled)
    assert ask("restore", str(bad), "--yes").code == 74
    assert ask("restore", str(good), "--yes").code == 0
    filled.later(hours=1)
    run_pass(filled)
    assert len(filled.new_mails()) == 1, "the one of before"


def test_an_older_copy_is_not_moved(filled: World, postgres_url: str) -> None:
    copy = filled.directory / "copy.db"
    assert Asker(filled)("backup", str(copy)).code == 0
    with contextlib.closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(f"UPDATE {versions.VERSION_TABLE} SET version_num = '0001'")
    filled.store = postgres_url
    filled.configure(DAILY, WEIGHTS)
    said = Asker(filled)("restore", str(copy), "--yes")
    assert said.code == 74
    assert "run `watcher migrate` where it comes from" in said.err


def test_the_owner_gets_a_copy_to_read_and_it_goes_again(tmp_path: Path) -> None:
    state, file = tmp_path / "state", tmp_path / "copy.db"
    state.mkdir()
    file.write_bytes(b"papers")
    with readable_by_owner(file, state) as copy:
        assert copy == file
    if os.geteuid() == 0:
        os.chown(state, 65534, 65534)
        with readable_by_owner(file, state) as copy:
            assert copy.read_bytes() == b"papers"
            assert (copy.parent, copy.stat().st_uid) == (state, 65534)
        assert list(state.iterdir()) == []
        with (
            pytest.raises(StoreError, match="cannot be copied to"),
            readable_by_owner(tmp_path / "gone", state),
        ):
            raise AssertionError


def test_root_restores_what_only_root_can_read_and_leaves_it_to_the_owner() -> None:
    """Who is not root is the owner, and to that one nothing changes."""
    with tempfile.TemporaryDirectory() as folder, World(Path(folder)) as world:
        world.directory.chmod(0o755)
        world.configure(DAILY, WEIGHTS)
        fill(world, 1)
        run_pass(world)
        copy = world.directory / "copy.db"
        assert Asker(world)("backup", str(copy)).code == 0
        owner = 65534 if os.geteuid() == 0 else os.geteuid()
        for path in (world.state_dir, *world.state_dir.iterdir()):
            os.chown(path, owner, -1)
        place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
        said = subprocess.run(
            [sys.executable, "-m", "watcher", "restore", "--yes", str(copy), *place],
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stderr
        is_told = f"acting as the owner of {world.state_dir} (user id {owner})" in said.stderr
        assert is_told is (os.geteuid() == 0)
        assert {path.stat().st_uid for path in world.state_dir.iterdir()} == {owner}
        assert paper_count(world) > 0
