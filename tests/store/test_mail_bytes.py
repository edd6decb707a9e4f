"""The bytes of mails are found where each kind of database, and the version before, has them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.store.conftest import NOW
from watcher.models import DeliveryState
from watcher.store import outbox, resends, sending, versions
from watcher.store.database import Database

Queue = Callable[[Database], None]

MAIL = b"Subject: x\r\n\r\n\xff."

AS_BEFORE = """
INSERT INTO notices (id, key, kind, raised_at, subject)
VALUES (7, 'k', 't', '2026-02-19 08:00', 's');
INSERT INTO deliveries (notice_id, sender, recipient, message_id, message, state, queued_at,
next_attempt_at)
VALUES (7, 'p@example.org', 'ada@example.org', '<1@x>', :mail, 'queued', '2026-02-19 08:00',
'2026-02-19 08:00')
"""
"""A mail as the version before queues it, when it migrates later or goes on beside this one."""

OF_A_DIGEST = """
INSERT INTO subscriptions (id, definition, fingerprint, known_at)
VALUES ('w', '{}', 'f', '2026-02-19 08:00');
INSERT INTO digests (id, subscription_id, slot_key, composed_at, subject, html, paper_count)
VALUES (3, 'w', 's', '2026-02-19 08:00', 's', '', 1);
UPDATE deliveries SET digest_id = 3, notice_id = NULL
"""
"""Only a digest's mail goes again."""

READ_BEFORE = "SELECT message FROM deliveries WHERE id = 1 AND state = 'queued'"
"""Where the version before looks for the bytes of what it is about to send."""


def queue(database: Database) -> None:
    message = outbox.Message("p@example.org", "ada@example.org", "<1@x>", MAIL)
    with database.write() as connection:
        outbox.enqueue_notice(connection, key="k", kind="t", subject="s", message=message, now=NOW)


def queue_as_before(database: Database) -> None:
    with database.write() as connection:
        for statement in AS_BEFORE.split(";"):
            connection.execute(sa.text(statement), {"mail": MAIL} if ":mail" in statement else {})


@contextlib.contextmanager
def another(url: str) -> Iterator[Database]:
    opened = Database(url, writable=True)
    try:
        yield opened
    finally:
        opened.close()


def see_its_way(database: Database) -> None:
    """The bytes of the one mail are sent, shown, sent again, and dropped after a time."""
    with database.write() as connection:
        assert outbox.message_of(connection, "<1@x>") == MAIL
        envelope = sending.start(connection, 1, NOW)
        assert envelope is not None
        assert (envelope.message, envelope.is_notice) == (MAIL, True)
        sending.finish(connection, 1, DeliveryState.DELIVERED, "250", NOW)
        for statement in OF_A_DIGEST.split(";"):
            connection.execute(sa.text(statement))
        [delivery] = resends.last_of_digest(connection, 3)
        assert resends.has_bytes(connection, delivery.id)
        again = resends.again(connection, delivery, sender="q@x.org", bounce_token=None, now=NOW)
        envelope = sending.start(connection, again, NOW)
        assert envelope is not None
        assert (envelope.message, envelope.sender) == (MAIL, "q@x.org")
        later = NOW.replace(year=2027)
        assert outbox.prune(connection, later) == 1
        assert not resends.has_bytes(connection, delivery.id)
        assert outbox.message_of(connection, "<1@x>") == MAIL, "of the one that is under way"
        sending.finish(connection, again, DeliveryState.DELIVERED, "250", NOW)
        assert outbox.prune(connection, later) == 1
        assert outbox.message_of(connection, "<1@x>") is None
        assert outbox.prune(connection, later) == 0


@pytest.mark.parametrize("queued", [queue, queue_as_before], ids=["now", "before"])
def test_they_are_sent_and_kept_and_dropped(database: Database, queued: Queue) -> None:
    queued(database)
    see_its_way(database)


@pytest.mark.parametrize("queued", [queue, queue_as_before], ids=["now", "before"])
def test_they_move_to_the_other_kind_of_database(
    tmp_path: Path, postgres_url: str, queued: Queue
) -> None:
    files = [tmp_path / name for name in ("one.db", "other.db")]
    with (
        another(f"sqlite:///{files[0]}") as one,
        another(postgres_url) as server,
        another(f"sqlite:///{files[1]}") as other,
    ):
        versions.migrate(one, NOW)
        queued(one)
        versions.fill(one, server)
        versions.fill(server, other)
        see_its_way(server)
        see_its_way(other)


def test_a_replica_of_the_version_before_can_send_what_is_queued_now(postgres_url: str) -> None:
    with another(postgres_url) as server:
        versions.migrate(server, NOW)
        queue(server)
        with server.read() as connection:
            assert bytes(connection.execute(sa.text(READ_BEFORE)).scalar_one()) == MAIL


def test_a_file_s_rows_of_deliveries_are_small(tmp_path: Path) -> None:
    with another(f"sqlite:///{tmp_path / 'w.db'}") as file:
        versions.migrate(file, NOW)
        queue(file)
        with file.read() as connection:
            assert connection.execute(sa.text(READ_BEFORE)).scalar_one() is None
