"""The disk is full."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.disks import PAGE, leave, small_disk
from tests.fakesite import make_paper
from tests.faults.dying import command, finish, said
from tests.faults.ledger import settle
from tests.faults.of_kills import ONE_AT_A_TIME, PEOPLE, SUBSCRIPTIONS
from tests.faults.rows import Tally, row
from tests.faults.victim import Victims
from tests.world import DAILY, ZORBLAX, World

DAYS = 5
"""Of a world; the first makes the database, and the reserve."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much a day brings to each reader, and how many mails may be in flight.

    `most_pages`: with so many left a pass is well, on a world's first day and on the others: also
    where the reserve has to be made again.
    """

    papers: int
    connections: str
    most_pages: tuple[int, int]


LOADS = (Load(1, ONE_AT_A_TIME, (370, 300)), Load(30, "", (720, 690)))


@row(
    "disk full, at each write of a pass",
    "no commit, no send, a clear message; recovers unaided",
    few=2,
    many=200,
)
def disk_full(tries: int, directory: Path) -> Tally:
    """There is room for so many pages more; a file that may not grow stands in for a disk.

    With one mail in flight and with several long ones; on the day of the first pass and later.
    """
    tally = Tally()
    rng = random.Random(dt.datetime.now(dt.UTC).date().toordinal())
    rooms = {most: _rooms(rng, most) for load in LOADS for most in load.most_pages}
    days = min(DAYS, tries // len(LOADS))
    with Victims() as victims:
        for number, load in zip(range(tries // days), itertools.cycle(LOADS), strict=False):
            with World(directory / f"{number}") as world, small_disk(world.state_dir) as is_disk:
                world.configure(load.connections, DAILY, SUBSCRIPTIONS)
                world.fill(6)
                for day in range(days):
                    most = load.most_pages[min(day, 1)]
                    _fill(tally, victims, world, load, next(rooms[most]), most, is_disk=is_disk)
                    tally.tries += 1
    return tally


def _rooms(rng: random.Random, most: int) -> Iterator[int]:
    """Each number of pages once, in no order; early on, the one with which nothing fails."""
    numbers = rng.sample(range(most), most)
    return itertools.cycle([*numbers[:3], most, *numbers[3:]])


def _fill(
    tally: Tally,
    victims: Victims,
    world: World,
    load: Load,
    pages: int,
    most_pages: int,
    *,
    is_disk: bool,
) -> None:
    world.later(days=1)
    first = len(world.site.papers)
    papers = [
        make_paper(first + number, world.now, title=f"{ZORBLAX} {number}")
        for number in range(load.papers)
    ]
    world.add(*papers)
    job = command(world, "check-now")
    if is_disk:
        ballast = leave(world.state_dir, pages)
        fate = victims.run(job)
        ballast.unlink()
    else:
        fate = victims.run(msgspec.structs.replace(job, file_bytes=(pages + 1) * PAGE))
    text = said(world)
    what = f"{load.papers} papers, {pages} pages, exit code {fate.code}"
    tally.expect("Traceback" not in text, f"{what}, a traceback: {text[-2000:]}")
    is_clear = "no room left" in text or "see its disk" in text
    is_well = fate.code in {3, 74} and is_clear if fate.code else not is_clear
    tally.expect(is_well, f"{what}: {text[-1500:]}")
    if is_disk:
        tally.expect(pages < most_pages or not fate.code, f"{what}: more pages are to be tried")
    world.later(minutes=2)  # what could not be recorded as refused waits for one
    finish(tally, victims, world)
    owed = [(person, paper.id) for person in PEOPLE for paper in papers]
    # That a file may not grow is mended by no room that is given up.
    settle(tally, world.new_mails(), owed, may_repeat=not is_disk)
