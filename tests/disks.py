"""Disks without room: a small file system, where one may be mounted, or files that may not grow."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

PAGE = 4096


@contextlib.contextmanager
def small_disk(directory: Path, *, pages: int = 4_000, files: int = 1_000) -> Iterator[bool]:
    """Make the directory, a file system of so many pages and, with it itself, so many files.

    False: none may be mounted here.
    """
    directory.mkdir(parents=True)
    size = f"size={pages * PAGE},nr_inodes={files},mode=700"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(directory)]
    try:
        is_mounted = (
            os.geteuid() == 0
            and not subprocess.run(mount, check=False, capture_output=True).returncode
        )
    except FileNotFoundError:
        is_mounted = False
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)


def leave(directory: Path, pages: int) -> Path:
    """Fill the disk but for so many pages; the file that does."""
    ballast = directory / "ballast"
    stat = os.statvfs(directory)
    ballast.write_bytes(bytes(max(0, stat.f_bavail * stat.f_frsize - pages * PAGE)))
    return ballast


@contextlib.contextmanager
def no_room(limit: int) -> Iterator[None]:
    """Files end after so many bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
