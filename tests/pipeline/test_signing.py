"""A signature is made once, with the mail, and is in the store before a server is asked."""

from __future__ import annotations

import sqlalchemy as sa

from tests.fakesite import make_paper
from tests.modes import in_all_modes
from tests.settings.making import write
from tests.signing import DKIM, ed25519_key, rsa_key, verdicts, write_keys, zone
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import app
from watcher.mail import make_signer
from watcher.store import mail_bytes
from watcher.store.database import Database
from watcher.store.schema import deliveries


def ready(world: World) -> dict[str, str]:
    """A world that signs, with a paper for Ada; what its DNS holds."""
    write_keys(world.directory)
    world.configure(DAILY, WEIGHTS, DKIM)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    return zone(make_signer(world.config()).records)


def stored(world: World) -> list[bytes]:
    """The bytes of each mail in the store."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = connection.execute(sa.select(mail_bytes.KEPT).order_by(deliveries.c.id))
        messages = [bytes(message) for message in found.scalars() if message]
    database.close()
    return messages


@in_all_modes
async def test_digests_leave_with_signatures_that_hold(world: World) -> None:
    dns = ready(world)
    await world.run_pass()
    [mail] = world.digests()
    assert verdicts(mail.raw, dns, world.now) == [True, True]


async def test_so_do_mails_to_the_operator(world: World) -> None:
    dns = ready(world)
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="ada@example.org")
    await world.run_pass()
    await world.run_pass()
    [notice] = world.notices()
    assert verdicts(notice.raw, dns, world.now) == [True, True]


async def test_without_a_key_nothing_is_signed(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    [mail] = world.digests()
    assert b"DKIM-Signature" not in mail.raw


async def test_the_signature_is_stored_before_a_server_sees_any_of_it(world: World) -> None:
    dns = ready(world)
    world.smtp.fail("rcpt", "450 4.2.0 greylisted", times=1)
    await world.run_pass()
    assert world.mails == [], "it came no further than RCPT"
    [frozen] = stored(world)
    assert verdicts(frozen, dns, world.now) == [True, True]
    # Neither a later hour nor another key makes another mail of it.
    write_keys(world.directory, "theirs")
    other = zone(make_signer(world.config()).records)
    world.add(make_paper(2, world.now, title=ZORBLAX))
    world.later(minutes=5)
    await world.run_pass()
    first, second = world.digests()
    assert first.raw == frozen
    assert verdicts(second.raw, other, world.now) == [True, True]


async def test_a_mail_that_goes_twice_is_signed_once(world: World) -> None:
    dns = ready(world)
    world.smtp.fail("dot", "accept+drop", times=1)
    await world.run_pass()
    world.later(hours=1)
    await world.run_pass()
    first, second = world.digests()
    assert first.raw == second.raw
    assert verdicts(second.raw, dns, world.now) == [True, True]


async def test_a_key_that_breaks_while_it_runs_leaves_the_last_good_one(world: World) -> None:
    dns = ready(world)
    async with world.engine() as engine:
        before = engine.context.config.stamps()
        write(world.directory, ed25519_key(), "rsa.pem")
        assert engine.context.config.stamps() != before
        [problem] = await app.reload(engine, world.config)
        assert problem.key == "dkim.key_file"
        await engine.run_pass()
        [mail] = world.digests()
        assert verdicts(mail.raw, dns, world.now) == [True, True]
        [notice] = world.notices()
        assert "holds an Ed25519 key" in notice.text
        write(world.directory, rsa_key("theirs"), "rsa.pem")
        assert await app.reload(engine, world.config) == ()
        world.add(make_paper(2, world.now, title=ZORBLAX))
        await engine.run_pass()
        assert verdicts(world.digests()[1].raw, dns, world.now) == [False, True]
