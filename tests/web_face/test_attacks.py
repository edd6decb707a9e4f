"""What strangers, scanners and other sites try, and get nowhere with."""

from __future__ import annotations

import datetime as dt
import socket
from hashlib import sha512
from urllib.parse import urlsplit

import pytest

from tests.web_face.browsing import (
    PUBLIC,
    SECRET,
    Browser,
    ask,
    asking_mail,
    link_in,
    pages_of,
    subscribe,
)
from tests.world import World
from watcher import app
from watcher.links import Links, Purpose
from watcher.store import stored

EVE = "eve@example.org"
WANTED: dict[str, str | list[str]] = {
    "words": "zorblax",
    "address": EVE,
    "days": "daily",
    "at": "08:00",
    "timezone": "UTC",
    "act": "subscribe",
}


def subscribed(world: World) -> list[str]:
    """The addresses of the subscriptions that the pages have stored."""
    with app.reading(world.config()) as database, database.read() as connection:
        found = stored.definitions(connection).values()
    return [EVE for each in found if EVE in each]


def mark_of(browser: Browser) -> str:
    found = browser.get("/").tree.css_first("input[name=form]")
    assert found is not None
    return found.attributes.get("value") or ""


def test_a_form_of_another_site_does_nothing(world: World) -> None:
    with pages_of(world) as browser:
        assert browser.post("/", WANTED).status == 403, "without a mark"
        mark = mark_of(browser)
        browser.client.headers["Cookie"] = "__Host-form=another-browsers-word"
        stolen = browser.post("/", WANTED | {"form": mark})
        assert stolen.status == 403, "with the mark of another browser"
        assert stolen.heading == "Please press the button once more"
        mark = mark_of(browser)
        crossing = browser.post("/", WANTED | {"form": mark}, **{"Sec-Fetch-Site": "cross-site"})
        assert crossing.status == 403
        mark = mark_of(browser)
        world.later(days=1, minutes=1)
        assert browser.post("/", WANTED | {"form": mark}).status == 403, "too old"
        mine = subscribe(world, browser, EVE)
        for deed in ("delete", "pause", "save"):
            assert browser.post(mine.url, {"act": deed, "sure": "yes"}).status == 403
        mail = asking_mail(world, browser, EVE)
        assert browser.post(link_in(mail, "never"), {}).status == 403
        assert browser.post(link_in(mail, "confirm"), {}).status == 403
        assert subscribed(world) == [EVE]
    assert len(world.mails) == 2


def test_a_form_beyond_all_bounds_is_refused(world: World) -> None:
    with pages_of(world) as browser:
        mark = mark_of(browser)
        large = browser.post("/", WANTED | {"form": mark, "words": "x" * 140_000})
        assert (large.status, large.heading) == (413, "This is too much")

        chunked = browser.client.post("/", content=(b"x" * 1000 for _ in range(20_000)))
        assert chunked.status_code == 413
        many = browser.post("/", WANTED | {"form": mark, "topics": ["x"] * 600})
        assert many.status == 413
        words = "\n".join(f"word{number}" for number in range(41))
        page = browser.post("/", WANTED | {"form": mark, "words": words})
        assert (page.status, "40 are the most" in page.words) == (422, True)
        wrong = WANTED | {"form": mark, "words": words, "address": "x", "timezone": "Mars"}
        page = browser.post("/", wrong | {"at": "25:00"})
        told = [each.attributes["id"] for each in page.tree.css(".trouble")]
        assert told == [f"{name}-trouble" for name in ("words", "at", "timezone", "address")]
        long = "\n".join(sha512(bytes([number])).hexdigest()[:95] for number in range(40))
        page = browser.post("/", WANTED | {"form": mark, "words": long})
        assert (page.status, "are too many for the link" in page.words) == (422, True)
    assert world.mails == []


def test_a_header_as_long_as_it_likes_ends_the_connection(world: World) -> None:
    with pages_of(world) as browser:
        host = urlsplit(str(browser.client.base_url))
        with socket.create_connection((host.hostname, host.port), timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000)
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "address",
    [
        "eve@example.org\r\nBcc: mal@example.org",
        "eve@example.org\nBcc: mal@example.org",
        "eve@example.org%0d%0aBcc: mal@example.org",
        "eve@example.org, mal@example.org",
        "eve@example.org\0",
        '"eve\r\n"@example.org',
        "eve",
        "",
        "é@example.org",
        "<script>@example.org",
    ],
)
def test_an_address_is_one_address(world: World, address: str) -> None:
    with pages_of(world) as browser:
        page = browser.post("/", WANTED | {"form": mark_of(browser), "address": address})
        assert page.status == 422
        assert "Not yet:" in page.words
        assert "<script>" not in page.text
    assert world.mails == []


def test_what_was_typed_is_text_on_the_page(world: World) -> None:
    typed = '</textarea><script>alert("x")</script>'
    with pages_of(world) as browser:
        form: dict[str, str | list[str]] = {"words": typed}
        form |= {"none": typed, "address": EVE, "timezone": typed}
        page = browser.post("/", WANTED | {"form": mark_of(browser), "act": "preview"} | form)
        assert page.status == 422
        assert "<script" not in page.text
        form["timezone"] = "UTC"
        page = browser.post("/", WANTED | {"form": mark_of(browser), "act": "preview"} | form)
        assert "<script" not in page.text


def test_only_those_allowed_may_join(world: World) -> None:
    allow = 'allow = ["*@example.org", "max@elsewhere.example"]\n'
    with pages_of(world, allow) as browser:
        refused = ask(world, browser, "eve@example.org.evil.example")
        assert refused.status == 422
        assert "*@example.org or max@elsewhere.example" in refused.words
        assert ask(world, browser, "eve@elsewhere.example").status == 422
        asking_mail(world, browser, "Eve@example.org")
        asking_mail(world, browser, "max@elsewhere.example")
    with pages_of(world, 'allow = ["*@elsewhere.example"]\n') as browser:
        link = link_in(world.mails[0], "confirm")
        late = browser.press(browser.get(link), "Yes, subscribe")
        assert late.heading == "This address may not subscribe"
    assert len(world.mails) == 2


def test_who_never_wants_to_hear_of_us_does_not(world: World) -> None:
    with pages_of(world) as browser:
        first = asking_mail(world, browser, EVE)
        fresh = ask(world, browser, "max@example.org")
        world.smtp.wait_for(2)
        page = browser.press(browser.get(link_in(first, "never")), "Never write to me")
        assert page.heading == "Done"
        world.later(days=2)
        suppressed = ask(world, browser, EVE.upper())
        assert (suppressed.status, suppressed.text) == (fresh.status, fresh.text)
        world.later(hours=1)
        late = browser.press(browser.get(link_in(first, "confirm")), "Yes, subscribe")
        assert late.heading == "This address is never written to"
        assert subscribed(world) == []
    assert [mail.recipient for mail in world.mails] == [EVE, "max@example.org"]


def test_an_answer_tells_nothing_of_who_is_subscribed(world: World) -> None:
    with pages_of(world) as browser:
        subscribe(world, browser, EVE)
        pages = [ask(world, browser, address) for address in (EVE, "max@example.org")]
        texts = {(page.url, page.status, page.text) for page in pages}
        assert len(texts) == 1


def test_nobody_is_flooded(world: World) -> None:
    with pages_of(world) as browser:
        for _ in range(5):
            assert ask(world, browser, EVE).status == 200
    world.later(minutes=61)
    with pages_of(world) as browser:
        ask(world, browser, EVE)
    assert len(world.mails) == 4, "three at once, then one an hour"


def test_one_mailbox_is_one_whatever_stands_behind_a_plus(world: World) -> None:
    with pages_of(world) as browser:
        for number in range(5):
            assert ask(world, browser, f"eve+{number}@example.org").status == 200
    assert len(world.mails) == 3
    world.later(minutes=61)
    with pages_of(world) as browser:
        mail = asking_mail(world, browser, "eve+late@example.org")
        first = asking_mail(world, browser, "max@example.org")
        question = browser.get(link_in(asking_mail(world, browser, "Max+x@example.org"), "confirm"))
        browser.press(browser.get(link_in(first, "never")), "Never write to me")
        count = len(world.mails)
        assert ask(world, browser, "max+1@example.org").status == 200
        late = browser.press(question, "Yes, subscribe")
        assert late.heading == "This address is never written to"
        mine = browser.press(browser.get(link_in(mail, "confirm")), "Yes, subscribe")
        assert mine.heading == "Your subscription", "others are asked and may join"
    assert len(world.mails) == count


@pytest.mark.parametrize(
    ("days", "at"), [("* * *", "* *"), ("", "hourly"), ("each-check", ""), ("daily", "٠٨:٠٠")]
)
def test_only_times_that_the_form_offers_can_be_had(world: World, days: str, at: str) -> None:
    with pages_of(world) as browser:
        form = WANTED | {"form": mark_of(browser), "days": days, "at": at}
        page = browser.post("/", form)
        assert (page.status, "Not yet:" in page.words) == (422, True)
    assert world.mails == []


def test_a_network_is_put_aside_when_it_asks_too_often(world: World) -> None:
    # Eighty forms, each with an answer of 40 KB, take some seconds.
    with pages_of(world) as browser:
        mark = mark_of(browser)
        for _ in range(40):
            page = browser.post("/", {"form": mark, "act": "preview"})
        assert page.status == 422
        page = browser.post("/", {"form": mark, "act": "preview"})
        assert (page.status, page.heading) == (429, "Too much at once")
        assert int(page.headers["Retry-After"]) <= 4
        elsewhere = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
        page = browser.post("/", {"form": mark, "act": "preview"}, **elsewhere)
        assert page.status == 422, "the proxy says that this is another network"
        forged = {"X-Forwarded-For": "192.0.2.77, 198.51.100.7"}
        for _ in range(40):
            page = browser.post("/", {"form": mark, "act": "preview"}, **forged)
        assert page.status == 429, "what stands before the proxy's own word counts for nothing"


def test_headers_keep_browsers_from_harm(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        for url in ("/", "/sent", mine.url, "/nothing", "/style.css", "/stop", "/healthz"):
            headers = browser.get(url).headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
            assert headers["Strict-Transport-Security"].startswith("max-age=")
            assert "server" not in headers
            is_static = url == "/style.css"
            assert ("no-store" in headers["Cache-Control"]) is not is_static
        cookies = browser.client.get("/").headers["set-cookie"]
        assert cookies.startswith("__Host-form=")
        for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
            assert word in cookies
        assert "<script" not in mine.text
        assert " style=" not in mine.text
        assert "done=" in mine.url
        odd = browser.get(mine.url.replace("done=confirmed", "done=//evil.example"))
        assert "evil.example" not in odd.text


def test_without_https_nothing_is_asked_of_browsers(world: World) -> None:
    with pages_of(world, public_url="http://127.0.0.1:1") as browser:
        page = browser.get("/")
        assert "Strict-Transport-Security" not in page.headers
        assert "Secure" not in page.headers["set-cookie"]


def test_times_pass_by_the_clock_of_the_program(world: World) -> None:
    at = [world.now]
    links = Links(SECRET, PUBLIC, lambda: at[0])
    token = links.token(Purpose.MANAGE, "a", "b")
    at[0] += dt.timedelta(days=399)
    assert links.read(Purpose.MANAGE, token) == ("a", "b")


def test_an_address_that_is_refused_holds_up_nobody(world: World) -> None:
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="nobody@example.org")
    with pages_of(world) as browser:
        refused = ask(world, browser, "nobody@example.org")
        assert refused.heading == "Look into your mailbox", "nor does it tell who has a mailbox"
        asking_mail(world, browser, EVE)
    assert [mail.recipient for mail in world.mails] == [EVE]


def test_nobody_is_sent_to_where_a_header_says(world: World) -> None:
    with pages_of(world) as browser:
        for path in ("/stop/", "/sent/", "/manage/x/"):
            answer = browser.client.get(path, headers={"Host": "evil.example"})
            assert answer.status_code == 404, answer.headers
