"""Several processes on one PostgreSQL: clocks that say what is due, workers that do it."""

from __future__ import annotations

from watcher.fleet.joining import joined

__all__ = ["joined"]
