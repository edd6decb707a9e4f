"""Where two things meet: ends of processes between the steps, edits between match and compose."""

from __future__ import annotations

import pytest

from tests.fakesite import make_paper
from tests.pipeline.test_match import BASELINE
from tests.world import TRENDING, ZORBLAX, World
from watcher.pipeline.check import check
from watcher.store.database import Database
from watcher.store.schema import checks, sources

pytestmark = pytest.mark.untraced  # what it reaches, others do as well


async def test_a_first_check_that_died_halfway_is_made_good_by_an_unchanged_page(
    world: World,
) -> None:
    world.configure(TRENDING, BASELINE)
    world.site.has_etags = world.site.is_stable = True
    world.fill(8)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    async with world.engine() as engine:
        await check(engine.context, engine.context.sources[0], world.now)
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:  # as if it had died before its last transaction
        connection.execute(checks.update().values(outcome=None, finished_at=None))
        connection.execute(sources.delete())
    database.close()
    world.later(hours=1)
    assert (await world.run_pass()).sources[0].outcome == "unchanged"
    assert world.digests() == []
    world.add(make_paper(2, world.now, title=ZORBLAX))
    world.later(hours=1)
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00002"]]
