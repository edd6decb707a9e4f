"""The pages in a browser, on a phone and a desk, light and dark: axe finds nothing, all fits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakesite import faults, make_paper
from tests.web.chromium import Browser
from tests.web.test_accessibility import judged, needed_width
from tests.web_face.browsing import Page, link_in, pages_of, subscribe, with_style, within_itself
from tests.web_face.test_status import ASKED, look
from tests.web_face.touring import tour
from tests.world import TRENDING, ZORBLAX, World
from watcher.web import pages

pytestmark = [pytest.mark.browser, pytest.mark.npm, pytest.mark.long]

EVE = "eve@example.org"
ICON = "file:///icon.svg"
WAYS = tuple(itertools.product((320, 1280), (False, True)))
"""A width, and whether it is dark."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


async def drawn(world: World) -> dict[str, str]:
    """Every kind of page, its style sheet within it: this browser reaches no network."""
    world.fill()
    world.add(make_paper(1, world.now, title=ZORBLAX))
    with pages_of(world, ASKED, "archive = true\n", TRENDING) as visitor:
        await world.run_pass()
        world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="ada@example.org")
        world.add(make_paper(2, world.now, title=ZORBLAX))
        world.later(days=1, hours=1)
        await world.run_pass()
        for fault in (faults.no_marks(), faults.answering(500)):
            world.site.faults["*"] = fault
            world.later(minutes=30)
            await world.run_pass()
        status = look(visitor)
        opened = replace(status, text=status.text.replace("<details>", "<details open>"))
        typed = {"words": "zorblax\ndiffusion", "none": "zorblax", "address": EVE}
        words = "zorblax\nweight space learning\nlong-context reasoning"  # as a reason, a long line
        mine = subscribe(world, visitor, EVE, words=words)
        asking = world.mails[-1]
        await world.run_pass()
        world.later(days=1, hours=1)
        await world.run_pass()
        wish = visitor.get(link_in(world.digests(EVE)[-1], "not"))
        said = visitor.press(wish, "Not this")
        mine = visitor.get(mine.url)
        asleep = visitor.press(mine, "Snooze for 30 days", **{"rule-0-name": "zorblaxes"})
        two = visitor.press(visitor.press(asleep, "Add a rule"), "Save")
        first = visitor.get("/")  # after the last day: the buttons of a page work for one
        found: dict[str, Page] = {
            "first": first,
            "preview": visitor.press(first, "See what would come", **typed),
            "mistakes": visitor.press(first, "See what would come", at="25:00", address="x"),
            "sent": visitor.get("/sent"),
            "confirm": visitor.get(link_in(asking, "confirm")),
            "wish": wish,
            "said": said,
            "manage": two,
            "lost": visitor.get("/lost"),
            "lost, mistaken": visitor.press(visitor.get("/lost"), "Send it", address="x"),
            "lost, sent": visitor.get("/lost/sent"),
            "unsure": visitor.press(mine, "Delete"),
            "never": visitor.get(link_in(asking, "never")),
            "told": visitor.get("/nothing"),
            "status": status,
            "status-opened": opened,
            "search": visitor.get("/search?q=zorblaxes+-qwertz"),
            "trending": visitor.get("/trending"),
            "paper": visitor.get("/papers/2602.00001"),
        }
        archive = visitor.get(link_in(world.digests(EVE)[-1], "archive"))
        path = archive.tree.css("ul.papers a")[-1].attributes.get("href") or ""
        found |= {
            "archive": archive,
            "archived": visitor.get(path),
            "archived list": visitor.get(f"{path}/papers"),
        }
        assert {name for name, page in found.items() if page.status not in (200, 422)} == {"told"}
        return {name: within_itself(visitor, page) for name, page in found.items()}


async def test_the_pages_are_for_everybody(world: World, browser: Browser, tmp_path: Path) -> None:
    wrong = {}
    for name, text in (await drawn(world)).items():
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        page = browser.open(path, width=320)
        for width, is_dark in WAYS:
            page.tab.resize(width, 800, 1)
            page.tab.choose_scheme(is_dark=is_dark)
            case = f"{name}, {width}, {'dark' if is_dark else 'light'}"
            # axe knows no ground behind the words of a drawing: theirs are those of all the text.
            found = {
                rule: [node for node in nodes if not node.startswith("<text ")]
                for rule, nodes in judged(page).items()
            }
            if any(found.values()):
                wrong[case] = found
            assert needed_width(page) == width, case
        # The browser's own pictures, as that of a clock, are no requests of the page; nor is that
        # of the tab, for which it asks when it has time.
        loaded = [each for each in page.requests if not each.startswith(("data:", ICON))]
        assert loaded == [path.as_uri()], "nothing is loaded from elsewhere"
        page.close()
    assert wrong == {}


async def test_the_longest_words_fit(world: World, browser: Browser, tmp_path: Path) -> None:
    """German has them; axe would find there what it finds in English."""
    path = tmp_path / "page.html"
    style = pages.style()[0].decode()
    for name, page in (await tour(world, "de")).pages.items():
        path.write_text(with_style(page, style), encoding="utf-8")
        shown = browser.open(path, width=320)
        assert needed_width(shown) == 320, name
        shown.close()
