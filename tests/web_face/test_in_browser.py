"""The whole way in Debian's Chromium, over https, with real mail; most of it without JavaScript.

Each takes some seconds: a browser starts, and days pass with all that the program does on them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.fakesite import make_paper
from tests.web_face.browsing import PUBLIC, link_in, pages_of
from tests.web_face.front import NAME, Front, front_of
from tests.world import ZORBLAX, Mail, World
from watcher.cli.chromium import find

pytestmark = pytest.mark.browser

EVE = "eve@example.org"
TOPIC = '\n[topics.frumiousness]\nany = ["frumious"]\n'

QUIET = (
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-first-run", "--disable-quic", "--disable-gpu", "--disable-extensions"),
)
"""It asks for nothing but our pages."""


@contextlib.asynccontextmanager
async def browsing(
    world: World, directory: Path, *, has_scripts: bool
) -> AsyncIterator[tuple[Page, Front]]:
    """A browser with the world's pages at PUBLIC; no other host is there."""
    program = find(os.environ)
    with pages_of(world, TOPIC) as pages:
        port = pages.client.base_url.port
        assert port
        async with front_of(port, directory) as front, async_playwright() as playwright:
            only = f"MAP {NAME}:443 127.0.0.1:{front.port}, MAP * ~NOTFOUND"
            browser = await playwright.chromium.launch(
                executable_path=program, args=[*QUIET, f"--host-resolver-rules={only}"]
            )
            context = await browser.new_context(
                java_script_enabled=has_scripts, ignore_https_errors=True
            )
            yield await context.new_page(), front
            await browser.close()


async def heading(page: Page, text: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(text)


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def shown(page: Page) -> set[str]:
    """The ids of the papers of the preview."""
    links = await page.locator(".beside .papers a").all()
    found = [await link.get_attribute("href") or "" for link in links]
    return {url.rpartition("/")[2] for url in found}


async def mail_to(world: World, recipient: str, count: int) -> Mail:
    """The mail that makes so many."""
    await asyncio.to_thread(world.smtp.wait_for, count)
    assert world.mails[-1].recipient == recipient
    return world.mails[-1]


async def next_day(world: World) -> None:
    await world.run_pass()
    world.later(days=1, hours=1)
    await world.run_pass()


async def test_from_the_form_to_the_last_mail(world: World, tmp_path: Path) -> None:
    world.fill()
    world.add(make_paper(1, world.now, title=ZORBLAX))
    world.add(make_paper(2, world.now, title="Frumious weights"))
    world.add(make_paper(3, world.now, title="Frumious and zorblax, a survey"))
    async with browsing(world, tmp_path, has_scripts=False) as (page, front):
        await world.run_pass()  # the papers are stored, and ada, of the operator's file, is mailed
        await page.goto(PUBLIC)
        await page.get_by_role("checkbox", name=re.compile("^frumiousness 2$")).check()
        await page.get_by_label("Keywords").fill("zorblax")
        await page.get_by_label("Never", exact=True).fill("survey")
        await page.get_by_label("Your address").fill(EVE)
        await press(page, "See what would come")
        await heading(page, "New papers, by your own rules")
        previewed = await shown(page)
        assert previewed == {"2602.00001", "2602.00002"}
        await press(page, "Subscribe")
        await heading(page, "Look into your mailbox")

        asking = await mail_to(world, EVE, len(world.digests()) + 1)
        await page.goto(link_in(asking, "confirm"))
        await heading(page, "Is this right?")
        assert await shown(page) == previewed
        await press(page, "Yes, subscribe")
        await expect(page.get_by_role("status")).to_have_text("You are subscribed.")

        await next_day(world)
        [_, digest] = world.digests(EVE)
        assert set(digest.paper_ids) == previewed

        await page.goto(link_in(digest, "manage"))
        await heading(page, "Your subscription")
        assert await shown(page) == previewed
        await page.get_by_label("Never", exact=True).fill("")
        await press(page, "See what would come")
        await expect(page.locator("#preview")).to_have_text("What would come, once saved")
        assert await shown(page) == {*previewed, "2602.00003"}
        await press(page, "Save")
        await expect(page.get_by_role("status")).to_contain_text("Your changes are saved.")
        await next_day(world)
        [_, _, another] = world.digests(EVE)
        assert another.paper_ids == ["2602.00003"]

        [stop] = re.findall(r"<(https:[^>]+)>", another.header("List-Unsubscribe") or "")
        assert another.header("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
        answer = await front.post(stop, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        await page.goto(link_in(another, "manage"))
        await heading(page, "This subscription has ended")
        world.add(make_paper(4, world.now, title=ZORBLAX))
        await next_day(world)
        assert len(world.digests(EVE)) == 3, "no mail comes of it any more"
        assert "2602.00004" in world.digests()[-1].text, "while others go on"


async def test_by_the_keyboard_alone(world: World, tmp_path: Path) -> None:
    async with browsing(world, tmp_path, has_scripts=True) as (page, _):
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))

        async def go_on_to(selector: str) -> None:
            """Press Tab until there; each has its turn, and none is a trap."""
            for _ in range(300):
                await page.keyboard.press("Tab")
                if await page.locator(f"{selector}:focus").count():
                    return
            raise AssertionError(f"the keyboard does not reach {selector}")

        await page.goto(PUBLIC)
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await go_on_to("input[value=frumiousness]")
        await page.keyboard.press("Space")
        await go_on_to("#address")
        await page.keyboard.type(EVE)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("checkbox", name="frumiousness")).to_be_checked()
        await go_on_to("button.main")
        await page.keyboard.press("Enter")
        await heading(page, "Look into your mailbox")
        await mail_to(world, EVE, 1)
        assert wrong == [], "nothing is blocked by the pages' own policy"
