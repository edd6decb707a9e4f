"""Every kind of page that readers see, and the mails of the pages, in one language of theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.fakesite import make_paper
from tests.web_face.browsing import Browser, Page, link_in, pages_of
from tests.world import TRENDING, Mail, World
from watcher.web.tongues import tongue

EVE = "eve@example.org"
WORD = "77231"
"""What is asked for: neither it nor the titles that have it are of any language."""


@dataclass(frozen=True, slots=True)
class Tour:
    """The pages by what they are, and the mails: one that asks, one with a link that was lost."""

    pages: dict[str, Page]
    asking: Mail
    lost: Mail


async def tour(world: World, code: str) -> Tour:
    """Go everywhere with a browser that asks for that language."""
    world.fill()
    world.add(make_paper(1, world.now, title=WORD, authors=("1", "2"), organization=None))
    with pages_of(world, "archive = true\n", TRENDING) as visitor:
        visitor.client.headers["Accept-Language"] = f"{code};q=0.9,it"
        await world.run_pass()
        pages = _of_strangers(visitor, code)
        world.smtp.wait_for(1)
        [asking] = [mail for mail in world.mails if mail.recipient == EVE]
        pages |= await _of_reader(world, visitor, code, asking)
        return Tour(pages, asking, world.mails[-1])


def _of_strangers(visitor: Browser, code: str) -> dict[str, Page]:
    say, first = tongue(code).say, visitor.get("/")
    typed = {"words": f"{WORD}\ndiffusion\n{WORD} {WORD}", "none": WORD, "address": EVE}
    wrong = {"words": "a*\n*b", "at": "25:00", "address": "x"}
    lost, preview = visitor.get("/lost"), say("See what would come")
    seen = visitor.press(first, preview, words=WORD, address=EVE)
    return {
        "first": first,
        "preview": visitor.press(first, preview, **typed),
        "misspelt": visitor.press(first, preview, words="a*\n*b", address=EVE),
        "mistakes": visitor.press(first, preview, **wrong),
        "sent": visitor.press(seen, say("Subscribe")),
        "lost, mistaken": visitor.press(lost, say("Send it"), address="x"),
        "lost": lost,
        "told": visitor.get("/nothing"),
        "broken": visitor.get("/manage/broken"),
        "search": visitor.get(f"/search?q={WORD}"),
        "searched in vain": visitor.get("/search?q=-1"),
        "trending": visitor.get("/trending"),
        "paper": visitor.get("/papers/2602.00001"),
    }


async def _of_reader(world: World, visitor: Browser, code: str, asking: Mail) -> dict[str, Page]:
    say = tongue(code).say
    asked = visitor.get(link_in(asking, "confirm"))
    visitor.client.headers["Accept-Language"] = "en"  # from here on, it is the subscription's
    mine = visitor.press(asked, say("Yes, subscribe"))
    await world.run_pass()
    world.later(days=1, hours=1)
    await world.run_pass()
    digest = world.digests(EVE)[-1]
    wish = visitor.get(link_in(digest, "not"))
    said = visitor.press(wish, say("Not this"))
    mine = visitor.get(mine.url)
    asleep = visitor.press(mine, say("Snooze for 30 days"), **{"rule-0-none": WORD})
    paused = visitor.press(visitor.press(asleep, say("Add a rule")), say("Pause"))
    archive = visitor.get(link_in(digest, "archive"))
    path = archive.tree.css("ul.papers a")[-1].attributes.get("href") or ""
    list_page = visitor.get(f"{path}/papers")
    count = len(world.smtp.messages)
    visitor.press(visitor.get("/lost"), "Send it", address=EVE)
    world.smtp.wait_for(count + 1)
    unsure = visitor.press(mine, say("Delete"))
    [stop] = re.findall(r"<(https:[^>]+)>", digest.header("List-Unsubscribe") or "")
    leaving = visitor.get(stop)
    return {
        "confirm": asked,
        "wish": wish,
        "said": said,
        "manage": mine,
        "asleep": asleep,
        "paused": paused,
        "unsure": unsure,
        "archive": archive,
        "archived": visitor.get(path),
        "archived list": list_page,
        "stop": leaving,
        "stopped": visitor.press(leaving, say("Unsubscribe")),
    }
