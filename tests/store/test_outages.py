"""What digests are told of outages."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.store.conftest import NOW
from watcher.models import Failure, Outage, Outcome
from watcher.store import checks, outages
from watcher.store.database import Database

HOUR = dt.timedelta(hours=1)
LETTERS = {
    "o": Outcome.OK,
    "u": Outcome.UNCHANGED,
    "f": Outcome.FAILED,
    "b": Outcome.BLOCKED,
    "d": Outcome.DEGRADED,
}


def check(database: Database, source: str, outcomes: str) -> None:
    """A check an hour; `.` is one that was cut short."""
    with database.write() as connection:
        for number, letter in enumerate(outcomes):
            at = NOW + number * HOUR
            made = checks.start(connection, source, at)
            if letter != ".":
                checks.finish(
                    connection,
                    made,
                    LETTERS[letter],
                    paper_count=0,
                    new_count=0,
                    error=None,
                    now=at,
                )


def failures(database: Database, since: dt.datetime = NOW - HOUR) -> tuple[Failure, ...]:
    with database.read() as connection:
        return outages.failures_since(connection, {"daily", "trending"}, since)


@pytest.mark.parametrize(
    ("outcomes", "found"),
    [
        ("", []),
        ("ouo.", []),
        ("off", [(1, None, False)]),
        ("offou", [(1, 3, False)]),
        ("fofo", [(0, 1, False), (2, 3, False)]),
        ("f.bo", [(0, 3, False)]),
        ("odd", [(1, None, True)]),
        ("oddo", [(1, 3, True)]),
        ("odfdo", [(1, 4, False)]),
        ("fd", [(0, None, False)]),
    ],
)
def test_bad_checks_in_a_row_are_one_failure(
    database: Database, outcomes: str, found: list[tuple[int, int | None, bool]]
) -> None:
    check(database, "daily", outcomes)
    check(database, "trending", "oo")
    check(database, "weekly", "ff")
    assert failures(database) == tuple(
        Failure("daily", NOW + a * HOUR, None if b is None else NOW + b * HOUR, is_degraded=is_it)
        for a, b, is_it in found
    )


def test_what_the_last_digest_could_tell_is_not_told_again(database: Database) -> None:
    check(database, "daily", "fofo")
    assert failures(database, NOW + HOUR) == (Failure("daily", NOW + 2 * HOUR, NOW + 3 * HOUR),)
    assert failures(database, NOW + 3 * HOUR) == ()


def test_outages_are_told_once_they_are_over_until_they_are_pruned(database: Database) -> None:
    first = Outage("daily", NOW - 30 * HOUR, NOW, "week", 2)
    second = Outage("trending", NOW, NOW + HOUR)
    with database.write() as connection:
        for outage in (first, second, Outage("weekly", NOW, NOW)):
            outages.keep(connection, outage)
        names = {"daily", "trending"}
        assert outages.ended_since(connection, names, NOW - HOUR) == (first, second)
        assert outages.ended_since(connection, names, NOW) == (second,)
        outages.prune(connection, NOW + HOUR)
        assert outages.ended_since(connection, names, NOW - HOUR) == (second,)
