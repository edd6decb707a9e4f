"""Subscriptions that stand in the store: how they get there, count, yield to files, and end."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.looking import Asker, fill
from tests.cli.terminal import Terminal
from tests.fleet.processes import prepare
from tests.postgres import see_it_wait
from tests.world import DAILY, WEIGHTS, World
from watcher import app
from watcher.engine import Engine
from watcher.store import stored
from watcher.store.database import Database
from watcher.store.lock import take_turn

EVE = """
[[subscriptions]]
name = "eve"
to = "eve@example.org"
digest = "each-check"
any = ["zorblax"]
"""
EXPORTED = """[[subscriptions]]
name = "eve"
to = ["eve@example.org"]
digest = "each-check"
[[subscriptions.rules]]
any = ["zorblax"]

"""
MAX = EVE.replace("eve", "max")
TOPIC = '[topics.mine]\nany = ["zorblax"]\n'
EVES, MAXS = "eve@example.org", "max@example.org"
ONE, TWO, THREE = "2602.00001", "2602.00002", "2602.00003"


@pytest.fixture
def both(stored_world: World) -> Asker:
    """A world with one subscription in its configuration, on each database."""
    stored_world.configure(DAILY, WEIGHTS)
    return Asker(stored_world)


async def check(world: World, engine: Engine, *numbers: int) -> list[tuple[str, list[str]]]:
    """Half an hour later with these papers more, as a daemon does; to whom went what."""
    world.later(minutes=30)
    fill(world, *numbers)
    config = engine.context.config
    await (app.follow if config.stamps() == config.seen else app.reload)(engine, world.config)
    await engine.run_pass()
    return sorted((mail.recipient, mail.paper_ids) for mail in world.new_mails())


def give(ask: Asker, text: str, *flags: str) -> None:
    said = ask("subscriptions", "import", "-", *flags, stdin=text.encode())
    assert (said.code, said.err) == (0, "")


def ids(ask: Asker) -> dict[str, bool]:
    """Whether each subscription stands in the store."""
    return {each["id"]: each["stored"] for each in ask("subscriptions", "list", "--json").rows}


async def test_they_are_imported_count_are_exported_and_removed(both: Asker) -> None:
    world = both.world
    async with world.engine() as engine:  # it writes meanwhile, and has the lock
        said = both("subscriptions", "import", "-", stdin=(EVE + MAX).encode())
        assert (said.code, said.err) == (0, "")
        assert said.out == (
            "2 subscriptions imported, 0 replaced, 0 already there as they are.\n"
            "A running daemon takes that up at its next check, Thu 2026-02-19 07:30 UTC; SIGHUP"
            " (`systemctl reload watcher`) makes it do so now.\n"
        )
        assert ids(both) == {"weights": False, "eve": True, "max": True}
        assert await check(world, engine, 1) == [
            ("ada@example.org", [ONE]),
            (EVES, [ONE]),
            (MAXS, [ONE]),
        ]
        assert both("subscriptions", "show", "eve").out.endswith(
            "  rule      mentions zorblax\n  written   in the store\n  standing  active\n"
        )
        said = both("subscriptions", "remove", "max", "--yes", "--json")
        assert (said.code, said.json) == (0, {"removed": "max"})
        assert both("subscriptions", "export", "eve").out == EXPORTED
        assert both("subscriptions", "export", "--stored").out == EXPORTED
        assert await check(world, engine, 2) == [("ada@example.org", [TWO]), (EVES, [TWO])]


async def test_a_file_wins_and_goes_away_again(both: Asker) -> None:
    world = both.world
    mine = WEIGHTS.replace("ada@", "eve@")
    said = both("subscriptions", "import", "-", "--json", stdin=mine.encode())
    assert said.json["in_files"] == ["weights"]
    async with world.engine() as engine:
        assert await check(world, engine, 1) == [("ada@example.org", [ONE])]
        said = both("subscriptions", "list")
        assert "ada@example.org" in said.out
        assert said.err == "in the store, too, where a file's counts: weights\n"
        assert "  stored    in the store, too: " in both("subscriptions", "show", "weights").out
        world.configure(DAILY)
        assert await check(world, engine) == []
        assert ids(both) == {"weights": True}
        assert await check(world, engine, 2) == [(EVES, [TWO])]
        world.configure(DAILY, WEIGHTS)
        assert await check(world, engine, 3) == [("ada@example.org", [THREE])]
    assert both("subscriptions", "remove", "--stored", "weights", "--yes").code == 0
    assert ids(both) == {"weights": False}


async def test_a_file_of_one_person_wins_even_broken(world: World, ask: Asker) -> None:
    folder = world.directory / "subscriptions.d"
    folder.mkdir()
    joe = folder / "joe.toml"
    world.configure(DAILY)
    give(ask, EVE.replace('name = "eve"', 'name = "joe/joe"').replace("eve@", "old@"))
    joe.write_text(EVE.replace('name = "eve"', ""))
    async with world.engine() as engine:
        joe.write_text("to = 7\n")
        told = await check(world, engine, 1)
        assert told == [(EVES, [ONE]), ("root@example.org", [])]
        assert ask("subscriptions", "remove", "joe", "--yes").code == 0
        assert await check(world, engine, 2) == [("old@example.org", [TWO])]


def test_removing_a_file_tells_of_the_one_in_the_store(world: World, ask: Asker) -> None:
    folder = world.directory / "subscriptions.d"
    folder.mkdir()
    (folder / "joe.toml").write_text(EVE.replace('name = "eve"', ""))
    world.configure(DAILY)
    said = ask("subscriptions", "import", str(folder))
    assert (said.code, said.err) == (0, "warning: a file has these, too, and wins: joe/joe\n")
    assert ask("subscriptions", "remove", "joe", "--yes").out.endswith(
        "joe/joe stands in the store, too, and that one counts then;"
        " `watcher subscriptions remove --stored joe/joe` takes it out there.\n"
    )
    assert ids(ask) == {"joe/joe": True}


async def test_moving_from_files_to_the_store_mails_nothing_twice(world: World, ask: Asker) -> None:
    folder = world.directory / "subscriptions.d"
    folder.mkdir()
    joe = folder / "joe.toml"
    rule = 'rules = [{topics = "mine"}]'
    joe.write_text(f'to = "{EVES}"\ndigest = "each-check"\n{rule}\n{TOPIC}')
    world.configure(DAILY)
    async with world.engine() as engine:
        assert await check(world, engine, 1) == [(EVES, [ONE])]
        exported = ask("subscriptions", "export").out
        assert ask("subscriptions", "import", "-", stdin=exported.encode()).code == 0
        joe.unlink()
        assert await check(world, engine, 2) == [(EVES, [TWO])]
    assert ids(ask) == {"joe/joe": True}
    assert ask("subscriptions", "export").out == exported


def test_what_is_there_is_replaced_on_demand_only(world: World, ask: Asker) -> None:
    world.configure(DAILY)
    give(ask, EVE)
    other = EVE.replace("zorblax", "quux")
    said = ask("subscriptions", "import", "-", stdin=(other + MAX).encode())
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "watcher: in the store already, as something else: eve. --replace puts these in their"
        " place, --keep-going leaves them out\n"
    )
    assert ids(ask) == {"eve": True}
    said = ask("subscriptions", "import", "-", "--keep-going", stdin=(other + MAX).encode())
    assert said.code == 3
    assert said.out.startswith("1 subscription imported, 0 replaced, 0 already")
    assert said.err == "left out: eve is in the store already, as something else (--replace)\n"
    assert "zorblax" in ask("subscriptions", "export", "eve").out
    said = ask("subscriptions", "import", "-", "--replace", "--json", stdin=(other + MAX).encode())
    assert said.code == 0
    assert said.json == {
        "added": [],
        "replaced": ["eve"],
        "unchanged": ["max"],
        "present": [],
        "in_files": [],
        "problems": [],
    }
    assert "quux" in ask("subscriptions", "export", "eve").out


MISTAKES = {
    EVE + MAX.replace("any =", "ayn ="): "stdin, line 12, subscriptions[1].ayn: unknown key",
    MAX.replace("zorblax", "*x"): "stdin, line 6, subscriptions[0].any[0]: `*x`:",
    MAX + 'topics = "nothing"\n': "stdin, line 7, subscriptions[0].topics: ",
    MAX + 'sources = "weekly"\n': 'stdin, line 7, subscriptions[0].sources: there is no source "we',
    MAX + EVE + MAX: "stdin, line 15, subscriptions[2].name: two subscriptions of this file are",
    MAX.replace('"max"', '"a/b/c"'): 'stdin, line 3, subscriptions[0].name: "a/b/c" holds a slash',
    MAX.replace('"max"', '"/c"'): "stdin, line 3, subscriptions[0].name: before its slash, is emp",
    MAX + '[mail]\nfrom = "a@b.org"\n': "stdin, line 7, mail: a file to import holds subscriptions",
    "subscriptions = 7\n": "stdin, line 1, subscriptions: expected ",
    'to = "a@example.org\n': "stdin, line 1, to: column 20: ",
    "": "stdin: holds no subscription",
    "a = '\udce9'\n": "stdin, line 1: not UTF-8",
}


def test_a_mistake_is_named_and_nothing_imported(world: World, ask: Asker) -> None:
    world.configure(DAILY)
    for text, message in MISTAKES.items():
        content = text.encode(errors="surrogateescape")
        said = ask("subscriptions", "import", "-", stdin=content)
        assert (said.code, said.out) == (78, "")
        assert said.err.startswith(f"watcher: {message}")
    assert not world.state_dir.exists()


def test_mistakes_in_what_is_to_be_read(world: World, ask: Asker, tmp_path: Path) -> None:
    world.configure(DAILY)
    empty = tmp_path / "empty"
    empty.mkdir()
    said = ask("subscriptions", "import", str(empty))
    assert (said.code, said.err) == (78, f"watcher: {empty}: holds no file that ends in .toml\n")
    said = ask("subscriptions", "import", str(tmp_path / "gone"))
    assert said.err == f"watcher: {tmp_path}/gone: there is no such file or directory\n"
    said = ask("subscriptions", "export", "--stored", "--json")
    assert said.code == 74
    said = ask("subscriptions", "remove", "eve")
    assert said.code == 2


def test_what_is_good_of_several_files(world: World, ask: Asker, tmp_path: Path) -> None:
    world.configure(DAILY)
    folder = tmp_path / "people"
    folder.mkdir()
    (folder / "a.toml").write_text('to = "ann@example.org"\nany = "x"\n')
    (folder / "b.toml").write_text(MAX.replace("max@", "@") + EVE)
    (folder / "c.toml").write_text(EVE)
    (folder / ".d.toml").write_text("to = 7\n")
    said = ask("subscriptions", "import", str(folder), "--keep-going")
    assert said.code == 3
    assert said.out.startswith("2 subscriptions imported")
    first, second = said.err.splitlines()
    assert first.startswith(f"left out: {folder}/b.toml, line 4, subscriptions[0].to: ")
    assert second == (
        f"left out: {folder}/c.toml, line 3, subscriptions[0].name: {folder}/b.toml has a"
        ' subscription "eve", too; give one of them another name'
    )
    assert ids(ask) == {"a": True, "eve": True}
    said = ask("subscriptions", "import", str(folder), "--keep-going", "--json")
    assert said.json["unchanged"] == ["a", "eve"]
    assert [each["line"] for each in said.json["problems"]] == [4, 3]


def test_removing_asks_first(world: World, ask: Asker) -> None:
    world.configure(DAILY)
    give(ask, EVE)
    said = ask("subscriptions", "remove", "eve")
    assert (said.code, said.err) == (2, "watcher: there is nobody to ask here; --yes agrees\n")
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    question = "Remove eve from the store? (`watcher subscriptions export --stored eve` prints it.)"
    with Terminal("subscriptions", "remove", "eve", *place, env={}) as terminal:
        terminal.answer(f"{question} [y/N] ", "n")
        assert terminal.end() == 1
    assert ids(ask) == {"eve": True}


async def test_pausing_and_renaming_what_is_stored(world: World, ask: Asker) -> None:
    world.configure(DAILY)
    give(ask, EVE)
    async with world.engine() as engine:
        assert ask("subscriptions", "pause", "eve").code == 0
        assert await check(world, engine, 1) == []
        assert ask("subscriptions", "resume", "eve").code == 0
        assert ask("rename", "eve", "eve").err == (
            "watcher: eve is still in the store; take it out there first"
            " (`watcher subscriptions remove eve`)\n"
        )
        assert await check(world, engine) == [(EVES, [ONE])]
        give(ask, EVE.replace('"eve"', '"eva"'))
        assert ask("subscriptions", "remove", "eve", "--yes").code == 0
        told = await check(world, engine, 2)
        assert told == [("root@example.org", [])]
        assert ask("rename", "eve", "eva").code == 0
        assert await check(world, engine) == [(EVES, [TWO])]


async def test_one_that_lost_its_topic_stops_nobody_and_loses_nothing(
    world: World, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS, TOPIC)
    give(ask, EVE.replace('any = ["zorblax"]', 'rules = [{topics = ["mine"]}]'))
    async with world.engine() as engine:
        assert ask("subscriptions", "pause", "eve").code == 0
        assert await check(world, engine, 1) == [("ada@example.org", [ONE])]
        world.configure(DAILY, WEIGHTS)
        said = await asyncio.to_thread(ask, "check-config", "--offline")
        assert said.code == 78
        assert "watcher: eve in the store, rules[0].topics[0]: " in said.err
        assert await check(world, engine) == [("root@example.org", [])]
        assert "eve in the store, rules[0].topics[0]: " in world.notices()[0].text
        world.configure(DAILY, WEIGHTS, TOPIC)
        assert ask("subscriptions", "resume", "eve").code == 0
        assert await check(world, engine) == [(EVES, [ONE])]


def test_a_source_that_is_gone_is_told(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    give(ask, EVE + 'sources = ["daily"]\n')
    world.configure('[[sources]]\npage = "weekly"\n', WEIGHTS)
    said = ask("check-config", "--offline", "--json")
    [problem] = said.json["problems"]
    assert problem["file"] is None
    assert problem["key"] == "eve in the store, sources[0]"
    assert problem["message"].startswith('there is no source "daily" among weekly')


async def test_what_another_version_stored_is_told_and_kept(world: World, ask: Asker) -> None:
    world.configure(DAILY)
    give(ask, EVE + MAX)
    async with world.engine() as engine:
        await engine.context.write(
            lambda connection: stored.put(connection, {"eve": '{"novel": 1}'}, world.now)
        )
        said = ask("subscriptions", "list")
        assert said.err == (
            "left out: eve in the store: this version cannot read it; import it anew\n"
        )
        told = [recipient for recipient, _ in await check(world, engine, 1)]
        assert told == [EVES, MAXS, "root@example.org"]  # eve as it was last good
    assert ask("subscriptions", "remove", "eve", "--yes").code == 0


def test_an_edited_file_does_not_lose_what_is_stored(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    give(ask, EVE)
    said = ask("backtest", "--against", str(world.config_path), "--json")
    assert (said.json["unchanged"], said.json["missing"]) == (["weights"], [])


def test_nobody_is_subscribed_is_said_of_nobody_only(world: World, ask: Asker) -> None:
    world.configure(DAILY)
    assert "no subscription yet" in ask("status").err
    give(ask, EVE)
    assert ask("status").err == ""
    assert ask("subscriptions", "remove", "eve", "--yes").code == 0
    assert ask("subscriptions", "export").err.endswith("Nobody is subscribed.\n")


def test_of_two_that_import_at_once_the_second_sees_what_the_first_did(
    tmp_path: Path, postgres_url: str
) -> None:
    other = {"eve": '{"name": "eve", "to": ["first@example.org"]}'}
    with (
        World(tmp_path, store=postgres_url) as world,
        ThreadPoolExecutor(1) as pool,
    ):
        world.configure(DAILY, WEIGHTS)
        prepare(world)
        ask = Asker(world)
        first = Database(world.config().store_url, writable=True)
        with first.write() as connection:
            take_turn(connection)
            stored.put(connection, other, world.now)
            second = pool.submit(ask, "subscriptions", "import", "-", stdin=EVE.encode())
            see_it_wait(postgres_url, second)
            assert not second.done()
        first.close()
        said = second.result()
    assert said.code == 2
    assert "in the store already, as something else: eve" in said.err
