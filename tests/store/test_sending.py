"""Leases: what one process has taken on, no other sends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from watcher.models import DeliveryState
from watcher.store import outbox, sending, versions
from watcher.store.database import Database

NOW = dt.datetime(2026, 2, 19, 7, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, writable=True)
    versions.migrate(made, NOW)
    with made.write() as connection:
        for number in range(3):
            message = outbox.Message("p@example.org", "ada@example.org", f"<{number}@x>", b"mail")
            outbox.enqueue_notice(
                connection, key=str(number), kind="t", subject="s", message=message, now=NOW
            )
    yield made
    made.close()


def test_what_is_claimed_is_left_to_who_claimed_it(database: Database) -> None:
    with database.write() as connection:
        assert sending.due_count(connection, NOW) == 3
        first = sending.claim(connection, "a", NOW, 2)
        assert first == [1, 2]
        assert sending.claim(connection, "b", NOW, 2) == [3]
        assert sending.claim(connection, "c", NOW, 2) == []
        assert sending.due_count(connection, NOW) == 0
        assert sending.start(connection, 1, NOW, "b") is None
        assert sending.start(connection, 1, NOW, "a") is not None
        assert sending.start(connection, 1, NOW, "a") is None, "it is being sent already"


def test_two_at_once_never_claim_the_same(postgres_url: str) -> None:
    one, two = (Database(postgres_url, writable=True) for _ in range(2))
    versions.migrate(one, NOW)
    with one.write() as connection:
        for number in range(2):
            message = outbox.Message("p@example.org", "ada@example.org", f"<{number}@x>", b"mail")
            outbox.enqueue_notice(
                connection, key=str(number), kind="t", subject="s", message=message, now=NOW
            )
    with one.write() as first, two.write() as second:
        assert sending.claim(first, "a", NOW, 1) == [1]
        assert sending.claim(second, "b", NOW, 5) == [2], "it does not wait for the other"
    one.close()
    two.close()


def test_a_claim_that_nothing_came_of_ends(database: Database) -> None:
    later = NOW + sending.CLAIMED_FOR
    with database.write() as connection:
        sending.claim(connection, "a", NOW, 3)
        assert sending.claim(connection, "b", later - SECOND, 3) == []
        assert sending.claim(connection, "b", later, 3) == [1, 2, 3]
        assert sending.start(connection, 1, later, "a") is None
        assert sending.start(connection, 1, later, "b") is not None


def test_a_mail_under_way_is_taken_over_when_its_lease_ends(database: Database) -> None:
    later = NOW + sending.SENT_WITHIN
    with database.write() as connection:
        sending.claim(connection, "a", NOW, 1)
        sending.start(connection, 1, NOW, "a")
        assert sending.holds(connection, 1, "a", later - SECOND)
        assert not sending.holds(connection, 1, "b", NOW)
        assert sending.recover(connection, later - SECOND, is_alone=False) == 0
        assert not sending.holds(connection, 1, "a", later)
        assert sending.recover(connection, later, is_alone=False) == 1
        assert not sending.is_ours(connection, 1, "a")
        assert sending.claim(connection, "b", later, 1) == [1]
        assert sending.start(connection, 1, later, "b") is not None
        assert not sending.is_ours(connection, 1, "a")
        assert sending.is_ours(connection, 1, "b")


def test_that_a_server_has_taken_it_counts_whoever_has_the_lease(database: Database) -> None:
    later = NOW + sending.SENT_WITHIN
    with database.write() as connection:
        sending.claim(connection, "a", NOW, 1)
        sending.start(connection, 1, NOW, "a")
        sending.recover(connection, later, is_alone=False)
        sending.claim(connection, "b", later, 1)
        sending.finish(connection, 1, DeliveryState.DELIVERED, "250 ok", later)  # by the first
        assert sending.start(connection, 1, later, "b") is None
        delivery = outbox.get(connection, 1)
        assert delivery is not None
        assert delivery.state is DeliveryState.DELIVERED


def test_who_is_alone_heeds_no_lease_of_processes_that_are_gone(database: Database) -> None:
    with database.write() as connection:
        sending.claim(connection, "a", NOW, 3)
        sending.start(connection, 1, NOW, "a")
        assert sending.recover(connection, NOW) == 1
        assert sending.due(connection, NOW) == [1, 2, 3]
        assert sending.start(connection, 1, NOW) is not None
        assert sending.start(connection, 2, NOW) is not None
