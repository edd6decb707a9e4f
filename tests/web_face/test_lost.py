"""The link to a subscription, sent again to its owner and to nobody else."""

from __future__ import annotations

import re

import pytest

from tests.web_face.browsing import Browser, Page, link_in, pages_of, subscribe
from tests.world import World

EVE = "eve@example.org"


@pytest.fixture
def world(filled: World) -> World:
    return filled


def ask(browser: Browser, address: str) -> Page:
    return browser.press(browser.get("/lost"), "Send it", address=address)


def links_in(text: str) -> list[str]:
    return re.findall(r"https?://\S+/manage/\S+", text)


def test_a_lost_link_is_sent_again(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE, words="zorblax", days="weekly mon")
        assert 'href="/lost"' in browser.get("/").text
        dead = browser.get("/manage/broken")
        assert (dead.heading, 'href="/lost"' in dead.text) == ("This link does not work", True)
        browser.press(mine, "Save", **{"rule-0-words": "frumious"})
        said = ask(browser, "Eve@Example.org")
        assert said.heading == "Look into your mailbox"
        world.smtp.wait_for(2)
        mail = world.mails[-1]
        assert (mail.recipient, mail.subject) == (EVE, "Your link: papers by mail")
        assert "mentions frumious" in " ".join(mail.text.split())
        assert "every Monday at 08:00 (UTC)" in " ".join(mail.text.split())
        [link] = links_in(mail.text)
        assert link in mail.html
        assert browser.get(link).heading == "Your subscription"
        assert browser.get(link_in(mail, "never")).heading == "Never again?"
        world.later(hours=2)
        subscribe(world, browser, EVE, words="mome")
        ask(browser, EVE)
        world.smtp.wait_for(4)
        assert len(set(links_in(world.mails[-1].text))) == 2, "each of them"


def test_the_answer_is_the_same_and_no_mail_goes_to_others(world: World) -> None:
    with pages_of(world) as browser:
        subscribe(world, browser, EVE)
        gone = subscribe(world, browser, "gone@example.org")
        browser.press(gone, "Delete", sure="yes")
        never = subscribe(world, browser, "never@example.org")
        never_link = link_in(world.mails[-1], "never")
        browser.press(browser.get(never_link), "Never write to me")
        assert browser.get(never.url).heading == "Your subscription"
        count = len(world.mails)
        others = ("max@example.org", "gone@example.org", "never@example.org", "ada@example.org")
        answers = {ask(browser, address).text for address in (*others, "%@example.org", EVE)}
        assert len(answers) == 1
        world.smtp.wait_for(count + 1)
    assert [mail.recipient for mail in world.mails[count:]] == [EVE]


def test_nobody_is_flooded_with_links(world: World) -> None:
    with pages_of(world) as browser:
        subscribe(world, browser, EVE)
        for _ in range(5):
            ask(browser, EVE)
    world.later(minutes=61)
    with pages_of(world) as browser:
        ask(browser, EVE)
    assert len(world.mails) == 4, "with what asked for a confirmation: three, then one an hour"


def test_what_is_no_address_is_told_so(world: World) -> None:
    with pages_of(world) as browser:
        page = ask(browser, '"><script>')
        assert (page.status, "<script" in page.text) == (422, False)
        assert "Not yet:" in page.words
        assert browser.post("/lost", {"address": EVE}).status == 403, "without a mark"
    assert world.mails == []
