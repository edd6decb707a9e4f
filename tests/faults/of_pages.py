"""The page changes under the program: it says so, and goes on with what it can read."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.fakesite import Answer, Fault, SitePaper, faults, make_paper
from tests.faults.ledger import settle
from tests.faults.rows import ALL, Tally, row
from tests.world import DAILY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.engine import Engine, Request

CHECKS = 6
SEARCH = '[[sources]]\npage = "search"\nquery = "the"\n'
KINDS = {"trending": TRENDING, "daily": DAILY, "search": SEARCH}


@dataclass(frozen=True, slots=True)
class Change:
    """How a page turns into another one.

    `kinds` are the pages whose check is degraded by it; `shows_new`: a paper that is new then can
    still be had.
    """

    name: str
    make: Callable[[World], None]
    kinds: tuple[str, ...] = tuple(KINDS)
    shows_new: tuple[str, ...] = tuple(KINDS)


def _edited(*replacements: tuple[str, str]) -> Callable[[World], None]:
    def make(world: World) -> None:
        world.site.faults["/papers*"] = faults.edited(*replacements)

    return make


def _renamed(*keys: str) -> Callable[[World], None]:
    return _edited(*((f"&quot;{key}&quot;:", f"&quot;{key}V2&quot;:") for key in keys))


def _votes(shown: bytes) -> Callable[[World], None]:
    def change(answer: Answer) -> Answer:
        key = rb"(&quot;upvotes&quot;:)\d+"
        return replace(answer, body=re.sub(key, rb"\g<1>" + shown, answer.body))

    def make(world: World) -> None:
        world.site.faults["/papers*"] = Fault(change)

    return make


def _redesign(world: World) -> None:
    world.site.faults["/papers*"] = faults.renamed_markup()


def _without_json(world: World) -> None:
    world.site.without_json = True


def _keep(count: int) -> Callable[[World], None]:
    """Of each day only so many papers stay, those of today excepted."""

    def make(world: World) -> None:
        left: dict[dt.date, int] = {}
        for paper in list(world.site.papers):
            left[paper.listed_on] = left.get(paper.listed_on, 0) + 1
            if left[paper.listed_on] > count and paper.title != ZORBLAX:
                world.site.papers.remove(paper)

    return make


CHANGES = (
    Change("renamed markup", _redesign, shows_new=("daily",)),
    Change("no JSON any more", _without_json),
    Change("the JSON has another name", _renamed("dailyPapers", "searchResults")),
    Change("no ids", _renamed("id")),
    Change("no titles", _renamed("title")),
    *(
        Change(f"no {key}", _renamed(key))
        for key in (
            *("summary", "authors", "publishedAt", "submittedOnDailyAt"),
            *("upvotes", "numComments"),
        )
    ),
    Change("all votes 0", _votes(b"0")),
    Change("votes are words", _votes(b"&quot;x&quot;")),
    Change("more than half the papers gone", _keep(2), kinds=("trending",)),
    Change("six of ten papers of each day gone", _keep(4), kinds=("daily",)),
    Change("one paper only", _keep(0), kinds=("trending",)),
    Change("one paper of each day only", _keep(1), kinds=("daily",)),
)


def _papers(now: dt.datetime) -> list[SitePaper]:
    """Ten of each weekday of two weeks, all with votes, that nobody asks for."""
    days = [now - dt.timedelta(days=back, hours=1) for back in range(13, -1, -1)]
    return [
        make_paper(
            1000 + 20 * number + position,
            at,
            votes=lambda _: 30,
            trends=(at, now + dt.timedelta(days=90)) if number > 8 else None,
        )
        for number, at in enumerate(days)
        for position in range(10)
        if at.weekday() < 5
    ]


@row(
    "the page changes: renamed markup, no JSON, a field, most papers or all votes gone",
    "degraded; valid new papers still go; the operator is told once; the baseline is kept",
    few=1,
    many=ALL,
)
def changed(tries: int, directory: Path) -> Tally:
    """Each change at each kind of page, for six checks; then it is well again."""
    tally = Tally()
    cases = [(c, kind) for c, kind in itertools.product(CHANGES, KINDS) if kind in c.kinds]
    random.Random(3).shuffle(cases)
    for number, (change, kind) in enumerate(cases[:tries]):
        with World(directory / f"{number}") as world:
            world.configure(KINDS[kind], WEIGHTS)
            asyncio.run(_changes(tally, world, change, kind))
        tally.tries += 1
    return tally


async def _changes(tally: Tally, world: World, change: Change, kind: str) -> None:
    what = f"{change.name} on {kind}"
    papers = _papers(world.now + dt.timedelta(days=5))
    world.add(*papers)
    async with world.engine() as engine:
        for _ in range(5):
            await _check(tally, world, engine, what, "ok")
            world.later(days=1)
        world.later(hours=6)  # a Tuesday: of dated pages, counts judge those that ended, Monday's
        before = list(world.site.papers)
        change.make(world)
        new = make_paper(1, world.now, title=ZORBLAX, votes=lambda _: 30)
        world.add(new)
        for number in range(CHECKS):
            await _check(tally, world, engine, what, "degraded")
            told = [notice.subject for notice in world.notices() if "different" in notice.subject]
            tally.expect(len(told) == (number >= 2), f"{what}: told {told} after {number + 1}")
            world.later(minutes=30)
        owed = [("ada@example.org", new.id)]
        if kind in change.shows_new:
            settle(tally, world.mails, owed)
        world.site.faults.clear()
        world.site.without_json = False
        world.site.papers[:] = [*before, new]
        for _ in range(2):
            await _check(tally, world, engine, what, "ok")
            world.later(minutes=30)
    settle(tally, world.mails, owed)
    subjects = [notice.subject for notice in world.notices() if "record" not in notice.subject]
    tally.expect(len(subjects) == 2, f"{what}: the operator was told {subjects}")


async def _check(tally: Tally, world: World, engine: Engine, what: str, outcome: str) -> None:
    result = await engine.run_pass(Request())
    [checked] = result.sources
    tally.expect(
        checked.outcome == outcome,
        f"{what}: {world.now:%a %d %H:%M} it was {checked.outcome} ({checked.error})",
    )
