"""The folder a demo leaves behind: only what a demo made there is ever removed."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watcher.errors import BusyError, WatcherError
from watcher.store import known

LEDGER = ".watcher-demo"
DATABASE = "watcher.db"
_SUFFIXES = ("", "-wal", "-shm", "-journal", ".lock", ".reserve")


class Folder:
    """A folder with a ledger of what the demo made in it, written before each file is made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ledger = path / LEDGER
        self._made = set(self._read())

    @property
    def is_used(self) -> bool:
        """Whether a demo left something here."""
        return bool(self._made)

    @property
    def maildir(self) -> Path:
        """Where the mails lie."""
        return self.path / "maildir"

    def claim(self, path: Path) -> None:
        """Say that `path` is about to be made. Raises WatcherError where it is somebody else's."""
        name = path.relative_to(self.path).as_posix()
        if path.exists():
            raise WatcherError(
                f"{path} is there and was not made by the demo; choose another directory with --out"
            )
        with self._ledger.open("a", encoding="utf-8") as ledger:
            ledger.write(f"{name}\n")
        self._made.add(name)

    def claim_database(self) -> None:
        """Claim the database with all the files it may have beside it."""
        for suffix in _SUFFIXES:
            self.claim(self.path / f"{DATABASE}{suffix}")
        self.claim(self.path / known.FILE)

    def write(self, name: str, text: str) -> None:
        """Make a file. Raises WatcherError where one of that name is somebody else's."""
        self.claim(self.path / name)
        (self.path / name).write_text(text, encoding="utf-8")

    def clear(self) -> None:
        """Remove what an earlier demo made, also where a mail program has moved it since."""
        for name in self._made:
            path = self.path / name
            path.unlink(missing_ok=True)
            if path.parent == self.maildir / "new":
                for moved in (self.maildir / "cur").glob(f"{path.name}*"):
                    moved.unlink()
        self._made.clear()
        self._ledger.write_text("", encoding="utf-8")

    def _read(self) -> Iterator[str]:
        for name in self._ledger.read_text(encoding="utf-8").splitlines():
            inside = self.path.resolve()
            if name and (inside / name).resolve().is_relative_to(inside):
                yield name


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """The folder, made where it is missing, to one demo at a time.

    Raises WatcherError where it cannot be made, BusyError where another demo is at it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with (path / LEDGER).open("a", encoding="utf-8") as ledger:
            try:
                fcntl.flock(ledger, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(f"another demo is running in {path}") from error
            yield Folder(path)
    except BrokenPipeError:  # whoever was told the story has heard enough
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise WatcherError(f"{path} cannot be used: {reason}; choose another --out") from error
