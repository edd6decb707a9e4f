"""Links of the pages that are forged, old, used before, somebody else's, or only looked at."""

from __future__ import annotations

import base64
import string
from urllib.parse import quote

import pytest

from tests.web_face.browsing import (
    PUBLIC,
    SECRET,
    asking_mail,
    link_in,
    pages_of,
    subscribe,
)
from tests.web_face.test_attacks import EVE, mark_of, subscribed
from tests.world import World
from watcher import app
from watcher.digest import OneClick
from watcher.links import Links, Purpose
from watcher.store import stored


def twin_of(token: str) -> str:
    """The token with another last character, which decodes to the same signature."""
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    twin = token[:-1] + letters[letters.index(token[-1]) + 1]
    decoded = {base64.urlsafe_b64decode(each[-43:] + "=") for each in (token, twin)}
    assert len(decoded) == 1
    return twin


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.MANAGE, Purpose.NEVER])
def test_a_link_that_is_not_ours_for_this_and_now_does_not_work(
    world: World, purpose: Purpose
) -> None:
    links = Links(SECRET, PUBLIC, lambda: world.now)
    others = [each for each in Purpose if each is not purpose]
    with pages_of(world) as browser:
        good = links.token(purpose, "told", EVE)
        forged = Links(SECRET[::-1], PUBLIC, lambda: world.now).token(purpose, "told", EVE)
        for token in (
            *(links.token(each, "told", EVE) for each in others),
            *(forged, good[:-1], f"{good}x", f"x{good}", good.swapcase(), "...", "%00", "ü"),
            *(f"{good}=", f"{good}!", f"{good}ü", twin_of(good)),
        ):
            page = browser.get(f"{PUBLIC}/{purpose}/{quote(token)}")
            assert page.status == 404, token
            answer = browser.client.post(f"/{purpose}/{quote(token)}", data={"act": "delete"})
            assert answer.status_code == 404, token
        world.later(days=401)
        late = browser.get(f"{PUBLIC}/{purpose}/{good}")
        assert (late.status, late.heading) == (410, "This link has expired")


def test_a_confirmation_works_for_three_days_and_once(world: World) -> None:
    with pages_of(world) as browser:
        late = link_in(asking_mail(world, browser, EVE), "confirm")
        page = browser.get(late)
        world.later(days=3, minutes=1)
        assert browser.press(page, "Yes, subscribe").heading == "This link has expired"
        link = link_in(asking_mail(world, browser, EVE), "confirm")
        question = browser.get(link)
        mine = browser.press(question, "Yes, subscribe")
        again = browser.press(question, "Yes, subscribe")
        assert again.heading == "Your subscription", "pressed twice"
        assert subscribed(world) == [EVE]
        assert browser.press(mine, "Delete", sure="yes").heading == "It is deleted"
        used = browser.press(browser.get(link), "Yes, subscribe")
        assert (used.status, used.heading) == (410, "This link was used already")
        for twin in (twin_of(link), f"{link}!"):
            assert browser.get(twin).status == 404
            assert browser.post(twin, {"form": mark_of(browser)}).status == 404, (
                "nor by another way to write it"
            )
        assert subscribed(world) == []


def test_nothing_happens_by_looking(world: World) -> None:
    with pages_of(world) as browser:
        mail = asking_mail(world, browser, EVE)
        mine = subscribe(world, browser, EVE)
        assert subscribed(world) == [EVE]
        [subscription_id] = ids_of(world)
        for link in (
            *(link_in(mail, "confirm"), link_in(mail, "never"), mine.url),
            *(stop_link(world, subscription_id, EVE), f"{mine.url}&act=delete&sure=yes"),
        ):
            assert browser.get(link).status == 200, link
            here = link.replace(PUBLIC, "")
            assert browser.client.head(here).status_code == 200
            assert browser.client.put(here).status_code == 405
            assert browser.client.delete(here).status_code == 405
        assert subscribed(world) == [EVE]
        subscribe(world, browser, EVE)


def ids_of(world: World) -> list[str]:
    with app.reading(world.config()) as database, database.read() as connection:
        return list(stored.definitions(connection))


def stop_link(world: World, subscription_id: str, address: str, secret: str = "") -> str:
    mail = world.config().settings.mail
    key = secret or mail.unsubscribe_secret.get_secret_value()
    made = OneClick(mail.unsubscribe_url, key, subscription_id=subscription_id, otherwise="")
    return made.headers(address)["List-Unsubscribe"].strip("<>")


def test_nobody_takes_another_off_the_list(world: World) -> None:
    with pages_of(world) as browser:
        subscribe(world, browser, EVE)
        [of] = ids_of(world)
        for link in (
            stop_link(world, of, EVE, SECRET),  # the key is not the secret itself
            stop_link(world, of, "mal@example.org").replace("mal%40", "eve%40"),
            stop_link(world, "weights", EVE).replace("weights", quote(of, safe="")),
            f"{PUBLIC}/stop?of={of}&who={EVE}&token=",
            f"{PUBLIC}/stop",
        ):
            assert browser.get(link).status == 404
            assert browser.post(link, {"List-Unsubscribe": "One-Click"}).status == 404
        assert subscribed(world) == [EVE]
        multipart = browser.client.post(
            stop_link(world, of, EVE).replace(PUBLIC, ""),
            files={"List-Unsubscribe": (None, b"One-Click")},
        )
        assert multipart.status_code == 200
        assert subscribed(world) == []
