"""A slot is taken on once, by whoever comes first."""

from __future__ import annotations

import datetime as dt
import threading

from watcher.store import replicas, ticks, versions
from watcher.store.database import Database
from watcher.store.replicas import Replica

NOW = dt.datetime(2026, 2, 19, 7, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_a_slot_is_taken_on_once(database_url: str) -> None:
    database = Database(database_url, writable=True)
    versions.migrate(database, NOW)
    with database.write() as connection:
        assert ticks.last(connection, "check") is None
        assert ticks.take(connection, "check", NOW, NOW)
        assert not ticks.take(connection, "check", NOW, NOW + HOUR)
        assert ticks.take(connection, "minute", NOW, NOW)
        assert ticks.take(connection, "check", NOW + HOUR, NOW + HOUR)
        assert ticks.taken_at(connection, "check", NOW) == NOW
        ticks.prune(connection, NOW + 2 * HOUR)
        assert ticks.taken_at(connection, "check", NOW) is None
        assert ticks.last(connection, "check") == NOW + HOUR, "the latest stays"
        assert ticks.last(connection, "minute") == NOW
    database.close()


def test_of_many_at_once_one_has_it(postgres_url: str) -> None:
    first = Database(postgres_url, writable=True)
    versions.migrate(first, NOW)
    first.close()
    gate, taken = threading.Barrier(4), []

    def take() -> None:
        database = Database(postgres_url, writable=True)
        with database.write() as connection:
            gate.wait()
            taken.append(ticks.take(connection, "check", NOW, NOW))
        database.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, False, True]


def test_who_gives_no_sign_is_not_alive(database_url: str) -> None:
    database = Database(database_url, writable=True)
    versions.migrate(database, NOW)
    one = Replica("a", "clock", "here", 1, "1", NOW, NOW)
    two = Replica("b", "worker", "there", 2, "1", NOW, NOW + HOUR)
    with database.write() as connection:
        for replica in (one, two, one):
            replicas.put(connection, replica)
        assert replicas.alive(connection, NOW) == [one, two]
        assert replicas.alive(connection, NOW + HOUR) == [two]
        replicas.remove(connection, "b")
        assert replicas.alive(connection, NOW) == [one]
        replicas.prune(connection, NOW + HOUR)
        assert replicas.alive(connection, NOW) == []
    database.close()
