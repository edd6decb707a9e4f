"""What becomes of "more like this" and "not this", from the mail to the store and back.

Those with passes of the whole program take some seconds.
"""

from __future__ import annotations

import asyncio
import re

import pytest
import sqlalchemy as sa

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.web_face.browsing import PUBLIC, SECRET, Browser, Page, pages_of, subscribe
from tests.world import DAILY, WEIGHTS, ZORBLAX, Mail, World
from watcher.links import AGES, Links, Purpose
from watcher.store import feedback
from watcher.store.database import Database
from watcher.store.schema import feedback as table
from watcher.store.schema import papers

EVE = "eve@example.org"
PAPER = "2602.00001"

TEAM = """
[[subscriptions]]
name = "team"
to = ["ada@example.org", "bob@example.org"]
digest = "each-check"
any = ["zorblax"]
"""


@pytest.fixture
def world(filled: World) -> World:
    return filled


def kept(world: World) -> dict[tuple[str, str], bool]:
    """What is stored, by subscription and paper."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        rows = connection.execute(sa.select(table)).all()
    database.close()
    return {(row.subscription_id, row.paper_id): row.is_wanted for row in rows}


def links(mail: Mail, purpose: str) -> list[str]:
    return re.findall(rf"https?://\S+/{purpose}/\S+", mail.text)


def made(world: World, purpose: Purpose, *told: str, secret: str = SECRET) -> str:
    return Links(secret, PUBLIC, lambda: world.now).url(purpose, *told)


def told(page: Page) -> tuple[str, list[str]]:
    """The heading, and the buttons."""
    return page.heading, [button.text(strip=True) for button in page.tree.css("button")]


async def test_a_click_and_a_button_keep_what_is_said(world: World) -> None:
    with pages_of(world, TEAM) as browser:
        await world.run_pass()
        mails = [mail for mail in world.digests() if "team" in mail.subject]
        [mail] = mails
        [other] = world.digests("bob@example.org")
        [more], [no] = links(mail, "more"), links(mail, "not")
        assert (links(other, "more"), links(other, "not")) == ([more], [no]), "all have the same"
        assert more.replace("&", "&amp;") in mail.html
        assert no in mail.html
        assert len(more) < 110, "a mail has many of them"

        first = browser.get(more)
        assert told(first) == ("More like this?", ["More like this"])
        assert ZORBLAX in first.words
        assert first.paper_ids == [PAPER]
        assert "example.org" not in first.words, "a mail is passed on: nobody is named"
        assert told(browser.get(no)) == ("Not this?", ["Not this"])
        assert browser.client.head(more.replace(PUBLIC, "")).status_code == 200
        assert kept(world) == {}, "whoever only looks has said nothing"

        done = browser.press(first, "More like this")
        assert told(done) == ("Noted: more like this", ["Take it back", "Not this"])
        assert kept(world) == {("team", PAPER): True}
        assert told(browser.get(more)) == told(done), "the link says what is kept"
        against = browser.get(no)
        assert told(against) == ("Not this?", ["Not this"])
        assert "Noted so far: more like this." in against.words
        other_way = browser.press(done, "Not this")
        assert other_way.heading == "Noted: not this"
        assert kept(world) == {("team", PAPER): False}, "the last word counts"
        back = browser.press(other_way, "Take it back")
        assert told(back) == ("More like this?", ["More like this"])
        assert "It is taken back" in back.words
        assert kept(world) == {}


async def test_no_links_without_pages(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    await world.run_pass()
    [mail] = world.digests()
    assert "like this" not in mail.text + mail.html


async def test_who_subscribed_sees_what_rules_make_of_what_they_said(world: World) -> None:
    world.add(make_paper(2, world.now, title="Zorblax surveys"))
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        assert "What you said of papers" not in mine.words
        await world.run_pass()
        world.later(days=1, hours=1)
        await world.run_pass()
        [mail] = world.digests(EVE)[1:]
        for purpose, button, word in (
            ("more", "More like this", "everything"),
            ("not", "Not this", "surveys"),
        ):
            pages = [browser.get(link) for link in links(mail, purpose)]
            [page] = [each for each in pages if word in each.words]
            browser.press(page, button)
            world.later(minutes=1)
        page = browser.get(mine.url)
        assert (
            "Of 1 paper you wanted more of, these rules bring 1; of 1 you did not want, 1."
            in page.words
        )
        assert re.search(
            r"What you said of papers Zorblax surveys Not this, 20 Feb 2026; these rules bring it "
            rf"Take it back {ZORBLAX} More like this, 20 Feb 2026 Take it back",
            page.words,
        )
        edited = browser.press(page, "See what would come", **{"rule-0-none": "zorblax surveys"})
        assert "these rules bring 1; of 1 you did not want, 0." in edited.words
        assert "these rules bring it" not in edited.words
        worse = browser.press(page, "See what would come", **{"rule-0-none": "everything"})
        assert "these rules bring 0; of 1 you did not want, 1." in worse.words
        assert "these rules do not bring it" in worse.words
        back = browser.press(edited, "Take it back")
        assert "What you said of that paper is taken back" in back.words
        assert "Of 1 paper you wanted more of, these rules bring 1." in back.words
        assert list(kept(world).values()) == [True]

        ended = browser.press(browser.get(mine.url), "Delete", sure="yes")
        assert ended.heading == "It is deleted"
        assert kept(world) == {}, "deleted with all else"
        gone = browser.get(links(mail, "more")[0])
        assert (gone.status, gone.heading) == (404, "This subscription has ended")


async def test_links_are_for_one_paper_and_subscription(world: World) -> None:
    with pages_of(world, TEAM) as browser:
        await world.run_pass()
        good = made(world, Purpose.MORE, PAPER, "team")
        token = good.rpartition("/")[2]
        payload, _, rest = token.partition(".")
        other = made(world, Purpose.MORE, PAPER, "weights").rpartition("/")[2].partition(".")[0]
        assert browser.get(good).status == 200
        for wrong in (
            f"{PUBLIC}/not/{token}",
            f"{PUBLIC}/manage/{token}",
            f"{PUBLIC}/more/{other}.{rest}",
            f"{PUBLIC}/more/{payload}",
            f"{PUBLIC}/more/{token[:-1]}",
            f"{PUBLIC}/more/{token[:-2]}",
            f"{PUBLIC}/more/x",
            made(world, Purpose.MORE, PAPER, "team", secret="another" * 6),
            made(world, Purpose.NEVER, PAPER, "team").replace("/never/", "/more/"),
        ):
            page = browser.get(wrong)
            assert (page.status, page.heading) == (404, "This link does not work"), wrong
        unknown = browser.get(made(world, Purpose.MORE, "2602.77777", "team"))
        assert (unknown.status, unknown.heading) == (404, "This paper is not known")
        nobody = browser.get(made(world, Purpose.MORE, PAPER, "nobody"))
        assert (nobody.status, nobody.heading) == (404, "This subscription has ended")
        world.later(days=AGES[Purpose.MORE].days, seconds=1)
        late = browser.get(good)
        assert (late.status, late.heading) == (410, "This link has expired")


async def test_only_a_form_of_ours_keeps_anything(world: World) -> None:
    with pages_of(world, TEAM) as browser:
        await world.run_pass()
        link = made(world, Purpose.NOT, PAPER, "team")
        page = browser.get(link)
        mark = page.tree.css_first("input[name=form]")
        assert mark is not None
        fields: dict[str, str | list[str]] = {"form": mark.attributes.get("value") or ""}
        assert browser.post(link, {"act": "not"}).status == 403
        assert browser.post(link, {**fields, "act": "not"}, **CROSS).status == 403
        assert browser.post(link, {**fields, "act": "drop"}).status == 400
        assert browser.post(link, fields).status == 400
        other = Browser(int(str(browser.client.base_url).rpartition(":")[2].strip("/")), PUBLIC)
        assert other.post(link, {**fields, "act": "not"}).status == 403, "another's form"
        other.client.close()
        assert kept(world) == {}
        assert browser.post(link, {**fields, "act": "not"}).status == 200
        assert kept(world) == {("team", PAPER): False}


CROSS = {"Sec-Fetch-Site": "cross-site"}


async def test_who_ends_takes_what_was_said_along(world: World) -> None:
    with pages_of(world, TEAM) as browser:
        await world.run_pass()
        link = made(world, Purpose.MORE, PAPER, "team")
        page = browser.get(link)
    world.configure(DAILY, WEIGHTS)
    await world.run_pass()
    with pages_of(world) as browser:
        page = browser.get(link)
        assert (page.status, page.heading) == (404, "This subscription has ended")


async def test_what_was_pruned_can_be_spoken_of_but_not_judged(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        await world.run_pass()
        world.later(days=1, hours=1)
        await world.run_pass()
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            connection.execute(papers.update().values(pruned_at=world.now))
        database.close()
        [mail] = world.digests(EVE)[1:]
        page = browser.get(links(mail, "not")[0])
        assert browser.press(page, "Not this").heading == "Noted: not this"
        mine = browser.get(mine.url)
        assert f"{ZORBLAX} Not this" in mine.words
        assert "these rules" not in mine.words


async def test_a_new_name_takes_what_was_said_along(world: World) -> None:
    with pages_of(world, TEAM) as browser:
        await world.run_pass()
        browser.press(browser.get(made(world, Purpose.MORE, PAPER, "team")), "More like this")
    world.configure(DAILY, WEIGHTS, TEAM.replace('"team"', '"squad"'))
    await world.run_pass()
    said = Asker(world)("rename", "team", "squad")
    assert said.code == 0, said.err
    assert kept(world) == {("squad", PAPER): True}


def test_the_latest_said_come_first(world: World) -> None:
    world.configure(DAILY, WEIGHTS)

    async def check() -> None:
        await world.run_pass()

    asyncio.run(check())
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        for number in range(3):
            world.later(minutes=1)
            feedback.put(
                connection, "weights", f"2602.{500 + number:05}", world.now, is_wanted=number > 0
            )
        found = feedback.of_subscriptions(connection, ["weights", "nobody"], 2)
    database.close()
    assert list(found) == ["weights"]
    assert [one.stored.paper.id for one in found["weights"]] == ["2602.00502", "2602.00501"]
    assert all(one.is_wanted and one.is_whole for one in found["weights"])
