"""Slots close once, digests stay frozen, deliveries always have a state."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.store.conftest import NOW
from tests.store.test_matches import PENDING, know
from tests.store.test_papers import FULL, observe
from watcher.errors import StoreError
from watcher.models import DeliveryState, MatchState
from watcher.store import matches, outbox, sending, slots
from watcher.store.database import Database
from watcher.store.schema import deliveries

MINUTE = dt.timedelta(minutes=1)


def message(recipient: str, digest: str = "1") -> outbox.Message:
    return outbox.Message(
        "papers@example.org", recipient, f"<{digest}.{recipient}>", b"Subject: x\r\n\r\n\xff."
    )


def enqueue(database: Database, *recipients: str, slot: str = "s1") -> int:
    with database.write() as connection:
        return outbox.enqueue_digest(
            connection,
            subscription_id="weights",
            slot_key=slot,
            subject="weights: 1 new paper",
            html="<p>",
            paper_ids=[FULL.id],
            messages=[message(recipient, slot) for recipient in recipients],
            now=NOW,
        )


@pytest.fixture
def ready(database: Database) -> Database:
    observe(database, FULL)
    know(database, "weights")
    with database.write() as connection:
        matches.put(connection, PENDING)
    return database


def test_a_slot_closes_once(ready: Database) -> None:
    with ready.write() as connection:
        assert not slots.has_slot(connection, "weights", "s1")
        slots.record_slot(connection, "weights", "s1", NOW, NOW, None)
        assert slots.has_slot(connection, "weights", "s1")
    with pytest.raises(StoreError), ready.write() as connection:
        slots.record_slot(connection, "weights", "s1", NOW, NOW, None)


def test_slots_with_nothing_to_mail_close_together_or_not_at_all(ready: Database) -> None:
    know(ready, "weights", "agents")
    with ready.write() as connection:
        slots.record_empty(connection, [], NOW)
        slots.record_empty(connection, [("weights", "s1", NOW)], NOW)
        assert slots.has_slot(connection, "weights", "s1")
        assert slots.last_slot_at(connection, "weights", NOW) == NOW
    with pytest.raises(StoreError), ready.write() as connection:
        again = [("agents", "s1", NOW), ("weights", "s1", NOW)]
        slots.record_empty(connection, again, NOW)
    with ready.read() as connection:
        assert not slots.has_slot(connection, "agents", "s1")


def test_a_slot_stamped_in_the_future_does_not_count_as_the_last(ready: Database) -> None:
    with ready.write() as connection:
        assert slots.last_slot_at(connection, "weights", NOW) is None
        slots.record_slot(connection, "weights", "s1", NOW, NOW, None)
        slots.record_slot(connection, "weights", "s2", NOW + 60 * MINUTE, NOW, None)
        assert slots.last_slot_at(connection, "weights", NOW) == NOW


def test_a_digest_settles_its_pairs_and_queues_the_very_bytes(ready: Database) -> None:
    digest_id = enqueue(ready, "ada@example.org", "bob@example.org")
    with ready.write() as connection:
        assert matches.of_digest(connection, digest_id)[0].state is MatchState.COMPOSED
        due = sending.due(connection, NOW)
        assert len(due) == 2
        envelope = sending.start(connection, due[0], NOW)
        assert envelope is not None
        assert envelope.message == b"Subject: x\r\n\r\n\xff."
        assert envelope.recipient == "ada@example.org"
        assert sending.start(connection, due[0], NOW) is None, "it is being sent already"
        assert sending.due(connection, NOW) == due[1:]
        found = outbox.get(connection, due[0])
        assert found is not None
        assert (found.state, found.attempt_count) == (DeliveryState.SENDING, 1)


def test_a_digest_for_one_slot_cannot_be_frozen_twice(ready: Database) -> None:
    enqueue(ready, "ada@example.org")
    with pytest.raises(StoreError):
        enqueue(ready, "ada@example.org")


def test_deferring_and_finishing(ready: Database) -> None:
    digest_id = enqueue(ready, "ada@example.org")
    with ready.write() as connection:
        [delivery_id] = sending.due(connection, NOW)
        sending.start(connection, delivery_id, NOW)
        until = NOW + MINUTE
        sending.defer(connection, delivery_id, "450 later", until, is_session_trouble=False)
        assert sending.due(connection, NOW) == []
        assert sending.next_due_at(connection) == until
        assert sending.due(connection, until) == [delivery_id]
        sending.start(connection, delivery_id, until)
        sending.finish(connection, delivery_id, DeliveryState.DELIVERED, "250 ok", until)
        [found] = outbox.of_digests(connection, [digest_id])
        assert (found.state, found.attempt_count, found.answer) == (
            DeliveryState.DELIVERED,
            2,
            "250 ok",
        )
        assert sending.next_due_at(connection) is None
        assert outbox.counts(connection)[DeliveryState.DELIVERED] == 1
        assert outbox.counts(connection, since=until + MINUTE)[DeliveryState.DELIVERED] == 0


def test_only_what_waits_for_a_session_is_hastened(ready: Database) -> None:
    enqueue(ready, "ada@example.org", "bob@example.org")
    with ready.write() as connection:
        first, second = sending.due(connection, NOW)
        sending.defer(connection, first, "refused", NOW + 60 * MINUTE, is_session_trouble=True)
        sending.defer(connection, second, "450", NOW + 60 * MINUTE, is_session_trouble=False)
        assert sending.hasten(connection, NOW + MINUTE) == 1
        assert sending.due(connection, NOW + MINUTE) == [first]


def test_what_an_ended_process_left_half_sent_goes_again(ready: Database) -> None:
    enqueue(ready, "ada@example.org")
    with ready.write() as connection:
        [delivery_id] = sending.due(connection, NOW)
        before = sending.start(connection, delivery_id, NOW)
    with ready.write() as connection:
        assert sending.recover(connection, NOW) == 1
        assert sending.start(connection, delivery_id, NOW) == before


def test_cancelling_spares_who_stays_and_what_was_sent(ready: Database) -> None:
    enqueue(ready, "ada@example.org", "bob@example.org", "eve@example.org")
    with ready.write() as connection:
        first, _, _ = sending.due(connection, NOW)
        sending.start(connection, first, NOW)
        sending.finish(connection, first, DeliveryState.DELIVERED, "250 ok", NOW)
        outbox.cancel(connection, {"weights": ["bob@example.org"]}, NOW)
        states = {d.recipient: d.state for d in outbox.in_state(connection, list(DeliveryState))}
    assert states == {
        "ada@example.org": DeliveryState.DELIVERED,
        "bob@example.org": DeliveryState.QUEUED,
        "eve@example.org": DeliveryState.CANCELLED,
    }


def test_cancelling_for_many_spares_the_subscriptions_that_are_not_named(ready: Database) -> None:
    know(ready, "weights", "agents", "videos")
    for of in ("weights", "agents", "videos"):
        with ready.write() as connection:
            outbox.enqueue_digest(
                connection,
                subscription_id=of,
                slot_key="s1",
                subject="",
                html="",
                paper_ids=[],
                messages=[message(f"{number}@example.org", of) for number in range(600)],
                now=NOW,
            )
    with ready.write() as connection:
        outbox.cancel(connection, {"weights": (), "agents": {"7@example.org"}}, NOW)
    with ready.read() as connection:
        left = outbox.in_state(connection, outbox.WAITING, limit=2_000)
    kept = {f"<videos.{number}@example.org>" for number in range(600)}
    assert {delivery.message_id for delivery in left} == kept | {"<agents.7@example.org>"}


def test_what_is_not_sent_yet_is_counted(ready: Database) -> None:
    enqueue(ready, "ada@example.org", "bob@example.org", "eve@example.org")
    with ready.write() as connection:
        first, second, _ = sending.due(connection, NOW)
        sending.start(connection, first, NOW)
        sending.finish(connection, second, DeliveryState.DEAD, "550 no", NOW)
        outbox.enqueue_notice(
            connection,
            key="k",
            kind="quiet",
            subject="",
            message=message("root@example.org"),
            now=NOW + MINUTE,
        )
    with ready.read() as connection:
        assert outbox.unsent(connection, NOW - MINUTE) == (2, 0)
        assert outbox.unsent(connection, NOW) == (2, 2)
        assert outbox.unsent(connection, NOW + MINUTE) == (2, 3), "a notice can be late as well"


def test_what_awaits_a_digest_is_counted_for_each_subscription(ready: Database) -> None:
    observe(ready, replace(FULL, id="2602.00002"))
    know(ready, "weights", "agents", "idle")
    with ready.write() as connection:
        assert matches.awaiting_digest(connection) == {"weights": 1}
        matches.put(connection, replace(PENDING, paper_id="2602.00002"))
        matches.put(connection, replace(PENDING, subscription_id="agents"))
        done = replace(PENDING, subscription_id="idle", state=MatchState.WITHDRAWN)
        matches.put(connection, done)
        assert matches.awaiting_digest(connection) == {"weights": 2, "agents": 1}
        assert matches.awaiting_digest(connection, ["agents", "idle"]) == {"agents": 1}


def test_one_trouble_one_notice(ready: Database) -> None:
    with ready.write() as connection:
        for expected in (True, False):
            assert (
                outbox.enqueue_notice(
                    connection,
                    key="degraded:daily",
                    kind="source-degraded",
                    subject="daily",
                    message=message("root@example.org"),
                    now=NOW,
                )
                is expected
            )
        assert outbox.last_notice_at(connection, "source-degraded") == NOW
        assert outbox.last_notice_at(connection, "quiet") is None
        [found] = outbox.in_state(connection, [DeliveryState.QUEUED])
        assert found.digest_id is None
        assert found.notice_id is not None


def test_a_delivery_belongs_to_a_digest_or_to_a_notice(ready: Database) -> None:
    with pytest.raises(StoreError, match="one_origin"), ready.write() as connection:
        connection.execute(
            deliveries.insert().values(
                sender="a",
                recipient="b",
                message_id="<c>",
                message=b"",
                state="queued",
                queued_at=NOW,
                next_attempt_at=NOW,
            )
        )


def test_past_digests_and_pruning(ready: Database) -> None:
    digest_id = enqueue(ready, "ada@example.org")
    with ready.write() as connection:
        [delivery_id] = sending.due(connection, NOW)
        sending.finish(connection, delivery_id, DeliveryState.DELIVERED, "250", NOW)
        [past] = outbox.past_digests(connection, "weights")
        assert past == outbox.digest(connection, digest_id)
        assert (past.subject, past.paper_count) == ("weights: 1 new paper", 1)
        assert outbox.past_digests(connection, "other") == []
        assert outbox.last_digest_at(connection, "weights") == NOW
        assert outbox.last_digest_at(connection) == NOW
        assert outbox.prune(connection, NOW + MINUTE) == 1
        assert outbox.message_of(connection, "<s1.ada@example.org>") is None
        sending.recover(connection, NOW)
        connection.execute(deliveries.update().values(state="queued"))
        assert sending.start(connection, delivery_id, NOW) is None, "no bytes are left to send"


def test_what_waits_longest_and_what_was_given_up_are_told(ready: Database) -> None:
    enqueue(ready, "ada@example.org", "bob@example.org", "eve@example.org")
    with ready.write() as connection:
        ada, bob, eve = sending.due(connection, NOW)
        sending.finish(connection, ada, DeliveryState.DELIVERED, "250 ok", NOW + MINUTE)
        sending.finish(connection, bob, DeliveryState.DEAD, "550 no", NOW)
    with ready.read() as connection:
        oldest = outbox.oldest_waiting(connection)
        assert oldest is not None
        assert oldest.id == eve
        [failed] = outbox.failed_since(connection, NOW)
        assert (failed.recipient, failed.answer) == ("bob@example.org", "550 no")
        assert outbox.failed_since(connection, NOW + MINUTE) == []
        assert outbox.last_delivered_at(connection, "ada@example.org") == NOW + MINUTE
        assert outbox.last_delivered_at(connection, "bob@example.org") is None


def test_old_slots_without_a_digest_go_but_for_the_latest(ready: Database) -> None:
    digest_id = enqueue(ready, "ada@example.org", slot="mailed")
    later = NOW + 900 * MINUTE
    with ready.write() as connection:
        slots.record_slot(connection, "weights", "mailed", NOW, NOW, digest_id)
        for number in range(3):
            at = NOW + number * MINUTE
            slots.record_slot(connection, "weights", f"empty{number}", at, at, None)
        slots.prune(connection, later)
        found = [key for key in SLOTS if slots.has_slot(connection, "weights", key)]
        assert slots.last_slot_at(connection, "weights", later) == NOW + 2 * MINUTE
    assert found == ["mailed", "empty2"]


SLOTS = ("mailed", "empty0", "empty1", "empty2")
