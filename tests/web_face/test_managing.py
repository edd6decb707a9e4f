"""What becomes of a subscription that is paused, deleted, or left by one of several.

Each takes some seconds: they are days, with two passes of the whole program in each.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.web_face.browsing import Page, ask, asking_mail, link_in, pages_of, subscribe
from tests.world import WEIGHTS, ZORBLAX, World
from watcher import app
from watcher.digest import OneClick
from watcher.models import DeliveryState
from watcher.settings import SubscriptionSettings, definition_of
from watcher.store import bounces, leaving, matches, outbox, renaming, stored, taking_over
from watcher.store.database import Database
from watcher.store.schema import metadata
from watcher.store.taking_over import Wanted
from watcher.takeover import take_over

ADA = "ada@example.org"
EVE = "eve@example.org"


@pytest.fixture
def world(filled: World) -> World:
    return filled


def stop_link(world: World, subscription_id: str, address: str) -> str:
    mail = world.config().settings.mail
    key = mail.unsubscribe_secret.get_secret_value()
    made = OneClick(mail.unsubscribe_url, key, subscription_id=subscription_id, otherwise="")
    return made.headers(address)["List-Unsubscribe"].strip("<>")


async def a_day_later(world: World, number: int) -> list[str]:
    """A paper more, and a day; who was mailed."""
    world.add(make_paper(number, world.now, title=ZORBLAX))
    await world.run_pass()
    world.later(days=1, hours=1)
    await world.run_pass()
    return sorted({mail.recipient for mail in world.new_mails()})


async def test_a_pause_lasts_until_it_is_ended(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        assert "you can pause it" in mine.words, "it begins with the next check"
        assert EVE in await a_day_later(world, 2)
        paused = browser.press(browser.get(mine.url), "Pause")
        assert "It is paused" in paused.words
        assert EVE not in await a_day_later(world, 3)
        going = browser.press(browser.get(mine.url), "Resume")
        assert "It goes on" in going.words
        assert EVE in await a_day_later(world, 4)
        [*_, digest] = world.digests(EVE)
        assert {"2602.00003", "2602.00004"} <= set(digest.paper_ids), "what waited comes, too"


def everything_stored(world: World) -> str:
    """All that the database holds, as text."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        rows = [
            bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
            for value in row
        ]
    database.close()
    return "\n".join(rows)


def awaiting(world: World) -> Mapping[str, int]:
    """How many papers wait for digests, by subscription."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = matches.awaiting_digest(connection)
    database.close()
    return found


def came_back(
    world: World, address: str, *, why: str = "mail came back", is_resumed: bool = True
) -> None:
    """Have an address paused because mail came back, and go on."""
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        bounces.pause(connection, address, why, world.now)
        if is_resumed:
            bounces.resume(connection, address, world.now)
    database.close()


def test_the_page_tells_why_nothing_is_sent_to_an_address(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        assert "No digest is sent" not in mine.words
        came_back(world, EVE, is_resumed=False)
        assert "since 19 February 2026: mail came back" in browser.get(mine.url).words
        again = subscribe(world, browser, "Eve@example.org")
        assert "No digest is sent" not in again.words, "mail arrives, in whatever letters"


async def test_who_deletes_one_of_two_stays_paused_for_the_other(world: World) -> None:
    with pages_of(world) as browser:
        first, second = (subscribe(world, browser, EVE, words=word) for word in ("a1", "b1"))
        await world.run_pass()
        came_back(world, EVE)
        browser.press(browser.get(first.url), "Delete", sure="yes")
        assert "mail came back" in everything_stored(world)
        browser.press(browser.get(second.url), "Delete", sure="yes")
        assert "mail came back" not in everything_stored(world)


async def test_who_deletes_everything_leaves_nothing_behind(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        assert EVE in await a_day_later(world, 2)
        assert "eve@" in everything_stored(world)
        came_back(world, EVE)
        unsure = browser.press(browser.get(mine.url), "Delete")
        assert (unsure.status, "if you are sure" in unsure.words) == (422, True)
        async with world.engine() as engine:  # it goes on with what it knows, and has news
            world.add(make_paper(3, world.now, title=ZORBLAX))
            await engine.run_pass()
            world.smtp.fail("rcpt", "hold", times=1)
            ask(world, browser, EVE)
            world.smtp.wait_for_hang()
            gone = browser.press(browser.get(mine.url), "Delete", sure="yes")
            assert gone.heading == "It is deleted"
            assert "eve@" not in everything_stored(world)
            world.smtp.release()
            await take_over(engine.context)  # of a configuration that was read before
            assert "eve@" not in everything_stored(world)
            world.add(make_paper(6, world.now, title=ZORBLAX))
            await engine.run_pass()
            assert set(awaiting(world)) <= {"weights"}, "though the pass knows them still"
            again = subscribe(world, browser, EVE)
            world.new_mails()
            world.later(days=1, hours=1)
            await engine.run_pass()
            assert world.new_mails() == [], "what waited does not go out"
        assert EVE in await a_day_later(world, 4), "the new one is not the old one renamed"
        assert world.notices() == []
        browser.press(browser.get(again.url), "Delete", sure="yes")
        assert EVE not in await a_day_later(world, 5)
        assert browser.get(mine.url).heading == "This subscription has ended"
        assert "eve@" not in everything_stored(world)
        assert "ada@" in everything_stored(world), "others stay"


@pytest.mark.parametrize("way", ["Delete", "click"])
async def test_nothing_tells_of_who_has_left(world: World, way: str) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        browser.press(mine, "Save", **{"rule-0-name": "My secret work"})
        assert EVE in await a_day_later(world, 2)
        assert "My secret work" in everything_stored(world)
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            [subscription_id] = stored.definitions(connection)
            bounces.pause(connection, EVE, "3 mails came back", world.now)
        database.close()
        if way == "Delete":
            browser.press(browser.get(mine.url), "Delete", sure="yes")
        else:
            stop = stop_link(world, subscription_id, EVE)
            browser.post(stop, {"List-Unsubscribe": "One-Click"})
        left = everything_stored(world)
        assert "eve@" not in left
        assert "My secret work" not in left
        assert "ada@" in left, "others stay"


async def test_a_pause_that_others_need_stays(world: World) -> None:
    with pages_of(world) as browser:
        await world.run_pass()
        mine = subscribe(world, browser, "ada@example.org")
        await world.run_pass()
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            bounces.pause(connection, "ada@example.org", "3 mails came back", world.now)
        browser.press(browser.get(mine.url), "Delete", sure="yes")
        with database.read() as connection:
            assert "ada@example.org" in bounces.paused(connection)
        database.close()


def test_who_agrees_to_the_very_same_twice_has_it_once(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        mail = asking_mail(world, browser, EVE, language="fr")
        again = browser.press(browser.get(link_in(mail, "confirm")), "Oui, m’abonner")
        assert "to the very same already" in again.words
        assert manage_id(again) == manage_id(mine)
        other = subscribe(world, browser, EVE, words="frumious")
        assert manage_id(other) != manage_id(mine)
        browser.press(mine, "Delete", sure="yes")
        world.later(hours=1)  # an address is sent three mails, then one an hour
        new = subscribe(world, browser, EVE)
        assert "You are subscribed." in new.words
        assert manage_id(new) != manage_id(mine)


def manage_id(page: Page) -> str:
    """The subscription that the page is of."""
    return page.url.partition("/manage/")[2].partition(".")[0]


def test_deleted_and_never_to_be_written_to(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        browser.press(browser.get(mine.url), "Delete", sure="yes", never="yes")
        world.new_mails()
        ask(world, browser, EVE)
    assert world.new_mails() == []
    said = Asker(world)("subscriptions", "resume", EVE)
    assert (said.code, "asked never to be written to again" in said.err) == (2, True)


async def test_a_click_takes_one_of_several_out(world: World) -> None:
    with pages_of(world) as browser:
        both = SubscriptionSettings(
            id="both", name="both", to=(EVE, "max@example.org"), digest="daily 08:00"
        )
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            stored.put(connection, {both.id: definition_of(both)}, world.now)
        database.close()
        assert {EVE, "max@example.org"} <= set(await a_day_later(world, 2))
        async with world.engine() as engine:  # which goes on with the rules it has read
            world.add(make_paper(4, world.now, title=ZORBLAX))
            await engine.run_pass()
            left = browser.post(stop_link(world, "both", EVE), {"List-Unsubscribe": "One-Click"})
            assert left.status == 200
            world.new_mails()
            world.later(days=1)
            await engine.run_slots()
            assert [mail.recipient for mail in world.new_mails()] == ["max@example.org"]
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:  # as another import of the same does
            stored.put(connection, {both.id: definition_of(both)}, world.now)
        database.close()
        mailed = await a_day_later(world, 3)
        assert EVE not in mailed
        assert "max@example.org" in mailed


async def test_a_click_leaves_exactly_that_list_for_good(world: World) -> None:
    others = WEIGHTS.replace('"weights"', '"others"')
    with pages_of(world, others) as browser:
        world.smtp.fail("rcpt", "450 come back later", times=2, recipient=ADA)
        await world.run_pass()
        link = stop_link(world, "weights", ADA)
        assert browser.press(browser.get(link), "Unsubscribe").heading == "Done"
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            found = outbox.of_digests(connection, [1, 2])
            ends = {(each.state, each.answer) for each in found if each.finished_at}
            assert ends == {(DeliveryState.CANCELLED, "unsubscribed at a click")}
            bounces.pause(connection, ADA, "mail came back", world.now)
            bounces.resume(connection, ADA, world.now)
            kept = leaving.left(connection)
        database.close()
        mine = subscribe(world, browser, ADA)  # which shows that mail arrives there
        world.new_mails()
        assert await lists_mailed(world, 2) == {"others"}, "what waited of that one came, too"
        world.later(days=1)
        assert await lists_mailed(world, 3) == {"others", "papers"}
        browser.press(browser.get(mine.url), "Delete", sure="yes")
        assert browser.press(browser.get(link), "Unsubscribe").heading == "Done", "once more"
        with app.reading(world.config()) as reader, reader.read() as connection:
            assert leaving.left(connection) == kept, "else a file's list would be sent again"
        said = Asker(world)("subscriptions", "resume", "weights", "--for", "Ada@example.org")
        assert "weights goes to Ada@example.org again" in said.out, said.err
        assert await lists_mailed(world, 4) == {"others", "weights"}


async def lists_mailed(world: World, number: int) -> set[str]:
    """The lists of which a mail comes after one paper more."""
    world.add(make_paper(number, world.now, title=ZORBLAX))
    world.later(hours=1)
    await world.run_pass()
    found = (mail.header("List-Id") or "" for mail in world.new_mails())
    return {name.lstrip("<").partition(".")[0] for name in found}


def test_a_link_in_an_old_mail_leaves_the_list_under_its_new_name(world: World) -> None:
    with pages_of(world) as browser:
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            for name in ("weights", "heavy"):
                wanted = Wanted(name, f'{{"to": ["{ADA}"]}}', lambda: "f", (ADA,))
                taking_over.synchronise(connection, [wanted], world.now, vocabulary="v")
            renaming.rename(connection, "weights", "heavy")
        browser.press(browser.get(stop_link(world, "weights", ADA)), "Unsubscribe")
        with database.read() as connection:
            assert leaving.left(connection).by_pair.keys() == {("heavy", ADA)}
        database.close()


def test_one_that_went_into_a_file_since_the_pages_were_started_can_be_left(world: World) -> None:
    with pages_of(world) as browser:
        moved = Wanted("web-0123/papers", f'{{"to": ["{EVE}"]}}', lambda: "f", (EVE,))
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            taking_over.synchronise(connection, [moved], world.now, vocabulary="v")
        browser.press(browser.get(stop_link(world, moved.id, EVE)), "Unsubscribe")
        with database.read() as connection:
            assert leaving.left(connection).by_pair.keys() == {(moved.id, EVE)}
        database.close()


async def test_a_pause_by_a_click_of_old_ends_only_where_its_list_is_known(world: World) -> None:
    with pages_of(world) as browser:
        await world.run_pass()
        came_back(world, EVE, why=f"{leaving.PAUSED_BY_CLICK}weights", is_resumed=False)
        mine = subscribe(world, browser, EVE)
        assert "unsubscribed at a click from weights" in mine.words
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            leaving.leave(connection, "weights", EVE, world.now)
        database.close()
        assert "No digest is sent" not in subscribe(world, browser, EVE, words="frumious").words


def test_what_cannot_be_told_is_not(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        assert browser.get(f"{mine.url.partition('?')[0]}/papers.exe").status == 404
        assert browser.client.get("/healthz").text == "ok\n"
        assert browser.client.get("/readyz").text == "ok\n"
        mark = browser.get("/").tree.css_first("input[name=form]")
        assert mark is not None
        fields: dict[str, str | list[str]] = {
            "form": mark.attributes.get("value") or "",
            "topics": ["no-such-topic"],
            "address": EVE,
            "timezone": "UTC",
        }
        page = browser.post("/", fields)
        assert page.status == 422
        assert "there is no topic" in page.words
