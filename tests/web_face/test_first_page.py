"""The first page is written once for many; each browser has its own all the same, a true one."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.fakesite import make_paper
from tests.web_face.browsing import SECRET, Browser, Page, free_port, pages_of
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import app
from watcher.store.database import Database
from watcher.web import serving
from watcher.web.trying import Past

TOPIC = '\n[topics.zorblaxology]\nany = ["zorblax"]\n'


def mark_on(page: Page) -> str:
    [mark] = {each.attributes.get("value") or "" for each in page.tree.css("input[name=form]")}
    return mark


def count_of(page: Page, topic: str) -> str | None:
    for chip in page.tree.css(".chip"):
        name, *count = chip.text(separator=" ").split()
        if name == topic:
            return " ".join(count)
    return None


def test_each_browser_has_a_mark_of_its_own(world: World) -> None:
    with pages_of(world) as one, Browser(int(str(one.client.base_url).split(":")[-1])) as other:
        marks = [mark_on(browser.get("/")) for browser in (one, other)]
        assert len(set(marks)) == 2
        word = one.client.headers["Cookie"]
        again = one.get("/")
        assert one.client.headers["Cookie"] == word, "two tabs of a browser both work"
        for browser, mark, status in ((one, mark_on(again), 200), (other, marks[0], 403)):
            wanted = {"form": mark, "act": "preview", "words": "x", "address": "eve@example.org"}
            assert browser.post("/", {**wanted, "timezone": "UTC"}).status == status


def test_a_word_that_is_none_of_ours_is_not_sent_back(world: World) -> None:
    with pages_of(world) as browser:
        for odd in ('"a\\073b; Secure\\012X-Injected: 1"', "short", "é" * 20, "a b" * 8):
            cookie = f"__Host-form={odd}".encode()
            answer = browser.client.get("/", headers=[(b"Cookie", cookie)])
            kept = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
            assert len(kept) == 22, kept
            assert "x-injected" not in answer.headers


async def test_what_it_tells_of_is_what_there_is_now(world: World) -> None:
    port = free_port()
    web = f'\n[web]\nlisten = "127.0.0.1:{port}"\nsecret = "{SECRET}"\n'
    world.configure(DAILY, web, TOPIC, WEIGHTS)
    config = world.config()
    world.fill()
    world.add(make_paper(1, world.now, title=ZORBLAX))
    with app.writing(config, "test", world.now):
        pass
    with serving(lambda: config, lambda: world.now), Browser(port) as browser:
        assert count_of(browser.get("/"), "zorblaxology") == "0"
        await world.run_pass()
        assert count_of(browser.get("/"), "zorblaxology") == "0", "not read for each who comes"
        world.later(minutes=1)
        assert count_of(browser.get("/"), "zorblaxology") == "1"

        allow = f'{web}allow = ["*@example.org"]\n'
        world.configure(DAILY, allow, TOPIC.replace("ology", "istics"), WEIGHTS)
        config = world.config()
        page = browser.get("/")
        assert count_of(page, "zorblaxistics") == "1"
        assert count_of(page, "zorblaxology") is None
        assert "Only *@example.org can subscribe here" in page.words


async def test_while_one_has_it_read_anew_others_are_given_what_is_there(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    await world.run_pass()
    config = world.config()
    asked, goes_on = threading.Event(), threading.Event()
    goes_on.set()
    with app.reading(config) as reader, ThreadPoolExecutor() as visitors:

        def database() -> Database:
            asked.set()
            assert goes_on.wait(20)
            return reader

        known = Past(lambda: config, database, lambda: world.now)
        assert known.at_hand() is None
        before = known.choices()
        assert known.at_hand() is before
        world.later(minutes=1)
        assert known.at_hand() is None, "somebody has to have it read anew"
        asked.clear()
        goes_on.clear()
        first = visitors.submit(known.choices)
        assert asked.wait(20)
        assert known.at_hand() is known.choices() is before
        world.later(minutes=2)
        assert known.at_hand() is None, "it is too old for that"
        late = visitors.submit(known.choices)
        goes_on.set()
        assert first.result() == late.result() == before
        assert late.result() is not before
        assert known.at_hand() is late.result()


def test_busy_pages_give_way_to_the_daemon(world: World) -> None:
    usual = sys.getswitchinterval()
    with pages_of(world):
        assert sys.getswitchinterval() < usual / 10, "seconds that another thread has to wait"
    assert sys.getswitchinterval() == usual
