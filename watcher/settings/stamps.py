"""Whether a file is still the one that was read."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int, int]
"""When a file was written and changed (nanoseconds since 1970), its size, and its inode."""


def stamp_of(path: Path) -> Stamp | None:
    """What differs once a file was written to or replaced; None where there is none to be seen.

    The second time is the system's own: whoever puts the first one back still changes it.
    """
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino
