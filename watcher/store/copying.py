"""A whole database into another one, of the same kind or not: every row, compared, or nothing."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from watcher.errors import NoDatabaseError, StoreError
from watcher.store import versions
from watcher.store.database import Database, name_of
from watcher.store.lock import InstanceLock
from watcher.store.moving import Told, untold


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: the names of both, and how many rows, by table."""

    origin: str
    target: str
    rows: Mapping[str, int]


def copy(origin_url: str, target_url: str, now: dt.datetime, told: Told = untold) -> Copied:
    """Copy a database into one that is empty or not there yet, and compare them row by row.

    Nobody else may write to either meanwhile. Raises BusyError, and StoreError: then the target is
    as empty or missing as it was.
    """
    with _origin(origin_url, now) as origin, _target(target_url, now) as target:
        if target.path:
            counts = _into_file(origin, target.path, told)
        else:
            counts = versions.fill(origin, target, told)
    return Copied(origin.name, target.name, counts)


def are_same(one: str, other: str) -> bool:
    """Whether two URLs are of one database, as far as can be seen without asking it."""
    names = [name_of(url) for url in (one, other)]
    if one.startswith("sqlite") and other.startswith("sqlite"):
        first, second = (Path(name).resolve() for name in names)
        return first == second
    return names[0] == names[1]


@contextlib.contextmanager
def _origin(url: str, now: dt.datetime) -> Iterator[Database]:
    """What is copied: whole, of the newest schema, and nobody else writes to it."""
    is_server = not url.startswith("sqlite")
    try:
        # Only the one session of a writer can hold a server's lock and read besides.
        database = Database(url, writable=is_server)
    except NoDatabaseError as error:
        raise NoDatabaseError(f"there is no database at {name_of(url)} to copy") from error
    try:
        with _held(database, now):
            try:
                versions.require_newest(database)
            except NoDatabaseError as error:
                raise NoDatabaseError(
                    f"{database.name} is empty: there is nothing to copy"
                ) from error
            versions.require_whole(database)
            yield database
    finally:
        database.close()


@contextlib.contextmanager
def _target(url: str, now: dt.datetime) -> Iterator[Database]:
    """What is copied to: empty or missing, and nobody else writes to it."""
    database = Database(url, writable=True)
    try:
        with _held(database, now):
            versions.require_empty(database)
            yield database
    finally:
        database.close()


@contextlib.contextmanager
def _held(database: Database, now: dt.datetime) -> Iterator[None]:
    lock = InstanceLock(database, "copy", now)
    try:
        yield
    finally:
        lock.release()


def _into_file(origin: Database, path: Path, told: Told) -> Mapping[str, int]:
    """Fill a draft beside the file, and give it the name when it is whole."""
    draft = path.with_name(f"{path.name}.partial")
    try:
        _remove(draft)  # of one that was killed
        draft.touch(mode=0o600)
        target = Database(f"sqlite:///{draft}", writable=True)
        try:
            counts = versions.fill(origin, target, told)
        finally:
            target.close()
        draft.replace(path)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)  # or a power cut could take the name back, and all be mailed again
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            _remove(draft)
    return counts


def _remove(draft: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        draft.with_name(f"{draft.name}{end}").unlink(missing_ok=True)
