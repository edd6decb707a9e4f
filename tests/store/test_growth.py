"""How many votes a paper had a day ago."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from tests.store.conftest import NOW
from tests.store.test_papers import FULL, observe
from watcher.models import VoteCount
from watcher.store import growth
from watcher.store.database import Database

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def saw(database: Database, votes: int | None, at: dt.datetime, source: str = "daily") -> None:
    observe(database, replace(FULL, upvotes=votes), at=at, source=source)


def votes_at(database: Database, at: dt.datetime) -> VoteCount | None:
    with database.read() as connection:
        return growth.votes_at(connection, [FULL.id, "2602.99999"], at).get(FULL.id)


def test_the_newest_by_then_counts_on_whatever_page(database: Database) -> None:
    saw(database, 3, NOW - 3 * DAY)
    saw(database, 5, NOW - 2 * DAY)
    saw(database, 8, NOW - DAY, source="trending")
    saw(database, 9, NOW)
    assert votes_at(database, NOW - DAY) == VoteCount(8, NOW - DAY)
    assert votes_at(database, NOW - DAY - HOUR) == VoteCount(5, NOW - 2 * DAY)
    assert votes_at(database, NOW) == VoteCount(9, NOW)


def test_without_one_by_then_it_is_the_oldest(database: Database) -> None:
    saw(database, 7, NOW - 5 * HOUR)
    saw(database, 9, NOW)
    assert votes_at(database, NOW - DAY) == VoteCount(7, NOW - 5 * HOUR)


def test_a_card_without_votes_is_no_count(database: Database) -> None:
    saw(database, None, NOW - 3 * DAY)
    assert votes_at(database, NOW - DAY) is None
    saw(database, 4, NOW - 2 * DAY)
    saw(database, None, NOW - DAY)
    assert votes_at(database, NOW - DAY) == VoteCount(4, NOW - 2 * DAY)


def test_of_two_counts_of_one_instant_the_later_one_stands(database: Database) -> None:
    saw(database, 4, NOW - DAY)
    saw(database, 6, NOW - DAY, source="trending")
    assert votes_at(database, NOW - DAY) == VoteCount(6, NOW - DAY)


def test_many_are_asked_for_in_parts(database: Database) -> None:
    many = [replace(FULL, id=f"2602.{number:05}", upvotes=number) for number in range(1200)]
    observe(database, *many)
    with database.read() as connection:
        found = growth.votes_at(connection, [paper.id for paper in many], NOW)
    assert {paper_id: count.count for paper_id, count in found.items()} == {
        paper.id: paper.upvotes for paper in many
    }
