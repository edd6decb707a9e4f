"""What the program makes can be read by its owner alone, whatever the umask was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.looking import fill
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


def test_database_lock_log_mails_and_copies_are_the_owner_s(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.configure(PLACES, DAILY, WEIGHTS)
        text = world.config_path.read_text().replace("[mail]", '[mail]\ntransport = "maildir"')
        world.config_path.write_text(text)
        fill(world, 1)
        watcher(world, "check-now", "--verbose")
        (tmp_path / "copies").mkdir()
        watcher(world, "backup", str(tmp_path / "copies"))
        watcher(world, "restore", "--yes", *map(str, (tmp_path / "copies").iterdir()))
    made = [*world.state_dir.rglob("*"), *(tmp_path / "copies").iterdir()]
    names = {path.name.partition("-")[0] for path in made}
    assert names >= {"watcher.db", "watcher.db.lock", "watcher.log", "outbox", "new"}
    assert any("replaced" in path.name for path in made)
    assert [path.parent for path in made if path.is_file() and path.parent.name == "new"]
    opened = [path for path in (world.state_dir, *made) if path.stat().st_mode & 0o077]
    assert opened == []
