"""Who has left a list by a click: told wherever somebody would look, and taken back."""

from __future__ import annotations

import asyncio
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cli.looking import Asker, beat, fill
from tests.postgres import see_it_wait
from tests.world import DAILY, WEIGHTS, World
from watcher.store import bounces, leaving, links
from watcher.store.database import Database
from watcher.store.lock import change_rules

ADA, MAX = "ada@example.org", "max@example.org"
BOTH = WEIGHTS.replace('["ada@example.org"]', f'["Ada@example.org", "{MAX}"]')
DAY = "on 2026-02-19 by a click"
BACK = "only if its owner wants it back, `watcher subscriptions resume weights --for"


def begin(world: World, *parts: str) -> None:
    world.configure(DAILY, *parts)
    fill(world, 1)
    asyncio.run(world.run_pass())


def leave(world: World, *addresses: str, of: str = "weights") -> None:
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        for each in addresses:
            leaving.leave(connection, of, each, world.now)
    database.close()


def test_who_has_left_is_told_and_is_no_trouble_as_long_as_somebody_is_there(
    world: World, ask: Asker
) -> None:
    begin(world, BOTH)
    leave(world, ADA)
    world.smtp.fail("rcpt", "550 nobody may hear of this", recipient="Ada@example.org")
    fill(world, 2)
    asyncio.run(world.run_pass())
    beat(world, pid=os.getpid(), host=socket.gethostname())
    said = ask("status")
    assert (said.code, "1 of 2 recipients have left by a click" in said.out) == (0, True)
    gone = [{"recipient": "Ada@example.org", "since": "2026-02-19T07:00:00+00:00"}]
    assert ask("status", "--json").json["subscriptions"][0]["left"] == gone
    assert ask("subscriptions", "show", "weights", "--json").json["left"] == gone
    assert ask("subscriptions", "list", "--json").rows[0]["left"] == gone
    assert "Ada@example.org (left)" in " ".join(ask("subscriptions", "list").out.split())
    told = f"Ada@example.org left weights {DAY}"
    for text in (ask("subscriptions", "show", "weights").out, ask("check-config", "--offline").err):
        assert told in text
        assert f"{BACK} Ada@example.org`" in text
    refused = ask("resend", "1", "--to", ADA, "--yes")
    assert (refused.code, f"Ada@example.org left weights {DAY}" in refused.err) == (3, True)


def test_a_list_that_nobody_is_left_of_is_trouble_and_gets_no_digest(
    world: World, ask: Asker
) -> None:
    begin(world, BOTH)
    leave(world, ADA)
    world.later(minutes=1)
    leave(world, MAX)
    fill(world, 2)
    asyncio.run(world.run_pass())
    beat(world, pid=os.getpid(), host=socket.gethostname())
    said = ask("status")
    assert said.code == 3
    assert f"nobody is left of weights, and no digest is made: {MAX} left weights {DAY}" in said.out
    assert "no digest is made: nobody is left" in said.out
    assert "every recipient has left it by a click" in ask("explain", "2602.00002").out
    assert len(ask("history", "--json").rows) == 1
    back = ask("subscriptions", "resume", "weights", "--for", MAX)
    assert back.out == f"weights goes to {MAX} again, from the next digest on\n"
    assert ask("subscriptions", "resume", "weights", "--for", MAX).out == (
        f"{MAX} had not left weights\n"
    )
    world.new_mails()
    asyncio.run(world.run_pass())
    [mail] = world.new_mails()
    assert (mail.recipient, mail.paper_ids) == (MAX, ["2602.00002"])
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        bounces.pause(connection, MAX, "550 no such user", world.now)
    database.close()
    fill(world, 3)
    asyncio.run(world.run_pass())
    assert len(ask("history", "--json").rows) == 2, "what matches waits for who is paused"
    assert "has left it or is paused" in ask("explain", "2602.00003").out


def test_what_is_ambiguous_or_not_to_be_undone_is_refused(world: World, ask: Asker) -> None:
    own = world.directory / "subscriptions.d"
    own.mkdir()
    for name in ("a", "b"):
        (own / f"{name}.toml").write_text(BOTH.replace('"weights"', '"joint"'))
    begin(world, BOTH)
    leave(world, ADA, MAX)
    resume = ("subscriptions", "resume")
    for name, address, why in (
        ("weigths", ADA, "did you mean weights?"),
        ("joint", ADA, "joint names several: a/joint, b/joint"),
        ("eve", ADA, "no subscription is called eve"),
        ("weights", "eve@example.org", "is no recipient of weights, and has not left it"),
    ):
        said = ask(*resume, name, "--for", address)
        assert (said.code, why in said.err) == (2, True), said.err
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        bounces.pause(connection, "Ada@example.org", "550 no such user", world.now)
        links.suppress(connection, MAX, world.now)
    never = ask(*resume, "weights", "--for", MAX)
    assert (never.code, "unsuppress max@example.org` comes first" in never.err) == (2, True)
    said = ask(*resume, ADA)
    assert f"but Ada@example.org left weights {DAY}; {BACK}" in said.out
    with database.write() as connection:
        bounces.pause(connection, "Ada@example.org", "550 no such user", world.now)
    database.close()
    still = ask(*resume, "weights", "--for", "Ada@example.org")
    assert "but no digest goes there: 550 no such user" in still.out
    world.configure(DAILY, BOTH.replace(f'"{MAX}"', '"eve@example.org"'))
    assert ask("subscriptions", "unsuppress", MAX, "--yes").code == 0
    gone = ask(*resume, "weights", "--for", MAX, "--json")
    assert gone.json == {"id": "weights", "recipient": MAX, "standing": "none"}


def test_who_subscribes_them_again_is_told(world: World, ask: Asker) -> None:
    begin(world, BOTH)
    leave(world, ADA)
    file = world.directory / "new.toml"
    file.write_text(BOTH)
    world.configure(DAILY)
    said = ask("subscriptions", "import", str(file))
    assert (said.code, f"warning: Ada@example.org left weights {DAY}" in said.err) == (0, True)
    added = ask("add", ADA, "--any", "zorblax", "--json")
    assert added.err == ""
    own = added.json["id"]
    asyncio.run(world.run_pass())
    leave(world, ADA, of=own)
    assert ask("subscriptions", "remove", own, "--yes").code == 0
    added = ask("add", ADA, "--any", "zorblax")
    assert (added.code, f"warning: {ADA} left {own} {DAY}" in added.err) == (0, True)


def test_who_leaves_while_it_gets_another_name_has_left(tmp_path: Path, postgres_url: str) -> None:
    with (
        World(tmp_path, store=postgres_url) as world,
        ThreadPoolExecutor(1) as pool,
    ):
        begin(world, BOTH)
        begin(world, BOTH.replace('"weights"', '"heavy"'))
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            change_rules(connection)  # as a click does
            leaving.leave(connection, "weights", ADA, world.now)
            renamed = pool.submit(Asker(world), "rename", "weights", "heavy")
            see_it_wait(postgres_url, renamed)
        assert renamed.result().code == 0
        with database.read() as connection:
            assert leaving.left(connection).by_pair.keys() == {("heavy", ADA)}
        database.close()
