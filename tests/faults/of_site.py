"""What the site, or who stands in its place, can do to a check."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from tests.authority import Authority
from tests.fakesite import FakeSite, faults, make_paper
from tests.faults.ledger import settle
from tests.faults.measured import check_now
from tests.faults.rows import ALL, Tally, row
from tests.faults.trouble import FAILED, Trouble, heavy, heavy_json, sizes, troubles
from tests.world import DAILY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.app import utc_now
from watcher.engine import Result

TIMEOUT = 1
SLACK = 12.0
"""Seconds in which a process starts, and a busy machine does what takes none."""

MEMORY, IN_ALL = 150_000_000, 250_000_000
"""Bytes that one process may hold, and that all of them together may."""

SEARCH = '[[sources]]\npage = "search"\nquery = "zorblax"\n'
KINDS = {"trending": TRENDING, "daily": DAILY, "search": SEARCH}

ADA = "ada@example.org"


@contextlib.contextmanager
def small_world(folder: Path, *parts: str) -> Iterator[World]:
    """A world that waits TIMEOUT seconds for an answer, with papers nobody asked for."""
    with World(folder) as world:
        configure(world, world.site.url, *parts)
        world.fill(8)
        yield world


def configure(world: World, base_url: str, *parts: str, ca_file: Path | None = None) -> None:
    """Write the configuration for a site at `base_url`."""
    world.site_timeout = TIMEOUT
    world.configure(*parts, WEIGHTS)
    text = world.config_path.read_text("utf-8")
    http = f'base_url = "{base_url}"\n' + (f'ca_file = "{ca_file}"\n' if ca_file else "")
    text = text.replace(f'base_url = "{world.site.url}"\n', http)
    world.config_path.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def canary() -> Iterator[socket.socket]:
    """A port on loopback that nobody must ever connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def is_untouched(listening: socket.socket) -> bool:
    """Whether nobody has connected."""
    try:
        connection, _ = listening.accept()
    except BlockingIOError:
        return True
    connection.close()
    return False


def timed(world: World) -> tuple[Result, float]:
    """A pass, and how many seconds it took."""
    started = time.monotonic()
    return asyncio.run(world.run_pass()), time.monotonic() - started


def see_well_again(tally: Tally, world: World, what: str, owed: list[str]) -> None:
    """The site is well again: the next check is, and everything owed is mailed once."""
    world.site.faults.clear()
    world.site.without_json = False
    world.later(hours=2)
    result, _ = timed(world)
    tally.expect(result.is_well, f"{what}: the next check was not well: {result.sources}")
    timed(world)
    found = Tally()
    settle(found, world.mails, [(ADA, paper_id) for paper_id in owed])
    found.unexpected = [f"{what}: {sentence}" for sentence in found.unexpected]
    tally.add(found)


@row(
    "site: every answer that is no page, at every kind of page and the API",
    "the outcome named, within the deadline, nothing marked seen, the next check well",
    few=2,
    many=ALL,
)
def no_page(tries: int, directory: Path) -> Tally:
    """Each trouble at each kind of page, at the first check and at a later one, and at the API.

    The API is asked where a later page has its markup only, and where a first one is no page.
    """
    tally = Tally()
    with canary() as listening:
        every = list(troubles(listening.getsockname()[1]))
        cases = list(itertools.product(every, KINDS, ("*",), (True, False)))
        cases += itertools.product(every, ("daily",), ("/api/*",), (True, False))
        random.Random(5).shuffle(cases)
        for number, (trouble, kind, pattern, is_first) in enumerate(cases[:tries]):
            what = f"{trouble.name} at {kind}, {pattern}{', first' if is_first else ''}"
            with small_world(directory / f"{number}", KINDS[kind]) as world:
                _try_in_process(tally, world, trouble, kind, pattern, what, is_first=is_first)
            tally.expect(is_untouched(listening), f"{what}: it was followed")
            tally.tries += 1
    return tally


def _try_in_process(
    tally: Tally,
    world: World,
    trouble: Trouble,
    kind: str,
    pattern: str,
    what: str,
    *,
    is_first: bool,
) -> None:
    owed = [make_paper(1, world.now, title=ZORBLAX)]
    if is_first:
        world.add(*owed)
    else:
        early = make_paper(2, world.now, title=ZORBLAX)
        world.add(early)
        timed(world)
        world.later(minutes=30)
        world.add(*owed)
        owed.append(early)
    world.site.faults[pattern] = trouble.fault
    is_api = pattern != "*"
    world.site.without_json = is_api
    if is_api and is_first:
        world.site.faults["/papers*"] = faults.no_marks()
    world.site.requests.clear()
    result, seconds = timed(world)
    [checked] = result.sources
    mailed = {paper_id for mail in world.digests() for paper_id in mail.paper_ids}
    if is_api:
        is_asked = any(path.startswith("/api/") for path in world.site.paths())
        tally.expect(is_asked, f"{what}: the API was not asked")
        # A site that says when to come again is asked for no further page either.
        words = "marks" if is_first else trouble.words
        is_named = words in str(checked.error) and not result.is_well
        expected = trouble.outcomes | ({"degraded"} if is_first else set())
        is_ok = checked.outcome == "ok" and not is_first
        said = f"{what}: it was {checked.outcome} ({checked.error})"
        tally.expect(is_ok or (checked.outcome in expected and is_named), said)
        is_shown = not is_first or kind in trouble.shows_new
        tally.expect((owed[0].id in mailed) == is_shown, f"{what}: it mailed {mailed}")
    else:
        tally.expect(checked.outcome in trouble.outcomes, f"{what}: it was {checked.outcome}")
        tally.expect(trouble.words in str(checked.error), f"{what}: it was {checked.error}")
        tally.expect(checked.error, f"{what}: no reason was given")
        tally.expect(not result.is_well, f"{what}: it passed for well")
        is_shown = kind in trouble.shows_new
        tally.expect((owed[0].id in mailed) == is_shown, f"{what}: it mailed {mailed}")
    # The list of the period, and the first of the papers that lack something.
    most = 3 * TIMEOUT * (2 if is_api else 1) + SLACK + 3 * trouble.seconds
    tally.expect(seconds < most, f"{what}: it took {seconds:.0f} s")
    see_well_again(tally, world, what, [paper.id for paper in owed])


@row(
    "site: bombs and the heaviest pages, read by a real `check-now`",
    "the outcome named, within the deadline, no process above 150 MB and both together not above"
    " 250 MB, the next check well",
    few=2,
    many=ALL,
)
def heavy_pages(tries: int, directory: Path) -> Tally:
    """The memory is that of the process, and of the one in which it reads pages.

    What these two share counts once in their sum.
    """
    tally = Tally()
    pages = itertools.chain(sizes(), heavy(), _light())
    cases = [(trouble, "*", TRENDING) for trouble in pages]
    cases += [(trouble, "/api/daily_papers*", DAILY) for trouble in heavy_json()]
    small = {"8 MB of elements", "8 MB of empty records from the API"}
    few = [case for case in cases if case[0].name in small]
    for number, (trouble, pattern, source) in enumerate(
        (cases if tries > len(few) else few)[:tries]
    ):
        with small_world(directory / f"{number}", source) as world:
            world.now = utc_now()
            world.fill(60, first=700)
            owed = make_paper(1, world.now, title=ZORBLAX)
            world.add(owed)
            world.site.faults[pattern] = trouble.fault
            world.site.without_json = pattern != "*"
            run = check_now(world)
            what = trouble.name
            expected = trouble.outcomes if pattern == "*" else {"ok", "degraded"}
            tally.expect(set(run.outcomes) <= expected and run.outcomes, f"{what}: {run}")
            tally.expect("Traceback" not in run.stderr, f"{what}: {run.stderr}")
            most = 3 * TIMEOUT + 6 + SLACK + trouble.seconds
            tally.expect(run.seconds < most, f"{what}: it took {run.seconds:.0f} s")
            held = f"{what}: {run.peak_bytes / 1e6:.0f} MB, in all {run.sum_bytes / 1e6:.0f} MB"
            tally.expect(0 < run.peak_bytes < MEMORY, held)
            tally.expect(0 < run.sum_bytes < IN_ALL, held)
            see_well_again(tally, world, what, [owed.id])
        tally.tries += 1
    return tally


def _light() -> Iterator[Trouble]:
    """A few that hold a check up, with a real process's waits between its attempts."""
    yield Trouble("no answer", faults.hang(), FAILED)
    yield Trouble("a byte a second", faults.drip(), FAILED)
    yield Trouble("closes", faults.disconnect(), FAILED)


@row(
    "site: DNS, TLS, nobody there, or an address in the house",
    "failed, with what to do about it; the next check well",
    few=2,
    many=ALL,
)
def no_way_there(tries: int, directory: Path) -> Tally:
    """For a check the site is elsewhere, then where it was."""
    tally = Tally()
    ours, theirs = directory / "ours", directory / "theirs"
    ours.mkdir()
    theirs.mkdir()
    authority = Authority(ours)
    stranger = Authority(theirs, "a stranger")
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(canary())
        sites = [
            FakeSite(tls=context)
            for context in (
                stranger.server_context(),
                authority.server_context("hub.example"),
                authority.server_context(),
            )
        ]
        unknown, misnamed, broken = (stack.enter_context(site) for site in sites)
        broken.faults["*"] = faults.disconnect()
        port = silent.getsockname()[1]
        ways = [
            ("http://papers.invalid", "host name is not known"),
            ("https://papers.invalid", "host name is not known"),
            ("http://2130706433:{port}", "no public address"),
            ("https://127.0.0.1:{smtp_port}", "no encryption"),
            ("http://127.0.0.1:1", "nothing listens"),
            ("https://127.0.0.1:1", "nothing listens"),
            (f"http://127.0.0.1:{port}", "[http] timeout"),
            (f"https://127.0.0.1:{port}", "[http] timeout"),
            (unknown.url, "certificate is not trusted"),
            (misnamed.url, "certificate is not trusted"),
            (broken.url, ""),
            (unknown.url.replace("https", "http"), ""),
        ]
        cases = list(itertools.product(ways, KINDS))
        random.Random(6).shuffle(cases)
        for number, ((base_url, words), kind) in enumerate(cases[:tries]):
            what = f"{base_url} at {kind}"
            with small_world(directory / f"{number}", KINDS[kind]) as world:
                owed = make_paper(1, world.now, title=ZORBLAX)
                world.add(owed)
                url = base_url.format(port=world.site.port, smtp_port=world.smtp.port)
                configure(world, url, KINDS[kind], ca_file=authority.ca_file)
                result, seconds = timed(world)
                [checked] = result.sources
                tally.expect(checked.outcome in FAILED, f"{what}: it was {checked.outcome}")
                tally.expect(words in str(checked.error), f"{what}: it was {checked.error}")
                tally.expect(seconds < 3 * TIMEOUT + SLACK, f"{what}: it took {seconds:.0f} s")
                configure(world, world.site.url, KINDS[kind])
                see_well_again(tally, world, what, [owed.id])
            tally.tries += 1
    return tally
