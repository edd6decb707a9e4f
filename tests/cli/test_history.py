"""What was sent to whom, and how the checks went."""

from __future__ import annotations

import asyncio

from tests.cli.looking import Asker, fill
from tests.fakesite import Fault
from tests.world import DAILY, WEIGHTS, World


def run_pass(world: World) -> None:
    asyncio.run(_run_pass(world))


async def _run_pass(world: World) -> None:
    await world.run_pass()


def test_digests_with_what_became_of_each_mail(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS.replace('["ada@', '["bob@example.org", "ada@'))
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="bob@example.org")
    fill(world, 1)
    run_pass(world)
    world.later(minutes=30)
    fill(world, 2)
    run_pass(world)
    said = ask("history")
    assert said.code == 0
    header, newest, oldest = said.out.splitlines()
    assert header.split() == ["digest", "subscription", "made", "papers", "to"]
    assert newest.startswith("2       weights       Thu 2026-02-19 07:30 UTC  1 ")
    assert "bob@example.org dead" in oldest
    assert "550 5.1.1 no such user" in oldest
    assert "ada@example.org delivered Thu 2026-02-19 07:00 UTC" in oldest
    assert len(ask("history", "--limit", "1").out.splitlines()) == 2
    [digest] = ask("history", "--limit", "1", "--json").rows
    assert (digest["id"], digest["subscription"], digest["papers"]) == (2, "weights", 1)
    assert {each["state"] for each in digest["deliveries"]} == {"delivered", "dead"}


def test_a_subscription_that_is_gone_keeps_its_history(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    run_pass(world)
    world.configure(DAILY, WEIGHTS.replace('"weights"', '"other"').replace("zorblax", "quux"))
    run_pass(world)
    assert len(ask("history", "--subscription", "weights", "--json").rows) == 1
    assert ask("history", "--subscription", "other", "--json").rows == []
    assert ask("history", "--subscription", "nobody").code == 2


def test_checks_with_their_outcomes(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    world.later(minutes=30)
    world.site.faults["/papers/date/*"] = Fault(disconnects=True)
    run_pass(world)
    said = ask("history", "--checks")
    assert said.code == 0
    assert "could not be read" in said.out.splitlines()[1]
    assert "ok" in said.out.splitlines()[2]
    newest, oldest = ask("history", "--checks", "--json").rows
    assert (newest["outcome"], oldest["outcome"]) == ("failed", "ok")
    assert oldest["papers"] == 9


def test_nothing_yet_is_said(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    assert ask("history").code == 74
    fill(world)
    run_pass(world)
    assert "no digest was made yet" in ask("history").out
    assert ask("history", "--limit", "0").code == 2
