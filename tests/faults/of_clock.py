"""Clocks that jump, machines that sleep, and the days on which zones change their clocks."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import time_machine

from tests.fakesite import SitePaper, make_paper
from tests.fakesite.papers import Votes
from tests.faults.calendars import DAY, MINUTE, Cadence, Reader, changes, compare
from tests.faults.ledger import settle
from tests.faults.rows import Tally, row
from tests.smtpserver import LONGEST_WAIT
from tests.test_watchdog import daemon
from tests.world import DAILY, TRENDING, ZORBLAX, World
from watcher.daemon import OVERDUE

HOUR = dt.timedelta(hours=1)
NEWS = 'any = ["zorblax"]'
LIKED = 'any = ["zorblax"]\nmin_upvotes = 20'

ZONES = {
    "Australia/Lord_Howe": 2026,  # by half an hour
    "Pacific/Apia": 2011,  # and a day that was left out
    "America/Sao_Paulo": 2018,  # at midnight
    "Africa/Cairo": 2026,  # at midnight, too
    "America/Havana": 2026,
    "Asia/Beirut": 2026,
    "America/Nuuk": 2026,  # in the evening
    "America/St_Johns": 2026,
    "Pacific/Chatham": 2026,
    "Antarctica/Troll": 2026,  # by two hours
    "Africa/Casablanca": 2026,
    "Europe/Dublin": 2026,
    "Europe/London": 2026,
    "Europe/Paris": 2026,
    "America/New_York": 2026,
    "America/Santiago": 2026,
    "Atlantic/Azores": 2026,
    "Asia/Tehran": 2022,
    "Asia/Jerusalem": 2026,
    "America/Asuncion": 2023,  # at midnight, in the south
    "Asia/Kathmandu": 2026,  # never
    "UTC": 2026,  # never
}
EUROPE = [
    (dt.datetime(2026, m, d, 1, tzinfo=dt.UTC), dt.timedelta()) for m, d in ((3, 29), (10, 25))
]


def cases() -> Iterator[tuple[ZoneInfo, dt.datetime, dt.timedelta]]:
    """Every zone on both of its days; those that have none on Europe's."""
    for name, year in ZONES.items():
        zone = ZoneInfo(name)
        for at, jump in changes(zone, year) or EUROPE:
            yield zone, at, jump


def cadences(zone: ZoneInfo, change: dt.datetime, jump: dt.timedelta) -> list[Cadence]:
    """Of every kind, above all in the hour that is left out or comes twice."""
    before = (change - MINUTE).astimezone(zone).replace(tzinfo=None) + MINUTE
    inside = before + min(jump / 2, HOUR) if jump else before + 15 * MINUTE
    nearby = [before - 45 * MINUTE, before, before + jump, inside + 10 * MINUTE, before + 9 * HOUR]
    hours = [(before.hour + n) % 24 for n in (-1, 0, 1)]
    weekday = inside.weekday()
    return [
        Cadence("each-check"),
        Cadence("hourly", minutes=(0,)),
        Cadence("*/20 * * * *", minutes=(0, 20, 40)),
        Cadence(f"daily {inside:%H:%M}", (inside.time(),)),
        *(Cadence(f"{at:%H:%M}", (at.time(),)) for at in nearby),
        Cadence(f"weekdays {inside:%H:%M}", (inside.time(),), lambda day: day.weekday() < 5),
        Cadence(
            f"weekly {inside:%a %H:%M}".lower(),
            (inside.time(),),
            lambda day: day.weekday() == weekday,
        ),
        Cadence(f"{inside.minute} {inside.hour} * * *", (inside.time(),)),
        Cadence(
            f"*/20 {','.join(map(str, sorted(hours)))} * * *",
            tuple(dt.time(hour, minute) for hour in hours for minute in (0, 20, 40)),
        ),
    ]


@row(
    "clock: 20 time zones on both of their days",
    "one digest for each slot, the hour left out and the one that comes twice included",
    few=1,
    many=45,
)
def zones(tries: int, directory: Path) -> Tally:
    """Three days around a change, with something new before each slot nearby."""
    tally = Tally()
    for zone, change, jump in itertools.islice(cases(), tries):
        with World(directory / f"{tally.tries}") as world:
            asyncio.run(_around(world, tally, zone, change, jump))
        tally.tries += 1
    return tally


async def _around(
    world: World, tally: Tally, zone: ZoneInfo, change: dt.datetime, jump: dt.timedelta
) -> None:
    start, end = change - 30 * HOUR, change + 42 * HOUR
    readers = [
        Reader(f"r{number}", cadence, zone, start)
        for number, cadence in enumerate(cadences(zone, change, jump))
    ]
    slots = {
        at
        for reader in readers
        for at in reader.cadence.slots(zone, start + MINUTE, end)
        if not reader.cadence.minutes or abs(at - change) < 3 * HOUR
    }
    too_soon = {at - MINUTE for at in slots if abs(at - change) < 3 * HOUR}
    checks = {start + n * 10 * HOUR for n in range(8)}
    checks |= {change + n * 40 * MINUTE + 7 * MINUTE for n in range(-4, 5)}
    begin(world, start)
    world.configure(TRENDING, *(reader.toml(NEWS) for reader in readers))
    after_all = end + 9 * DAY
    async with world.engine() as engine:
        for now in sorted(slots | too_soon | checks | {after_all}):
            world.now = now
            if now in checks:
                publish(world, readers)
                await engine.run_pass()
            else:
                await engine.run_slots()
            for reader in readers:
                reader.tick(now, is_check=now in checks)
    conclude(world, tally, f"{zone.key} {change:%Y-%m-%d}", readers)


FORTNIGHT = (
    Cadence("each-check"),
    Cadence("hourly", minutes=(0,)),
    Cadence("15 */6 * * *", tuple(dt.time(hour, 15) for hour in range(0, 24, 6))),
    Cadence("daily 02:30", (dt.time(2, 30),)),
    Cadence("weekdays 08:00", (dt.time(8),), lambda day: day.weekday() < 5),
    Cadence("weekly mon 08:00", (dt.time(8),), lambda day: day.weekday() == 0),
)
LIKED_AFTER = 36 * HOUR
"""How long until a paper has the votes that the last of the readers wants."""


@row(
    "clock: jumps of an hour, a day, a year, both ways; asleep for 8 hours",
    "one digest for each slot, at most one catch-up",
    few=1,
    many=20,
)
def jumps(tries: int, directory: Path) -> Tally:
    """A fortnight with a change of clocks in it; the machine's own clock jumps at random."""
    tally = Tally()
    for seed in range(tries):
        with World(directory / f"{seed}") as world:
            asyncio.run(_fortnight(world, tally, seed))
        tally.tries += 1
    return tally


async def _fortnight(world: World, tally: Tally, seed: int) -> None:
    """The site has the right time; the program, restarted now and then, what its clock says."""
    rng = random.Random(seed)
    time, jump = dt.datetime(2026, 3, 20, 5, 2, tzinfo=dt.UTC), dt.timedelta()
    end = time + 14 * DAY
    zone = ZoneInfo("Europe/Paris")
    readers = [Reader(f"r{n}", cadence, zone, time) for n, cadence in enumerate(FORTNIGHT)]
    liking = Reader("liking", FORTNIGHT[3], zone, time)
    begin(world, time)
    sources = (TRENDING, DAILY) if seed % 3 == 1 else (TRENDING,)
    world.configure(*sources, *(reader.toml(NEWS) for reader in readers), liking.toml(LIKED))
    wanted: list[SitePaper] = []
    jumping = sorted(rng.sample(range(14 * 24), 6))
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(world.engine())
        while time < end + 9 * DAY:
            is_over = time >= end
            hours = 8 if rng.random() < 0.1 or is_over else rng.choice((0.2, 2, 4, 7))
            time += hours * HOUR
            if jumping and time >= end - 14 * DAY + jumping[0] * HOUR:
                del jumping[0]
                jump += rng.choice((-1, 1)) * rng.choice((HOUR, DAY, 365 * DAY))
            world.now = time if is_over else time + jump
            world.site.now = time
            if rng.random() < 0.12:
                await stack.aclose()
                engine = await stack.enter_async_context(world.engine())
            if rng.random() < 0.03:
                world.smtp.fail("rcpt", "450 4.2.0 later", times=1)
            is_check = rng.random() < 0.3
            if is_check:
                if not is_over and rng.random() < 0.5:
                    wanted.append(publish(world, readers))
                liked = {paper.id for paper in wanted if paper.votes(time) >= 20}
                liking.pending |= liked
                wanted = [paper for paper in wanted if paper.id not in liked]
                await engine.run_pass()
            else:
                await engine.run_slots()
            for reader in (*readers, liking):
                reader.tick(world.now, is_check=is_check)
    conclude(world, tally, f"seed {seed}", [*readers, liking])


JUMPS = (8 * HOUR, -DAY, HOUR, -HOUR, DAY, -365 * DAY, 365 * DAY)
"""The first is what a machine sees that was asleep."""


@row(
    "clock: the daemon's timers when it jumps, or after 8 hours asleep",
    "one digest for each slot, at most one catch-up, and soon",
    few=2,  # what the first asks for may come with the check at the start
    many=35,
    is_alone=True,  # real seconds count
)
def timers(tries: int, directory: Path) -> Tally:
    """The clock of one running daemon jumps to three seconds before an hour that never was.

    A busy machine may see the jump only after the hour, and then acts at the next minute.
    """
    tally = Tally()
    with World(directory) as world:
        asyncio.run(_jumping(world, tally, tries, LONGEST_WAIT if tries > len(JUMPS) else 90))
    return tally


async def _jumping(world: World, tally: Tally, tries: int, seconds: float) -> None:
    now = dt.datetime(2026, 6, 3, 10, 59, 57, tzinfo=dt.UTC)
    reader = Reader("hourly", FORTNIGHT[1], ZoneInfo("UTC"), now)
    begin(world, now)
    world.configure(TRENDING, reader.toml(NEWS))
    owed, hours = [], {now}
    with contextlib.ExitStack() as stack:
        stack.enter_context(time_machine.travel(now))
        async with daemon(world, overdue=OVERDUE):
            for number in range(tries):
                owed.append((reader.recipient, publish(world, [reader]).id))
                now += JUMPS[number % len(JUMPS)]
                while now in hours:  # a slot that was closed stays so
                    now += HOUR
                hours |= {now - HOUR, now}
                stack.enter_context(time_machine.travel(now))
                with contextlib.suppress(AssertionError):  # that it did not come is settled below
                    await asyncio.to_thread(_wait_for, world, owed[-1], seconds)
                tally.tries += 1
    settle(tally, world.mails, owed)


def _wait_for(world: World, owed: tuple[str, str], seconds: float) -> None:
    """Block until that paper came; whoever waits for more than so many seconds is told."""
    recipient, paper_id = owed
    while True:
        count = len(world.smtp.messages)
        if any(paper_id in mail.paper_ids for mail in world.digests(recipient)):
            return
        world.smtp.wait_for(count + 1, timeout=seconds)


def begin(world: World, now: dt.datetime) -> None:
    """Papers that nobody asks for; a page has the same bytes until something is new."""
    world.now = now
    world.site.is_stable = True
    world.add(*(_steady(500 + number, now - HOUR) for number in range(12)))


def publish(world: World, readers: list[Reader]) -> SitePaper:
    """A new paper for everybody, which has votes only later."""
    number = len(world.site.papers)
    since = world.site.now

    def votes(now: dt.datetime) -> int:
        return 20 if now >= since + LIKED_AFTER else 3

    paper = _steady(number, since, title=f"{ZORBLAX} {number}", votes=votes)
    world.add(paper)
    for reader in readers:
        reader.pending.add(paper.id)
    return paper


def _steady(
    number: int, arrives_at: dt.datetime, *, title: str = "Steady", votes: Votes = lambda _: 3
) -> SitePaper:
    always = (arrives_at, arrives_at + 1000 * DAY)
    return make_paper(number, arrives_at, title=title, votes=votes, trends=always, ai_at=None)


def conclude(world: World, tally: Tally, where: str, readers: list[Reader]) -> None:
    """Settle what came against what each reader should have had."""
    tally.expect(not any(reader.pending for reader in readers), f"{where}: it ended too early")
    owed = [(r.recipient, paper) for r in readers for _, papers in r.digests for paper in papers]
    settle(tally, world.mails, owed)
    compare(tally, where, readers, world.mails)
