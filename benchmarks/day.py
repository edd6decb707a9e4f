"""One process of a day at size: what it does is measured stage by stage, and printed as JSON.

    python -m benchmarks.day ROLE FOLDER SUBSCRIBERS SAMPLE [SERVER_PID SHARDS]

`import` puts the subscribers into the store. `clock` takes them over at seven, and has the page of
the day read at eight, when all their digests are due. `again` is a clock that starts once all are
known, and takes one changed subscriber over: as what has changed, and with all others. `worker`
reads and matches for all, composes for those of the first SHARDS shards, 0 for all, and delivers
SAMPLE mails. `alone` is a single daemon, which does all but `import` and `again`.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa

from benchmarks import subscribers, workload
from benchmarks.stages import Meter, Server
from benchmarks.subscribers import Subscriber
from watcher import app, logs
from watcher.fleet import dividing, joined
from watcher.fleet.dividing import COMPOSE, SHARD_SIZE
from watcher.fleet.queue import LINE, TABLE, Queue, Task
from watcher.fleet.tasks import Tasks
from watcher.pipeline.check import check
from watcher.pipeline.compose import compose
from watcher.pipeline.context import Context
from watcher.pipeline.deliver import deliver
from watcher.pipeline.match import match
from watcher.settings import Config, load
from watcher.steps import Step
from watcher.store import checks, clock, mail_bytes, schema, stored
from watcher.store.database import Database

DAY = dt.datetime(2026, 2, 19, tzinfo=dt.UTC)
SEVEN = DAY.replace(hour=7)
EIGHT = DAY.replace(hour=8, second=30)
AT_ONCE = 10_000
"""Subscriptions that are imported in one transaction."""

ONE, ALL = "one changed", "all again"
AGAIN = {ONE: app.follow, ALL: app.reload}
"""Two ways to take one changed subscriber over."""

LOOK_AGAIN = 0.1
QUIET = f"SELECT count(*) FROM {TABLE} WHERE status IN ('todo', 'doing') AND task_name != 'deliver'"


def definition(number: int, one: Subscriber) -> tuple[str, str]:
    """A subscription as it is stored: its id, and its JSON."""
    lists = {"any": one.any, "all": one.all, "none": one.none}
    rule: dict[str, object] = {name: words for name, words in lists.items() if words}
    rule |= {"min_upvotes": one.min_upvotes} if one.min_upvotes else {}
    rule |= {"fields": ["title"]} if one.is_title_only else {}
    name = f"reader-{number}"
    told = {"id": name, "name": name, "to": [f"{name}@example.org"], "digest": "daily 08:00"}
    return name, json.dumps(told | {"rules": [rule]})


def bring_in(
    config: Config, meter: Meter, asking: Iterator[Subscriber], at_once: int = AT_ONCE
) -> dict[str, int]:
    """Store them all, as `watcher subscriptions import` does in the end."""
    count = 0
    opened = app.writing if config.store_url.startswith("sqlite") else app.sharing
    with opened(config, "import", SEVEN) as database:
        named = (definition(number, one) for number, one in enumerate(asking))
        while some := dict(itertools.islice(named, at_once)):
            count += len(some)
            with meter.stage("import"), database.write() as connection:
                stored.put(connection, some, SEVEN)
    return {"subscriptions": count}


def leap(database: Database, now: dt.datetime) -> None:
    """Have the store's clock show that, from here on running."""
    with database.write() as connection:
        offset = (now - dt.datetime.now(dt.UTC)).total_seconds()
        checks.put_meta(connection, clock.OFFSET, str(offset))


async def lead(config: Config, meter: Meter) -> dict[str, int]:
    """Be the clock of that day."""
    with app.sharing(config, "run", SEVEN) as database:
        leap(database, SEVEN)
    with meter.stage("take over"):
        joining = joined(config, "clock")
        replica = await joining.__aenter__()
    leap(replica.context.database, EIGHT)
    with meter.stage("tick"):
        await replica.run_pass()
    await joining.__aexit__(None, None, None)
    return {}


async def take_over_again(config: Config, meter: Meter, one: Subscriber) -> dict[str, int]:
    """Be a clock that starts anew, and have one subscriber change twice."""
    with meter.stage("start a clock"):
        joining = joined(config, "clock")
        replica = await joining.__aenter__()
    name, text = definition(0, one)
    for papers, (stage, take_up) in enumerate(AGAIN.items(), 20):
        changed = json.dumps(json.loads(text) | {"max_papers": papers})
        with replica.context.database.write() as connection:
            stored.put(connection, {name: changed}, SEVEN)
        with meter.stage(stage):
            await take_up(replica, lambda: _read(config.state_dir.parent))
    await joining.__aexit__(None, None, None)
    return {}


async def work(config: Config, meter: Meter, sample: int, shards: int) -> dict[str, int]:
    """Do what the clock has put into the queue, one job at a time."""
    with meter.stage("start"):
        joining = joined(config, "worker")
        replica = await joining.__aenter__()
    queue = Queue(replica.context.database.url)
    tasks = Tasks(replica, queue, SHARD_SIZE).by_name()
    turn, composed = asyncio.Lock(), itertools.count(1)

    def timed(name: str, task: Task) -> Task:
        async def run(**arguments: str) -> None:
            is_left = "shard" in arguments and name == COMPOSE and 0 < shards < next(composed)
            if name != "deliver" and not is_left:  # that is done when all else is
                async with turn:
                    with meter.stage(name):
                        await task(**arguments)

        return run

    working = asyncio.create_task(
        queue.work(
            {name: timed(name, task) for name, task in tasks.items()},
            replica.stopping,
            concurrency={LINE: 1, dividing.LINE: 1},
            drain_within=8,
        )
    )
    server = meter.server
    assert server
    while server.asked(QUIET):  # noqa: ASYNC110  # nobody is told that the queue is empty
        await asyncio.sleep(LOOK_AGAIN)
    replica.stopping.set()
    await working
    told = await _send(replica.context, meter, sample)
    await joining.__aexit__(None, None, None)
    return told


async def alone(config: Config, meter: Meter, sample: int) -> dict[str, int]:
    """Be the only process of that day."""
    now = SEVEN
    with app.writing(config, "run", now) as database:
        with meter.stage("take over"):
            running = app.running(config, database, clock=lambda: now)
            engine = await running.__aenter__()
        context, now = engine.context, EIGHT
        with meter.stage("check"):
            [source] = context.sources
            checked = await check(context, source, now)
        with meter.stage("match"):
            await context.write(lambda connection: match(context, connection, now), Step.MATCHED)
        with meter.stage("compose"):
            await compose(context, now, check_id=checked.id)
        told = await _send(context, meter, sample)
        await running.__aexit__(None, None, None)
    return told


async def _send(context: Context, meter: Meter, sample: int) -> dict[str, int]:
    """Deliver so many mails; what there was to deliver."""
    with context.database.read() as connection:
        told = counted(connection)
    begun, stop = 0, asyncio.Event()

    def progressed() -> None:
        nonlocal begun
        begun += 1
        if begun >= sample:
            stop.set()

    with meter.stage("deliver"):
        delivered = await deliver(context, stop, progressed)
    return told | {"delivered": delivered.delivered_count}


def counted(connection: sa.Connection) -> dict[str, int]:
    """What there is after a day, and the bytes of all mails."""
    tables = (schema.subscriptions, schema.matches, schema.slots)
    found = {each.name: sa.select(sa.func.count()).select_from(each) for each in tables}
    found["mails"] = sa.select(sa.func.count()).select_from(schema.deliveries)
    found["bytes"] = sa.select(sa.func.sum(sa.func.length(mail_bytes.KEPT)))
    return {name: int(connection.scalar(query) or 0) for name, query in found.items()}


def _read(folder: Path) -> Config:
    return load(folder / "config.toml", state_dir=folder / "state", environ={})


def main(
    role: str, folder: Path, count: int, sample: int, pid: int = 0, shards: int = 0
) -> Mapping[str, object]:
    """Do it; what it took, by stage, and what there was."""
    config = _read(folder)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(closing(Server(config.store_url, pid))) if pid else None
        meter = Meter(server)
        asking = subscribers.read(folder / workload.SUBSCRIBERS, count)
        if role == "import":
            told = bring_in(config, meter, asking)
        elif role == "clock":
            told = asyncio.run(lead(config, meter))
        elif role == "again":
            told = asyncio.run(take_over_again(config, meter, next(asking)))
        elif role == "worker":
            told = asyncio.run(work(config, meter, sample, shards))
        else:
            told = asyncio.run(alone(config, meter, sample))
    return {"stages": {name: asdict(stage) for name, stage in meter.stages.items()}, "told": told}


if __name__ == "__main__":
    role, folder, *numbers = sys.argv[1:]
    logs.configure("info", path=Path(folder) / "log")  # a line for each digest and mail, as ever
    print(json.dumps(main(role, Path(folder), *map(int, numbers)), default=int))
