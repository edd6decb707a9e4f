"""Mails of the pages while the mail server is busy or away, when it refuses, and over a restart."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
import structlog

from tests.web_face import test_lost
from tests.web_face.browsing import AT_ONCE, ask, asking_mail, link_in, pages_of
from tests.web_face.test_status import ASKED, look
from tests.world import World
from watcher import app
from watcher.models import Envelope
from watcher.store import letters
from watcher.store.database import Database
from watcher.store.letters import WaitingLetters
from watcher.web.post import Made, Post

EVE = "eve@example.org"
AGAIN_AT_ONCE = replace(AT_ONCE, after=(0.0,))
BUSY = "450 4.7.1 come back later"


@pytest.mark.parametrize("stage", ["connect", "rcpt", "dot"])
def test_a_server_that_is_busy_is_asked_again_and_the_mail_comes_once(
    world: World, stage: str
) -> None:
    world.smtp.fail(stage, BUSY, times=2)  # type: ignore[arg-type]  # a Stage
    with (
        structlog.testing.capture_logs() as logs,
        pages_of(world, pace=AGAIN_AT_ONCE) as browser,
    ):
        mail = asking_mail(world, browser, EVE)
        assert browser.get(link_in(mail, "confirm")).heading == "Is this right?"
    assert [each.recipient for each in world.mails] == [EVE]
    waited = [each for each in logs if each["event"] == "a mail of the pages waits"]
    assert len(waited) == 2


def test_a_mail_survives_restarts_and_a_server_that_is_away(world: World) -> None:
    world.smtp.fail("rcpt", "450 4.7.1 later: https://x/confirm/secret", times=1)
    world.smtp.fail("dot", "accept+drop", times=1)
    with pages_of(world) as browser:
        ask(world, browser, EVE)
    world.later(seconds=14)
    with pages_of(world, ASKED) as browser:
        told = json.loads(look(browser, path="/status.json").text)
        page = look(browser).words
    assert world.mails == [], "it is not due yet"
    assert told["mail"]["of_pages"]["waiting"] == 1
    assert "1 mail of these pages waits" in page
    assert "later: https://x/confirm/…" in page
    assert "secret" not in page + str(told)
    world.later(hours=2)
    with pages_of(world):
        world.smtp.wait_for(1)
    world.later(seconds=59)
    with pages_of(world, ASKED) as browser:
        told = json.loads(look(browser, path="/status.json").text)
        assert told["mail"]["of_pages"]["error"].endswith("it may have taken the mail")
        [problem] = told["problems"]
        assert problem["kind"] == "mail"
        assert "a mail of the pages waits since Thu 2026-02-19 07:00 UTC: 127." in problem["text"]
        assert len(world.mails) == 1, "it is not due again yet"
        world.later(seconds=1)  # what is due is sent before the pages end
    first, again = world.mails
    assert first.raw == again.raw, "whether it was taken could not be known"
    with app.reading(world.config()) as database, database.read() as connection:
        assert letters.look(connection) == WaitingLetters()


async def test_of_several_processes_one_sends_a_letter(
    world: World, migrated_postgres_url: str
) -> None:
    world.store = migrated_postgres_url
    world.configure()
    config = world.config()
    databases = [Database(config.store_url, writable=True) for _ in range(2)]
    one, other = (
        Post(lambda: config, database, database, lambda: world.now, AT_ONCE)
        for database in databases
    )
    world.smtp.fail("dot", "accept+hold", times=1)
    letter = Envelope(0, "<1@example.org>", "papers@example.org", EVE, b"Subject: x\r\n\r\nx\r\n")
    one.start()
    one.take_on(lambda: Made("confirm", letter, is_wanted=True))
    await asyncio.to_thread(world.smtp.wait_for_hang)
    other.start()
    await other.close()
    world.smtp.release()
    await one.close()
    assert [each.recipient for each in world.smtp.messages] == [EVE]
    other.start()
    await other.close()
    assert len(world.smtp.messages) == 1
    for database in databases:
        database.close()


def test_never_cancels_what_waits_and_what_is_about_to_go(world: World) -> None:
    with pages_of(world, ASKED) as browser:
        never = browser.get(link_in(asking_mail(world, browser, EVE), "never"))
        world.smtp.fail("rcpt", BUSY, times=1)
        world.smtp.fail("rcpt", "hold", times=1)
        for address in (EVE, "Eve+x@example.org"):
            ask(world, browser, address)
        world.smtp.wait_for_hang()
        assert browser.press(never, "Never write to me").heading == "Done"
        told = json.loads(look(browser, path="/status.json").text)
        assert told["mail"]["of_pages"]["waiting"] == 0
        assert len(world.mails) == 1
        world.smtp.release()
        world.later(hours=1)
        asking_mail(world, browser, "max@example.org")
    assert [mail.recipient for mail in world.mails] == [EVE, "max@example.org"]


def test_only_so_many_wait_and_not_for_ever_whoever_they_are_for(world: World) -> None:
    stranger = "stranger@example.org"
    world.smtp.fail("connect", BUSY)
    with structlog.testing.capture_logs() as logs:
        with pages_of(world, pace=replace(AT_ONCE, most=2)) as browser:
            assert ask(world, browser, EVE).status == 200
            assert test_lost.ask(browser, stranger).status == 200
            assert ask(world, browser, "max@example.org").status == 503
        world.later(hours=23)
        with pages_of(world, pace=replace(AT_ONCE, most=2)) as browser:
            assert test_lost.ask(browser, stranger).status == 503, "nor is it told who has none"
            files = world.state_dir.glob("watcher.db*")
            assert stranger.encode() not in b"".join(each.read_bytes() for each in files)
        world.later(hours=1)
        world.smtp.heal()
        with pages_of(world):
            pass
        assert world.mails == []
        with pages_of(world, pace=replace(AT_ONCE, most=1)) as browser:
            asking_mail(world, browser, "max@example.org")
    given_up = [each for each in logs if each["event"] == "mails of the pages were given up"]
    assert [each["count"] for each in given_up] == [1]


def test_a_refusal_for_good_is_logged_without_the_link_that_it_quotes(world: World) -> None:
    quoting = "554 5.7.1 blocked: https://papers.example.org/confirm/WyJ7SGF.secret and more"
    world.smtp.fail("dot", quoting)
    with structlog.testing.capture_logs() as logs, pages_of(world) as browser:
        ask(world, browser, EVE)
    [refused] = [each for each in logs if "mail of the pages" in each["event"]]
    assert refused["event"] == "a mail of the pages was not sent"
    assert "blocked: https://papers.example.org/confirm/… and more" in refused["error"]
    assert "secret" not in str(logs)
    assert world.mails == []
