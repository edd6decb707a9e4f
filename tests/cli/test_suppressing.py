"""Who is never to be written to: listed, added and taken back; honoured whatever subscribes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.world import DAILY, WEIGHTS, ZORBLAX, World

ADA = "ada@example.org"
BOTH = WEIGHTS.replace('["ada@example.org"]', '["Ada@Example.org", "max@example.org"]')


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    store = "sqlite:///watcher.db"
    if request.param == "postgresql":
        store = request.getfixturevalue("migrated_postgres_url")
    with World(tmp_path, store=store) as running:
        running.fill()
        yield running


def mailed(world: World, number: int) -> list[str]:
    """Who is mailed a paper more."""
    world.add(make_paper(number, world.now, title=ZORBLAX))
    world.later(hours=1)
    asyncio.run(world.run_pass())
    return sorted({mail.recipient for mail in world.new_mails()})


def test_no_digest_goes_there_though_a_file_names_it_in_other_letters(world: World) -> None:
    world.configure(DAILY, BOTH)
    assert mailed(world, 1) == ["Ada@example.org", "max@example.org"]
    ask = Asker(world)
    assert ask("subscriptions", "suppressed").out.endswith(
        "There is no address that is never written to.\n"
    )
    unsure = ask("subscriptions", "suppress", ADA)
    assert (unsure.code, "--yes agrees" in unsure.err) == (2, True)
    assert mailed(world, 2) == ["Ada@example.org", "max@example.org"]
    said = ask("subscriptions", "suppress", "ADA@example.org", "--yes")
    assert said.out.startswith("ada@example.org is never written to: ")
    again = ask("subscriptions", "suppress", ADA, "--yes", "--json")
    assert again.json == {"address": ADA, "suppressed": True, "changed": False}
    [listed] = ask("subscriptions", "suppressed", "--json").rows
    assert listed["address"] == ADA
    assert ADA in ask("subscriptions", "suppressed").out
    assert mailed(world, 3) == ["max@example.org"]

    never = "asked never to be written to again"
    way_back = "`watcher subscriptions unsuppress Ada@example.org`"
    assert f"Ada@example.org {never}" in ask("check-config", "--offline").err
    for command in (("status",), ("subscriptions", "show", "weights")):
        told = " ".join(ask(*command).out.split())
        assert never in told, command
        assert way_back in told, command
        assert "resume" not in told, command
    assert "(paused)" in ask("subscriptions", "list").out
    refused = ask("subscriptions", "resume", ADA)
    assert (refused.code, "unsuppress ada@example.org` comes first" in refused.err) == (2, True)
    assert mailed(world, 4) == ["max@example.org"]

    assert ask("subscriptions", "unsuppress", ADA).code == 2
    back = ask("subscriptions", "unsuppress", ADA, "--yes")
    assert back.out.startswith("ada@example.org may be written to again")
    assert ask("subscriptions", "unsuppress", ADA, "--yes").out.endswith("not suppressed\n")
    assert mailed(world, 5) == ["Ada@example.org", "max@example.org"]
    assert never not in ask("check-config", "--offline").err


def test_nobody_is_subscribed_against_their_wish(world: World) -> None:
    world.configure(DAILY)
    asyncio.run(world.run_pass())
    ask = Asker(world)
    assert ask("subscriptions", "suppress", ADA, "--yes").code == 0
    assert ask("subscriptions", "suppress", "nonsense", "--yes").code == 2
    added = ask("add", "Ada@example.org", "--any", "zorblax")
    assert (added.code, "unsuppress" in added.err) == (2, True)
    assert not (world.directory / "subscriptions.d").exists()
    file = world.directory / "new.toml"
    file.write_text(WEIGHTS + WEIGHTS.replace("weights", "others").replace("ada@", "max@"))
    imported = ask("subscriptions", "import", str(file))
    assert (imported.code, imported.err.count("asked never")) == (0, 1)
    assert mailed(world, 1) == ["max@example.org"]


def test_what_waits_for_the_mail_server_is_not_sent_either(world: World) -> None:
    world.configure(DAILY, BOTH)
    world.smtp.fail("rcpt", "450 come back later", times=1, recipient="Ada@example.org")
    assert mailed(world, 1) == ["max@example.org"]
    assert Asker(world)("subscriptions", "suppress", ADA, "--yes").code == 0
    assert mailed(world, 2) == ["max@example.org"]


def test_before_there_is_a_database_nobody_is_listed(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.configure(DAILY, WEIGHTS)
        assert Asker(world)("subscriptions", "suppressed", "--json").rows == []
