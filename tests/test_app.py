"""What the parts are put together from, and what happens when a file of it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakesite import make_paper
from tests.modes import a_world, in_both_modes
from tests.postgres import PostgresServer
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import app
from watcher.errors import RuleError, StoreError
from watcher.store.database import Database
from watcher.store.schema import subscriptions

BOB = 'to = "bob@example.org"\ndigest = "each-check"\nany = ["zorblax"]\n'
BROKEN = {
    "syntax": 'to = "bob@example.org\n',
    "key": BOB.replace("any", "ayn"),
    "rule": BOB + 'none = ["zorblax"]\n',
    "empty": "",
}


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with a_world(request, tmp_path) as running:
        (tmp_path / "subscriptions.d").mkdir()
        running.configure(DAILY, WEIGHTS)
        yield running


def bobs(world: World) -> Path:
    return world.directory / "subscriptions.d" / "bob.toml"


@pytest.mark.parametrize("broken", BROKEN)
async def test_one_broken_file_stops_nobody_and_keeps_its_last_good_rules(
    world: World, broken: str
) -> None:
    bobs(world).write_text(BOB)
    await world.run_pass()
    bobs(world).write_text(BROKEN[broken])
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    assert {mail.recipient for mail in world.mails} == {
        "ada@example.org",
        "bob@example.org",
        "root@example.org",
    }
    [notice] = world.notices()
    assert "bob.toml" in notice.text
    await world.run_pass()
    assert len(world.notices()) == 1


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_file_that_was_never_good_is_left_out_and_told(world: World, broken: str) -> None:
    bobs(world).write_text(BROKEN[broken])
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    assert {mail.recipient for mail in world.mails} == {"ada@example.org", "root@example.org"}
    bobs(world).write_text(BOB)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests("bob@example.org")] == [["2602.00001"]]


async def test_a_broken_rule_of_the_main_file_is_named_with_its_line(world: World) -> None:
    world.configure(DAILY, WEIGHTS, 'none = ["zorblax"]\n')
    with pytest.raises(RuleError) as caught:
        await world.run_pass()
    lines = world.config_path.read_text().splitlines()
    assert (caught.value.path, caught.value.line) == (
        world.config_path,
        lines.index('none = ["zorblax"]') + 1,
    )


async def test_reloading_goes_on_with_the_last_good_configuration(world: World) -> None:
    async with world.engine() as engine:
        before = engine.context
        world.configure(DAILY, WEIGHTS, 'none = ["zorblax"]\n')
        [problem] = await app.reload(engine, world.config)
        assert "config.toml" in str(problem)
        assert engine.context is before
        world.configure(DAILY, WEIGHTS.replace("zorblax", "quux"))
        assert await app.reload(engine, world.config) == ()
        assert engine.context is not before
        world.add(make_paper(1, world.now, title="On quux"))
        assert (await engine.run_pass()).delivered_count == 1
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"]]


async def test_what_would_not_start_is_not_taken_up_either(world: World) -> None:
    async with world.engine() as engine:
        before = engine.context
        world.config_path.write_text("")
        [problem] = await app.reload(engine, world.config)
        assert "no way to send mail" in str(problem)
        assert engine.context is before
        world.add(make_paper(1, world.now, title=ZORBLAX))
        assert (await engine.run_pass()).delivered_count == 1


async def test_the_operator_is_told_once_of_each_mistake_until_it_is_mended(world: World) -> None:
    async def told() -> list[str]:
        world.later(days=1)
        await world.run_pass()
        return [
            line for mail in world.new_mails() for line in mail.text.splitlines() if "/" in line
        ]

    eves = bobs(world).with_name("eve.toml")
    bobs(world).write_text(BROKEN["key"])
    [line] = await told()
    assert "bob.toml" in line
    assert await told() == []
    eves.write_text(BROKEN["key"])
    assert len(await told()) == 2
    bobs(world).unlink()
    assert await told() == []
    async with world.engine() as engine:
        world.configure(DAILY, WEIGHTS, "nonsense = [")
        await app.reload(engine, world.config)
        await app.reload(engine, world.config)
        await engine.run_pass()
    assert len(world.new_mails()) == 1
    world.configure(DAILY, WEIGHTS)
    assert await told() == []
    bobs(world).write_text(BROKEN["key"])
    assert len(await told()) == 2, "it is broken once more"


async def test_reloading_waits_for_the_pass_under_way(world: World) -> None:
    world.add(make_paper(1, world.now, title=ZORBLAX))
    async with world.engine() as engine:
        running = asyncio.create_task(engine.run_pass())
        await asyncio.to_thread(world.site.wait_for, "*")
        assert await app.reload(engine, world.config) == ()
        assert running.done()
        assert (await running).delivered_count == 1
        assert (await engine.run_pass()).is_well


TOPIC = '[topics.mine]\nany = ["zorblax"]\n'
OF_TOPIC = 'to = "bob@example.org"\ndigest = "daily 08:00"\ntopics = ["mine"]\n'


@in_both_modes
async def test_what_waits_is_kept_while_its_file_is_broken_by_another(world: World) -> None:
    bobs(world).write_text(OF_TOPIC)
    world.configure(DAILY, WEIGHTS, TOPIC)
    world.fill(4)
    mine = make_paper(1, world.now, title=ZORBLAX)
    world.add(mine)
    await world.run_pass()
    world.configure(DAILY, WEIGHTS)
    world.site.papers.remove(mine)
    await world.run_pass()
    world.configure(DAILY, WEIGHTS, TOPIC)
    world.later(hours=2)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests("bob@example.org")] == [[mine.id]]


@in_both_modes
async def test_last_good_rules_that_hold_no_more_stop_nobody(world: World) -> None:
    bobs(world).write_text(OF_TOPIC)
    world.configure(DAILY, WEIGHTS, TOPIC)
    world.fill(4)
    mine = make_paper(1, world.now, title=ZORBLAX)
    world.add(mine)
    await world.run_pass()
    world.configure(DAILY, WEIGHTS)
    bobs(world).write_text("nonsense = [")
    world.later(hours=2)
    await world.run_pass()
    assert len(world.digests()) == 1
    assert any("bob.toml" in notice.text for notice in world.notices())
    bobs(world).write_text(OF_TOPIC)
    world.configure(DAILY, WEIGHTS, TOPIC)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests("bob@example.org")] == [[mine.id]]


async def test_a_definition_of_another_version_is_no_obstacle(world: World) -> None:
    bobs(world).write_text(BOB)
    await world.run_pass()
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        connection.execute(subscriptions.update().values(definition='{"to": [], "former": 1}'))
    database.close()
    bobs(world).write_text("nonsense = [")
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    assert len(world.digests()) == 1


async def test_a_broken_file_revives_nobody_of_the_main_file(world: World) -> None:
    world.configure(DAILY, WEIGHTS, WEIGHTS.replace('"weights"', '"bob"').replace("ada@", "bob@"))
    await world.run_pass()
    world.configure(DAILY, WEIGHTS)
    bobs(world).write_text("nonsense = [")
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    assert world.digests("bob@example.org") == []


async def test_reloads_at_once_follow_one_another(world: World) -> None:
    async with world.engine() as engine:
        first = engine.context.fetcher
        world.configure(DAILY, WEIGHTS.replace("zorblax", "quux"))
        await asyncio.gather(*(app.reload(engine, world.config) for _ in range(3)))
        assert engine.context.fetcher is not first
        world.add(make_paper(1, world.now, title="On quux"))
        assert (await engine.run_pass()).delivered_count == 1


async def test_a_reload_that_cannot_be_stored_changes_nothing(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    with World(tmp_path, store=postgres_url) as world:
        world.configure(DAILY, WEIGHTS)
        async with world.engine() as engine:
            before = engine.context
            world.configure(DAILY, WEIGHTS.replace("zorblax", "quux"))
            postgres_server.stop()
            with pytest.raises(StoreError):
                await app.reload(engine, world.config)
            assert engine.context is before
            postgres_server.start()
            await app.reload(engine, world.config)
            world.add(make_paper(1, world.now, title="On quux"))
            assert (await engine.run_pass()).delivered_count == 1


ON_TOPIC = WEIGHTS.replace('any = ["zorblax"]', 'topics = ["odd"]')


def odd(*keywords: str) -> str:
    return f"[topics.odd]\nany = {list(keywords)}\n"


async def test_a_rename_is_seen_by_the_topics_of_its_time(world: World) -> None:
    renamed = ON_TOPIC.replace('"weights"', '"hyper"')
    world.configure(DAILY, odd("zorblax"), ON_TOPIC)
    await world.run_pass()
    world.configure(DAILY, odd("zorblax", "quux"), ON_TOPIC)
    await world.run_pass()
    world.configure(DAILY, odd("zorblax", "quux"), renamed)
    await world.run_pass()
    [notice] = world.notices()
    assert "watcher rename weights hyper" in notice.text


async def test_the_same_words_that_mean_something_else_are_no_rename(world: World) -> None:
    world.configure(DAILY, odd("zorblax"), ON_TOPIC)
    await world.run_pass()
    world.configure(DAILY, odd("quux"), ON_TOPIC.replace('"weights"', '"hyper"'))
    await world.run_pass()
    assert world.notices() == []
