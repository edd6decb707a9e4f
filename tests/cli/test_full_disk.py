"""What people are told when the disk is full."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.looking import Asker, fill
from tests.disks import leave, small_disk
from tests.world import DAILY, WEIGHTS, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Its state directory is a file system of its own."""
    with World(tmp_path) as world, small_disk(world.state_dir) as is_mounted:
        if not is_mounted:
            pytest.skip("no file system may be mounted here")
        world.configure(DAILY, WEIGHTS)
        fill(world, 1)
        yield world


@pytest.fixture
def ask(world: World) -> Asker:
    return Asker(world)


def test_each_command_says_so_and_changes_nothing(world: World, ask: Asker) -> None:
    assert ask("check-now").code == 0
    copy = world.directory / "copy.db"
    assert ask("backup", str(copy)).code == 0
    first = len(world.new_mails())
    world.later(days=1)
    fill(world, 2)
    before = {path.name: path.read_bytes() for path in world.state_dir.glob("watcher.db")}
    ballast = leave(world.state_dir, 0)
    said = ask("check-now")
    assert said.code == 74
    assert f"no room left for {world.state_dir}/watcher.db" in said.err
    said = ask("restore", str(copy), "--yes")
    assert said.code == 74
    assert "watcher.db.partial: database or disk is full" in said.err
    assert before == {path.name: path.read_bytes() for path in world.state_dir.glob("watcher.db")}
    assert not list(world.state_dir.glob("*.partial"))
    assert not world.new_mails()
    ballast.unlink()
    assert ask("check-now").code == 0
    assert len(world.new_mails()) == first


def test_a_result_that_cannot_be_written_is_no_traceback(world: World) -> None:
    command = [sys.executable, "-m", "watcher", "topics", "--config", str(world.config_path)]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env={**os.environ, "CI": ""}, check=False
        )
        assert ended.returncode == 74
        assert ended.stderr == b"watcher: no room left (No space left on device)\n"
        mute = subprocess.run([*command, "--nonsense"], stdout=full, stderr=full, check=False)
    assert mute.returncode
