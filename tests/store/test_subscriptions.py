"""Taking the configuration over, pausing, renaming."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import replace

import pytest

from tests.store.conftest import NOW
from tests.store.test_matches import PENDING
from tests.store.test_outbox import message
from tests.store.test_papers import FULL, observe
from watcher.models import DeliveryState, MatchState
from watcher.store import backfills, matches, outbox, renaming, slots, subscriptions, taking_over
from watcher.store.database import Database
from watcher.store.taking_over import Wanted

LATER = NOW + dt.timedelta(hours=1)
ADA = Wanted("weights", '{"to": ["ada@example.org"]}', "f1".format, ("ada@example.org",))


def take(
    database: Database,
    *wanted: Wanted,
    now: dt.datetime = NOW,
    vocabulary: str = "v1",
    unread: Collection[str] = (),
) -> tuple[tuple[str, str], ...]:
    with database.write() as connection:
        return taking_over.synchronise(
            connection, wanted, now, vocabulary=vocabulary, unread=unread
        )


def known(database: Database) -> dict[str, subscriptions.KnownSubscription]:
    with database.read() as connection:
        return subscriptions.known(connection)


def test_a_subscription_is_known_from_when_it_was_first_seen(database: Database) -> None:
    take(database, ADA)
    take(database, replace(ADA, definition='{"to": []}', fingerprint="f2".format), now=LATER)
    found = known(database)["weights"]
    assert (found.known_at, found.definition, found.fingerprint) == (NOW, '{"to": []}', "f2")
    assert found.is_active


def test_removing_one_cancels_what_was_not_sent_and_its_return_is_a_new_start(
    database: Database,
) -> None:
    observe(database, FULL)
    take(database, ADA)
    with database.write() as connection:
        matches.put(connection, PENDING)
        outbox.enqueue_digest(
            connection,
            subscription_id="weights",
            slot_key="s",
            subject="",
            html="",
            paper_ids=[],
            messages=[message("ada@example.org")],
            now=NOW,
        )
    take(database, now=LATER)
    found = known(database)["weights"]
    assert (found.removed_at, found.is_active) == (LATER, False)
    with database.read() as connection:
        assert matches.of_paper(connection, FULL.id)[0].state is MatchState.WITHDRAWN
        assert outbox.counts(connection)[DeliveryState.CANCELLED] == 1
    assert take(database, ADA, now=LATER) == ()
    found = known(database)["weights"]
    assert (found.removed_at, found.known_at, found.is_active) == (None, LATER, True)


def test_an_apparent_rename_waits(database: Database) -> None:
    take(database, ADA)
    new = replace(ADA, id="hypernetworks")
    assert take(database, new, now=LATER) == (("weights", "hypernetworks"),)
    found = known(database)["hypernetworks"]
    assert (found.renamed_from, found.is_active) == ("weights", False)


def test_other_rules_or_other_recipients_are_no_rename(database: Database) -> None:
    take(database, ADA)
    assert take(database, replace(ADA, id="a", fingerprint="f2".format)) == ()
    take(database, ADA)
    assert take(database, replace(ADA, id="b", recipients=("bob@example.org",))) == ()


def never() -> str:
    raise AssertionError("asked for a fingerprint that cannot have changed")


def test_rules_that_did_not_change_are_not_looked_at(database: Database) -> None:
    take(database, ADA)
    take(database, replace(ADA, fingerprint=never, recipients=("bob@example.org",)), now=LATER)
    assert known(database)["weights"].fingerprint == "f1"


def test_another_vocabulary_has_all_rules_looked_at_once(database: Database) -> None:
    take(database, ADA)
    take(database, replace(ADA, fingerprint="f2".format), now=LATER, vocabulary="v2")
    assert known(database)["weights"].fingerprint == "f2"
    take(database, replace(ADA, fingerprint=never), now=LATER, vocabulary="v2")
    new = replace(ADA, id="new", fingerprint="f2".format)
    assert take(database, new, now=LATER, vocabulary="v2") == (("weights", "new"),)


def test_what_could_not_be_read_then_is_looked_at_when_it_can(database: Database) -> None:
    ours = replace(ADA, id="file/weights")
    take(database, ours)
    for now in (NOW, LATER):
        take(database, now=now, vocabulary="v2", unread={"file"})
    take(database, replace(ours, fingerprint="f2".format), now=LATER, vocabulary="v2")
    assert known(database)["file/weights"].fingerprint == "f2"


MANY = 1_100
"""More than one statement takes ids."""


def many(*, stem: str = "", rules: str = "f") -> list[Wanted]:
    def one(number: int) -> Wanted:
        to = f"{number}@example.org"
        definition = f'{{"to": ["{to}"], "rules": "{rules}"}}'
        return Wanted(f"{stem}s{number}", definition, f"{rules}{number % 3}".format, (to,))

    return [one(number) for number in range(MANY)]


def test_many_come_change_go_and_come_again(database: Database) -> None:
    assert take(database, *many()) == ()
    take(database, *many(rules="g"), now=LATER)
    found = known(database)
    assert len(found) == MANY
    assert {row.known_at for row in found.values()} == {NOW}
    assert {row.fingerprint for row in found.values()} == {"g0", "g1", "g2"}
    assert found["s7"].definition == many(rules="g")[7].definition
    take(database, ADA, now=LATER)
    gone = [row for row in known(database).values() if row.removed_at == LATER]
    assert len(gone) == MANY
    assert take(database, ADA, *many(rules="h"), now=LATER) == ()
    found = known(database)
    assert all(row.is_active for row in found.values())
    assert (found["s7"].known_at, found["s7"].fingerprint) == (LATER, "h1")


def test_many_that_move_into_a_file_are_each_held_for_their_own(database: Database) -> None:
    take(database, *many())
    renames = take(database, *many(stem="file/"), now=LATER)
    assert renames == tuple((f"s{number}", f"file/s{number}") for number in range(MANY))
    assert known(database)["file/s7"].renamed_from == "s7"


def test_only_those_that_digests_are_composed_for_are_active(database: Database) -> None:
    here = [replace(ADA, id=i, fingerprint=i.format) for i in ("here", "paused", "old", "gone")]
    with database.read() as connection:
        assert subscriptions.active_since(connection) is None
    take(database, *here)
    take(database, *here[:2], replace(here[2], id="held"), replace(ADA, id="late"), now=LATER)
    with database.write() as connection:
        subscriptions.pause(connection, "paused", LATER)
        for at in (NOW, LATER):
            slots.record_slot(connection, "here", f"{at}", at, at, None)
        slots.record_slot(connection, "late", "s", LATER, LATER, None)
        at_first = subscriptions.active(connection, NOW)
        assert at_first.keys() == {"here", "late"}
        assert (at_first["here"].known_at, at_first["here"].last_slot_at) == (NOW, NOW)
        assert (at_first["late"].known_at, at_first["late"].last_slot_at) == (LATER, None)
        assert subscriptions.active(connection, LATER)["here"].last_slot_at == LATER
        assert subscriptions.active_since(connection) == NOW
        subscriptions.pause(connection, "here", LATER)
        assert subscriptions.active_since(connection) == LATER
        found = subscriptions.get(connection, "here")
        assert found == subscriptions.known(connection)["here"]
        assert subscriptions.get(connection, "nobody") is None


def test_of_two_that_went_neither_is_guessed(database: Database) -> None:
    take(database, ADA, replace(ADA, id="twin"))
    assert take(database, replace(ADA, id="new")) == ()


def test_renaming_moves_the_whole_history(database: Database) -> None:
    observe(database, FULL, replace(FULL, id="2602.00002"))
    take(database, ADA)
    with database.write() as connection:
        matches.put(connection, PENDING)
        digest_id = outbox.enqueue_digest(
            connection,
            subscription_id="weights",
            slot_key="s",
            subject="",
            html="",
            paper_ids=[FULL.id],
            messages=[],
            now=NOW,
        )
        slots.record_slot(connection, "weights", "s", NOW, NOW, digest_id)
        matches.mark_met(connection, [("weights", "daily")], 1)
        backfills.mark_done(connection, [("weights", "both"), ("weights", "old")], NOW)
    take(database, replace(ADA, id="new"), now=LATER)
    fresh = replace(PENDING, subscription_id="new")
    with database.write() as connection:
        matches.put(connection, fresh)
        matches.put(connection, replace(fresh, paper_id="2602.00002"))
        matches.mark_met(connection, [("new", "daily")], 2)
        backfills.mark_done(connection, [("new", "both"), ("new", "new")], LATER)
        renaming.rename(connection, "weights", "new")
        states = matches.states_of(connection, [FULL.id, "2602.00002"])
        assert states == {
            ("new", FULL.id): MatchState.COMPOSED,
            ("new", "2602.00002"): MatchState.PENDING,
        }
        assert slots.has_slot(connection, "new", "s")
        assert outbox.past_digests(connection, "new")[0].id == digest_id
        assert matches.met_sources(connection) == {("new", "daily")}
        assert backfills.done(connection) == {("new", "both"), ("new", "old"), ("new", "new")}
    found = known(database)["new"]
    assert (found.renamed_from, found.known_at, found.is_active) == (None, NOW, True)


def test_pausing_and_resuming(database: Database) -> None:
    take(database, ADA)
    with database.write() as connection:
        subscriptions.pause(connection, "weights", LATER)
    assert not known(database)["weights"].is_active
    with database.write() as connection:
        subscriptions.pause(connection, "weights", None)
    assert known(database)["weights"].is_active


def waiting(database: Database) -> None:
    """One mail in the queue and one pair that waits for its slot."""
    observe(database, FULL)
    take(database, ADA)
    with database.write() as connection:
        matches.put(connection, PENDING)
        outbox.enqueue_digest(
            connection,
            subscription_id="weights",
            slot_key="s",
            subject="",
            html="",
            paper_ids=[],
            messages=[message("ada@example.org")],
            now=NOW,
        )


def test_an_apparent_rename_loses_nothing_before_it_is_settled(database: Database) -> None:
    waiting(database)
    take(database, replace(ADA, id="new"), now=LATER)
    take(database, replace(ADA, id="new"), now=LATER)
    with database.write() as connection:
        assert outbox.counts(connection)[DeliveryState.QUEUED] == 1
        renaming.rename(connection, "weights", "new")
        assert outbox.counts(connection)[DeliveryState.QUEUED] == 1
        assert matches.states_of(connection, [FULL.id]) == {("new", FULL.id): MatchState.PENDING}


def test_starting_anew_settles_an_apparent_rename(database: Database) -> None:
    waiting(database)
    take(database, replace(ADA, id="new"), now=LATER)
    with database.write() as connection:
        renaming.start_anew(connection, "new", LATER)
        assert outbox.counts(connection)[DeliveryState.CANCELLED] == 1
        assert matches.states_of(connection, [FULL.id]) == {
            ("weights", FULL.id): MatchState.WITHDRAWN
        }
    assert known(database)["new"].is_active
    with database.write() as connection:
        renaming.start_anew(connection, "new", LATER)
    assert known(database)["new"].is_active


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_starting_anew_takes_nothing_from_one_that_has_come_back(database: Database) -> None:
    waiting(database)
    take(database, replace(ADA, id="new"), now=LATER)
    take(database, ADA, replace(ADA, id="new"), now=LATER)
    with database.write() as connection:
        renaming.start_anew(connection, "new", LATER)
        assert outbox.counts(connection)[DeliveryState.QUEUED] == 1
        assert matches.states_of(connection, [FULL.id]) == {
            ("weights", FULL.id): MatchState.PENDING
        }
        assert renaming.now_called(connection, "weights") == "weights"
    assert known(database)["new"].is_active


def test_what_the_old_one_withdrew_and_the_new_one_found_is_pending(database: Database) -> None:
    observe(database, FULL)
    take(database, ADA)
    take(database, replace(ADA, id="new"), now=LATER)
    with database.write() as connection:
        matches.put(connection, replace(PENDING, state=MatchState.WITHDRAWN))
        matches.put(connection, replace(PENDING, subscription_id="new"))
        renaming.rename(connection, "weights", "new")
        assert matches.states_of(connection, [FULL.id]) == {("new", FULL.id): MatchState.PENDING}
