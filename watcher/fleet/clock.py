"""The time as the database has it: machines do not agree, and a slot is the same for all."""

from __future__ import annotations

import datetime as dt
import time

import sqlalchemy as sa

from watcher.store import clock


class StoreClock:
    """Called, it gives aware UTC: the store's when it was last asked, and what has passed since.

    Nothing that happens to this machine's wall clock concerns it.
    """

    def __init__(self, now: dt.datetime) -> None:
        self._set(now)

    def __call__(self) -> dt.datetime:
        """The time now."""
        return self._now + dt.timedelta(seconds=time.monotonic() - self._at)

    def ask(self, connection: sa.Connection) -> dt.datetime:
        """Ask the store again; what it says."""
        self._set(clock.now(connection))
        return self._now

    def _set(self, now: dt.datetime) -> None:
        self._now, self._at = now, time.monotonic()
