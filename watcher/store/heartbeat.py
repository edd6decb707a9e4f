"""The daemon's sign of life, for commands that look."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from watcher.store.checks import get_meta, put_meta

KEY = "daemon"
SILENT_AFTER = dt.timedelta(seconds=90)
"""A daemon that has given no sign for this long is taken for dead: three beats."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Which process runs, since when, and when it last said so."""

    pid: int
    host: str
    started_at: dt.datetime
    beat_at: dt.datetime
    version: str


def put(connection: sa.Connection, beat: Heartbeat | None) -> None:
    """Leave a sign of life; None at an orderly end."""
    put_meta(connection, KEY, msgspec.json.encode(beat).decode() if beat else None)


def read(connection: sa.Connection) -> Heartbeat | None:
    """The last sign of life; None where no daemon ran, or it ended in order."""
    said = get_meta(connection, KEY)
    return None if said is None else msgspec.json.decode(said, type=Heartbeat)
