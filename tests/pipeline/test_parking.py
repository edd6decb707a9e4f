"""With `ambiguous = "park"`, a mail that may have been taken waits for a word of the operator."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.mail.bouncing import block, dsn
from tests.modes import in_all_modes, in_both_modes
from tests.pipeline.test_bounce import comes_back
from tests.smtpserver import Stage
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import steps
from watcher.errors import StoreError
from watcher.models import DeliveryState, Envelope
from watcher.steps import Step
from watcher.store import outbox, sending
from watcher.store.database import Database

TWO = WEIGHTS.replace('["ada@example.org"]', '["ada@example.org", "bob@example.org"]')
ADA, BOB = "ada@example.org", "bob@example.org"


def ready(world: World, part: str = WEIGHTS, mail: str = 'ambiguous = "park"\n') -> None:
    world.site_timeout = world.smtp_timeout = 1
    world.configure(DAILY, part)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace("[mail]\n", f"[mail]\n{mail}"))
    world.fill()
    world.add(make_paper(1, world.now, title=ZORBLAX))


def states(world: World) -> dict[str, DeliveryState]:
    """Of the digests' mails, by recipient."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = outbox.in_state(connection, list(DeliveryState))
    database.close()
    return {each.recipient: each.state for each in found if each.digest_id}


def left_half_sent(world: World) -> Envelope:
    """Have a delivery begin, and no more."""
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        [delivery_id] = sending.due(connection, world.now)
        envelope = sending.start(connection, delivery_id, world.now)
    database.close()
    assert envelope is not None
    return envelope


async def test_a_refusal_whose_record_fails_at_first_is_no_question(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [StoreError("the server is being restarted")] * 2

    def hook(step: Step, is_committed: bool) -> None:
        if (step, is_committed) == (Step.REFUSED, False) and failures:
            raise failures.pop()

    monkeypatch.setattr(steps, "hook", hook)
    ready(world)
    world.smtp.fail("rcpt", "450 4.2.0 greylisted", times=1)
    await world.run_pass()
    assert failures == []
    assert states(world) == {ADA: DeliveryState.QUEUED}
    world.later(hours=1)
    await world.run_pass()
    assert len(world.digests()) == 1


async def test_where_no_session_opens_only_the_mail_that_finds_out_is_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Step] = []

    def hook(step: Step, is_committed: bool) -> None:
        if step is Step.STARTED and is_committed:
            begun.append(step)

    ready(world, TWO)
    text = world.config_path.read_text().replace("[smtp]\n", "[smtp]\nconnections = 1\n")
    world.config_path.write_text(text)
    world.smtp.fail("dot", "451 4.3.0 later", times=2)
    await world.run_pass()
    world.smtp.fail("connect", "421 4.3.2 not now")
    monkeypatch.setattr(steps, "hook", hook)
    world.later(hours=1)
    assert (await world.run_pass()).mail_error
    assert len(begun) == 1
    assert states(world) == dict.fromkeys((ADA, BOB), DeliveryState.QUEUED)
    world.smtp.heal()
    world.later(hours=1)
    await world.run_pass()
    assert [len(world.digests(who)) for who in (ADA, BOB)] == [1, 1]


@pytest.mark.parametrize("answer", ["drop", "accept+drop", "hang"])
async def test_silence_after_the_dot_parks_that_one_and_the_operator_is_told(
    world: World, answer: str
) -> None:
    ready(world, TWO)
    world.smtp.fail("dot", answer, recipient=BOB, times=1)
    result = await world.run_pass()
    assert (result.delivered_count, result.pending_count, result.failed_count) == (1, 1, 0)
    assert not result.is_well
    for _ in range(3):
        world.later(hours=30)
        await world.run_pass()
    assert states(world) == {ADA: DeliveryState.DELIVERED, BOB: DeliveryState.PARKED}
    assert len(world.digests(BOB)) == (answer == "accept+drop")
    [notice] = world.notices()
    assert "Nobody knows whether a digest reached bob@example.org" in notice.text
    assert f"watcher resend 1 --to {BOB}" in notice.text


@in_both_modes
async def test_the_next_digest_goes_as_usual(world: World) -> None:
    ready(world)
    world.smtp.fail("dot", "accept+drop", times=1)
    await world.run_pass()
    world.add(make_paper(2, world.now, title=ZORBLAX))
    world.later(minutes=30)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"], ["2602.00002"]]


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_silence_before_the_dot_is_no_question(world: World, stage: Stage) -> None:
    ready(world)
    world.smtp.fail(stage, "drop", times=1)
    await world.run_pass()
    world.later(minutes=1)
    await world.run_pass()
    assert states(world) == {ADA: DeliveryState.DELIVERED}
    assert len(world.digests()) == 1


async def test_an_answer_that_is_no_to_the_dot_is_no_question(world: World) -> None:
    ready(world)
    world.smtp.fail("dot", "451 4.3.0 later", times=1)
    await world.run_pass()
    assert states(world) == {ADA: DeliveryState.QUEUED}


@in_all_modes
async def test_what_a_process_left_half_sent_is_parked(world: World) -> None:
    ready(world)
    world.smtp.fail("rcpt", "450 later", times=1)
    await world.run_pass()
    world.later(minutes=2)
    left_half_sent(world)
    for _ in range(2):
        await world.run_pass()
    assert states(world) == {ADA: DeliveryState.PARKED}
    assert world.digests() == []
    [notice] = world.notices()
    assert "what came of it was not recorded" in notice.text


@in_both_modes
async def test_a_notice_is_not_parked(world: World) -> None:
    ready(world)
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient=ADA)
    world.smtp.fail("dot", "accept+drop", recipient="root@example.org", times=1)
    await world.run_pass()
    world.later(minutes=2)
    await world.run_pass()
    first, second = world.notices()
    assert first.raw == second.raw


async def test_a_folder_never_has_a_mail_twice_so_nothing_is_parked(world: World) -> None:
    ready(world, mail='ambiguous = "park"\ntransport = "smtp"\n')
    world.smtp.fail("rcpt", "450 later", times=1)
    await world.run_pass()
    world.later(minutes=2)
    left_half_sent(world)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace('transport = "smtp"', 'transport = "maildir"'))
    await world.run_pass()
    assert states(world) == {ADA: DeliveryState.DELIVERED}


async def test_a_recipient_who_is_gone_leaves_nothing_parked(world: World) -> None:
    ready(world, TWO)
    world.smtp.fail("dot", "drop", recipient=BOB)
    await world.run_pass()
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace(f', "{BOB}"', ""))
    await world.run_pass()
    assert states(world)[BOB] is DeliveryState.CANCELLED


async def test_a_parked_mail_that_comes_back_had_been_taken(world: World) -> None:
    ready(world, mail='ambiguous = "park"\nbounce = "bounces@example.org"\n')
    world.smtp.fail("dot", "accept+drop", times=1)
    await world.run_pass()
    assert states(world) == {ADA: DeliveryState.PARKED}
    assert comes_back(world, dsn(block(ADA))).word == "paused"
    assert states(world) == {ADA: DeliveryState.DEAD}


@in_both_modes
async def test_whoever_is_at_work_sends_a_parked_mail_again_on_a_word_of_the_operator(
    world: World,
) -> None:
    ready(world)
    world.smtp.fail("dot", "accept+drop", times=1)
    async with world.engine() as engine:
        await engine.run_pass()
        assert states(world) == {ADA: DeliveryState.PARKED}
        said = await asyncio.to_thread(Asker(world), "resend", "1", "--yes")
        assert said.code == 0, said.err
        world.later(minutes=1)
        await engine.run_slots()
    first, second = world.digests()
    assert first.raw == second.raw
