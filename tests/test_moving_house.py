"""A world that has run for days goes on in another database: nothing lost, nothing twice."""

from __future__ import annotations

import datetime as dt
import shlex
from collections import Counter
from pathlib import Path

from tests import documents
from tests.cli.looking import Asker
from tests.fakesite import faults, make_paper
from tests.postgres import PostgresServer
from tests.world import DAILY, ZORBLAX, World
from watcher.models import DeliveryState
from watcher.store import checks, outbox, versions
from watcher.store.database import Database
from watcher.store.schema import matches, outages

PARKING = """
[[subscriptions]]
name = "all"
to = ["ada@example.org", "dead@example.org", "slow@example.org", "lost@example.org"]
digest = "each-check"
any = ["zorblax"]
[[subscriptions]]
name = "monday"
to = ["monday@example.org"]
digest = "weekly mon 08:00"
any = ["zorblax"]
"""

MONDAY = dt.datetime(2026, 2, 16, 9, tzinfo=dt.UTC)
PEOPLE = [f"{name}@example.org" for name in ("ada", "dead", "slow", "lost", "monday")]


def states(world: World) -> dict[DeliveryState, int]:
    """How many mails of digests are in each."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = outbox.in_state(connection, list(DeliveryState))
    database.close()
    return Counter(each.state for each in found if each.digest_id)


def configured(world: World, store: str) -> Asker:
    world.store = store
    world.configure(DAILY, PARKING)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace("[mail]\n", '[mail]\nambiguous = "park"\n'))
    return Asker(world)


async def paper(world: World, number: int) -> None:
    """A new one is there."""
    world.later(hours=3)
    world.add(make_paper(number, world.now - dt.timedelta(minutes=1), title=ZORBLAX))
    await world.run_pass()


async def test_days_on_sqlite_then_on_postgresql_then_back(
    tmp_path: Path, postgres_url: str
) -> None:
    with World(tmp_path) as world:
        world.site_timeout = world.smtp_timeout = 1
        world.now = MONDAY
        ask = configured(world, "sqlite:///watcher.db")
        world.fill()
        world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="dead@example.org")
        world.smtp.fail("rcpt", "451 4.7.1 greylisted", recipient="slow@example.org")
        world.smtp.fail("dot", "accept+drop", recipient="lost@example.org", times=1)
        await paper(world, 1)
        world.later(days=1)
        world.site.faults["*"] = faults.server_error()
        await world.run_pass()
        world.site.faults.clear()
        world.later(hours=30)
        await paper(world, 2)
        see_all_kinds(world)
        frozen = waiting(world)
        assert frozen
        world.site.papers[:] = [each for each in world.site.papers if each.title != ZORBLAX]

        assert ask("copy", "config", postgres_url).code == 0
        world.smtp.heal()
        ask = configured(world, postgres_url)
        assert waiting(world) == frozen
        await paper(world, 3)
        assert states(world)[DeliveryState.PARKED] == 1
        assert ask("copy", "config", "sqlite:///back.db").code == 0
        configured(world, "sqlite:///back.db")
        await paper(world, 4)
        world.now = MONDAY + dt.timedelta(days=7)
        await world.run_pass()

        got = Counter(
            (mail.recipient, int(paper_id[-5:]))
            for mail in world.mails
            for paper_id in mail.paper_ids
        )
        # Who was refused gets that paper no more; who may have it already has it.
        owed = {(who, number) for who in PEOPLE for number in (1, 2, 3, 4)}
        assert got == Counter(owed - {("dead@example.org", 1), ("dead@example.org", 2)})
        assert frozen <= {mail.message_id for mail in world.mails}, "the very mails that waited"


def test_a_dump_is_put_back_as_the_document_says(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    postgres_server.start()
    lines = [
        shlex.split(line)
        for block in documents.SCALING.blocks
        if block.language == "sh"
        for line in documents.commands(block)
    ]
    make, before_upgrade, dump, drop, again, restore = (
        words for words in lines if words[0] in {"createdb", "dropdb", "pg_dump", "pg_restore"}
    )
    assert make == again
    assert before_upgrade == dump
    database = Database(postgres_server.url("papers"), writable=True)
    postgres_server.client(*make, cwd=tmp_path)
    try:
        versions.migrate(database, MONDAY)
        with database.write() as connection:
            assert [checks.start(connection, "daily", MONDAY) for _ in range(3)] == [1, 2, 3]
        database.close()
        for words in (dump, drop, again, restore):
            postgres_server.client(*words, cwd=tmp_path)
        versions.require_newest(database)
        with database.write() as connection:
            assert len(checks.recent(connection)) == 3
            assert checks.start(connection, "daily", MONDAY) == 4
    finally:
        database.close()
        postgres_server.client("dropdb", "papers", cwd=tmp_path)


def see_all_kinds(world: World) -> None:
    """Waiting, refused and parked mails, pairs that wait for their slot, and an outage."""
    found = states(world)
    assert found[DeliveryState.DELIVERED] >= 2
    assert (found[DeliveryState.DEAD], found[DeliveryState.PARKED]) == (2, 1)
    assert found[DeliveryState.QUEUED] == 2
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        pending = connection.execute(matches.select().where(matches.c.state == "pending")).all()
        assert len(pending) == 2
        assert connection.execute(outages.select()).all()
    database.close()


def waiting(world: World) -> set[str]:
    """The Message-IDs of the mails that wait."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = outbox.in_state(connection, [DeliveryState.QUEUED])
    database.close()
    return {each.message_id for each in found if each.digest_id}
