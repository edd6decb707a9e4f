"""Being nobody for a while, where the tests run as root."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65534


@contextlib.contextmanager
def shut_out_of(folder: Path, left: int = 0) -> Iterator[None]:
    """`folder` has the permissions `left` for everybody within."""
    mode = folder.stat().st_mode
    folder.chmod(left)
    is_root = os.geteuid() == 0
    if is_root:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
        folder.chmod(mode)
