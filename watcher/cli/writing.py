"""Files put in place whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from watcher.errors import ConfigError


def write_new(path: Path, text: str, *, like: Path) -> bool:
    """Make a file with the rights of another; False where one is there, which is left alone.

    Raises ConfigError.
    """
    with _explained(path), _draft(path, text, rights_of=like) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    return True


def write_over(path: Path, text: str, *, mode: int, group: int = -1) -> None:
    """Make or replace a file; `group` is an id, -1 leaves it to the system. Raises ConfigError."""
    with _explained(path), _draft(path, text) as draft:
        os.chown(draft, -1, group)
        draft.chmod(mode)
        draft.replace(path)


@contextlib.contextmanager
def _draft(path: Path, text: str, *, rights_of: Path | None = None) -> Iterator[Path]:
    # The dot keeps what reads the directory from taking it for a file of its own.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        draft = Path(file.name)
        try:
            file.write(text)
            file.flush()
            if rights_of is not None:
                there = rights_of.stat()
                with contextlib.suppress(PermissionError):  # a group that is not ours to give
                    os.fchown(file.fileno(), -1, there.st_gid)
                os.fchmod(file.fileno(), there.st_mode & 0o666)
            os.fsync(file.fileno())
            yield draft
        finally:
            draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def make_folder(path: Path, *, mode: int) -> None:
    """Make a directory where there is none, its parents too. Raises ConfigError."""
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            path.mkdir()
            path.chmod(mode)  # whatever the umask takes away


def keep_old(path: Path) -> Path | None:
    """Copy a file that is about to be replaced, over no earlier copy; where to.

    Raises ConfigError.
    """
    with _explained(path):
        if not path.exists():
            return None
        for number in itertools.count(1):
            kept = path.with_name(f"{path.name}.old" + (f"-{number}" if number > 1 else ""))
            if not kept.exists():
                break
        shutil.copy2(path, kept)
    return kept
