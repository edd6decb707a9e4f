"""Thirty days of the site, replayed: whoever is owed a paper gets it once, and nothing else.

The oracle below reads the fake site's own records and the mail server's ledger. It knows nothing of
`watcher.rules`: its rules are looked for with its own few lines.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.fakesite import SitePaper, faults, growing, make_paper
from tests.world import DAILY, TRENDING, World

START = dt.datetime(2026, 2, 2, tzinfo=dt.UTC)  # a Monday
DAYS = 30
EVERY = dt.timedelta(hours=6)
TAIL = dt.timedelta(hours=48)
OUTAGE = (START + dt.timedelta(days=9), START + dt.timedelta(days=12))
WITHOUT_JSON = (START + dt.timedelta(days=17), START + dt.timedelta(days=19))

SUBSCRIPTIONS = """
[[subscriptions]]
name = "weights"
to = ["weights@example.org"]
digest = "weekdays 08:00"
timezone = "Asia/Tokyo"
sources = ["daily"]
[[subscriptions.rules]]
any = ["zorblax"]
none = ["quibble"]

[[subscriptions]]
name = "liked"
to = ["liked@example.org"]
digest = "daily 18:30"
sources = ["daily"]
[[subscriptions.rules]]
any = ["vexil*"]
min_upvotes = 20

[[subscriptions]]
name = "people"
to = ["people@example.org"]
digest = "each-check"
sources = ["trending", "daily"]
first_run = "baseline"
[[subscriptions.rules]]
authors = ["Quintessa Marlowe"]
"""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a recipient wants: the test's own reading of the rules above."""

    recipient: str
    wants: Callable[[SitePaper, dt.datetime], bool]


def _says(paper: SitePaper, pattern: str) -> bool:
    return re.search(pattern, f"{paper.title} {paper.abstract}", re.IGNORECASE) is not None


EXPECTATIONS = (
    Expectation(
        "weights@example.org",
        lambda paper, _: _says(paper, r"\bzorblax(es)?\b") and not _says(paper, r"\bquibbles?\b"),
    ),
    Expectation(
        "liked@example.org",
        lambda paper, now: _says(paper, r"\bvexil") and paper.votes(now) >= 20,
    ),
    Expectation("people@example.org", lambda paper, _: "Quintessa Marlowe" in paper.authors),
)


def month_of_papers(rng: random.Random) -> Iterator[SitePaper]:
    """Weekdays with papers over the day and after midnight; some of what each rule wants."""
    number = 0
    for day in range(DAYS):
        on = (START + dt.timedelta(days=day)).date()
        if on.weekday() >= 5:
            continue
        for position in range(14):
            hours = rng.uniform(0, 23) if position < 11 else rng.uniform(24.5, 44)
            arrives_at = START + dt.timedelta(days=day, hours=hours)
            number += 1
            paper = make_paper(number, arrives_at, seed=7)
            total = rng.choice((0, 5, 19, 20, 35, 90))
            words = rng.choice(("", "", "Zorblax", "zorblaxes", "a quibble", "vexillology"))
            also = rng.choice(("", "", "", " It has a quibble."))
            in_title = rng.random() < 0.5
            authors = paper.authors + (("Quintessa Marlowe",) if rng.random() < 0.08 else ())
            yield replace(
                paper,
                id=f"{on:%y%m}.{number:05}",
                listed_on=on,
                votes=growing(arrives_at, total, days=rng.uniform(0.5, 3)),
                title=f"{paper.title} {words}".strip() if in_title else paper.title,
                abstract=paper.abstract + ("" if in_title else f" We use {words}.") + also,
                authors=authors[-4:],  # a card names no more than five
                changes={},
            )


def is_out(now: dt.datetime) -> bool:
    return OUTAGE[0] <= now < OUTAGE[1]


@pytest.mark.long
async def test_thirty_days(tmp_path: Path) -> None:
    rng = random.Random(1)
    papers = list(month_of_papers(rng))
    owed: dict[str, set[str]] = {e.recipient: set() for e in EXPECTATIONS}
    with World(tmp_path) as world:
        world.configure(DAILY, TRENDING, SUBSCRIPTIONS)
        world.site.papers.extend(papers)
        world.now = START + dt.timedelta(hours=5)
        last_good = world.now
        is_first = True
        baseline: set[str] = set()
        while world.now < START + dt.timedelta(days=DAYS + 4):
            world.site.without_json = WITHOUT_JSON[0] <= world.now < WITHOUT_JSON[1]
            world.site.faults = {"*": faults.server_error()} if is_out(world.now) else {}
            await world.run_pass()
            if not is_out(world.now):
                arrived = [p for p in papers if p.arrives_at <= world.now]
                latest_on = max((p.listed_on for p in arrived), default=None)
                for paper in arrived:
                    seen = paper.listed_on == latest_on or _is_read(paper, last_good)
                    for expectation in EXPECTATIONS:
                        if seen and expectation.wants(paper, world.now):
                            owed[expectation.recipient].add(paper.id)
                            if is_first and expectation.recipient == "people@example.org":
                                baseline.add(paper.id)
                last_good, is_first = world.now, False
            # Between the checks, the slots: as the daemon closes them, here every two hours.
            async with world.engine() as engine:
                for _ in range(3):
                    world.later(hours=2)
                    await engine.run_slots()
        mailed = {
            e.recipient: Counter(i for mail in world.digests(e.recipient) for i in mail.paper_ids)
            for e in EXPECTATIONS
        }
        owed["people@example.org"] -= baseline
    for expectation in EXPECTATIONS:
        counted = mailed[expectation.recipient]
        assert set(counted) == owed[expectation.recipient], expectation.recipient
        assert set(counted.values()) == {1}, expectation.recipient
        assert len(counted) > 5, "or this proves nothing"


def _is_read(paper: SitePaper, last_good: dt.datetime) -> bool:
    """Whether the page of the paper's day is read by the first good check since `last_good`.

    It is until two days after that day's end, and once more after an outage; and the page of the
    latest day with papers is what the site answers with when today has none.
    """
    end = dt.datetime.combine(paper.listed_on, dt.time(), dt.UTC) + dt.timedelta(days=1)
    return end + TAIL > last_good
