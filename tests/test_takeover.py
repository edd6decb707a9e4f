"""What has changed in the store is taken over for less: the store is as if all had been."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.authority import Authority
from tests.store.test_outbox import message
from watcher import app
from watcher.engine import Engine
from watcher.settings import Config, load
from watcher.store import (
    checks,
    forgetting,
    outbox,
    stored,
    subscriptions,
    taking_over,
    versions,
)
from watcher.store.database import Database
from watcher.store.marks import Division, part_of
from watcher.store.schema import deliveries, digests, notices
from watcher.store.schema import subscriptions as known
from watcher.takeover import changed, take_over

NOW = dt.datetime(2026, 2, 19, 8, 0, tzinfo=dt.UTC)
MAIN = """\
[http]
ca_file = "ca.pem"
[mail]
transport = "maildir"
[[sources]]
page = "daily"
"""
TOPIC = '[topics.mine]\nany = ["quux"]\n'
IDS = ("ada", "bob", "zoë/papers", "eve")

DEFINITIONS: dict[str, dict[str, object]] = {
    "one": {"rules": [{"any": ["zorblax"]}]},
    "another": {"rules": [{"any": ["vexil"]}], "digest": "weekly mon 09:00"},
    "of a topic": {"rules": [{"topics": ["mine"]}]},
    "of no source": {"rules": [{"any": ["zorblax"]}], "sources": ["nowhere"]},
    "of no sense": {"rules": [{"any": ["zorblax"], "none": ["zorblax"]}]},
    "of another version": {"rules": [], "colour": "red"},
}
RECIPIENTS = (["a@example.org"], ["a@example.org", "b@example.org"])
FILE = '[[subscriptions]]\nname = "{id}"\nto = ["f@example.org"]\nany = ["of-a-file"]\n'


class Deed(NamedTuple):
    """Something that is done to what is configured."""

    what: str
    to: str = "ada"
    definition: str = "one"
    recipients: int = 1


def put(
    connection: sa.Connection,
    definition: Mapping[str, object],
    name: str,
    to: Sequence[str],
    now: dt.datetime,
) -> None:
    told = {**definition, "id": name, "name": name.rpartition("/")[2], "to": to}
    stored.put(connection, {name: json.dumps(told)}, now)


def change(database: Database, deed: Deed, now: dt.datetime) -> None:
    """Do in the store what `import`, a page, and commands do."""
    name = deed.to
    with database.write() as connection:
        if deed.what == "put":
            put(connection, DEFINITIONS[deed.definition], name, RECIPIENTS[deed.recipients], now)
        elif deed.what == "rename":
            definition = stored.definition(connection, name)
            if definition:
                stored.remove(connection, [name])
                stored.put(
                    connection, {"new": json.dumps(json.loads(definition) | {"id": "new"})}, now
                )
        elif deed.what == "remove":
            stored.remove(connection, [name])
        elif deed.what == "end" and stored.definition(connection, name):
            stored.remove(connection, [name])
            subscriptions.end(connection, name, now)
            forgetting.forget(connection, name)
        elif deed.what == "end and begin" and (same := stored.definition(connection, name)):
            stored.remove(connection, [name])
            subscriptions.end(connection, name, now)
            stored.put(connection, {name: same}, now)
        elif deed.what == "leave" and (told_ := stored.definition(connection, name)):
            left = json.loads(told_) | {"to": ["a@example.org"]}
            stored.put(connection, {name: json.dumps(left)}, now)
            subscriptions.take_out(connection, name, "b@example.org")
            outbox.cancel(connection, {name: ["a@example.org"]}, now)
        elif deed.what == "pause":
            subscriptions.pause(connection, name, now)


def write(folder: Path, deed: Deed) -> None:
    """Do in the files what people do."""
    main, beside = folder / "config.toml", folder / "subscriptions.d" / "zoë.toml"
    if deed.what == "topic":
        main.write_text(MAIN if TOPIC in main.read_text() else MAIN + TOPIC)
    elif deed.what == "other topic":
        main.write_text(MAIN + TOPIC.replace("quux", "frobnicate"))
    elif deed.what == "file":
        main.write_text(MAIN + FILE.format(id=deed.to))
    elif deed.what == "no file":
        main.write_text(MAIN)
    elif deed.what == "beside":
        beside.write_text(FILE.format(id="papers"))
    elif deed.what == "broken beside":
        beside.write_text(FILE.format(id="papers") + "nonsense = 1\n")


def mail_waits(database: Database, slot: str) -> None:
    """A mail waits for each recipient of everybody who is active."""
    with database.write() as connection:
        for name in subscriptions.active(connection, NOW):
            outbox.enqueue_digest(
                connection,
                subscription_id=name,
                slot_key=slot,
                subject="",
                html="",
                paper_ids=[],
                messages=[
                    replace(message(each), message_id=f"<{name} {slot} {each}>")
                    for each in subscriptions.recipients(connection, name)
                ],
                now=NOW,
            )


def state(database: Database) -> dict[str, object]:
    """What taking over decides, of all that is stored."""
    mails = sa.select(digests.c.subscription_id, digests.c.slot_key)
    mails = mails.add_columns(deliveries.c.recipient, deliveries.c.state).join(
        digests, deliveries.c.digest_id == digests.c.id
    )
    rows = {
        "subscriptions": sa.select(known),
        "mails": mails,
        "notices": sa.select(notices.c.kind, notices.c.subject),
    }
    with database.read() as connection:
        found: dict[str, object] = {
            name: sorted(map(str, connection.execute(query))) for name, query in rows.items()
        }
        found["cadences"] = subscriptions.cadences(connection)
        found["told of"] = checks.get_meta(connection, "config-told")
    return found


def in_force(engine: Engine) -> dict[str, object]:
    """What an engine goes by."""
    config = engine.context.config
    return {
        "subscriptions": dict(engine.context.subscriptions),
        "compiled": sorted(engine.context.ruleset.index.subscription_ids),
        "broken": sorted(map(str, config.broken)),
        "stored": (config.from_store.ids, config.from_store.hidden),
        "marks": Division.of(
            (each.id, each.model_dump_json(by_alias=True)) for each in config.settings.subscriptions
        ).marks,
    }


def fingerprints(database: Database, engine: Engine) -> dict[str, str]:
    """Those that are kept, where they are not those of the rules in force."""
    ruleset = engine.context.ruleset
    with database.read() as connection:
        kept = {name: row.fingerprint for name, row in subscriptions.known(connection).items()}
    return {
        name: kept[name]
        for name in ruleset.subscriptions
        if kept[name] != ruleset.fingerprint(name)
    }


class Clock:
    """An engine that takes over as the daemon does at its checks."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.followed_count = 0

    def load(self) -> Config:
        return load(self.folder / "config.toml", state_dir=self.folder, environ={})

    async def take_up(self) -> None:
        config = self.engine.context.config
        if config.stamps() != config.seen:
            await app.reload(self.engine, self.load)
            return
        self.followed_count += 1
        await app.follow(self.engine, self.load)


@contextlib.asynccontextmanager
async def clock(
    folder: Path, database: Database, now: Callable[[], dt.datetime]
) -> AsyncIterator[Clock]:
    config = load(folder / "config.toml", state_dir=folder, environ={})
    async with app.running(config, database, clock=now) as engine:
        yield Clock(engine, folder)


Steps = Sequence[Sequence[Deed]]

EVERYTHING: Steps = (
    [Deed("put"), Deed("put", "bob", "another"), Deed("put", "zoë/papers", "of a topic")],
    [Deed("topic"), Deed("put", "eve", "of no source")],
    [Deed("other topic")],
    [Deed("put", "ada", "of no sense"), Deed("leave", "bob")],
    [Deed("put", "ada", "of another version"), Deed("put", "eve", "another", 0)],
    [Deed("rename", "bob"), Deed("put", "ada", "another")],
    [Deed("end", "eve"), Deed("file", "ada"), Deed("pause", "zoë/papers")],
    [Deed("put", "ada"), Deed("end and begin", "new"), Deed("put", "eve")],
    [Deed("broken beside"), Deed("remove", "zoë/papers"), Deed("topic")],
    [Deed("beside"), Deed("remove", "ada"), Deed("end and begin", "eve")],
    [Deed("no file"), Deed("put", "ada", "of a topic"), Deed("remove", "new")],
    [Deed("put", "eve", "another")],
    # Each of the two clocks follows at every other step.
    [Deed("put", "bob", "of no source"), Deed("put", "zoë/papers")],
    [Deed("put", "eve", "one", 0)],
    [Deed("remove", "bob")],
    [Deed("broken beside")],
    [Deed("put", "ada")],
    [Deed("end", "zoë/papers")],
)

PUT = st.tuples(
    st.just("put"), st.sampled_from(IDS), st.sampled_from(sorted(DEFINITIONS)), st.integers(0, 1)
)
OF_THE_STORE = ("rename", "remove", "end", "end and begin", "leave", "pause")
OF_FILES = ("topic", "other topic", "file", "no file", "beside", "broken beside")
DEED = st.one_of(
    PUT,
    PUT,
    st.tuples(st.sampled_from(OF_THE_STORE), st.sampled_from(IDS)),
    st.tuples(st.sampled_from(OF_FILES), st.sampled_from(["ada", "bob"])),
).map(lambda given: Deed(*given))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a place is begun with: to make a database takes as long as all else.

    Each engine reads the certificates it trusts, and a machine has hundreds of them.
    """
    folder = tmp_path_factory.mktemp("empty")
    Authority(folder)
    database = Database(f"sqlite:///{folder / 'watcher.db'}", writable=True)
    versions.migrate(database, NOW)
    database.close()
    return folder


def begin(folder: Path, empty: Path) -> Path:
    (folder / "subscriptions.d").mkdir()
    (folder / "config.toml").write_text(MAIN)
    shutil.copy(empty / "ca.pem", folder)
    return folder


@contextlib.contextmanager
def copied(empty: Path, path: Path) -> Iterator[Database]:
    shutil.copy(empty / "watcher.db", path)
    database = Database(f"sqlite:///{path}", writable=True)
    try:
        yield database
    finally:
        database.close()


@example(EVERYTHING)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(DEED, min_size=1, max_size=4), min_size=2, max_size=6))
def test_two_clocks_that_follow_come_to_what_one_does_that_takes_all_over(
    empty: Path, steps: Steps
) -> None:
    with contextlib.ExitStack() as stack:
        folder = begin(Path(stack.enter_context(tempfile.TemporaryDirectory())), empty)
        theirs, its = (
            stack.enter_context(copied(empty, folder / name)) for name in ("theirs.db", "its.db")
        )
        asyncio.run(play(folder, theirs, its, steps))


async def play(folder: Path, theirs: Database, its: Database, steps: Steps) -> None:
    now = NOW
    async with (
        clock(folder, theirs, lambda: now) as first,
        clock(folder, theirs, lambda: now) as second,
        clock(folder, its, lambda: now) as whole,
    ):
        for number, deeds in enumerate(steps):
            now = NOW + dt.timedelta(hours=number)
            for deed in deeds:
                write(folder, deed)
                change(theirs, deed, now)
                change(its, deed, now)
            one = (first, second)[number % 2]
            await one.take_up()
            with its.write() as connection:  # so that all is looked at
                checks.put_meta(connection, taking_over.VOCABULARY, None)
            await app.reload(whole.engine, whole.load)
            assert state(theirs) == state(its)
            assert in_force(one.engine) == in_force(whole.engine)
            assert fingerprints(theirs, one.engine) == {}
            taken = one.engine.context.taken
            assert taken
            assert taken.division.marks == in_force(one.engine)["marks"]
            for database in (theirs, its):
                mail_waits(database, f"slot {number}")


async def test_what_pages_do_while_it_is_taken_over_stands(tmp_path: Path, empty: Path) -> None:
    """They write between the look at the store and the transaction that follows."""
    begin(tmp_path, empty)
    with copied(empty, tmp_path / "watcher.db") as database:
        for name in ("ada", "bob", "eve"):
            change(database, Deed("put", name), NOW)
        async with clock(tmp_path, database, lambda: NOW) as one:
            for name in ("ada", "bob", "eve", "new"):
                change(database, Deed("put", name, "another"), NOW)
            read = await changed(one.engine.context)
            assert read is not None
            for deed in (Deed("end", "ada"), Deed("leave", "bob"), Deed("end and begin", "eve")):
                change(database, deed, NOW)
            one.engine.context = await take_over(read)
            with database.read() as connection:
                found = subscriptions.known(connection)
                assert (found["ada"].removed_at, found["ada"].fingerprint) == (NOW, "")
                assert subscriptions.recipients(connection, "bob") == ("a@example.org",)
            assert found["new"].is_active, "what nobody has touched is taken over"
            await one.take_up()
            with database.read() as connection:
                found = subscriptions.known(connection)
            assert [each for each in found if found[each].is_active] == ["bob", "eve", "new"]
            assert set(one.engine.context.subscriptions) == {"bob", "eve", "new"}


@pytest.mark.parametrize("name", ["ada", "new"])
async def test_one_that_is_renamed_beside_what_a_page_does_is_known_by_its_new_name(
    tmp_path: Path, empty: Path, name: str
) -> None:
    begin(tmp_path, empty)
    neighbours = (f"reader-{number}" for number in itertools.count())
    of_the_same_part = next(each for each in neighbours if part_of(each) == part_of(name))
    with copied(empty, tmp_path / "watcher.db") as database:
        change(database, Deed("put", "ada"), NOW)
        async with clock(tmp_path, database, lambda: NOW) as one:
            change(database, Deed("rename", "ada"), NOW)
            read = await changed(one.engine.context)
            assert read is not None
            change(database, Deed("put", of_the_same_part, "another"), NOW)
            one.engine.context = await take_over(read)
            await one.take_up()
            with database.read() as connection:
                found = subscriptions.known(connection)
            assert found["new"].renamed_from == "ada"
            assert found[of_the_same_part].is_active


async def test_one_changed_is_read_and_compiled_alone(tmp_path: Path, empty: Path) -> None:
    begin(tmp_path, empty)
    with copied(empty, tmp_path / "watcher.db") as database:
        for number in range(50):
            change(database, Deed("put", f"reader-{number}"), NOW)
        async with clock(tmp_path, database, lambda: NOW) as one:
            before = one.engine.context.subscriptions
            change(database, Deed("put", "reader-7", "another"), NOW)
            await one.take_up()
            after = one.engine.context.subscriptions
            assert [name for name in after if after[name] is not before[name]] == ["reader-7"]
