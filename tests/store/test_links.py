"""What people did by links: once, and for good, on both databases."""

from __future__ import annotations

import datetime as dt

from tests.store.conftest import NOW
from watcher.store import bounces, links
from watcher.store.database import Database

EVE = "eve@example.org"


def test_a_link_that_works_once_is_spent_once(database: Database) -> None:
    for digest, is_first in (("a", True), ("a", False), ("b", True)):
        with database.write() as connection:
            assert links.spend(connection, digest, NOW) is is_first
    with database.write() as connection:
        links.prune(connection, NOW + dt.timedelta(seconds=1))
    with database.write() as connection:
        assert links.spend(connection, "a", NOW)


def test_who_is_suppressed_is_so_in_all_letters_until_it_is_taken_back(database: Database) -> None:
    with database.write() as connection:
        bounces.pause(connection, EVE, "mail came back", NOW)
    with database.write() as connection:
        assert links.suppress(connection, "Eve@example.org", NOW)
        assert not links.suppress(connection, "EVE@example.org", NOW)
        asked = ["eVe@example.org", "max@example.org"]
        assert links.suppressed_of(connection, asked) == asked[:1]
        assert bounces.paused_of(connection, asked).keys() == {asked[0]}
        assert bounces.paused(connection)[EVE].reason == links.NEVER, "not what was before"
        assert links.suppressed(connection) == [links.Suppressed(EVE, NOW)]
        assert links.unsuppress(connection, "eve@EXAMPLE.org", NOW)
        assert not links.unsuppress(connection, EVE, NOW)
        assert bounces.paused_of(connection, asked) == {}
