"""The feeds of a subscription: what was mailed, in two forms that feed readers take.

Each takes a second or two: a server starts, and the whole program makes its digests.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import feedparser
import httpx
import pytest

from tests.fakesite import make_paper
from tests.web_face.browsing import PUBLIC, SECRET, Browser, pages_of, subscribe
from tests.web_face.test_archive import EVE, archive_of, ids_of
from tests.web_face.test_managing import a_day_later, stop_link
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.digest.language import ENGLISH
from watcher.links import Purpose
from watcher.models import Author, Hit, Paper, Reason
from watcher.store.archive import MailedPaper
from watcher.web import syndication
from watcher.web.syndication import Feed, fed_paper, feed_id

ATOM = "{http://www.w3.org/2005/Atom}"


def feed_of(world: World, form: str = "atom.xml", subscription_id: str = "weights") -> str:
    """The path of a feed."""
    return urlsplit(f"{archive_of(world, subscription_id, Purpose.FEED)}/{form}").path


@dataclass(frozen=True, slots=True)
class Read:
    """A paper as a feed reader has it."""

    id: str
    title: str
    url: str
    html: str
    at: dt.datetime


def read_atom(response: httpx.Response) -> list[Read]:
    """What a feed reader makes of it, after all that RFC 4287 asks for was found."""
    assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    root = ElementTree.fromstring(response.content)
    assert root.tag == f"{ATOM}feed"
    for each in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            [found] = each.findall(f"{ATOM}{name}")
            assert found.text, name
        assert dt.datetime.fromisoformat(each.findtext(f"{ATOM}updated", "")).tzinfo
        [alternate] = [link for link in each.findall(f"{ATOM}link") if link.get("rel") != "self"]
        assert str(alternate.get("href")).startswith("http")
        assert all(name.text for name in each.findall(f"{ATOM}author/{ATOM}name"))
    assert root.find(f"{ATOM}author") is not None, "of those that name nobody"
    [own] = [link for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"]
    assert own.get("href") == f"{PUBLIC}{response.request.url.path}"
    parsed: Any = feedparser.parse(response.content)
    assert not parsed.bozo, parsed.get("bozo_exception")
    assert parsed.version == "atom10"
    return [
        Read(
            each.id,
            each.title,
            each.link,
            each.content[0].value,
            dt.datetime.fromtimestamp(calendar.timegm(each.updated_parsed), dt.UTC),
        )
        for each in parsed.entries
    ]


def read_json(response: httpx.Response) -> list[Read]:
    """The same of a JSON Feed."""
    assert response.headers["Content-Type"] == "application/feed+json; charset=utf-8"
    told = json.loads(response.content)
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert told["title"]
    assert told["feed_url"] == f"{PUBLIC}{response.request.url.path}"
    assert told["home_page_url"].startswith(f"{PUBLIC}/archive/")
    for each in told["items"]:
        assert all(author["name"] for author in each["authors"])
        assert each["content_html"]
    return [
        Read(
            each["id"],
            each["title"],
            each["url"],
            each["content_html"],
            dt.datetime.fromisoformat(each["date_published"]),
        )
        for each in told["items"]
    ]


async def test_a_feed_holds_what_was_mailed(filled: World) -> None:
    with pages_of(filled) as browser:
        await filled.run_pass()
        link, as_json = feed_of(filled), feed_of(filled, "feed.json")
        first = read_atom(browser.client.get(link))
        composed_at = filled.now
        filled.later(hours=1)
        filled.add(*(make_paper(number, filled.now, title=ZORBLAX) for number in (2, 3)))
        await filled.run_pass()
        both = read_atom(browser.client.get(link))
        assert [each.url.rpartition("/")[2] for each in both] == [
            *("2602.00003", "2602.00002", "2602.00001"),
        ]
        assert {each.url.rpartition("/")[2] for each in both} == {
            paper_id for mail in filled.digests() for paper_id in mail.paper_ids
        }
        assert both[-1:] == first, "the same for ever"
        assert [each.at for each in both] == [filled.now, filled.now, composed_at]
        assert {each.title for each in both} == {ZORBLAX}
        for each in both:
            assert each.url.startswith(filled.config().settings.http.base_url)
            assert "Why: zorblax: “Zorblaxes”" in each.html
            assert "<p>" in each.html
        assert len({each.id for each in both}) == 3
        assert all(each.id.startswith("urn:uuid:") for each in both)
        again = read_atom(browser.client.get(feed_of(filled)))
        assert again == both, "by another link, too"
        written = read_json(browser.client.get(as_json))
        assert [(each.id, each.title, each.url, each.at) for each in written] == [
            (each.id, each.title, each.url, each.at) for each in both
        ]
        home = json.loads(browser.client.get(as_json).content)["home_page_url"]
        archive = browser.get(home)
        assert archive.heading == "All digests of “weights”"
        alternates = {
            each.attributes.get("type"): each.attributes.get("href") or ""
            for each in archive.tree.css("link[rel=alternate]")
        }
        assert read_atom(browser.client.get(alternates["application/atom+xml"])) == both
        assert read_json(browser.client.get(alternates["application/feed+json"])) == written


async def test_who_has_it_already_is_told_so(filled: World) -> None:
    with pages_of(filled) as browser:
        await filled.run_pass()
        for link in (feed_of(filled), feed_of(filled, "feed.json")):
            got = browser.client.get(link)
            assert got.headers["Cache-Control"] == "private, no-cache"
            assert "Set-Cookie" not in got.headers
            etag, changed = got.headers["ETag"], got.headers["Last-Modified"]
            filled.later(minutes=5)
            assert browser.client.get(link).content == got.content
            assert browser.client.head(link).headers["ETag"] == etag
            for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
                same = browser.client.get(link, headers={"If-None-Match": known})
                assert (same.status_code, same.content) == (304, b""), known
                assert same.headers["ETag"] == etag
            same = browser.client.get(link, headers={"If-Modified-Since": changed})
            assert same.status_code == 304
            for headers in (
                {"If-None-Match": '"other"'},
                {"If-None-Match": '"other"', "If-Modified-Since": changed},
                {"If-Modified-Since": "Thu, 19 Feb 2026 06:59:00 GMT"},
                {"If-Modified-Since": "yesterday"},
                {"If-Modified-Since": "Thu, 19 Feb 99999999999 06:59:00 GMT"},
                {"If-Modified-Since": "Thu, 19 Feb 2026 07:00:00"},
            ):
                assert browser.client.get(link, headers=headers).status_code == 200, headers
        filled.later(hours=1)
        filled.add(make_paper(2, filled.now, title=ZORBLAX))
        await filled.run_pass()
        news = browser.client.get(
            link, headers={"If-None-Match": etag, "If-Modified-Since": changed}
        )
        assert (news.status_code, len(read_json(news))) == (200, 2)


async def test_feeds_of_one_network_are_bounded(world: World) -> None:
    with pages_of(world) as browser:
        await world.run_pass()
        link = feed_of(world)
        assert {browser.client.get(link).status_code for _ in range(60)} == {200}
        refused = browser.client.get(link)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3")
        elsewhere = {"X-Forwarded-For": "203.0.113.9"}
        assert browser.client.get(link, headers=elsewhere).status_code == 200
        world.later(seconds=3)
        assert browser.client.get(link).status_code == 200


HOSTILE = (
    "Zorblax ]]> &amp; <script>alert(1)</script> </title>",
    "Zorblax \x00\x08\x0b\x1b\ufffe\uffff controls",
    "Zorblax \u202eevil\u2066 bidi \u05d0",
    "Zorblax \\ud83d lone",
    'Zorblax "quotes" \' \u2028 and <!-- -- --> <?xml ?>',
    "Zorblax 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0001fffe \U000e0041",
)


async def test_whatever_texts_hold_a_feed_is_valid(filled: World) -> None:
    texts = [
        make_paper(
            number, filled.now, title=text, abstract=f"{text} {text}", authors=(text, "\x07")
        )
        for number, text in enumerate(HOSTILE, 10)
    ]
    filled.add(*texts)
    nasty = WEIGHTS.replace('"weights"', '"<we & ights>"') + (
        '[[subscriptions.rules]]\nname = "]]> <b>"\nany = ["zorblax"]\n'
    )
    nasty = nasty.replace('any = ["zorblax"]\n[[', "[[")
    with pages_of(filled) as browser:
        filled.config_path.write_text(
            filled.config_path.read_text().replace(WEIGHTS, nasty), encoding="utf-8"
        )
        [name] = [each.id for each in filled.config().settings.subscriptions]
        await filled.run_pass()
        got = browser.client.get(feed_of(filled, subscription_id=name))
        papers = read_atom(got)
        written = read_json(browser.client.get(feed_of(filled, "feed.json", name)))
        assert len(papers) == len(written) == len(HOSTILE) + 1
        assert [each.id for each in papers] == [each.id for each in written]
        assert HOSTILE[0] in {each.title for each in papers}
        for each in (*papers, *written):
            assert "<script" not in each.html
            assert not set(each.title) & set("\x00\x08\x0b\x1b\u202e\ud83d\ufffe\uffff")
        assert all("<strong>" not in each.html for each in written)
        page = browser.get(archive_of(filled, name))
        assert page.heading == "All digests of “<we & ights>”"
        digest_path = page.tree.css("ul.papers a")[0].attributes.get("href")
        shown = browser.get(f"{PUBLIC}{digest_path}")
        assert "<script" not in shown.text
        listing = browser.get(f"{PUBLIC}{digest_path}/papers")
        assert "<script" not in listing.text
        assert len(listing.paper_ids) == len(HOSTILE) + 1


@pytest.mark.parametrize("text", [*HOSTILE, "\ud83d \udfff lone", "\0", " ", "$\\alpha ]]>$"])
def test_whatever_a_paper_says_is_written(text: str) -> None:
    now = dt.datetime(2026, 2, 19, 7, tzinfo=dt.UTC)
    hits = (Hit("any", text, "title", (text,)), Hit("authors", text, "authors", (text,)))
    paper = Paper("2602.00001", text, abstract=text, authors=(Author(text), Author("A")))
    mailed = MailedPaper(paper, (Reason(text, hits), Reason("")), 1)
    fed = fed_paper("x", mailed, now, hub_url="https://hub.example.org", language=ENGLISH)
    feed = Feed(feed_id("x"), "x", "en", "https://x.org/a", "https://x.org/", now, (fed,))
    parsed: Any = feedparser.parse(syndication.atom(feed))
    assert not parsed.bozo, parsed.get("bozo_exception")
    [read] = parsed.entries
    assert read.title
    [told] = json.loads(syndication.json_feed(feed))["items"]
    assert told["title"]
    assert told["authors"][-1] == {"name": "A"}


async def test_a_feed_ends_with_its_subscription(filled: World) -> None:
    with pages_of(filled) as browser:
        subscribed = browser_subscribe(filled, browser)
        for form, read in (("atom.xml", read_atom), ("feed.json", read_json)):
            empty = browser.client.get(feed_of(filled, form, subscribed))
            assert read(empty) == [], "before the daemon takes it up"
        assert EVE in await a_day_later(filled, 2)
        links = [feed_of(filled, form, subscribed) for form in ("atom.xml", "feed.json")]
        assert [browser.client.get(link).status_code for link in links] == [200, 200]
        stop = stop_link(filled, subscribed, EVE)
        browser.press(browser.get(stop), "Unsubscribe")
        for link in links:
            gone = browser.client.get(link, headers={"If-None-Match": "*"})
            assert gone.status_code == 410
            assert "2602" not in gone.text
        for wrong in (links[0].replace("/feed/", "/feed/x"), links[0][:-8] + "rss.xml"):
            assert browser.client.get(wrong).status_code == 404


def browser_subscribe(world: World, browser: Browser) -> str:
    subscribe(world, browser, EVE)
    [found] = ids_of(world)
    return found


async def test_a_feed_is_bounded_and_says_the_readers_words(world: World) -> None:
    german = WEIGHTS.replace("any =", 'language = "de"\nany =')
    with pages_of(world) as browser:
        world.configure(DAILY, f'\n[web]\nsecret = "{SECRET}"\npublic_url = "{PUBLIC}"\n', german)
        world.add(*(make_paper(n, world.now, title=f"{ZORBLAX} {n}") for n in range(1, 131)))
        await world.run_pass()
        papers = read_atom(browser.client.get(feed_of(world)))
        assert len(papers) == 100
        assert papers[0].url.endswith("2602.00130")
        assert "Warum: zorblax: „Zorblaxes“" in papers[0].html
        assert 'lang="de"' in read_json(browser.client.get(feed_of(world, "feed.json")))[0].html
