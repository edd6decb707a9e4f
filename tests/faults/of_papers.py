"""What becomes of papers on the page: they leave, return, change; one of them is poison."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from dataclasses import replace
from pathlib import Path

from tests.fakesite import SitePaper, make_paper
from tests.faults.ledger import settle
from tests.faults.poison import CASES, Case
from tests.faults.rows import Tally, row
from tests.world import DAILY, TRENDING, World
from watcher.engine import Engine, Request

SEARCH = """
[[sources]]
page = "search"
query = "zorblax"
"""

READERS = """
[[subscriptions]]
name = "at-once"
to = ["ada@example.org"]
digest = "each-check"
any = ["zorblax"]

[[subscriptions]]
name = "mornings"
to = ["bob@example.org"]
digest = "daily 08:00"
max_papers = 2
any = ["zorblax"]
"""

BATCH = 40


@row(
    "papers leave and return after 30 days, are reordered, retitled, re-dated, a v2, pruned",
    "each comes once, whatever becomes of it",
    few=1,
    many=12,
)
def restless(tries: int, directory: Path) -> Tally:
    """Forty checks in some ten weeks, a seed for each try; a single one is short."""
    tally = Tally()
    for seed in range(tries):
        with World(directory / f"{seed}") as world:
            world.configure(DAILY, TRENDING, SEARCH, READERS)
            if seed % 2:
                text = world.config_path.read_text("utf-8")
                text = text.replace("[store]\n", "[store]\nkeep_days = 15\n")
                world.config_path.write_text(text, "utf-8")
            found = asyncio.run(_weeks(world, random.Random(seed), 4 if tries == 1 else 40))
        found.unexpected = [f"seed {seed}: {sentence}" for sentence in found.unexpected]
        tally.add(found)
    return tally


async def _weeks(world: World, rng: random.Random, checks: int) -> Tally:
    tally = Tally(tries=1)
    world.fill(12)
    wanted: set[str] = set()
    away: list[tuple[dt.datetime, SitePaper]] = []
    while checks > 0:
        async with world.engine() as engine:
            for _ in range(rng.randint(2, 5)):
                checks -= 1
                if len(wanted) < 2 or rng.random() < 0.4:
                    paper = _zorblax(len(wanted), world.now, rng)
                    wanted.add(paper.id)
                    world.add(paper)
                _change(world, rng, away)
                world.site.without_json = rng.random() < 0.15
                result = await engine.run_pass(Request())
                tally.expect(result.failed_count == 0, f"{result}")
                world.later(hours=rng.choice((1, 7, 24, 80, 200)))
                await engine.run_slots()
    async with world.engine() as engine:
        for _ in range(2):
            world.later(days=1)
            await engine.run_pass(Request())
    readers = ("ada@example.org", "bob@example.org")
    settle(tally, world.mails, [(reader, each) for reader in readers for each in wanted])
    return tally


def _zorblax(number: int, now: dt.datetime, rng: random.Random) -> SitePaper:
    paper = make_paper(7000 + number, now, title=f"Zorblax {number}")
    pinned = (now, now + dt.timedelta(days=rng.randint(1, 60)))
    return replace(paper, trends=pinned if rng.random() < 0.5 else None)


def _change(world: World, rng: random.Random, away: list[tuple[dt.datetime, SitePaper]]) -> None:
    """Some papers change, some leave, and those come back whose time has come."""
    papers = world.site.papers
    for at, paper in [each for each in away if each[0] <= world.now]:
        away.remove((at, paper))
        papers.append(_again(paper, world.now, rng))
    for paper in [each for each in papers if rng.random() < 0.3]:
        papers.remove(paper)
        if rng.random() < 0.3 and paper.listed_on < world.now.date():
            days = rng.choice((1, 3, 14, 30, 31, 40))
            away.append((world.now + dt.timedelta(days=days), paper))
        else:
            papers.append(_changed(paper, world.now, rng))
    rng.shuffle(papers)


def _again(paper: SitePaper, now: dt.datetime, rng: random.Random) -> SitePaper:
    """As it was, or as if it were of today."""
    if rng.random() < 0.5:
        return replace(paper, trends=(now, now + dt.timedelta(days=9)))
    return replace(paper, arrives_at=now, listed_on=now.date(), published_at=now, trends=None)


def _changed(paper: SitePaper, now: dt.datetime, rng: random.Random) -> SitePaper:
    word = rng.choice(("A", "An even better", "The", "Revised:"))
    votes = rng.randint(0, 500)
    is_zorblax = "orblax" in paper.title
    changes: list[dict[str, object]] = [
        {"votes": lambda _: votes},
        {"title": f"{word} zorblax {votes}" if is_zorblax else f"{word} title {votes}"},
        {"changes": {"id": f"{paper.id}v{rng.randint(2, 12)}"}},
        {"changes": {}},
        {"published_at": now - dt.timedelta(days=rng.randint(0, 400))},
        {"listed_on": now.date(), "arrives_at": now},
        {"abstract": f"{word} abstract of {votes} words."},
        {"authors": tuple(rng.sample(paper.authors, len(paper.authors)))},
        {"ai_summary": f"{word} summary", "ai_keywords": (f"{votes}", "lora"), "ai_at": now},
        {"organization": (f"lab-{votes}", f"Lab {votes}"), "comments": votes},
        {"repo_url": f"https://github.com/lab/{votes}", "stars": votes},
    ]
    for change in rng.sample(changes, rng.randint(1, 4)):
        paper = replace(paper, **change)  # type: ignore[arg-type]  # fields of SitePaper
    return paper


@row(
    "one poisonous paper: each field of page, API and markup, each type and worse",
    "the rest go; that paper goes as far as it can be read, or the operator is told at once; where"
    " only its own record is spoiled, it waits; once well, it comes too",
    few=4,
    many=len(CASES),
)
def poisonous(tries: int, directory: Path) -> Tally:
    """For each case a poisoned paper and a sound one, both new."""
    tally = Tally()
    cases = list(CASES)
    random.Random(4).shuffle(cases)
    lists = [case for case in cases[:tries] if case.form == "list"]
    pages = [case for case in cases[:tries] if case.form != "list"]
    first = 0
    for source, group in ((DAILY, lists), (TRENDING, pages)):
        for start in range(0, len(group), BATCH):
            batch = group[start : start + BATCH]
            with World(directory / f"{first}") as world:
                world.site.is_stable = True  # a day's page is read again only if it has changed
                world.configure(source, READERS.replace("daily 08:00", "each-check"))
                tally.add(asyncio.run(_poisonings(world, batch, first)))
            first += len(batch)
    return tally


async def _poisonings(world: World, cases: list[Case], first: int) -> Tally:
    tally = Tally()
    owed: list[str] = []
    async with world.engine() as engine:
        for number, case in enumerate(cases, first):
            world.later(days=1)
            sound = make_paper(1000 + 2 * number, world.now, title="A sound zorblax")
            sick = make_paper(
                1001 + 2 * number,
                world.now,
                title="Sick" if case.form == "record" else "A sick zorblax",
                abstract="A zorblax.",
            )
            del world.site.papers[1:]  # the site always has something earlier to show
            world.fill(8)
            world.add(sound, sick)
            await _poisoning(tally, world, engine, case, sound, sick)
            owed += (sound.id, sick.id)
            tally.tries += 1
    readers = ("ada@example.org", "bob@example.org")
    settle(tally, world.mails, [(reader, paper_id) for reader in readers for paper_id in owed])
    return tally


async def _poisoning(
    tally: Tally, world: World, engine: Engine, case: Case, sound: SitePaper, sick: SitePaper
) -> None:
    world.new_mails()
    world.site.faults.update(case.faults(sick.id, sick.listed_on))
    world.site.without_json = case.form in {"record", "markup"}
    world.site.requests.clear()
    result = await engine.run_pass(Request())
    asked = world.site.paths()
    mails = world.new_mails()
    mailed = {paper_id for mail in mails for paper_id in mail.paper_ids}
    told = [mail for mail in mails if "could not be read" in mail.subject]
    if case.costs_only_itself:
        tally.expect(sound.id in mailed, f"{case.name}: the sound paper did not go ({result})")
        is_waiting = case.form == "record" and f"/api/papers/{sick.id}" in asked
        tally.expect(
            sick.id in mailed or told or is_waiting, f"{case.name}: its loss was not reported"
        )
    else:
        tally.expect(not result.is_well and not mailed, f"{case.name}: it mailed {mailed}")
    world.site.faults.clear()
    world.site.without_json = False
    world.later(hours=3)
    result = await engine.run_pass(Request())
    tally.expect(result.is_well, f"{case.name}: not well again: {result.sources}")
