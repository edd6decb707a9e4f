"""Lines that reach a stream or a file whole, or are lost: writing them is never an error."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Self, TextIO

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a disk without room answers; it may have some later."""

_END = ord("\n")


class Lines:
    """Where lines go: a stream, or a file that is opened anew once another one has its name.

    A line that cannot be written, because the disk is full or nobody reads any more, is counted in
    `lost_count` and forgotten; the next one is tried again. Each is handed to the system in one
    piece, past the buffers of Python, which would keep what failed. `None` takes everything.
    """

    def __init__(self, stream: TextIO | None = None, *, path: Path | None = None) -> None:
        """Raises OSError where the file at `path` cannot be opened, but not of a full disk."""
        self.path = path
        self.lost_count = 0
        self._stream = stream
        self._encoding = (stream.encoding if stream else None) or "utf-8"
        self._is_cut = self._is_closed = False
        self._lock = threading.Lock()
        try:
            self._number = _number(stream) if path is None else _opened(path)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._number = None

    @classmethod
    def of_stderr(cls) -> Self:
        """Those for whoever reads our stderr now."""
        # There is none where the parent closed it.
        return cls(sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a stream is its owner's."""
        self._is_closed = True
        self._close_file()

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks on."""
        try:
            return os.isatty(self._number) if self._number is not None else False
        except OSError:
            return False

    @property
    def is_unicode(self) -> bool:
        """Whether every character is written as it is."""
        return codecs.lookup(self._encoding).name == "utf-8"

    @property
    def is_journal(self) -> bool:
        """Whether the journal reads this very stream; the variable outlives a redirection."""
        journal = os.environ.get("JOURNAL_STREAM")
        if not journal or self._number is None:
            return False
        try:
            there = os.fstat(self._number)
        except OSError:
            return False
        return journal == f"{there.st_dev}:{there.st_ino}"

    def write(self, line: str) -> bool:
        """Add a line, without its end; whether it is written."""
        with self._lock:
            try:
                self._follow()
                self._put(f"{line}\n")
            except (OSError, ValueError):
                self.lost_count += 1
                return False
            self.lost_count = 0
            return True

    def _put(self, text: str) -> None:
        if self._number is None:
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
            return
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):  # what others left there comes first
                self._stream.flush()
        rest = memoryview(text.encode(self._encoding, "backslashreplace"))
        if self._is_cut:
            rest = memoryview(b"\n" + rest.tobytes())
        while rest:
            written = os.write(self._number, rest)
            self._is_cut = rest[written - 1] != _END
            rest = rest[written:]

    def _follow(self) -> None:
        """Go on in the file that has the name now: another one, once the log was rotated."""
        if self.path is None or self._is_closed:
            return
        if self._number is None:  # there was no room for it
            self._number = _opened(self.path)
        with contextlib.suppress(OSError):  # else in the one we have
            if not _is_at(self.path, self._number):
                number = _opened(self.path)
                self._close_file()
                self._number, self._is_cut = number, False

    def _close_file(self) -> None:
        if self.path is not None and self._number is not None:
            os.close(self._number)
            self._number = None


def _number(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if stream is not None else None
    except (OSError, ValueError):  # no stream of the system's
        return None


def _opened(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_root = os.geteuid() == 0
    # In another's directory a link would have root write wherever that one likes.
    link = os.O_NOFOLLOW if is_root and path.parent.stat().st_uid else 0
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | link, 0o600)
    try:
        if is_root:  # or what root looks at once, the service could not go on with
            _give_to_the_directory_s_owner(path, number)
    except OSError:
        os.close(number)
        raise
    return number


def _give_to_the_directory_s_owner(path: Path, number: int) -> None:
    """Hand a file over; devices and pipes, and what a link leads to, are not of that directory."""
    there, owner = path.lstat(), path.parent.stat()
    if stat.S_ISREG(there.st_mode) and there.st_nlink == 1 and _is_same(there, os.fstat(number)):
        os.fchown(number, owner.st_uid, owner.st_gid)


def _is_at(path: Path, number: int) -> bool:
    try:
        return _is_same(path.stat(), os.fstat(number))
    except FileNotFoundError:
        return False


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
