"""What the program makes can be read by its owner alone, whatever the umask was."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.cli.looking import fill
from tests.test_daemon import Service
from tests.world import DAILY, WEIGHTS, World

PLACES = '[log]\nfile = "watcher.log"\n'


def watcher(world: World, *arguments: str) -> None:
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    done = subprocess.run(
        [sys.executable, "-m", "watcher", *arguments, *place],
        check=False,
        capture_output=True,
        text=True,
        umask=0,
    )
    assert done.returncode == 0, done.stderr


def configure(world: World) -> None:
    world.configure(PLACES, DAILY, WEIGHTS)
    text = world.config_path.read_text().replace("[mail]", '[mail]\ntransport = "maildir"')
    world.config_path.write_text(text)
    fill(world, 1)


def opened(paths: Iterable[Path]) -> list[Path]:
    """Those that others than the owner may use."""
    return [path for path in paths if path.stat().st_mode & 0o077]


def test_database_lock_log_mails_and_copies_are_the_owner_s(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        configure(world)
        watcher(world, "check-now", "--verbose")
        (tmp_path / "copies").mkdir()
        watcher(world, "backup", str(tmp_path / "copies"))
        watcher(world, "restore", "--yes", *map(str, (tmp_path / "copies").iterdir()))
    made = [*world.state_dir.rglob("*"), *(tmp_path / "copies").iterdir()]
    names = {path.name.partition("-")[0] for path in made}
    assert names >= {"watcher.db", "watcher.db.lock", "watcher.log", "outbox", "new"}
    assert any("replaced" in path.name for path in made)
    assert [path.parent for path in made if path.is_file() and path.parent.name == "new"]
    assert opened((world.state_dir, *made)) == []


def test_so_is_what_the_daemon_makes(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.now = dt.datetime.now(dt.UTC)
        configure(world)
        with Service(world, umask=0) as running:
            running.wait_for("READY=1")
            running.wait_for("STATUS=next check")
            made = list(world.state_dir.rglob("*"))
            assert opened((world.state_dir, *made)) == []
            running.stop()
    names = {path.name.partition("-")[0] for path in made}
    assert names >= {"watcher.db", "watcher.db.lock", "watcher.log", "outbox", "new"}
    assert {"watcher.db-wal", "watcher.db-shm"} <= {path.name for path in made}
    assert [path for path in made if path.is_file() and path.parent.name == "new"]
    assert opened(world.state_dir.rglob("*")) == []
