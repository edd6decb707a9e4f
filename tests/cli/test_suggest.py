"""Keywords for a rule, from what is stored."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.fakesite.faults import challenge
from tests.world import DAILY, WEIGHTS, World

TWO = """
[[subscriptions]]
name = "two"
to = "ada@example.org"
[[subscriptions.rules]]
name = "nets"
any = ["zorblax"]
[[subscriptions.rules]]
any = ["quux"]
"""


def add(world: World) -> None:
    """Six papers on zorblaxes that quop, one that quops only, and a few others."""
    for number in range(1, 7):
        world.add(make_paper(number, world.now, title=f"Zorblax {number}", abstract="All quop."))
    world.add(make_paper(20, world.now, title="Something", abstract="To quop or not to quop."))
    for number in range(30, 60):
        world.add(make_paper(number, world.now, title=f"Proteins {number}", abstract="Folded."))


@pytest.fixture
def stored(world: World) -> World:
    world.configure(DAILY, WEIGHTS, TWO)
    add(world)

    async def check() -> None:
        await world.run_pass()

    asyncio.run(check())
    return world


def test_what_would_find_more_is_told_with_what_it_brings(stored: World) -> None:
    said = Asker(stored)("suggest", "weights")
    assert said.code == 0
    assert said.out == (
        "38 papers looked at.\n"
        "\n"
        'rule "zorblax" mentions zorblax: found 6 papers\n'
        "  To find more, in `any`:\n"
        "    quop: brings 1, such as Something\n"
    )


def test_for_machines(stored: World) -> None:
    found = Asker(stored)("suggest", "weights", "--json").json
    assert (found["subscription"], found["days"], found["papers"]) == ("weights", 30, 38)
    [rule] = found["rules"]
    assert (rule["name"], rule["papers"], rule["is_new_rule"]) == ("zorblax", 6, False)
    [quop] = rule["widening"]
    assert (quop["keyword"], quop["papers"]) == ("quop", 1)
    assert [paper["title"] for paper in quop["examples"]] == ["Something"]
    assert rule["narrowing"] == []


def test_one_rule_is_named_by_its_name_or_number(stored: World) -> None:
    ask = Asker(stored)
    assert [rule["name"] for rule in ask("suggest", "two", "--json").json["rules"]] == [
        "nets",
        "quux",
    ]
    for word, name in (("nets", "nets"), ("2", "quux"), ("quux", "quux")):
        [rule] = ask("suggest", "two", "--rule", word, "--json").json["rules"]
        assert rule["name"] == name
    said = ask("suggest", "two", "--rule", "net")
    assert said.code == 2
    assert "did you mean nets?" in said.err


def test_too_few_papers_and_nothing_in_common_are_told(stored: World) -> None:
    ask = Asker(stored)
    said = ask("suggest", "two", "--rule", "2")
    assert said.code == 0
    assert "Too few to have anything in common" in said.out
    stored.configure(DAILY, WEIGHTS.replace("zorblax", "proteins"))
    assert "No phrase tells its papers from the others" in ask("suggest", "weights").out


def test_an_unknown_subscription_is_exit_2(stored: World) -> None:
    said = Asker(stored)("suggest", "weigths")
    assert said.code == 2
    assert "did you mean weights?" in said.err


def test_the_site_can_be_asked_instead(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    add(world)
    assert ask("suggest", "weights").code == 74
    said = ask("suggest", "weights", "--fetch", "--days", "1")
    assert said.code == 0
    assert "quop: brings 1" in said.out
    assert said.out.endswith(
        "1 page of past days read from the site, with 37 papers; none is stored.\n"
    )
    world.site.faults["*"] = challenge()
    assert ask("suggest", "weights", "--fetch").code == 1
