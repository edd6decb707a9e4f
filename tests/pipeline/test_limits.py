"""How often the site and the mail server are asked."""

from __future__ import annotations

import asyncio

from tests.fakesite import make_paper
from tests.modes import in_both_modes
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.pipeline.limits import fetch

MANY = WEIGHTS.replace(
    '["ada@example.org"]', '["ada@example.org", "bob@example.org", "eve@elsewhere.example"]'
)


def configure(world: World, table: str, line: str, *parts: str) -> None:
    world.configure(DAILY, *parts)
    path = world.config_path
    path.write_text(path.read_text().replace(f"[{table}]", f"[{table}]\n{line}"))


def recipients(world: World) -> list[str]:
    return sorted(mail.recipient for mail in world.mails)


@in_both_modes
async def test_a_full_domain_waits_and_holds_up_no_other(world: World) -> None:
    configure(world, "smtp", "per_minute_to_domain = 1", MANY)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    result = await world.run_pass()
    assert (result.delivered_count, result.pending_count) == (2, 1)
    assert recipients(world) == ["ada@example.org", "eve@elsewhere.example"]
    async with world.engine() as engine:
        await engine.run_slots()
        assert len(world.mails) == 2, "a minute has to pass first"
        world.later(minutes=2)
        await engine.run_slots()
    assert recipients(world) == ["ada@example.org", "bob@example.org", "eve@elsewhere.example"]


@in_both_modes
async def test_a_server_that_takes_few_gets_no_more(world: World) -> None:
    configure(world, "smtp", "per_minute = 1", MANY)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    assert (await world.run_pass()).delivered_count == 1
    for count in (2, 3):
        world.later(minutes=2)
        async with world.engine() as engine:
            await engine.run_slots()
        assert len(world.mails) == count
    assert len(set(recipients(world))) == 3


async def test_what_may_go_soon_is_waited_for(world: World) -> None:
    configure(world, "smtp", "per_minute = 60", MANY)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    async with world.engine() as engine:
        running = asyncio.create_task(engine.run_pass())
        for count in (1, 2, 3):
            await asyncio.to_thread(world.smtp.wait_for, count)
            assert len(world.mails) == count
            world.later(seconds=1)
        assert (await running).delivered_count == 3


@in_both_modes
async def test_waiting_for_its_turn_is_no_attempt(world: World) -> None:
    configure(world, "smtp", "per_minute = 1", MANY)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    result = await world.run_pass()
    assert (result.late_count, result.mail_error, result.is_well) == (0, None, True)


async def test_pages_are_asked_for_in_even_steps(world: World) -> None:
    configure(world, "http", "per_minute = 60", WEIGHTS)
    async with world.engine() as engine:
        context = engine.context
        request = context.sources[0].requests(world.now, None)[0]
        await fetch(context, request)
        asked = len(world.site.requests)
        second = asyncio.create_task(fetch(context, request))
        for _ in range(2):  # these know no limit: whoever has none either is through by then
            await context.fetcher.fetch(request)
        assert len(world.site.requests) == 3 * asked
        world.later(seconds=1)
        await second
        assert len(world.site.requests) == 4 * asked
