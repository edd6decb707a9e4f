"""Where coverage is not measured: what is traced takes half as long again, or more."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from coverage import Coverage


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """Measure nothing of what this thread and those it starts do, which other tests are about."""
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()


def leave_thread_untraced() -> None:
    """The same for the rest of this thread, which runs nothing of the program."""
    sys.settrace(None)
