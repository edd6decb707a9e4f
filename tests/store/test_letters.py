"""Letters of the pages: who may send one, for how long, and in which order."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from watcher.models import Envelope
from watcher.store import clock, letters
from watcher.store.database import Database
from watcher.store.sending import CLAIMED_FOR, SENT_WITHIN

NOW = dt.datetime(2026, 2, 19, 7, tzinfo=dt.UTC)
MOMENT = dt.timedelta(seconds=1)


def keep(connection: sa.Connection, name: str, at: dt.datetime = NOW) -> None:
    envelope = Envelope(0, f"<{name}>", "papers@example.org", f"{name}@example.org", b"x")
    letters.keep(connection, "confirm", envelope, at, at, is_wanted=True)


def claimed(connection: sa.Connection, token: str, at: dt.datetime) -> str | None:
    letter = letters.claim(connection, token, at)
    return letter.recipient if letter else None


def test_who_has_a_lease_sends_it_alone_until_that_ends(database: Database) -> None:
    with database.write() as connection:
        keep(connection, "eve")
        assert claimed(connection, "one", NOW - MOMENT) is None
        assert claimed(connection, "one", NOW) == "eve@example.org"
        assert letters.next_due_at(connection, NOW) is None
        assert claimed(connection, "other", NOW + CLAIMED_FOR - MOMENT) is None
        assert letters.hold(connection, "<eve>", "one", NOW), "its bytes begin to go"
        assert claimed(connection, "other", NOW + SENT_WITHIN - MOMENT) is None
        assert letters.claim(connection, "one", NOW + SENT_WITHIN, ["<eve>"]) is None
        assert claimed(connection, "other", NOW + SENT_WITHIN) == "eve@example.org"
        assert not letters.hold(connection, "<eve>", "one", NOW), "it came too late"
        letters.put_off(connection, "<eve>", "one", NOW, "busy", is_session_trouble=False)
        assert letters.look(connection).error is None, "nor has it a say"
        long_ago = NOW - dt.timedelta(days=300)
        keep(connection, "max", long_ago)
        assert claimed(connection, "one", long_ago) == "max@example.org"
        letters.release(connection, "one")
        assert claimed(connection, "other", long_ago) == "max@example.org"


def test_who_waits_for_the_first_attempt_is_next_and_a_server_that_is_back_hastens_all(
    database: Database,
) -> None:
    with database.write() as connection:
        for name in ("eve", "max"):
            keep(connection, name)
            assert claimed(connection, "one", NOW) == f"{name}@example.org"
            letters.put_off(
                connection,
                f"<{name}>",
                "one",
                NOW + dt.timedelta(hours=1),
                "away",
                is_session_trouble=name == "eve",
            )
        keep(connection, "new", NOW + MOMENT)
        letters.hasten(connection, NOW)
        assert claimed(connection, "one", NOW + MOMENT) == "new@example.org"
        assert claimed(connection, "one", NOW + MOMENT) == "eve@example.org"
        assert claimed(connection, "one", NOW + MOMENT) is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_clock_that_is_put_back_leaves_no_letter_waiting(database: Database) -> None:
    with database.write() as connection:
        keep(connection, "eve")
        wrong = NOW + dt.timedelta(days=300)
        assert claimed(connection, "one", wrong) == "eve@example.org"
        assert claimed(connection, "other", NOW) == "eve@example.org"
        letters.finish(connection, "<eve>")
        clock.mind(connection, wrong)
        keep(connection, "max", wrong)
        clock.mind(connection, NOW)
        assert claimed(connection, "one", NOW) == "max@example.org"
