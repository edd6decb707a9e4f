"""The pages in a browser, on a phone and a desk, light and dark: axe finds nothing, all fits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakesite import make_paper
from tests.web.chromium import Browser
from tests.web.test_accessibility import judged, needed_width
from tests.web_face.browsing import Page, link_in, pages_of, subscribe
from tests.world import TRENDING, ZORBLAX, World

pytestmark = [pytest.mark.browser, pytest.mark.npm, pytest.mark.long]

EVE = "eve@example.org"
WAYS = ((320, False), (320, True), (1280, False), (1280, True))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


async def drawn(world: World) -> dict[str, str]:
    """Every kind of page, its style sheet within it: this browser reaches no network."""
    world.fill()
    world.add(make_paper(1, world.now, title=ZORBLAX))
    with pages_of(world, "archive = true\n", TRENDING) as visitor:
        await world.run_pass()
        world.later(hours=30)
        await world.run_pass()
        first = visitor.get("/")
        typed = {"words": "zorblax\ndiffusion", "none": "zorblax", "address": EVE}
        mine = subscribe(world, visitor, EVE)
        asking = world.mails[-1]
        found: dict[str, Page] = {
            "first": first,
            "preview": visitor.press(first, "See what would come", **typed),
            "mistakes": visitor.press(first, "See what would come", at="25:00", address="x"),
            "sent": visitor.get("/sent"),
            "confirm": visitor.get(link_in(asking, "confirm")),
            "manage": mine,
            "unsure": visitor.press(mine, "Delete"),
            "never": visitor.get(link_in(asking, "never")),
            "told": visitor.get("/nothing"),
            "search": visitor.get("/search?q=zorblaxes+-qwertz"),
            "trending": visitor.get("/trending"),
            "paper": visitor.get("/papers/2602.00001"),
        }
        style = visitor.client.get("/style.css").text
    link = re.compile(r'<link rel="stylesheet"[^>]*>')
    return {
        name: link.sub(lambda _: f"<style>{style}</style>", page.text)
        for name, page in found.items()
    }


async def test_the_pages_are_for_everybody(world: World, browser: Browser, tmp_path: Path) -> None:
    wrong = {}
    for name, text in (await drawn(world)).items():
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        # axe takes two seconds for each: what has all parts is seen in every way, the rest in two.
        ways = WAYS if name in {"preview", "manage"} else WAYS[1:3]
        for width, is_dark in ways:
            page = browser.open(path, width=width, is_dark=is_dark)
            # The browser's own pictures, as that of a clock, are no requests of the page.
            loaded = [url for url in page.requests if not url.startswith("data:")]
            assert loaded == [path.as_uri()], "nothing is loaded from elsewhere"
            case = f"{name}, {width}, {'dark' if is_dark else 'light'}"
            # axe knows no ground behind the words of a drawing: theirs are those of all the text.
            found = {
                rule: [node for node in nodes if not node.startswith("<text ")]
                for rule, nodes in judged(page).items()
            }
            if any(found.values()):
                wrong[case] = found
            assert needed_width(page) == width, case
            page.close()
    assert wrong == {}
