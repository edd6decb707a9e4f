"""Where the state lies: what goes with a container or a power cut is told."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unprivileged import shut_out_of
from watcher.diagnosis import Level, examine_machine
from watcher.diagnosis.machine import filesystem_of, room, state_of
from watcher.settings import Config, load


def configured(tmp_path: Path, state_dir: Path) -> Config:
    path = tmp_path / "config.toml"
    path.write_text('[mail]\ntransport = "maildir"\nfrom = "a@example.org"\n')
    return load(path, state_dir=state_dir, environ={"TZ": "UTC"})


MOUNTS = r"""22 1 0:21 / / rw,relatime - overlay overlay rw,lowerdir=/a,upperdir=/b
30 22 8:1 / /srv rw,relatime shared:1 - ext4 /dev/sda1 rw
31 30 0:40 / /srv/my\040disk rw - nfs4 server:/x rw
32 22 0:41 / /tmp rw - tmpfs tmpfs rw
33 22 8:2 / /tmp rw - xfs /dev/sdb rw
broken line
34 22 0:1 -
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/paper-watcher", "overlay"),
        ("/srv/state", "ext4"),
        ("/srv/my disk/state", "nfs4"),
        ("/srvx", "overlay"),
        ("/tmp/state", "xfs"),
    ],
)
def test_the_innermost_and_latest_mount_holds_the_path(path: str, kind: str) -> None:
    assert filesystem_of(Path(path), MOUNTS) == kind


def test_nothing_known_is_unknown() -> None:
    assert filesystem_of(Path("/x"), "") == "unknown"


@pytest.mark.parametrize(
    ("kind", "level", "words"),
    [
        ("overlay", Level.WARNING, "mount a volume"),
        ("tmpfs", Level.WARNING, "empty after a restart"),
        ("nfs4", Level.WARNING, "not safe across a network"),
        ("fuse.sshfs", Level.WARNING, "not safe across a network"),
        ("ext4", Level.OK, "ext4"),
    ],
)
def test_file_systems_that_lose_things_are_told(
    tmp_path: Path, kind: str, level: Level, words: str
) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"22 1 0:21 / / rw - {kind} x rw\n")
    config = configured(tmp_path, tmp_path / "state")
    found = {each.about: each for each in examine_machine(config, mountinfo)}
    assert found["filesystem"].level is level
    assert words in found["filesystem"].text
    found = {each.about: each for each in examine_machine(config, tmp_path / "none")}
    assert "filesystem" not in found


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that others than its owner can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(
    ("left", "place", "words"),
    [
        (0o000, "own", "is not yours to write in: be that user"),
        (0o555, "own", "is not yours to write in: be that user"),
        (0o000, "own/state", "cannot be looked at: Permission denied"),
        (0o555, "own/state", "cannot be made"),
    ],
)
def test_a_state_directory_out_of_reach_is_a_problem(
    reachable: Path, left: int, place: str, words: str
) -> None:
    (reachable / "own").mkdir()
    with shut_out_of(reachable / "own", left):
        [found] = state_of(reachable / place)
    assert found.level is Level.PROBLEM
    assert words in found.text


@pytest.mark.parametrize(
    ("free", "level"),
    [(10_000_000, Level.PROBLEM), (100_000_000, Level.WARNING), (10**12, Level.OK)],
)
def test_a_disk_that_fills_up_is_told(tmp_path: Path, free: int, level: Level) -> None:
    assert room(tmp_path, free).level is level
