"""Many at once, hangs, and running for long."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import os
import signal
import sys
import threading
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from tests.fakesite import Answer, Fault, growing, make_paper
from tests.faults.ledger import settle
from tests.faults.of_clock import begin
from tests.faults.rows import Tally, row
from tests.postgres import PostgresServer
from tests.world import TRENDING, WEIGHTS, ZORBLAX, World
from watcher.engine import Engine

ADA = "ada@example.org"
CHECKERS = 20

AT_ONCE = """
import importlib, os, pkgutil, sys
import watcher
for module in pkgutil.walk_packages(watcher.__path__, "watcher."):
    if ".versions." not in module.name and not module.name.endswith(("env", "__main__")):
        importlib.import_module(module.name)
from watcher.__main__ import main

checkers, *place = sys.argv[1:]
gate, opening = os.pipe()
children = []
for number in range(int(checkers) + 1):
    child = os.fork()
    if not child:
        os.close(opening)
        os.dup2(2, 1)
        os.read(gate, 1)
        sys.argv = ["watcher", "check-now" if number else "run", *place]
        main()
        os._exit(0)
    children.append(child)
print(*children, flush=True)
os.close(opening)
for _ in children:
    ended, status = os.wait()
    print(ended, os.waitstatus_to_exitcode(status), flush=True)
"""
"""Real processes that begin in the same instant, because all that is slow was done before."""


PATIENCE = 120.0
"""Seconds until a process ends that has nothing to wait for, on a busy machine."""


@row(
    "the daemon and 20 `check-now` at once",
    "one runs, the others exit 75",
    few=1,
    many=10,
    is_alone=True,  # two dozen processes at a time
)
def at_once(tries: int, directory: Path) -> Tally:
    """On SQLite and PostgreSQL by turns, all 21 let go together; a cut has three, on SQLite.

    The site answers only when those that were late have ended.
    """
    tally = Tally()
    checkers = CHECKERS if tries > 1 else 3
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(PostgresServer()) if tries > 1 else None
        for number in range(tries):
            store = server.create_database() if server and number % 2 else "sqlite:///watcher.db"
            with World(directory / f"{number}", store=store) as world:
                asyncio.run(_race(world, tally, store.partition(":")[0], checkers))
            tally.tries += 1
    return tally


async def _race(world: World, tally: Tally, where: str, count: int) -> None:
    begin(world, dt.datetime.now(dt.UTC))
    paper = make_paper(1, world.now, title=ZORBLAX)
    world.add(paper)
    world.site_timeout = 2 * PATIENCE
    world.configure(TRENDING, WEIGHTS)
    late_ones_ended = threading.Event()

    def wait(answer: Answer) -> Answer:
        late_ones_ended.wait(2 * PATIENCE)
        return answer

    world.site.faults["*"] = Fault(change=wait)
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", AT_ONCE, str(count), *place),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    codes: dict[int, int] = {}
    try:
        daemon, *checkers = await _numbers(process)
        for _ in range(count):
            ended, code = await _numbers(process)
            codes[ended] = code
        late_ones_ended.set()
        [winner] = {daemon, *checkers} - codes.keys()
        with contextlib.suppress(AssertionError):  # that it did not come is settled below
            await asyncio.to_thread(partial(world.smtp.wait_for, 1, timeout=PATIENCE))
        if winner == daemon:
            os.kill(winner, signal.SIGTERM)
        _, codes[winner] = await _numbers(process)
        await process.wait()
    except TimeoutError:
        tally.unexpected.append(f"{where}: only {len(codes)} of {count + 1} ended")
    finally:
        late_ones_ended.set()
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    counted = Counter(codes.values())
    tally.expect(counted == {75: count, 0: 1}, f"{where}: they ended with {dict(counted)}")
    settle(tally, world.mails, [(ADA, paper.id)])


async def _numbers(process: asyncio.subprocess.Process) -> list[int]:
    """Those of its next line. Raises TimeoutError."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return list(map(int, (await process.stdout.readline()).split()))


EVERY = dt.timedelta(minutes=30)
A_DAY = 48
"""Checks."""

CHANGED_EVERY = 20
"""Of so many checks one finds other bytes, with drifting votes; reading those takes a process."""

KEEP_DAYS = 1

LARGEST_JOURNAL = 1_200 * 4_120
"""SQLite writes it back after 1,000 pages, and begins it anew; a transaction goes over that."""


@row(
    "10,000 check cycles without new papers",
    "memory, file descriptors, threads, database flat; a paper that was pruned never comes again",
    few=192,
    many=10_000,
)
def cycles(tries: int, directory: Path) -> Tally:
    """One engine checks every half hour of its clock; what was mailed first leaves and returns."""
    tally = Tally()
    with World(directory) as world:
        asyncio.run(_cycles(world, tally, tries))
    return tally


async def _cycles(world: World, tally: Tally, tries: int) -> None:
    begin(world, world.now)
    mailed = make_paper(1, world.now, title=ZORBLAX)
    world.add(mailed)
    world.configure(TRENDING, WEIGHTS, "[health]\nquiet_days = 0\n")
    config = world.config_path.read_text()
    keeping = config.replace("[store]\n", f"[store]\nkeep_days = {KEEP_DAYS}\n")
    world.config_path.write_text(keeping)
    measured: list[dict[str, int]] = []
    every = tries // 4 // A_DAY * A_DAY  # pruned is once a day
    async with world.engine() as engine:
        await engine.run_pass()
        world.site.papers.remove(mailed)
        for number in range(1, tries + 1):
            world.now += EVERY
            if number % CHANGED_EVERY == 0:
                drifting = growing(world.now, number, days=0.001)
                world.site.papers[-1] = replace(world.site.papers[-1], votes=drifting)
            await engine.run_pass()
            world.site.requests.clear()
            tally.tries += 1
            if number % every == 0:
                measured.append(await _measures(engine))
                journal = (world.state_dir / "watcher.db-wal").stat().st_size
                tally.expect(0 < journal < LARGEST_JOURNAL, f"the journal has {journal} bytes")
        first, last = measured[1], measured[-1]  # the first half of the way warms up
        # What a page showed on a day stays until the prune of the day after `keep_days`.
        first["rows"] = measured[2]["rows"]
        grown = {name: (first[name], last[name]) for name in first if last[name] > first[name]}
        allowed = {"memory": 8_000_000, "pages": 8, "rows": 5}
        for name, (before, after) in grown.items():
            tally.expect(
                after - before <= allowed.get(name, 0), f"{name} grew from {before} to {after}"
            )
        world.add(
            replace(
                mailed,
                listed_on=world.now.date(),
                trends=(mailed.arrives_at, world.now + EVERY * 9),
            )
        )
        for _ in range(2):
            world.now += EVERY
            await engine.run_pass()
    settle(tally, world.mails, [(ADA, mailed.id)])


async def _measures(engine: Engine) -> dict[str, int]:
    return {
        **_of_process(),
        "tasks": len(asyncio.all_tasks()),
        "pages": await engine.context.read(_pages),
        "rows": await engine.context.read(_rows),
    }


def _of_process() -> dict[str, int]:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "memory": resident,
        "file descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "threads": threading.active_count(),
    }


def _pages(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


def _rows(connection: sa.Connection) -> int:
    tables = sa.inspect(connection).get_table_names()
    return sum(
        int(connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) or 0)
        for name in tables
    )
