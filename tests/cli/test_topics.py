"""The keyword sets that rules may name."""

from __future__ import annotations

import asyncio
import datetime as dt

from tests.cli.looking import Asker, fill
from tests.world import DAILY, WEIGHTS, World
from watcher import app
from watcher.models import Paper
from watcher.rules import builtin_topics
from watcher.store import papers

OWN = """
[topics.zorblaxology]
any = ["zorblax", "zorblaxes of the world"]
"""


def test_all_topics_are_listed(world: World, ask: Asker) -> None:
    world.configure(DAILY, OWN, WEIGHTS)
    told = ask("topics", "--json")
    assert told.code == 0
    names = [topic["name"] for topic in told.rows]
    assert names == ["zorblaxology", *builtin_topics()]
    assert {topic["recent_papers"] for topic in told.rows} == {None}
    plain = ask("topics")
    assert plain.code == 0
    assert "agents" in plain.out


def test_words_are_looked_for_and_a_name_shows_its_keywords(world: World, ask: Asker) -> None:
    world.configure(DAILY, OWN, WEIGHTS)
    assert [topic["name"] for topic in ask("topics", "of", "the", "world", "--json").rows] == [
        "zorblaxology"
    ]
    said = ask("topics", "ZORBLAXOLOGY")
    assert "zorblaxology: the configuration" in said.out
    assert "zorblaxes of the world" in said.out
    agents = ask("topics", "agents")
    for keyword in builtin_topics()["agents"].keywords:
        assert keyword in agents.out


def test_an_own_topic_goes_over_a_built_in_one(world: World, ask: Asker) -> None:
    world.configure(DAILY, '[topics.agents]\nany = ["secret agent"]\n', WEIGHTS)
    [topic] = ask("topics", "agents", "--json").rows
    assert (topic["keywords"], topic["origin"]) == (["secret agent"], "the configuration")


def test_a_subscriber_s_own_topics_are_listed_as_theirs(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    folder = world.config_path.parent / "subscriptions.d"
    folder.mkdir()
    (folder / "eve.toml").write_text(
        OWN + '[[subscriptions]]\nto = "eve@example.org"\ntopics = ["zorblaxology"]\n'
    )
    [topic] = ask("topics", "zorblaxology", "--json").rows
    assert topic["origin"].startswith("eve")


def test_stored_papers_are_counted(world: World, ask: Asker) -> None:
    world.configure(DAILY, OWN, WEIGHTS)
    fill(world, 1, 2)

    async def run() -> None:
        await world.run_pass()

    asyncio.run(run())
    counts = {topic["name"]: topic["recent_papers"] for topic in ask("topics", "--json").rows}
    assert counts["zorblaxology"] == 2
    assert (
        "brings 2 of 11 papers first seen in the last 30 days" in ask("topics", "zorblaxology").out
    )


def test_every_paper_of_the_last_thirty_days_is_counted(world: World, ask: Asker) -> None:
    world.configure(DAILY, OWN, WEIGHTS)
    with app.writing(world.config(), "test", world.now) as database, database.write() as connection:
        for days, count in ((40, 5), (29, 600), (0, 7)):
            seen = [Paper(f"26{days:02}.{number:05}", "Zorblax") for number in range(count)]
            papers.merge(connection, seen, world.now - dt.timedelta(days=days))
    assert ask("topics", "zorblaxology", "--json").rows[0]["recent_papers"] == 607
    assert "Of 607 papers first seen in the last 30 days.\n" in ask("topics").out


def test_an_unknown_topic_is_exit_2(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("topics", "zorblaxology")
    assert said.code == 2
    assert "no topic has zorblaxology" in said.err


def test_no_configuration_is_needed(world: World, ask: Asker) -> None:
    said = ask("topics", "agents")
    assert said.code == 0
    assert "only the built-in topics" in said.err
