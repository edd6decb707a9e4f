"""Pairs are made once and never forgotten."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from tests.store.conftest import NOW
from tests.store.test_papers import FULL, observe
from watcher.models import Hit, Match, MatchState, Reason
from watcher.store import matches, taking_over
from watcher.store.database import Database

REASONS = (
    Reason(
        "weights",
        (Hit("any", "hypernetwork*", "title", ("Hypernetworks",)),),
        crossed=("min_upvotes",),
        is_incomplete=True,
    ),
)
PENDING = Match(
    "weights",
    FULL.id,
    MatchState.PENDING,
    "daily",
    NOW,
    REASONS,
    votes_per_day=2.5,
    backfill_days=30,
)


def know(database: Database, *ids: str) -> None:
    wanted = [taking_over.Wanted(i, '{"to": []}', f"f-{i}".format, ()) for i in ids]
    with database.write() as connection:
        taking_over.synchronise(connection, wanted, NOW, vocabulary="")


def test_a_pair_comes_back_with_its_reasons(database: Database) -> None:
    observe(database, FULL)
    know(database, "weights", "agents")
    with database.write() as connection:
        matches.put(connection, PENDING)
        matches.put(connection, replace(PENDING, subscription_id="agents", is_baseline=True))
        assert matches.in_state(connection, MatchState.PENDING, "weights") == [PENDING]
        assert len(matches.in_state(connection, MatchState.PENDING)) == 2
        assert matches.states_of(connection, [FULL.id]) == {
            ("weights", FULL.id): MatchState.PENDING,
            ("agents", FULL.id): MatchState.PENDING,
        }
        assert [m.subscription_id for m in matches.of_paper(connection, FULL.id)] == [
            "agents",
            "weights",
        ]
        assert matches.counts(connection) == {"weights": {"pending": 1}, "agents": {"pending": 1}}


def test_putting_again_replaces_and_forgetting_removes(database: Database) -> None:
    observe(database, FULL)
    know(database, "weights")
    later = replace(PENDING, state=MatchState.WITHDRAWN, matched_at=NOW + dt.timedelta(hours=1))
    with database.write() as connection:
        matches.put(connection, PENDING)
        matches.put(connection, later)
        assert matches.of_paper(connection, FULL.id) == [later]
        matches.forget(connection, [("weights", FULL.id)])
        assert matches.of_paper(connection, FULL.id) == []


def test_what_waits_for_a_removed_subscription_is_withdrawn(database: Database) -> None:
    observe(database, FULL, replace(FULL, id="2602.00002"))
    know(database, "weights")
    baseline = replace(PENDING, paper_id="2602.00002", state=MatchState.BASELINE)
    with database.write() as connection:
        matches.put(connection, PENDING)
        matches.put(connection, baseline)
        matches.withdraw_unsent(connection, "weights")
        assert matches.states_of(connection, [FULL.id, "2602.00002"]) == {
            ("weights", FULL.id): MatchState.WITHDRAWN,
            ("weights", "2602.00002"): MatchState.BASELINE,
        }


def test_first_runs_are_remembered(database: Database) -> None:
    know(database, "weights")
    with database.write() as connection:
        assert matches.met_sources(connection) == set()
        matches.mark_met(connection, [], 1)
        matches.mark_met(connection, [("weights", "daily")], 1)
        assert matches.met_sources(connection) == {("weights", "daily")}
