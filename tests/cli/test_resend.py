"""A digest once more, on purpose: the same bytes, and told apart from the first time."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest

from tests.cli.looking import Asker, fill
from tests.cli.terminal import Terminal
from tests.fakesite import make_paper
from tests.mail.bouncing import block, dsn
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import app
from watcher.store import bounces
from watcher.store.database import Database

ADA, BOB = "ada@example.org", "bob@example.org"
TWO = WEIGHTS.replace(f'["{ADA}"]', f'["{ADA}", "{BOB}"]')
PARK = 'ambiguous = "park"\n'


def run_pass(world: World) -> None:
    async def run() -> None:
        await world.run_pass()

    asyncio.run(run())


def configure(world: World, part: str = WEIGHTS, mail: str = "") -> None:
    world.configure(DAILY, part)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace("[mail]\n", f"[mail]\n{mail}"))


def mailed(world: World, part: str = WEIGHTS, mail: str = "") -> None:
    """One digest is there, made an hour ago."""
    configure(world, part, mail)
    fill(world, 1)
    run_pass(world)
    world.later(hours=1)


def test_the_same_bytes_go_at_once_and_are_a_delivery_of_their_own(
    stored_world: World,
) -> None:
    world, ask = stored_world, Asker(stored_world)
    mailed(world)
    said = ask("resend", "1", "--yes")
    assert (said.code, said.out) == (
        0,
        "digest 1 to ada@example.org delivered: 250 2.0.0 queued\n",
    )
    first, second = world.digests()
    assert first.raw == second.raw
    world.later(hours=1)
    run_pass(world)
    assert len(world.digests()) == 2, "once more means once"
    [digest] = ask("history", "--json").rows
    assert [(each["resend"], each["state"], each["at"]) for each in digest["deliveries"]] == [
        (0, "delivered", "2026-02-19T07:00:00+00:00"),
        (1, "delivered", "2026-02-19T08:00:00+00:00"),
    ]
    assert "ada@example.org (sent again) delivered Thu 2026-02-19 08:00 UTC" in ask("history").out


def test_it_can_go_again_and_again(world: World, ask: Asker) -> None:
    mailed(world)
    for _ in range(2):
        assert ask("resend", "1", "--yes").code == 0
    assert len({mail.raw for mail in world.digests()}) == 1
    assert len(world.digests()) == 3
    told = ask("resend", "1", "--yes", "--json").json
    [mail] = told["mails"]
    assert (told["digest"], mail["resend"], mail["state"]) == (1, 3, "delivered")
    assert (told["not_sent"], told["busy"]) == ([], None)


def test_it_goes_to_all_or_to_those_that_are_named(world: World, ask: Asker) -> None:
    mailed(world, TWO)
    assert ask("resend", "1", "--yes", "--to", "Bob@Example.org").code == 0
    assert (len(world.digests(ADA)), len(world.digests(BOB))) == (1, 2)
    assert ask("resend", "1", "--yes").code == 0
    assert (len(world.digests(ADA)), len(world.digests(BOB))) == (2, 3)


def test_who_is_named_twice_gets_it_once(stored_world: World) -> None:
    mailed(stored_world)
    named = ("--to", ADA, "--to", "Ada@Example.org", "--to", ADA)
    said = Asker(stored_world)("resend", "1", "--yes", *named)
    assert said.code == 0, said.err
    assert len(stored_world.digests()) == 2


def test_what_is_parked_is_sent_and_parked_no_more(world: World, ask: Asker) -> None:
    world.smtp.fail("dot", "accept+drop", recipient=BOB, times=1)
    mailed(world, TWO, PARK)
    assert ask("status", "--json").json["mail"]["parked"] == 1
    assert ask("resend", "1", "--to", BOB, "--yes").code == 0
    first, second = world.digests(BOB)
    assert first.raw == second.raw
    assert ask("status", "--json").json["mail"]["parked"] == 0
    assert "bob@example.org cancelled" in ask("history").out
    assert "(sent again on purpose: 127.0.0.1 port" in ask("history").out
    run_pass(world)
    assert (len(world.digests(ADA)), len(world.digests(BOB))) == (1, 2)


def test_what_is_parked_can_be_let_go(world: World, ask: Asker) -> None:
    world.smtp.fail("dot", "accept+drop", recipient=BOB, times=1)
    mailed(world, TWO, PARK)
    said = ask("resend", "1", "--drop", "--yes")
    assert said.code == 0
    assert said.out.startswith("digest 1 to bob@example.org cancelled: dropped on purpose: 127")
    assert ask("status", "--json").json["mail"]["parked"] == 0
    run_pass(world)
    assert (len(world.digests(ADA)), len(world.digests(BOB))) == (1, 1)
    said = ask("resend", "1", "--drop", "--yes")
    assert (said.code, said.err) == (2, "watcher: nothing of digest 1 is parked\n")


def test_a_resend_that_is_not_answered_is_parked_as_well(world: World, ask: Asker) -> None:
    mailed(world, mail=PARK)
    world.smtp.fail("dot", "accept+drop", recipient=ADA, times=1)
    said = ask("resend", "1", "--yes")
    assert said.code == 3
    assert "parked" in said.out
    assert len(world.notices()) == 1
    assert ask("resend", "1", "--yes").code == 0


def test_a_daemon_at_work_sends_it(stored_world: World) -> None:
    world, ask = stored_world, Asker(stored_world)
    mailed(world)
    with app.writing(world.config(), "run", world.now):
        said = ask("resend", "1", "--yes")
    assert said.code == 0, said.err
    assert "digest 1 to ada@example.org queued\n" in said.out
    assert "it sends what is queued within the minute" in said.out
    assert len(world.digests()) == 1

    async def minute() -> None:
        async with world.engine() as engine:
            await engine.run_slots()

    asyncio.run(minute())
    first, second = world.digests()
    assert first.raw == second.raw


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("7", "--yes"), "there is no digest 7; `watcher history` lists them"),
        (
            ("1", "--yes", "--to", "eve@example.org"),
            "digest 1 went not to eve@example.org, but to ada@example.org, bob@example.org",
        ),
        (("1",), "there is nobody to ask here; --yes agrees"),
        (("latest", "--yes"), "Invalid value for 'DIGEST'"),
    ],
)
def test_what_cannot_be_is_refused(
    world: World, ask: Asker, arguments: tuple[str, ...], message: str
) -> None:
    mailed(world, TWO)
    said = ask("resend", *arguments)
    assert said.code == 2
    assert message in said.err
    assert len(world.mails) == 2


def test_a_mail_that_waits_still_goes_by_itself(world: World, ask: Asker) -> None:
    world.smtp.fail("rcpt", "450 later", recipient=BOB, times=1)
    mailed(world, TWO)
    said = ask("resend", "1", "--yes", "--json")
    assert said.code == 3
    assert said.json["not_sent"] == [
        {"recipient": BOB, "reason": "waits still, and goes by itself"}
    ]
    assert "not sent again: bob@example.org waits still, and goes by itself\n" in said.err
    assert (len(world.digests(ADA)), len(world.digests(BOB))) == (2, 1), "what was due went along"


def test_who_is_gone_gets_nothing_more(world: World, ask: Asker) -> None:
    mailed(world, TWO)
    configure(world)
    run_pass(world)
    said = ask("resend", "1", "--to", BOB, "--yes")
    assert said.code == 3
    assert "bob@example.org is no recipient of weights any more" in said.err
    configure(world, WEIGHTS.replace('"weights"', '"other"').replace("zorblax", "quux"))
    run_pass(world)
    assert "ada@example.org is no recipient of weights" in ask("resend", "1", "--yes").err
    assert len(world.mails) == 2


def test_who_is_taken_out_gets_nothing_more_though_nobody_took_that_over(
    stored_world: World,
) -> None:
    world, ask = stored_world, Asker(stored_world)
    world.smtp.fail("dot", "drop", recipient=BOB, times=1)
    mailed(world, TWO, PARK)
    configure(world, mail=PARK)
    said = ask("resend", "1", "--to", BOB, "--yes")
    assert said.code == 3
    assert "bob@example.org is no recipient of weights any more" in said.err
    assert ask("status", "--json").json["mail"]["parked"] == 1, "it was not sent again"
    configure(world, TWO, PARK)
    assert ask("resend", "1", "--to", BOB, "--yes").code == 0
    assert (len(world.digests(ADA)), len(world.digests(BOB))) == (1, 1)


def test_a_file_that_is_broken_keeps_its_recipients(world: World, ask: Asker) -> None:
    mailed(world)
    own = world.directory / "subscriptions.d" / "bob.toml"
    own.parent.mkdir()
    text = WEIGHTS.replace(ADA, BOB).replace('name = "weights"\n', "")
    own.write_text(text)
    run_pass(world)
    [digest] = [each for each in ask("history", "--json").rows if each["subscription"] != "weights"]
    for broken in (text.replace('"each-check"', '"never"'), text.replace("zorblax", "AND")):
        own.write_text(broken)
        said = ask("resend", str(digest["id"]), "--yes")
        assert said.code == 0, said.err
    assert len(world.digests(BOB)) == 3


def test_who_is_paused_has_to_be_resumed_first(world: World, ask: Asker) -> None:
    mailed(world)
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        bounces.pause(connection, ADA, "550 no such user", world.now)
    database.close()
    said = ask("resend", "1", "--yes")
    assert said.code == 3
    assert "`watcher subscriptions resume ada@example.org` comes first" in said.err
    assert ask("subscriptions", "resume", ADA).code == 0
    assert ask("resend", "1", "--yes").code == 0
    assert len(world.digests()) == 2


def test_a_mail_whose_bytes_are_gone_cannot_go(world: World, ask: Asker) -> None:
    mailed(world)
    world.later(days=401)
    run_pass(world)
    said = ask("resend", "1", "--yes")
    assert said.code == 3
    assert "not kept any more ([store] keep_days)" in said.err


def test_one_that_is_refused_again_is_told_and_ends_with_3(world: World, ask: Asker) -> None:
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient=ADA)
    mailed(world)
    said = ask("resend", "1", "--yes")
    assert said.code == 3
    assert "digest 1 to ada@example.org dead: 127.0.0.1" in said.out
    assert len(world.notices()) == 2
    world.smtp.heal()
    assert ask("resend", "1", "--yes").code == 0


def test_what_comes_back_of_it_is_not_taken_for_the_first(world: World, ask: Asker) -> None:
    mailed(world, mail='bounce = "bounces@example.org"\n')
    assert ask("resend", "1", "--yes").code == 0
    first, second = (each.mail_from for each in world.smtp.messages)
    assert first != second
    said = ask("bounce", "--to", second, stdin=dsn(block(ADA, status="5.2.2")))
    assert said.code == 0
    [digest] = ask("history", "--json").rows
    assert [each["state"] for each in digest["deliveries"]] == ["delivered", "dead"]


def test_without_a_way_for_mail_it_ends_with_78(world: World, ask: Asker) -> None:
    mailed(world)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace('host = "127.0.0.1"', ""))
    assert ask("resend", "1", "--yes").code == 78


def test_at_a_terminal_it_asks(present: World) -> None:
    configure(present)
    run_pass(present)
    place = ("--config", str(present.config_path), "--state-dir", str(present.state_dir))
    for answer, code, count in (("n", 1, 1), ("y", 0, 2)):
        with Terminal("resend", "1", *place, env={}) as terminal:
            terminal.answer("Send digest 1 again to ada@example.org? [y/N] ", answer)
            assert terminal.end() == code, terminal.screen
        assert len(present.digests()) == count


@contextlib.contextmanager
def at_a_terminal(world: World, *arguments: str) -> Iterator[Terminal]:
    """`resend 1`, once the first pass of the present world is over."""
    world.now = dt.datetime.now(dt.UTC)
    world.fill()
    world.add(make_paper(1, world.now - dt.timedelta(hours=1), title=ZORBLAX))
    run_pass(world)
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    with Terminal("resend", "1", *arguments, *place, env={}) as terminal:
        yield terminal


def test_it_sends_to_those_it_asked_about_whatever_happens_meanwhile(stored_world: World) -> None:
    world = stored_world
    world.smtp.fail("rcpt", "450 later", recipient=BOB, times=1)
    configure(world, TWO)
    with at_a_terminal(world) as terminal:
        terminal.expect(f"Send digest 1 again to {ADA}? [y/N] ")
        world.later(minutes=2)
        run_pass(world)
        terminal.type("y\n")
        assert terminal.end() == 3, terminal.screen
    assert (len(world.digests(ADA)), len(world.digests(BOB))) == (2, 1)
    assert (
        f"not sent again: {BOB} is delivered by now, which was not asked about" in terminal.screen
    )


def test_it_lets_go_of_those_it_asked_about_whatever_happens_meanwhile(
    stored_world: World,
) -> None:
    world = stored_world
    world.smtp.fail("dot", "accept+drop", recipient=ADA, times=1)
    world.smtp.fail("rcpt", "450 later", recipient=BOB, times=1)
    configure(world, TWO, PARK)
    with at_a_terminal(world, "--drop") as terminal:
        terminal.expect(f"Let go of digest 1 to {ADA}? [y/N] ")
        world.smtp.fail("dot", "drop", recipient=BOB, times=1)
        world.later(minutes=2)
        run_pass(world)
        terminal.type("y\n")
        assert terminal.end() == 3, terminal.screen
    assert f"not let go: {BOB} is parked by now, which was not asked about" in terminal.screen
    ask = Asker(world)
    assert ask("resend", "1", "--to", BOB, "--yes").code == 0
    assert (len(world.digests(ADA)), len(world.digests(BOB))) == (1, 1)


def test_what_somebody_else_has_sent_meanwhile_is_not_let_go(world: World, ask: Asker) -> None:
    world.smtp.fail("dot", "drop", times=1)
    configure(world, mail=PARK)
    with at_a_terminal(world, "--drop") as terminal:
        terminal.expect(f"Let go of digest 1 to {ADA}? [y/N] ")
        assert ask("resend", "1", "--yes").code == 0
        terminal.type("y\n")
        assert terminal.end() == 3, terminal.screen
    assert f"not let go: {ADA} is delivered by now" in terminal.screen
    assert len(world.digests()) == 1
