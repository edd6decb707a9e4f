"""Slots: each is closed once, and what is pending goes in one digest."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from tests.fakesite import make_paper
from tests.modes import in_all_modes, in_both_modes, on_both_stores
from tests.world import DAILY, THURSDAY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.engine import Request
from watcher.models import MatchState
from watcher.store import renaming, slots, subscriptions
from watcher.store.database import Database
from watcher.store.schema import slots as slots_table

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

DAY = dt.timedelta(days=1)
AT_EIGHT = WEIGHTS.replace("each-check", "daily 08:00")


def fill(world: World, *numbers: int) -> None:
    if len(world.site.papers) == 1:
        world.fill(8)
    world.add(*(make_paper(number, world.now, title=ZORBLAX) for number in numbers))


@in_all_modes
async def test_a_digest_waits_for_its_slot(world: World) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1, 2)
    result = await world.run_pass()
    assert (result.match_count, result.digest_count, result.pending_count) == (2, 0, 2)
    assert result.is_well
    world.later(minutes=59)
    async with world.engine() as engine:
        assert (await engine.run_slots()).digest_count == 0
        world.later(minutes=1)
        assert (await engine.run_slots()).digest_count == 1
        assert (await engine.run_slots()).digest_count == 0
    [mail] = world.digests()
    assert sorted(mail.paper_ids) == ["2602.00001", "2602.00002"]


async def test_a_slot_with_nothing_pending_is_recorded_and_mails_nothing(world: World) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world)
    await world.run_pass()
    world.later(hours=2)
    assert (await world.run_pass()).digest_count == 0
    fill(world, 5)
    world.later(hours=1)
    await world.run_pass()
    assert world.digests() == [], "the slot of today is closed; this is tomorrow's"
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        assert slots.has_slot(connection, "weights", "2026-02-19T08:00:00Z")
    database.close()


async def test_missed_slots_collapse_into_the_latest(world: World) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    await world.run_pass()
    world.later(days=6)
    await world.run_pass()
    await world.run_pass()
    assert len(world.digests()) == 1


async def test_a_new_subscription_starts_at_its_next_slot(world: World) -> None:
    world.configure(DAILY, AT_EIGHT)
    world.now = THURSDAY.replace(hour=9)
    fill(world, 1)
    assert (await world.run_pass()).digest_count == 0
    world.later(hours=22, minutes=59)
    assert (await world.run_pass()).digest_count == 0
    world.later(minutes=1)
    assert (await world.run_pass()).digest_count == 1


async def test_clocks_that_jump_give_one_digest_for_each_slot(world: World) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    await world.run_pass()
    for jump in (1.5, -1, 1, -24, 24, 24 * 365, -24 * 365):
        world.now += dt.timedelta(hours=jump)
        await world.run_pass()
    assert len(world.digests()) == 1
    fill(world, 2)
    for _ in range(3):
        world.later(days=1)
        await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"], ["2602.00002"]]


async def test_sending_now_needs_no_slot_and_happens_once_for_each_asking(world: World) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    await world.run_pass(Request(manual_run="one", subscriptions={"weights"}))
    await world.run_pass(Request(manual_run="two"))
    world.later(hours=2)
    await world.run_pass()
    assert len(world.digests()) == 1


async def test_narrowing_composes_for_nobody_else(world: World) -> None:
    other = WEIGHTS.replace('"weights"', '"other"').replace("ada@", "bob@")
    world.configure(DAILY, WEIGHTS, other)
    fill(world, 1)
    await world.run_pass(Request(subscriptions={"other"}))
    assert [mail.recipient for mail in world.mails] == ["bob@example.org"]
    await world.run_pass()
    assert [mail.recipient for mail in world.mails] == ["bob@example.org", "ada@example.org"]


@in_both_modes
async def test_what_no_longer_holds_at_the_slot_is_withdrawn_and_may_come_again(
    world: World,
) -> None:
    popular = AT_EIGHT.replace("any =", "min_upvotes = 20\nany =")
    world.configure(TRENDING, popular)
    votes = {0: 25, 1: 10, 30: 25}
    fill(world)
    world.add(
        make_paper(
            9,
            world.now,
            title=ZORBLAX,
            votes=lambda now: votes[int((now - THURSDAY) / dt.timedelta(hours=1))],
        )
    )
    assert (await world.run_pass()).match_count == 1
    world.later(hours=1)
    result = await world.run_pass()
    assert (result.digest_count, result.pending_count) == (0, 0)
    world.now = THURSDAY + dt.timedelta(hours=30)
    assert (await world.run_pass()).match_count == 1


async def test_more_than_max_papers_stand_below_and_count_as_delivered(world: World) -> None:
    world.configure(DAILY, WEIGHTS.replace("any =", "max_papers = 3\nany ="))
    fill(world, *range(1, 11))
    await world.run_pass()
    [mail] = world.digests()
    assert len(mail.paper_ids) == 10
    assert mail.html.count("/papers/2602.000") >= 10
    assert (await world.run_pass()).pending_count == 0


@in_both_modes
async def test_a_paused_subscription_collects_and_goes_on_where_it_was(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    await world.run_pass()
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        subscriptions.pause(connection, "weights", world.now)
    for number in (1, 2):
        fill(world, number)
        await world.run_pass()
    assert world.digests() == []
    with database.write() as connection:
        subscriptions.pause(connection, "weights", None)
    database.close()
    await world.run_pass()
    assert sorted(world.digests()[0].paper_ids) == ["2602.00001", "2602.00002"]


@in_both_modes
async def test_an_apparent_rename_is_told_and_waits_and_then_keeps_the_history(
    world: World,
) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    await world.run_pass()
    world.configure(DAILY, WEIGHTS.replace('"weights"', '"hyper"'))
    fill(world, 2)
    await world.run_pass()
    assert len(world.digests()) == 1
    [notice] = world.notices()
    assert "watcher rename weights hyper" in notice.text
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        renaming.rename(connection, "weights", "hyper")
    database.close()
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests()] == [["2602.00001"], ["2602.00002"]]


@in_both_modes
async def test_every_recipient_has_a_mail_of_their_own(world: World) -> None:
    world.configure(DAILY, WEIGHTS.replace('["ada@', '["bob@example.org", "ada@'))
    fill(world, 1)
    await world.run_pass()
    assert sorted(mail.recipient for mail in world.mails) == ["ada@example.org", "bob@example.org"]
    assert len({mail.message_id for mail in world.mails}) == 2


async def test_the_digests_of_a_subscription_are_one_thread_where_it_asks_for_that(
    world: World,
) -> None:
    world.configure(DAILY, WEIGHTS, "thread = true\n")
    fill(world, 1)
    await world.run_pass()
    world.later(hours=1)
    fill(world, 2)
    await world.run_pass()
    world.configure(DAILY, WEIGHTS)
    world.later(hours=1)
    fill(world, 3)
    await world.run_pass()
    first, second, apart = world.digests()
    assert first.header("References") == first.header("In-Reply-To")
    assert first.header("References") == second.header("References")
    assert first.message_id != second.message_id
    assert apart.header("References") is None


async def test_the_papers_are_attached_as_bibtex_where_that_is_wanted(world: World) -> None:
    world.configure(DAILY, WEIGHTS, "bibtex = true\n")
    fill(world, 1)
    await world.run_pass()
    [mail] = world.digests()
    assert b'filename="weights-2026-02-19.bib"' in mail.raw
    assert b"eprint =3D {2602.00001}" in mail.raw
    assert mail.paper_ids == ["2602.00001"]


async def test_templates_of_ones_own_are_used_and_where_they_fail_the_operator_is_told(
    world: World,
) -> None:
    template = world.config_path.parent / "mine" / "digest.html.j2"
    template.parent.mkdir()
    template.write_text('{% extends "built-in/digest.html.j2" %}{% block top %}Mine{% endblock %}')
    world.configure(DAILY, WEIGHTS, '[digest]\ntemplates = "mine"\n')
    fill(world, 1)
    await world.run_pass()
    template.write_text("{{ nothing }}")
    for number in (2, 3):
        world.later(hours=1)
        fill(world, number)
        await world.run_pass()
    first, *others = world.digests()
    assert "Mine" in first.html
    assert [mail.paper_ids for mail in others] == [["2602.00002"], ["2602.00003"]]
    assert all("Mine" not in mail.html for mail in others)
    [told] = world.notices()
    assert "mine/digest.html.j2, line 1: 'nothing' is undefined" in " ".join(told.text.split())
    assert "templates" in told.subject


async def test_answers_go_to_the_operator_unless_somebody_else_is_named(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    await world.run_pass()
    named = world.config_path.read_text().replace("[mail]", '[mail]\nreply_to = "bob@example.org"')
    world.config_path.write_text(named)
    world.later(hours=1)
    fill(world, 2)
    await world.run_pass()
    first, second = world.digests()
    assert first.header("Reply-To") == world.config().settings.mail.operator
    assert second.header("Reply-To") == "bob@example.org"


async def test_a_rehearsal_leaves_no_trace(world: World) -> None:
    from watcher import app

    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    config = world.config()
    with app.rehearsing(config, world.now) as database:
        async with app.running(
            config, database, clock=lambda: world.now, is_rehearsal=True
        ) as engine:
            result = await engine.run_pass()
    assert (result.match_count, result.digest_count, result.delivered_count) == (1, 1, 0)
    assert world.mails == []
    assert not world.state_dir.exists() or not list(world.state_dir.iterdir())
    assert (await world.run_pass()).delivered_count == 1


@on_both_stores
async def test_a_rehearsal_starts_from_what_is_stored(world: World) -> None:
    from watcher import app

    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    await world.run_pass()
    config = world.config()
    with app.rehearsing(config, world.now) as database:
        async with app.running(
            config, database, clock=lambda: world.now, is_rehearsal=True
        ) as engine:
            assert (await engine.run_pass()).match_count == 0


async def test_states_of_pairs_follow_their_digest(world: World) -> None:
    from tests.pipeline.test_match import states

    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    await world.run_pass()
    assert states(world) == {"2602.00001": MatchState.PENDING}
    world.later(hours=1)
    await world.run_pass()
    assert states(world) == {"2602.00001": MatchState.COMPOSED}


MANY = 530
"""More slots than close in one transaction."""


def everybody(count: int = MANY) -> list[str]:
    return [
        AT_EIGHT.replace('"weights"', f'"s{number}"').replace("ada@", f"{number}@")
        for number in range(count)
    ]


def closed(world: World) -> list[tuple[str, str]]:
    """Every closed slot: whose, and its key."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        rows = connection.execute(sa.select(slots_table.c.subscription_id, slots_table.c.slot_key))
        found = sorted((row.subscription_id, row.slot_key) for row in rows)
    database.close()
    return found


@on_both_stores
async def test_the_slots_of_many_close_at_once_and_once(world: World) -> None:
    loud = AT_EIGHT.replace('"zorblax"', '"quux"').replace('"weights"', '"loud"')
    world.configure(DAILY, *everybody(), loud)
    fill(world)
    world.add(make_paper(1, world.now, title="Quux"))
    async with world.engine() as engine:
        await engine.run_pass()
        world.later(hours=1)
        assert (await engine.run_slots()).digest_count == 1
        ids = ["loud", *(f"s{number}" for number in range(MANY))]
        assert closed(world) == sorted((i, "2026-02-19T08:00:00Z") for i in ids)
        assert (await engine.run_slots()).digest_count == 0
        world.later(days=1)
        await engine.run_slots()
    assert len(closed(world)) == 2 * len(ids)
    assert [mail.paper_ids for mail in world.mails] == [["2602.00001"]]


async def test_a_slot_that_cannot_be_closed_holds_up_no_other(world: World) -> None:
    world.configure(DAILY, *everybody(9))
    fill(world)
    await world.run_pass()
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON slots WHEN NEW.subscription_id = 's7'"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    world.later(hours=1)
    assert (await world.run_pass()).not_composed == ("s7",)
    assert len(closed(world)) == 8
    with database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER refuse")
    database.close()
    assert (await world.run_pass()).not_composed == ()
    assert len(closed(world)) == 9


async def test_everybody_has_their_own_slots(world: World) -> None:
    def one(name: str, digest: str, zone: str) -> str:
        asked = f'digest = "{digest}"\ntimezone = "{zone}"'
        return AT_EIGHT.replace('"weights"', f'"{name}"').replace('digest = "daily 08:00"', asked)

    world.configure(
        DAILY,
        one("london", "daily 08:00", "Europe/London"),
        one("tokyo", "daily 08:00", "Asia/Tokyo"),
        one("paris", "daily 08:00", "Europe/Paris"),
        one("late", "daily 09:00", "Europe/Paris"),
        one("fridays", "weekly fri 08:00", "Europe/Paris"),
        one("always", "each-check", "Europe/Paris"),
    )
    fill(world)
    world.now = THURSDAY.replace(hour=5)
    async with world.engine() as engine:
        await engine.run_pass()
        world.now = THURSDAY.replace(hour=8)
        await engine.run_slots()
    assert closed(world) == [
        ("always", "check:1"),
        ("late", "2026-02-19T08:00:00Z"),
        ("london", "2026-02-19T08:00:00Z"),
        ("paris", "2026-02-19T07:00:00Z"),
    ]


async def test_each_subscription_has_its_own_language(world: World) -> None:
    german = WEIGHTS.replace('"weights"', '"gewichte"')
    japanese = WEIGHTS.replace('"weights"', '"omomi"') + 'language = "ja"\n'
    world.configure(DAILY, german, japanese, '[digest]\nlanguage = "de"\n')
    fill(world, 1)
    await world.run_pass()
    mails = {mail.header("Content-Language"): mail for mail in world.digests()}
    assert mails["de"].subject.startswith("gewichte: 1 neues Paper, Do., 19. Feb.: Zorblaxes")
    assert "Zum Abbestellen schreiben Sie an" in mails["de"].text
    assert mails["ja"].subject.startswith("omomi：新着論文1本、2月19日(木)：Zorblaxes")
    assert "配信停止は" in mails["ja"].text
    for mail in mails.values():
        assert mail.raw.isascii()
        assert mail.paper_ids == ["2602.00001"]
        assert mail.header("Auto-Submitted") == "auto-generated"
