"""Searching stored papers from a terminal."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli.looking import Asker, fill
from tests.world import DAILY, WEIGHTS, ZORBLAX, World


@pytest.fixture
def stored(world: World) -> World:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)

    async def check() -> None:
        await world.run_pass()

    asyncio.run(check())
    return world


def test_papers_are_found(stored: World) -> None:
    ask = Asker(stored)
    said = ask("search", "zorblax", "every*")
    assert said.code == 0
    assert ZORBLAX in said.out
    assert "2602.00001  2026-02-19" in said.out
    assert said.out.endswith("1 paper found\n")
    assert ask("search", "--", "zorblax", "-everything").out == "0 papers found\n"
    found = ask("search", "zorblax", "--newest", "--json").json
    assert (found["found"], found["is_more"], found["not_indexed"]) == (1, False, 0)
    [paper] = found["papers"]
    assert (paper["id"], paper["title"]) == ("2602.00001", ZORBLAX)


def test_something_has_to_be_looked_for(stored: World) -> None:
    said = Asker(stored)("search", "--", "-zorblax")
    assert said.code == 2
    assert "at least one word" in said.err
