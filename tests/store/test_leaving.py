"""Who has left which subscription: on both databases, in all letters, under every name of it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
import sqlalchemy as sa

from tests.store.conftest import NOW
from watcher.models import DeliveryState
from watcher.store import leaving, outbox, renaming, subscriptions, taking_over
from watcher.store.database import Database
from watcher.store.shards import Shard
from watcher.store.taking_over import Wanted

ADA = "Ünal@example.org"
LOW = "ünal@example.org"
MAX = "max@example.org"
LATER = NOW + dt.timedelta(days=1)
WEIGHTS = Wanted("weights", f'{{"to": ["{ADA}", "{MAX}"]}}', lambda: "f", (ADA, MAX))


def take(connection: sa.Connection, *wanted: Wanted) -> None:
    taking_over.synchronise(connection, wanted, NOW, vocabulary="v")


def mail(connection: sa.Connection, subscription_id: str, *recipients: str) -> None:
    messages = (
        outbox.Message("papers@example.org", to, f"<{subscription_id}-{to}>", b"")
        for to in recipients
    )
    frozen = outbox.Frozen(subscription_id, "s", "", "", (), tuple(messages))
    outbox.enqueue_digests(connection, [frozen], NOW)


def test_who_leaves_one_loses_what_waits_of_that_one_alone(database: Database) -> None:
    others = replace(WEIGHTS, id="others", fingerprint=lambda: "g")
    with database.write() as connection:
        take(connection, WEIGHTS, others)
        mail(connection, "weights", ADA, MAX)
        mail(connection, "others", ADA)
        assert leaving.leave(connection, "weights", LOW, NOW)
        assert not leaving.leave(connection, "weights", ADA, LATER)
        states = {each.message_id: each.state for each in outbox.of_digests(connection, [1, 2])}
        assert states == {
            f"<weights-{ADA}>": DeliveryState.CANCELLED,
            f"<weights-{MAX}>": DeliveryState.QUEUED,
            f"<others-{ADA}>": DeliveryState.QUEUED,
        }
        left = leaving.left(connection)
        assert left.among("weights", [ADA, MAX]) == (leaving.LeftRecipient("weights", ADA, NOW),)
        assert left.remaining("weights", [ADA, MAX]) == (MAX,)
        assert left.remaining("others", [ADA, MAX]) == (ADA, MAX)
        assert leaving.lists_left_by(connection, ADA) == ("weights",)
        halves = [leaving.left(connection, Shard(number, 2)).by_pair for number in range(2)]
        assert sorted(map(len, halves)) == [0, 1], "of one shard, and not of the other"
        assert not leaving.take_back(connection, "others", ADA)
        assert leaving.take_back(connection, "weights", ADA)
        assert leaving.left(connection) == leaving.NOBODY


def test_who_has_left_has_left_it_under_its_new_name(database: Database) -> None:
    with database.write() as connection:
        take(connection, WEIGHTS)
        leaving.leave(connection, "weights", ADA, NOW)
        take(connection, replace(WEIGHTS, id="new"))
        renaming.rename(connection, "weights", "new")
        assert leaving.left(connection).by_pair.keys() == {("new", LOW)}
        assert renaming.now_called(connection, "weights") == "new", "as links in old mails say"
        take(connection, replace(WEIGHTS, id="newer"))
        renaming.start_anew(connection, "newer", NOW)
        assert leaving.left(connection).remaining("newer", [ADA, MAX]) == (MAX,)
        assert renaming.now_called(connection, "weights") == "newer", "for it is the same to them"
        take(connection, replace(WEIGHTS, id="weights", fingerprint=lambda: "another"))
        assert renaming.now_called(connection, "weights") == "weights", "which is in use again"
        assert renaming.now_called(connection, "unheard-of") is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("is_taken_out", [True, False])
@pytest.mark.parametrize("recipients", [(ADA, MAX), (MAX,)])
def test_a_list_that_somebody_has_left_is_known_under_its_new_name(
    database: Database, recipients: tuple[str, ...], is_taken_out: bool
) -> None:
    told = json.dumps({"to": recipients})
    with database.write() as connection:
        take(connection, WEIGHTS)
        leaving.leave(connection, "weights", LOW, NOW)
        if is_taken_out:  # as a click does where the operator has put it into the store
            subscriptions.take_out(connection, "weights", ADA)
        take(connection, replace(WEIGHTS, id="new", definition=told, recipients=recipients))
        found = subscriptions.get(connection, "new")
        assert found is not None
        assert found.renamed_from == "weights", "or all others would have everything again"
        other = (*recipients, "eve@example.org")
        take(connection, replace(WEIGHTS, id="other", definition=told, recipients=other))
        found = subscriptions.get(connection, "other")
        assert found is not None
        assert found.renamed_from is None
