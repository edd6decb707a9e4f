"""The configuration's files, the state directory, the clock's zone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from watcher import effective
from watcher.diagnosis.finding import Finding, ok, problem, warning
from watcher.errors import ConfigError
from watcher.settings import Config

MOUNTINFO = Path("/proc/self/mountinfo")
"""Linux's own; proc(5) describes its fields."""

NEEDED_BYTES, WANTED_BYTES = 50_000_000, 500_000_000

_FLEETING = {
    "overlay": "a container's own layer, which goes with the container; mount a volume there",
    "aufs": "a container's own layer, which goes with the container; mount a volume there",
    "tmpfs": "memory, which is empty after a restart; choose another --state-dir",
    "ramfs": "memory, which is empty after a restart; choose another --state-dir",
}
_REMOTE = re.compile(r"nfs4?|cifs|smb3?|9p|afs|ceph|fuse\.(sshfs|.*s3.*|rclone)")


def examine_machine(config: Config, mountinfo: Path = MOUNTINFO) -> Iterator[Finding]:
    """What can be seen without the database and the network."""
    yield from _configuration(config)
    yield from _guarded(config)
    yield from state_of(config.state_dir)
    yield from _place(config.state_dir, mountinfo)
    yield ok("timezone", config.zone().key)


def _configuration(config: Config) -> Iterator[Finding]:
    broken = config.broken
    try:
        compiled, _ = effective.compile_rules(config, {})
    except ConfigError as error:
        yield problem("configuration", str(error))
    else:
        broken = compiled.broken
        count = len(compiled.settings.subscriptions)
        yield ok("configuration", f"{config.path}, subscriptions: {count}")
    for each in broken:
        yield problem("configuration", str(each))
    for text in config.warnings:
        yield warning("configuration", text)


def _guarded(config: Config) -> Iterator[Finding]:
    """Whether others can change what the program is told to do."""
    open_files = [path for path in config.files() if path.stat().st_mode & 0o002]
    for path in open_files:
        yield problem("files", f"{path} can be changed by everybody: chmod o-w {path}")
    if not open_files:
        yield ok("files", "nobody else can change them")


def state_of(path: Path) -> Iterator[Finding]:
    """Whether we can write there, and whether all in it belongs to one user."""
    try:
        nearest = next(each for each in (path, *path.parents) if each.exists())
    except OSError as error:
        yield problem("state", f"{path} cannot be looked at: {error.strerror}")
        return
    if nearest != path:
        if os.access(nearest, os.W_OK | os.X_OK):
            yield ok("state", f"{path} will be made by the first check")
        else:
            yield problem("state", f"{path} cannot be made: {nearest} is not yours to write in")
        return
    if not path.is_dir():
        yield problem("state", f"{path} is no directory; choose another --state-dir")
        return
    owner_id = path.stat().st_uid
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield problem(
            "state", f"{path} belongs to user {owner_id} and is not yours to write in: be that user"
        )
        return
    strangers = [each.name for each in path.iterdir() if each.lstat().st_uid != owner_id]
    if strangers:
        names = ", ".join(sorted(strangers)[:3])
        yield problem(
            "state", f"in {path} {names} belong to somebody else: chown -R {owner_id} {path}"
        )
    else:
        yield ok("state", f"{path} can be written")
    yield room(path, shutil.disk_usage(path).free)


def room(path: Path, free: int) -> Finding:
    """Whether so many free bytes are enough for the state in `path`."""
    text = f"{free // 1_000_000} MB free in {path}"
    if free < NEEDED_BYTES:
        return problem("disk", f"only {text}: make room, or nothing can be recorded")
    return warning("disk", f"only {text}") if free < WANTED_BYTES else ok("disk", text)


def _place(path: Path, mountinfo: Path) -> Iterator[Finding]:
    try:
        kind = filesystem_of(path.resolve(), mountinfo.read_text(encoding="utf-8"))
    except OSError:  # not Linux
        return
    if kind in _FLEETING:
        yield warning("filesystem", f"{path} is on {kind}: {_FLEETING[kind]}")
    elif _REMOTE.fullmatch(kind):
        yield warning(
            "filesystem",
            f"{path} is on {kind}: SQLite is not safe across a network; use a local disk, or"
            " PostgreSQL",
        )
    else:
        yield ok("filesystem", kind)


def filesystem_of(path: Path, mountinfo: str) -> str:
    """The type of the file system that holds an absolute path; mounts later in the list win."""
    best, kind = -1, "unknown"
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, types = before.split(), after.split()
        if len(fields) < 5 or not types:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), types[0]
    return kind
