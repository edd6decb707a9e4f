"""An answer that breaks off."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import random
from pathlib import Path

from tests.fakesite import FakeSite, Fault, make_paper
from tests.faults.ledger import Pair, settle
from tests.faults.rows import ALL, Tally, row
from tests.faults.trouble import once
from tests.world import TRENDING, WEIGHTS, ZORBLAX, World
from watcher.engine import Engine
from watcher.errors import FetchError, ParseError
from watcher.fetch import Fetcher
from watcher.models import PageRequest
from watcher.settings import HttpSettings, SourceSettings
from watcher.sources import make_source

NOW = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)
LENGTH, CHUNKED, CLOSED = "Content-Length: %d\r\n", "Transfer-Encoding: chunked\r\n", ""
SETTINGS = SourceSettings(name="trending", page="trending")


@row(
    "site: an answer cut off at any byte, framed and compressed in each way",
    "it has failed; where nothing tells that it was cut, no paper is read that was",
    few=20,
    many=ALL,
)
def cut_off(tries: int, directory: Path) -> Tally:
    """Every byte of a small page, with and without its JSON."""
    return asyncio.run(_cut_off(tries))


async def _cut_off(tries: int) -> Tally:
    tally = Tally()
    papers = [make_paper(number, NOW - dt.timedelta(days=1)) for number in range(3)]
    async with FakeSite(papers, now=NOW) as site:
        http = HttpSettings(base_url=site.url, timeout=10)
        source = make_source(SETTINGS, site.url)
        request = PageRequest("trending", f"{site.url}/papers/trending")
        async with Fetcher(http, attempts=1, clock=lambda: NOW) as fetcher:
            for without_json in (False, True):
                site.faults.clear()
                site.without_json = without_json
                whole = await fetcher.fetch(request)
                known = {paper.id: paper for paper in source.parse(whole, NOW).papers}
                tally.expect(len(known) == len(papers), "the whole page could not be read")
                cases = [
                    (framing, is_gzip, at)
                    for framing in (LENGTH, CHUNKED, CLOSED)
                    for is_gzip in (False, True)
                    for at in range(len(_coded(whole.body, is_gzip=is_gzip)))
                ]
                random.Random(1).shuffle(cases)
                for framing, is_gzip, at in cases[: tries // 2]:
                    what = f"{framing.split(':')[0] or 'closed'}, gzip {is_gzip}, at {at}"
                    sent, is_told = _sent(whole.body, framing, at, is_gzip=is_gzip)
                    site.faults["*"] = Fault(raw=once(sent))
                    tally.tries += 1
                    try:
                        page = await fetcher.fetch(request)
                    except FetchError as error:
                        tally.expect(is_told and error.retryable, f"{what}: {error}")
                        continue
                    tally.expect(not is_told, f"{what}: it passed for whole")
                    try:
                        found = source.parse(page, NOW)
                    except ParseError:
                        continue
                    for paper in found.papers:
                        tally.expect(paper == known[paper.id], f"{what}: {paper}")
    return tally


@row(
    "site: an answer cut off anywhere, at a check",
    "failed, or degraded with what is whole of it; nothing else marked seen, the next check well",
    few=2,
    many=300,
)
def checked_cuts(tries: int, directory: Path) -> Tally:
    """Each day a page with a new paper is cut somewhere; half of them have their markup only."""
    tally = Tally()
    with World(directory) as world:
        world.configure(TRENDING, WEIGHTS)
        asyncio.run(_checked_cuts(tally, world, tries))
    return tally


async def _checked_cuts(tally: Tally, world: World, tries: int) -> None:
    rng = random.Random(2)
    owed: list[Pair] = []
    async with world.engine() as engine:
        for number in range(tries):
            world.later(days=1)
            del world.site.papers[1:]  # the site always has something earlier to show
            world.fill(8)
            paper = make_paper(number, world.now, title=ZORBLAX)
            world.add(paper)
            owed.append(("ada@example.org", paper.id))
            await _checked_cut(tally, world, engine, paper.id, rng)
            tally.tries += 1
    settle(tally, world.mails, owed)


async def _checked_cut(
    tally: Tally, world: World, engine: Engine, paper_id: str, rng: random.Random
) -> None:
    world.site.without_json = rng.random() < 0.5
    body = world.site.site.answer("/papers/trending", "").body
    framing, is_gzip = rng.choice((LENGTH, CHUNKED, CLOSED)), rng.random() < 0.5
    at = rng.randrange(len(_coded(body, is_gzip=is_gzip)))
    what = f"{framing.split(':')[0] or 'closed'}, gzip {is_gzip}, at {at} on {world.now:%m-%d}"
    sent, is_told = _sent(body, framing, at, is_gzip=is_gzip)
    world.new_mails()
    world.site.faults["/papers*"] = Fault(raw=once(sent))
    [checked] = (await engine.run_pass()).sources
    is_mailed = any(paper_id in mail.paper_ids for mail in world.new_mails())
    if is_told:
        is_right = checked.outcome == "failed" and not is_mailed
    else:
        is_right = checked.outcome == "degraded" or (checked.outcome == "ok" and is_mailed)
    tally.expect(is_right, f"{what}: {checked.outcome}, mailed {is_mailed}")
    world.site.faults.clear()
    world.site.without_json = False
    world.later(minutes=30)
    result = await engine.run_pass()
    tally.expect(result.is_well, f"{what}: the next check was not well: {result.sources}")


def _sent(body: bytes, framing: str, at: int, *, is_gzip: bool) -> tuple[bytes, bool]:
    """What travels, and whether it can be told that this is not all."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    coded = _coded(body, is_gzip=is_gzip)
    if is_gzip:
        head += "Content-Encoding: gzip\r\n"
    if framing == CHUNKED:
        part = coded[:at]
        coded = b"%x\r\n%s\r\n" % (len(part), part) if part else b""
        return (head + framing + "\r\n").encode() + coded, True
    length = framing % len(coded) if framing else ""
    return (head + length + "\r\n").encode() + coded[:at], bool(framing) or is_gzip


def _coded(body: bytes, *, is_gzip: bool) -> bytes:
    return gzip.compress(body, 1, mtime=0) if is_gzip else body
