"""Mails that come back: who is paused, who hears of it, and what becomes of the digests."""

from __future__ import annotations

import datetime as dt
import re

from tests.fakesite import make_paper
from tests.mail.bouncing import PERSON, VACATION, block, dsn
from tests.modes import in_all_modes, on_both_stores
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.mail import make_signer
from watcher.models import DeliveryState
from watcher.pipeline.bounce import Verdict, take_bounce
from watcher.store import bounces, outbox, sending
from watcher.store.database import Database

TWO = WEIGHTS.replace('["ada@example.org"]', '["ada@example.org", "bob@example.org"]')
ADA, BOB, ROOT = "ada@example.org", "bob@example.org", "root@example.org"
FULL = {"status": "5.2.2", "diagnostic": "smtp; 552 5.2.2 mailbox full"}


def ready(world: World, *parts: str) -> None:
    world.configure(DAILY, *parts)
    text = world.config_path.read_text()
    world.config_path.write_text(
        text.replace("[mail]\n", '[mail]\nbounce = "bounces@example.org"\n')
    )
    world.fill()


async def mailed(world: World, number: int) -> None:
    """A pass that mails the paper of that number."""
    world.add(make_paper(number, world.now, title=ZORBLAX))
    await world.run_pass()


def sender(world: World, recipient: str = ADA) -> str:
    """The envelope sender of the last mail to that recipient."""
    return [each.mail_from for each in world.smtp.messages if each.recipient == recipient][-1]


def comes_back(world: World, raw: bytes, *, to: str = "") -> Verdict:
    config = world.config()
    signer, sent_to = make_signer(config), to or sender(world)
    database = Database(config.store_url, writable=True)
    try:
        with database.write() as connection:
            return take_bounce(config.settings, signer, connection, raw, world.now, sent_to=sent_to)
    finally:
        database.close()


def deliveries(world: World, recipient: str = ADA) -> list[outbox.Delivery]:
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = outbox.in_state(connection, list(DeliveryState))
    database.close()
    return [each for each in reversed(found) if each.recipient == recipient]


def resume(world: World, address: str = ADA) -> None:
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        bounces.resume(connection, address, world.now)
    database.close()


@in_all_modes
async def test_each_mail_has_an_envelope_sender_of_its_own(world: World) -> None:
    ready(world, TWO)
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient=BOB, times=1)
    world.smtp.fail("rcpt", "450 4.2.0 later", recipient=ADA, times=1)
    await mailed(world, 1)
    world.later(minutes=2)
    await mailed(world, 2)
    senders = [each.mail_from for each in world.smtp.messages]
    assert len(set(senders)) == len(senders) == 4, "to Ada twice, to Bob, to the operator"
    assert all(re.fullmatch(r"bounces\+[a-z2-7]{24}@example\.org", each) for each in senders)
    assert all("From: Papers <papers@example.org>" in mail.raw.decode() for mail in world.mails)


async def test_a_resend_has_the_same_envelope_sender(world: World) -> None:
    ready(world, WEIGHTS)
    world.smtp.fail("dot", "accept+drop", times=1)
    await mailed(world, 1)
    world.later(minutes=2)
    await world.run_pass()
    first, second = world.smtp.messages
    assert (first.mail_from, first.message) == (second.mail_from, second.message)
    assert first.mail_from.startswith("bounces+")


async def test_without_an_address_for_it_the_sender_is_the_usual_one(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    await mailed(world, 1)
    assert sender(world) == "papers@example.org"


@in_all_modes
async def test_nobody_there_pauses_at_once_and_is_told_once(world: World) -> None:
    ready(world, TWO)
    await mailed(world, 1)
    verdict = comes_back(world, dsn(block()))
    assert (verdict.word, verdict.recipient) == ("paused", ADA)
    assert verdict.text == "ada@example.org is paused: 550 5.1.1 no such user"
    assert comes_back(world, dsn(block())).word == "ignored", "it has ended already"
    [delivery] = deliveries(world)
    assert delivery.state is DeliveryState.DEAD
    assert delivery.answer == "came back: 550 5.1.1 no such user"
    await mailed(world, 2)
    assert len(world.digests(ADA)) == 1
    assert len(world.digests(BOB)) == 2, "others are not affected"
    [notice] = world.notices()
    assert notice.subject == "paper-watcher: ada@example.org is paused: mail comes back"
    assert "550 5.1.1 no such user" in notice.text
    assert "watcher subscriptions resume ada@example.org" in notice.text


@on_both_stores
async def test_what_is_made_meanwhile_says_why_it_was_not_sent(world: World) -> None:
    ready(world, TWO)
    await mailed(world, 1)
    comes_back(world, dsn(block()))
    await mailed(world, 2)
    *_, delivery = deliveries(world)
    assert delivery.state is DeliveryState.DEAD
    assert delivery.finished_at == world.now
    assert delivery.answer == ("not sent, the recipient is paused: 550 5.1.1 no such user")
    assert delivery.attempt_count == 0
    world.later(hours=1)
    resume(world)
    await mailed(world, 3)
    assert [mail.paper_ids for mail in world.digests(ADA)] == [["2602.00001"], ["2602.00003"]]


@on_both_stores
async def test_where_nobody_is_left_what_matches_waits(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    comes_back(world, dsn(block()))
    for number in (2, 3):
        world.later(hours=1)
        await mailed(world, number)
    assert len(deliveries(world)) == 1
    resume(world)
    await world.run_pass()
    assert [sorted(mail.paper_ids) for mail in world.digests(ADA)] == [
        ["2602.00001"],
        ["2602.00002", "2602.00003"],
    ]


async def test_what_waits_for_a_server_is_not_sent_either(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    first = sender(world)
    world.smtp.fail("rcpt", "450 4.2.0 later", recipient=ADA, times=1)
    await mailed(world, 2)
    comes_back(world, dsn(block()), to=first)
    world.later(hours=1)
    await world.run_pass()
    assert len(world.digests(ADA)) == 1
    assert [each.state for each in deliveries(world)] == [DeliveryState.DEAD] * 2


async def test_it_goes_for_the_address_in_all_subscriptions(world: World) -> None:
    ready(world, WEIGHTS, WEIGHTS.replace('"weights"', '"other"'))
    await mailed(world, 1)
    first, second = (each.mail_from for each in world.smtp.messages)
    assert comes_back(world, dsn(block()), to=first).word == "paused"
    assert comes_back(world, dsn(block()), to=second).word == "returned"
    await mailed(world, 2)
    assert len(world.digests(ADA)) == 2
    assert len(world.notices()) == 1


@on_both_stores
async def test_any_other_reason_pauses_after_three_in_a_row_over_three_days(
    world: World,
) -> None:
    ready(world, WEIGHTS)
    words = []
    for day in range(4):
        await mailed(world, 1 + day)
        words.append(comes_back(world, dsn(block(**FULL))).word)
        world.later(days=1)
    assert words == ["returned", "returned", "returned", "paused"], "after three days"
    await world.run_pass()
    subjects = [notice.subject.partition(": ")[2] for notice in world.notices()]
    assert subjects == [
        *["a digest to ada@example.org came back"] * 3,
        "ada@example.org is paused: mail comes back",
    ]
    told = " ".join(world.notices()[-1].text.split())
    assert "4 mails in a row came back, the last one with: 552 5.2.2 mailbox full" in told


async def test_three_within_an_hour_do_not(world: World) -> None:
    ready(world, WEIGHTS)
    for number in range(4):
        await mailed(world, 1 + number)
        assert comes_back(world, dsn(block(**FULL))).word == "returned"
        world.later(minutes=20)


async def test_one_that_arrives_begins_the_row_anew(world: World) -> None:
    ready(world, WEIGHTS)
    for number in range(6):
        await mailed(world, 1 + number)
        if number != 2:
            assert comes_back(world, dsn(block(**FULL))).word == "returned", number
        world.later(days=1, hours=1)
    await mailed(world, 8)
    assert comes_back(world, dsn(block(**FULL))).word == "paused"


async def test_given_up_by_a_server_counts_whatever_its_status(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    verdict = comes_back(world, dsn(block(status="4.4.1", diagnostic="smtp; timed out")))
    assert verdict.word == "returned"
    assert deliveries(world)[0].state is DeliveryState.DEAD


async def test_no_such_host_is_not_taken_for_a_dead_address_at_once(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    report = dsn(block(status="5.1.2", diagnostic="smtp; no such host"))
    assert comes_back(world, report).word == "returned"


@on_both_stores
async def test_what_is_put_off_is_noted_and_may_come_back_yet(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    delayed = dsn(block(action="delayed", status="4.4.1", diagnostic="smtp; timed out"))
    for _ in range(2):
        verdict = comes_back(world, delayed)
        assert verdict.word == "delayed"
        assert verdict.text == "noted: a mail to ada@example.org is put off: 4.4.1 timed out"
    assert deliveries(world)[0].state is DeliveryState.DELIVERED
    await mailed(world, 2)
    assert world.notices() == []
    first = world.smtp.messages[0].mail_from
    assert comes_back(world, dsn(block()), to=first).word == "paused"
    assert comes_back(world, delayed, to=first).word == "ignored"


async def test_what_is_no_bounce_changes_nothing(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    before = deliveries(world)
    for raw in (VACATION, PERSON, "", "\0\xff"):
        assert comes_back(world, raw.encode()).word == "ignored"
    assert deliveries(world) == before
    await mailed(world, 2)
    assert len(world.digests()) == 2
    assert world.notices() == []


async def test_a_forged_one_changes_nothing(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    before = deliveries(world)
    right = sender(world)
    wrong = right.replace(right[8:32], right[9:32] + right[8])
    for address in (wrong, right[1:12], "bounces@example.org", "bounces+1@example.org", ADA, "?"):
        verdict = comes_back(world, dsn(block()), to=address)
        assert (verdict.word, verdict.recipient) == ("ignored", None), address
    assert deliveries(world) == before
    await mailed(world, 2)
    assert len(world.digests()) == 2
    assert world.notices() == []


async def test_the_headers_may_say_whom_it_came_to(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    delayed = dsn(block(action="delayed"))
    for header in ("Delivered-To", "X-Original-To", "To"):
        raw = f"{header}: <{sender(world).upper()}>\n".encode() + delayed
        assert comes_back(world, raw, to="bounces@example.org").word == "delayed", header


async def test_a_notice_that_comes_back_makes_no_other(world: World) -> None:
    ready(world, WEIGHTS.replace("ada@", "root@"))
    await mailed(world, 1)
    digest = sender(world, ROOT)
    assert comes_back(world, dsn(block(ROOT)), to=digest).word == "paused"
    await world.run_pass()
    notice = sender(world, ROOT)
    assert notice != digest
    assert comes_back(world, dsn(block(ROOT)), to=notice).word == "returned"
    await world.run_pass()
    assert len(world.smtp.messages) == 2, "the digest and the notice"
    assert [each.state for each in deliveries(world, ROOT)] == [DeliveryState.DEAD] * 2


async def test_the_operator_of_whom_a_notice_comes_back_gets_the_next_digest(
    world: World,
) -> None:
    ready(world, TWO.replace("ada@", "root@"))
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient=BOB)
    await mailed(world, 1)
    await world.run_pass()
    digest, notice = (e.mail_from for e in world.smtp.messages if e.recipient == ROOT)
    assert comes_back(world, dsn(block(ROOT)), to=notice).word == "returned"
    await mailed(world, 2)
    titles = [mail.subject for mail in world.digests(ROOT)]
    assert sum("weights" in title for title in titles) == 2, (digest, titles)


@on_both_stores
async def test_after_a_resume_what_was_sent_before_pauses_no_more(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    first = sender(world)
    await mailed(world, 2)
    comes_back(world, dsn(block()))
    world.later(hours=1)
    resume(world)
    assert comes_back(world, dsn(block()), to=first).word == "returned"
    world.later(hours=1)
    await mailed(world, 3)
    assert len(world.digests()) == 3
    assert comes_back(world, dsn(block())).word == "paused", "it is still gone"
    await world.run_pass()
    assert len(world.notices()) == 3


async def test_the_row_of_those_that_came_back_ends_with_a_resume(world: World) -> None:
    ready(world, WEIGHTS)
    for number in range(4):
        await mailed(world, 1 + number)
        comes_back(world, dsn(block(**FULL)))
        world.later(days=1)
    resume(world)
    world.later(days=1)
    await mailed(world, 10)
    assert comes_back(world, dsn(block(**FULL))).word == "returned"


@in_all_modes
async def test_it_may_come_back_before_its_end_is_recorded(world: World) -> None:
    ready(world, WEIGHTS)
    world.smtp.fail("dot", "accept+drop", times=1)
    await mailed(world, 1)
    [delivery] = deliveries(world)
    assert delivery.state is DeliveryState.QUEUED, "for all we know"
    database = Database(world.config().store_url, writable=True)
    world.later(minutes=2)
    with database.write() as connection:
        envelope = sending.start(connection, delivery.id, world.now)
    assert envelope is not None
    assert comes_back(world, dsn(block()), to=envelope.sender).word == "paused"
    with database.write() as connection:
        done = DeliveryState.DELIVERED
        sending.finish(connection, delivery.id, done, "250 ok", world.now)
        sending.defer(connection, delivery.id, "?", world.now, is_session_trouble=False)
    database.close()
    [delivery] = deliveries(world)
    assert (delivery.state, delivery.answer) == (
        DeliveryState.DEAD,
        "came back: 550 5.1.1 no such user",
    )


async def test_a_recipient_who_was_removed_is_left_alone(world: World) -> None:
    ready(world, TWO)
    world.smtp.fail("dot", "accept+drop", recipient=BOB, times=1)
    await mailed(world, 1)
    gone = sender(world, BOB)
    ready(world, WEIGHTS)
    await world.run_pass()
    assert comes_back(world, dsn(block(BOB)), to=gone).word == "ignored"
    assert world.notices() == []


async def test_old_ones_come_back_after_weeks(world: World) -> None:
    ready(world, WEIGHTS)
    await mailed(world, 1)
    world.now += dt.timedelta(days=30)
    assert comes_back(world, dsn(block())).word == "paused"
