"""A mail server that is away for days, while papers go on coming."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

from tests.fakesite import make_paper
from tests.faults.ledger import Pair, settle
from tests.faults.rows import Tally, row
from tests.smtpserver import Stage
from tests.world import TRENDING, Mail, World
from watcher.engine import Engine

BOB, ROOT = "bob@example.org", "root@example.org"

SUBSCRIPTIONS = (
    ("zorblax", "each-check", "UTC", ("ada@example.org", BOB)),
    ("quuxite", "hourly", "UTC", ("eve@example.org",)),
    ("frobnitz", "daily 08:00", "Asia/Tokyo", ("kim@example.org", "lee@example.org")),
    ("wibbleton", "weekdays 18:00", "Europe/Paris", ("max@example.org",)),
    ("plughade", "weekly mon 08:00", "UTC", ("ida@example.org",)),
    ("xyzzyne", "0 */6 * * *", "America/New_York", ("joe@example.org",)),
)
"""The word of the rule, the cadence, its time zone, and recipients that nobody shares."""

FAULTS: tuple[tuple[Stage, str], ...] = (
    ("connect", "refuse"),
    ("connect", "421 4.3.2 try later"),
    ("ehlo", "drop"),
    ("connect", "554 5.3.2 closed"),
    ("ehlo", "451 4.3.0 later"),
)


@dataclass(slots=True)
class _Feed:
    """Papers that come by chance, and who is owed them."""

    world: World
    rng: random.Random
    owed: list[Pair] = field(default_factory=list)

    def publish(self, *words: str) -> None:
        """A paper with these words, else with some, or none."""
        if not words:
            words = tuple(word for word, *_ in SUBSCRIPTIONS if self.rng.random() < 0.15)
        paper = make_paper(
            len(self.world.site.papers), self.world.now, title=f"On {' and '.join(words)} things"
        )
        self.world.add(paper)
        for word, _, _, recipients in SUBSCRIPTIONS:
            if word in words:
                self.owed += [(recipient, paper.id) for recipient in recipients]


@row(
    "SMTP: mail server away for 72 hours",
    "nothing lost, and no flood: nothing is composed while no session opens; then frozen digests"
    " unchanged, then one digest of everything pending",
    few=1,
    many=12,
)
def away(tries: int, directory: Path) -> Tally:
    """Six cadences; the program is started anew now and then."""
    tally = Tally()
    for seed in range(tries):
        with World(directory / f"{seed}") as world:
            world.configure(TRENDING, *map(_subscription, SUBSCRIPTIONS))
            world.fill(8)
            one = Tally()
            asyncio.run(_through(one, world, seed))
            one.tries = 1
            tally.add(one)
    return tally


def _subscription(facts: tuple[str, str, str, tuple[str, ...]]) -> str:
    word, digest, zone, recipients = facts
    to = ", ".join(f'"{recipient}"' for recipient in recipients)
    keys = f'name = "{word}"\nto = [{to}]\ndigest = "{digest}"\ntimezone = "{zone}"\n'
    return f'[[subscriptions]]\n{keys}any = ["{word}"]\n'


async def _through(tally: Tally, world: World, seed: int) -> None:
    rng = random.Random(seed)
    feed = _Feed(world, rng)
    stage, answer = FAULTS[seed % len(FAULTS)]
    await _live(feed, rng, dt.timedelta(hours=rng.randint(1, 30)))
    # One digest is frozen, and taken, but nobody here knows: it has to come again as it is.
    world.smtp.fail("dot", "accept+drop", recipient=BOB)
    feed.publish("zorblax")
    async with world.engine() as engine:
        await engine.run_pass()
    frozen = world.digests(BOB)[-1]
    world.smtp.heal()
    if answer == "refuse":
        world.smtp.stop()
    else:
        world.smtp.fail(stage, answer)
    since, known = world.now, len(feed.owed)
    await _live(feed, rng, dt.timedelta(hours=72))
    pending = feed.owed[known:]
    world.smtp.heal()
    if answer == "refuse":
        world.smtp.start()
    until, before = world.now, len(world.mails)
    await _live(feed, rng, dt.timedelta(days=1))
    await _rest(world)
    after = [mail for mail in world.mails[before:] if mail.recipient != ROOT]

    settle(tally, world.mails, feed.owed, may_repeat=True)
    tally.expect(tally.duplicated == len(frozen.paper_ids), "more came again than was in doubt")
    tally.expect(after and after[0].raw == frozen.raw, "what was frozen did not go first, or as is")
    composed = [_composed_at(mail) for mail in after]
    tally.expect(not [at for at in composed if since < at < until], "composed meanwhile")
    for recipient in dict(pending):
        theirs = {paper_id for who, paper_id in pending if who == recipient}
        holding = [m for m in after if m.recipient == recipient and theirs & {*m.paper_ids}]
        tally.expect(len(holding) == 1, f"{recipient} got what waited in {len(holding)} digests")
    stuck = [mail for mail in world.notices() if "mail is stuck" in mail.subject]
    tally.expect(len(stuck) == 1, f"the operator was told {len(stuck)} times")


async def _live(feed: _Feed, rng: random.Random, span: dt.timedelta) -> None:
    """Let that time pass: papers come, passes are made, and slots closed between them."""
    until = feed.world.now + span
    async with contextlib.AsyncExitStack() as process:
        engine: Engine | None = None
        while feed.world.now < until:
            if engine is None or rng.random() < 0.05:
                await process.aclose()
                engine = await process.enter_async_context(feed.world.engine())
            step = dt.timedelta(minutes=rng.choice((60, 120, 240, 360)))
            feed.world.now = min(feed.world.now + step, until)
            if rng.random() < 0.4:
                feed.publish()
            await engine.run_slots()
            await engine.run_pass()


async def _rest(world: World) -> None:
    """No more papers come, and each cadence has its slot."""
    async with world.engine() as engine:
        for _ in range(8):
            world.later(days=1)
            await engine.run_pass()


def _composed_at(mail: Mail) -> dt.datetime:
    return parsedate_to_datetime(mail.header("Date") or "")
