"""`watcher bounce < message`: what a mail server's pipe sees, and what the operator does then."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.looking import Asker, Said, beat
from tests.cli.terminal import Terminal
from tests.fakesite import make_paper
from tests.mail.bouncing import PERSON, block, dsn
from tests.postgres import PostgresServer
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.store.database import Database

TWO = WEIGHTS.replace('["ada@example.org"]', '["ada@example.org", "bob@example.org"]')
MEGABYTE = 1_000_000


def ready(world: World, part: str = TWO) -> str:
    """A pass that mails a digest, if it is due; the envelope sender of Ada's."""
    world.configure(DAILY, part)
    text = world.config_path.read_text()
    with_bounce = text.replace("[mail]\n", '[mail]\nbounce = "bounces@example.org"\n')
    world.config_path.write_text(with_bounce)
    world.fill()
    world.add(make_paper(1, world.now, title=ZORBLAX))
    run_pass(world)
    senders = (e.mail_from for e in world.smtp.messages if e.recipient == "ada@example.org")
    return next(senders, "")


def run_pass(world: World) -> None:
    async def run() -> None:
        await world.run_pass()

    asyncio.run(run())


def test_a_dead_recipient_is_paused_shown_and_resumed(stored_world: World) -> None:
    world = stored_world
    ask = Asker(world)
    sender = ready(world)
    beat(world, pid=os.getpid(), host=socket.gethostname())
    assert ask("status").code == 0
    said = ask("bounce", "--to", sender, stdin=dsn(block()))
    assert said.code == 0
    assert said.out == ""
    assert "ada@example.org is paused: 550 5.1.1 no such user" in said.err
    again = ask("bounce", "--json", "--to", sender, stdin=dsn(block()))
    assert again.code == 0
    assert again.json == {
        "verdict": "ignored",
        "recipient": "ada@example.org",
        "text": "ignored: that mail to ada@example.org has ended already",
    }

    told = ask("status")
    assert told.code == 3
    assert told.out.startswith(
        "In trouble: ada@example.org is paused since Thu 2026-02-19 07:00 UTC: 550 5.1.1 no such"
        " user; `watcher subscriptions resume ada@example.org` sends digests there again.\n"
    ), "one trouble, although a mail is dead, too"
    assert "1 of 2 recipients paused" in told.out
    assert "no digest is made" not in told.out
    [subscription] = ask("status", "--json").json["subscriptions"]
    paused = [
        {
            "recipient": "ada@example.org",
            "since": "2026-02-19T07:00:00+00:00",
            "reason": "550 5.1.1 no such user",
        }
    ]
    assert subscription["paused"] == paused
    assert ask("subscriptions", "show", "weights", "--json").json["paused"] == paused
    assert (
        "  paused    ada@example.org since 2026-02-19 07:00 UTC: 550 5.1.1 no such user; `watcher"
        " subscriptions resume ada@example.org` sends digests there again\n"
    ) in ask("subscriptions", "show", "weights").out
    listed = ask("subscriptions", "list").out
    assert "ada@example.org (paused), bob@example.org" in listed
    assert ask("subscriptions", "list", "--json").rows[0]["paused"] == paused

    said = ask("subscriptions", "resume", "Ada@example.org")
    assert said.out == "ada@example.org goes on: the next digest is sent there again\n"
    assert ask("subscriptions", "resume", "ada@example.org").out == (
        "ada@example.org was not paused\n"
    )
    assert ask("subscriptions", "show", "weights", "--json").json["paused"] == []
    world.later(hours=1)
    world.add(make_paper(2, world.now, title=ZORBLAX))
    run_pass(world)
    assert len(world.digests("ada@example.org")) == 2
    assert len(world.notices()) == 1
    beat(world, pid=os.getpid(), host=socket.gethostname())
    assert ask("status").code == 0


def test_where_nobody_is_left_it_says_so(world: World, ask: Asker) -> None:
    ready(world, WEIGHTS.replace("each-check", "daily 08:00"))
    world.later(hours=2)
    run_pass(world)
    sender = world.smtp.messages[-1].mail_from
    assert ask("bounce", "--to", sender, stdin=dsn(block())).code == 0
    world.add(make_paper(2, world.now, title=ZORBLAX))
    run_pass(world)
    world.later(days=2)
    beat(world, pid=os.getpid(), host=socket.gethostname())
    assert "no digest is made; 1 of 1 recipients paused" in ask("status").out
    kinds = {each["kind"] for each in ask("status", "--json").json["problems"]}
    assert "digest" not in kinds, "none is overdue"
    assert "every recipient came back, so they are paused" in ask("explain", "2602.00002").out


def test_resuming_whom_nobody_knows_is_a_mistake(world: World, ask: Asker) -> None:
    ready(world)
    said = ask("subscriptions", "resume", "eve@example.org")
    assert said.code == 2
    assert "no subscription is called eve@example.org" in said.err
    said = ask("subscriptions", "--json", "resume", "bob@example.org")
    assert said.json == {"recipient": "bob@example.org", "standing": "active"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (PERSON.encode(), "ignored: it is not a bounce (Thank you)"),
        (b"", "ignored: it is not a bounce (no subject)"),
        (bytes(range(256)) * 40_000, "ignored: it is not a bounce (no subject)"),
        (b"\n" * 10 * MEGABYTE, "ignored: it is not a bounce (no subject)"),
        (dsn(block(action="delayed")), "noted: a mail to ada@example.org is put off"),
    ],
    ids=["person", "empty", "garbage", "newlines", "delayed"],
)
def test_whatever_it_is_it_is_taken(world: World, ask: Asker, raw: bytes, text: str) -> None:
    said = ask("bounce", "--to", ready(world), stdin=raw)
    assert said.code == 0
    assert text in said.err
    assert ask("subscriptions", "show", "weights", "--json").json["paused"] == []


def test_one_with_ten_megabytes_of_the_original_pauses_and_is_read_to_its_end(
    world: World,
) -> None:
    sender = ready(world)
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    process = subprocess.Popen(
        [sys.executable, "-m", "watcher", "bounce", *place, "--to", sender, "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    raw = dsn(block(), original="A paper.\n" * (10 * MEGABYTE // 9))
    out, err = process.communicate(raw, timeout=60)
    assert process.returncode == 0, err
    assert b'"verdict": "paused"' in out
    assert b"Traceback" not in err


def test_to_nobody_it_is_ignored(world: World, ask: Asker) -> None:
    ready(world)
    for arguments in ((), ("--to", "bounces+aaaaaaaaaaaaaaaaaaaaaaaa@example.org")):
        said = ask("bounce", *arguments, stdin=dsn(block()))
        assert said.code == 0
        assert "ignored: it came to no address that a mail was sent from" in said.err


def test_the_server_tries_again_where_there_is_no_database_yet(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("bounce", stdin=dsn(block()))
    assert said.code == 75
    assert "there is no database" in said.err
    assert not world.state_dir.exists()


def test_the_server_tries_again_where_the_configuration_is_broken(world: World, ask: Asker) -> None:
    sender = ready(world)
    world.config_path.write_text("[mail")
    said = ask("bounce", "--json", "--to", sender, stdin=dsn(block()))
    assert said.code == 75
    assert "config.toml" in said.json["error"]


def test_the_server_tries_again_before_a_migration(world: World, ask: Asker) -> None:
    sender = ready(world)
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE watcher_version SET version_num = '0001'"))
    database.close()
    said = ask("bounce", "--to", sender, stdin=dsn(block()))
    assert said.code == 75
    assert "run `watcher migrate`" in said.err


def test_the_server_tries_again_while_postgresql_is_away(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    with World(tmp_path, store=postgres_url) as world:
        ask = Asker(world)
        sender = ready(world)
        postgres_server.stop()
        said = ask("bounce", "--to", sender, stdin=dsn(block()))
        assert said.code == 75
        postgres_server.start()
        said = ask("bounce", "--to", sender, stdin=dsn(block()))
        assert (said.code, "is paused" in said.err) == (0, True)


def test_it_goes_past_a_daemon_that_writes(stored_world: World) -> None:
    world = stored_world
    sender = ready(world)

    async def while_it_runs() -> Said:
        async with world.engine():
            return await asyncio.to_thread(
                Asker(world), "bounce", "--to", sender, stdin=dsn(block())
            )

    said = asyncio.run(while_it_runs())
    assert said.code == 0, said.err
    assert "is paused" in said.err


def test_a_person_is_told_where_the_message_comes_from(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    with Terminal("bounce", "--config", str(world.config_path), env={}) as terminal:
        terminal.expect("watcher bounce < message")
        assert terminal.end() == 2


@pytest.mark.parametrize(
    ("stdin", "code"), [("<&-", 2), ("0> unread", 75)], ids=["closed", "unreadable"]
)
def test_what_cannot_be_read_is_no_traceback(world: World, stdin: str, code: int) -> None:
    world.configure(DAILY, WEIGHTS)
    command = f'exec "$0" -m watcher bounce --config "$1" {stdin}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, world.config_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=world.directory,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("watcher: ")
    assert "standard input" in done.stderr


def test_a_test_mail_has_such_a_sender_too(world: World, ask: Asker) -> None:
    ready(world)
    assert ask("send-test", "ada@example.org").code == 0
    sender = world.smtp.messages[-1].mail_from
    assert sender.startswith("bounces+")
    said = ask("bounce", "--to", sender, stdin=dsn(block()))
    assert "ignored" in said.err
