"""SIGKILL, at each step of a pass and at any other moment."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests import test_replay as replay
from tests.fakesite import SitePaper, make_paper
from tests.faults.dying import command, finish, see_repeats
from tests.faults.ledger import Pair, settle
from tests.faults.rows import Tally, row
from tests.faults.victim import Point, Victims
from tests.world import DAILY, TRENDING, ZORBLAX, World
from watcher.steps import Step

MOMENTS = {Step.ASKED, Step.FETCHED, Step.PARSED, Step.PROBED, Step.ACCEPTED}
"""The steps that are no transaction."""

POINTS: tuple[Point, ...] = tuple(
    (step, is_committed)
    for step in Step
    for is_committed in (False, True)
    if (is_committed or step not in MOMENTS) and step is not Step.REFUSED
)
"""Those to which a pass comes whose mails are all taken."""

AMBIGUOUS = {(Step.ACCEPTED, True), (Step.DELIVERED, False)}
"""The server has the mail, and the store does not know."""

PEOPLE = ("ada@example.org", "bob@example.org", "eve@example.org")

ONE_AT_A_TIME = "connections = 1\n"
"""Of [smtp]: one mail is in flight."""

SUBSCRIPTIONS = """
[[subscriptions]]
name = "weights"
to = ["ada@example.org", "bob@example.org"]
digest = "each-check"
any = ["zorblax"]

[[subscriptions]]
name = "also"
to = ["eve@example.org"]
digest = "each-check"
any = ["zorblax"]

[[subscriptions]]
name = "nothing"
to = ["nobody@example.org"]
digest = "each-check"
any = ["quux"]
"""

LIFETIME = 20
"""Days of a world; the first pass of each makes the database."""


@row(
    "SIGKILL at each named step of a pass",
    "nothing lost; a duplicate only between the server's acceptance and its record",
    few=4,
    many=50 * len(POINTS),
)
def at_each_step(tries: int, directory: Path) -> Tally:
    """`check-now` and `run` by turns, each on a new day; a cut is another one each day."""
    tally = Tally()
    first = 0 if tries >= len(POINTS) else dt.datetime.now(dt.UTC).date().toordinal() * tries
    rng = random.Random(first)
    with Victims() as victims:
        often = _rehearsed(tally, victims, directory / "rehearsal")
        while tally.tries < tries:
            with World(directory / f"{tally.tries}") as world:
                for _ in range(min(LIFETIME, tries - tally.tries)):
                    point = POINTS[(first + tally.tries) % len(POINTS)]
                    if point[0] is Step.MIGRATED and world.state_dir.exists():
                        break
                    _kill(tally, victims, world, point, rng.randint(1, often[point]))
                    tally.tries += 1
                tally.expect(not world.notices(), "the operator was written to")
    return tally


def _rehearsed(tally: Tally, victims: Victims, directory: Path) -> Counter[Point]:
    """How often at least a pass comes to each point; to some only once, in the first."""
    with World(directory) as world:
        passes = []
        for _ in range(2):
            dawn(world)
            passes.append(Counter(finish(tally, victims, world).reached))
    missing = [point for point in POINTS if point not in passes[0]]
    tally.expect(not missing, f"no pass comes to {missing}")
    return (passes[0] & passes[1]) | Counter(POINTS)


def dawn(world: World) -> str:
    """A day begins, and brings a paper for all people; its id."""
    if not world.config_path.exists():
        world.configure(ONE_AT_A_TIME, TRENDING, SUBSCRIPTIONS)
        world.fill(6)
    world.later(days=1)
    count = len(world.site.papers)
    world.fill(2, first=count)
    paper = make_paper(count + 2, world.now, title=ZORBLAX)
    world.add(paper)
    return paper.id


def _kill(tally: Tally, victims: Victims, world: World, point: Point, nth: int) -> None:
    paper_id = dawn(world)
    since = len(world.smtp.messages)
    name = "run" if tally.tries % 2 else "check-now"
    fate = victims.run(msgspec.structs.replace(command(world, name), at=point, nth=nth))
    tally.expect(fate.is_killed, f"{name} did not come to {point} for the {nth}th time")
    world.later(minutes=1)
    finish(tally, victims, world)
    owed = [(person, paper_id) for person in PEOPLE]
    settle(tally, world.new_mails(), owed, may_repeat=point in AMBIGUOUS)
    see_repeats(tally, world.smtp, since)


WELL = (0, 3)
"""How a pass of the replay ends: on its first days the page of what trends is degraded."""


@row(
    "SIGKILL at any moment, while days of the site are replayed",
    "nothing lost; a duplicate only between the server's acceptance and its record",
    few=3,
    many=1000,
)
def at_any_moment(tries: int, directory: Path) -> Tally:
    """Every check is killed up to five times before one is let through."""
    tally = Tally()
    with Victims() as victims:
        for number in range(tries):
            if tally.tries < tries:
                with World(directory / f"{number}") as world:
                    kills = tries - tally.tries
                    tally.add(_replayed(victims, world, kills, random.Random(number)))
    return tally


def _replayed(victims: Victims, world: World, kills: int, rng: random.Random) -> Tally:
    """Ten days, or fewer if so many kills are made before; what they owe as the replay has it."""
    tally = Tally()
    world.configure(DAILY, TRENDING, replay.SUBSCRIPTIONS)
    papers = list(replay.month_of_papers(rng))
    world.add(*papers)
    world.now = last_good = replay.START + dt.timedelta(hours=5)
    owed: set[Pair] = set()
    baseline: set[Pair] = set()
    usual = 60
    for number in range(40):
        world.later(hours=6 if number else 0)
        codes: set[int] = set()
        for _ in range(rng.randint(0, 5)):
            delay = rng.choice((0.002, 0.02, 0.2)) * rng.random()
            job = command(world, "check-now")
            job = msgspec.structs.replace(job, after=rng.randint(0, usual), delay=delay)
            fate = victims.run(job)
            tally.tries += fate.is_killed
            if not fate.is_killed:  # it was quicker
                codes.add(fate.code)
            world.smtp.wait_for_idle()
        # The first days are poor: the page of what trends is degraded.
        last = finish(tally, victims, world, codes=WELL)
        usual = len(last.reached)
        tally.expect(codes <= {last.code}, f"passes ended with {codes}, the last with {last.code}")
        wanted = set(_wanted(papers, world.now, last_good))
        if number == 0:
            baseline = {pair for pair in wanted if pair[0] == "people@example.org"}
        owed |= wanted
        last_good = world.now
        if tally.tries >= kills:
            break
    finish(tally, victims, world, command(world, "check-now", "--send", "--all"), codes=WELL)
    settle(tally, world.mails, owed - baseline, may_repeat=True)
    see_repeats(tally, world.smtp)
    return tally


def _wanted(papers: list[SitePaper], now: dt.datetime, last_good: dt.datetime) -> Iterator[Pair]:
    """Who wants which of the papers that a good check sees now."""
    arrived = [paper for paper in papers if paper.arrives_at <= now]
    latest_on = max((paper.listed_on for paper in arrived), default=None)
    for paper in arrived:
        if paper.listed_on == latest_on or replay._is_read(paper, last_good):
            for expectation in replay.EXPECTATIONS:
                if expectation.wants(paper, now):
                    yield expectation.recipient, paper.id
