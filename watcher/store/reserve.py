"""Room kept beside a SQLite database for the record of mails that were taken.

On a disk that fills up between a mail and its record, the mail would go again. What is in flight
is recorded in the room that is given up then, and nothing more goes until it is there again.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from watcher.errors import StoreError
from watcher.store.database import Database

UNIT = 512 * 1024
"""Bytes; the reserve is a multiple of it, so that it is rarely made larger."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_PAGES = 64 * 1024
"""Bytes of a record besides the mail: pages of tables and indexes, and a notice."""


def for_record(mail_bytes: int) -> int:
    """The most that the record of a mail's end takes, in bytes.

    SQLite writes the row anew, with the mail in it where an older version queued it, and lists the
    pages where it was.
    """
    return 2 * mail_bytes + mail_bytes // 16 + _PAGES


def keep(database: Database, size: int) -> None:
    """See that so many bytes are there. Raises StoreError where there is no room for them."""
    path = _path(database)
    if path is None:
        return
    try:
        have = path.stat().st_size if path.exists() else 0
        if have < size:
            _grow(path, have, -(-size // UNIT) * UNIT)
    except OSError as error:
        if error.errno in _NO_ROOM:
            what, mend = f"no room left for {database.name}", "make room, it goes on by itself"
        else:
            what, mend = f"{path} cannot be written", "see its owner and permissions"
        raise StoreError(
            f"{what} ({error.strerror}): nothing more is sent, because it could not be recorded;"
            f" {mend}"
        ) from error


def give_up(database: Database) -> bool:
    """Leave the room to what has to be recorded now; whether there was any."""
    path = _path(database)
    if path is None:
        return False
    try:
        had = path.stat().st_size
        os.truncate(path, 0)  # a full disk may have no room to remove a name
    except OSError:
        return False
    return had > 0


def _grow(path: Path, have: int, size: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        left = memoryview(os.urandom(size - have))  # what can be compressed takes no room
        while left:
            left = left[os.pwrite(descriptor, left, size - len(left)) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, have)  # which others in flight may need
        raise
    finally:
        os.close(descriptor)


def _path(database: Database) -> Path | None:
    return database.path.with_name(f"{database.path.name}.reserve") if database.path else None
