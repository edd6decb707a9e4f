"""Files put in place whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.world import DAILY, WEIGHTS, World
from watcher.cli.configs import path_of
from watcher.cli.writing import keep_old, make_folder, write_new, write_over
from watcher.errors import ConfigError


def test_a_new_file_has_the_rights_of_another_and_takes_no_place(tmp_path: Path) -> None:
    like, path = tmp_path / "like", tmp_path / "new"
    like.touch()
    like.chmod(0o640)
    assert write_new(path, "one\n", like=like)
    assert not write_new(path, "two\n", like=like)
    assert path.read_text() == "one\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(file.name for file in tmp_path.iterdir()) == ["like", "new"]


def test_writing_over_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")
    write_over(path, "new\n", mode=0o600)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new\n", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        write_over(tmp_path / "nowhere" / "file", "", mode=0o600)
    folder = tmp_path / "folder"
    (folder / "full").mkdir(parents=True)
    with pytest.raises(ConfigError, match="folder cannot be written: Is a directory"):
        write_over(folder, "", mode=0o600)
    assert list(tmp_path.iterdir()) == [folder]
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="cannot be written: "):
        make_folder(file, mode=0o700)


def test_copies_of_the_old_one_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert keep_old(path) is None
    path.write_text("one")
    assert keep_old(path) == tmp_path / "config.toml.old"
    assert keep_old(path) == tmp_path / "config.toml.old-2"
    assert keep_old(path) == tmp_path / "config.toml.old-3"


def test_a_configuration_without_a_file_has_nothing_beside_it(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    assert path_of(world.config()) == world.config_path
    with pytest.raises(ConfigError, match="has no file"):
        path_of(replace(world.config(), path=None))
