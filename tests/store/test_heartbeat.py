"""The daemon's sign of life."""

from __future__ import annotations

from tests.store.conftest import NOW
from watcher.store import heartbeat
from watcher.store.database import Database
from watcher.store.heartbeat import Heartbeat


def test_a_sign_of_life_is_read_as_it_was_left(database: Database) -> None:
    with database.write() as connection:
        assert heartbeat.read(connection) is None
        beat = Heartbeat(123, "here", NOW, NOW, "1.0")
        heartbeat.put(connection, beat)
        heartbeat.put(connection, beat)
        assert heartbeat.read(connection) == beat
        heartbeat.put(connection, None)
        assert heartbeat.read(connection) is None
