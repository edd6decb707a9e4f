"""Keywords for a rule, from what is stored."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.fakesite.faults import challenge
from tests.world import DAILY, WEIGHTS, World
from watcher.store import feedback
from watcher.store.database import Database

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


def say(world: World, *wishes: tuple[int, bool], subscription: str = "weights") -> None:
    """Keep what somebody said of these papers."""
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        for number, is_wanted in wishes:
            paper_id = f"2602.{number:05}"
            feedback.put(connection, subscription, paper_id, world.now, is_wanted=is_wanted)
    database.close()


def test_what_people_said_of_papers_tells_first(stored: World) -> None:
    ask = Asker(stored)
    before = ask("suggest", "two").out
    say(stored, (1, True), (2, True), (3, False), (4, False), (20, True))
    said = ask("suggest", "weights")
    assert said.code == 0
    assert said.out == (
        "38 papers looked at.\n"
        "\n"
        'rule "zorblax" mentions zorblax: found 6 papers\n'
        "  Suggested by 3 papers you wanted, 2 you did not, too.\n"
        "  To find more, in `any`:\n"
        "    quop: brings 1 (1 you wanted), such as Something\n"
    )
    [rule] = ask("suggest", "weights", "--json").json["rules"]
    assert rule["feedback"] == {"wanted": 3, "missed": 1, "unwanted": 2}
    [quop] = rule["widening"]
    assert (quop["wanted"], quop["unwanted"]) == (1, 0)
    assert ask("suggest", "two").out == before, "another's words are not heard"


def test_who_wanted_nothing_of_it_is_told_so(stored: World) -> None:
    say(stored, (3, False))
    assert "Suggested by 1 paper you did not want, too." in Asker(stored)("suggest", "weights").out
    say(stored, (3, True))
    assert "Suggested by 1 paper you wanted, too." in Asker(stored)("suggest", "weights").out
