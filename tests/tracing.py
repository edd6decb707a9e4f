"""Where coverage is not measured: what is traced takes half as long again, or more."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from coverage import Coverage


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """Measure nothing of what this thread and those it starts do, which other tests are about.

    A process that runs tests for another one is measured twice: as each process that is started
    here, and by pytest-cov. Where one of them stops, the other goes on.
    """
    stopped = []
    while measuring := Coverage.current():
        measuring.stop()
        stopped.append(measuring)
    try:
        yield
    finally:
        for measuring in reversed(stopped):
            measuring.start()


def leave_thread_untraced() -> None:
    """The same for the rest of this thread, which runs nothing of the program."""
    sys.settrace(None)
