"""The whole way: subscribe, confirm, get the digest that was shown, change it, leave."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.fakesite import make_paper
from tests.web_face.browsing import PUBLIC, asking_mail, link_in, pages_of
from tests.world import ZORBLAX, World

EVE = "eve@example.org"


@pytest.fixture
def world(filled: World) -> World:
    filled.add(make_paper(2, filled.now, title="Frumious weights"))
    filled.add(make_paper(3, filled.now, title="Frumious and zorblax, a survey"))
    return filled


async def test_from_the_form_to_the_last_mail(world: World) -> None:
    with pages_of(world) as browser:
        await world.run_pass()  # the papers are stored; ada's rules are the operator's
        world.new_mails()
        form = {"words": "zorblax\nfrumious", "none": "survey", "address": EVE}
        preview = browser.press(browser.get("/"), "See what would come", **form)
        assert preview.paper_ids == ["2602.00002", "2602.00001"]
        assert "About 2 papers in 14 days" in preview.words
        warned = browser.press(preview, "See what would come", none="frumious")
        assert "“frumious” under Never removes 2 of 3 papers wanted" in warned.words
        asking = asking_mail(world, browser, EVE, words="zorblax\nfrumious", none="survey")
        assert asking.subject == "Please confirm: papers by mail"
        assert "zorblax" not in asking.text + asking.html, "whoever asked may be anybody"
        await world.run_pass()
        assert world.digests(EVE) == [asking], "nothing else before it is confirmed"

        question = browser.get(link_in(asking, "confirm"))
        assert question.heading == "Is this right?"
        assert question.paper_ids == preview.paper_ids
        await world.run_pass()
        assert world.digests(EVE) == [asking], "a link that was only followed does nothing"
        mine = browser.press(question, "Yes, subscribe")
        assert mine.heading == "Your subscription", mine.words
        assert "You are subscribed" in mine.words

        await world.run_pass()  # taken up
        world.later(days=1, hours=1)
        await world.run_pass()
        [_, digest] = world.digests(EVE)
        assert sorted(digest.paper_ids) == sorted(preview.paper_ids)
        assert "To stop it" in digest.text

        mine = browser.get(link_in(digest, "manage"))
        assert link_in(digest, "manage") in digest.html
        assert "/manage/" not in world.digests()[0].text, "only who subscribed on a page"

        edited = browser.press(mine, "See what would come", **{"rule-0-none": ""})
        assert set(edited.paper_ids) == {"2602.00001", "2602.00002", "2602.00003"}
        saved = browser.press(edited, "Save", days="weekly mon", at="09:30")
        assert "Your changes are saved" in saved.words
        toml = tomllib.loads(browser.get(f"{mine.url.partition('?')[0]}/papers.toml").text)
        [told] = toml["subscriptions"]
        assert told["rules"] == [{"any": ["zorblax", "frumious"], "none": []}]
        assert (told["digest"], told["to"]) == ("weekly mon 09:30", [EVE])
        as_json = browser.client.get(f"{mine.url.partition('?')[0]}/papers.json").json()
        assert as_json["digest"] == "weekly mon 09:30"

        header = digest.header("List-Unsubscribe") or ""
        stop = re.findall(r"<(https:[^>]+)>", header)[0]
        assert stop.startswith(PUBLIC)
        assert browser.get(stop).heading == "Unsubscribe?"
        assert browser.get(mine.url).heading == "Your subscription", "a GET changes nothing"
        answer = browser.client.post(
            stop.replace(PUBLIC, ""),
            data={"List-Unsubscribe": "One-Click"},
            headers={"Cookie": ""},
        )
        assert answer.status_code == 200
        assert browser.get(mine.url).status == 404

        world.add(make_paper(4, world.now, title=ZORBLAX))
        world.later(days=7)
        await world.run_pass()
        assert world.digests(EVE) == [asking, digest], "gone, and not mailed again"
        assert "2602.00004" in world.digests()[-1].text, "others go on"
