"""The public archive: what was trending on a day, the search, and a page for each paper."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, urlsplit

from tests.fakesite import faults, make_paper
from tests.web_face.browsing import PUBLIC, Browser, Page, link_in, pages_of
from tests.world import TRENDING, ZORBLAX, World
from watcher import app
from watcher.engine import Request
from watcher.store import papers

OPEN = "archive = true\n"
ONLY = Request(sources=("trending",))
EVIL = '<script>alert("zorblax")</script><img src=x onerror=alert(1)>'


@contextlib.contextmanager
def archive_of(world: World, *more: str) -> Iterator[Browser]:
    """The world's pages with the archive open to everybody."""
    with pages_of(world, OPEN, TRENDING, *more) as browser:
        yield browser


def search(browser: Browser, typed: str, **more: str) -> Page:
    fields = "&".join(f"{name}={quote(value)}" for name, value in more.items())
    return browser.get(f"{PUBLIC}/search?q={quote(typed, safe='')}&{fields}")


def results(page: Page) -> list[str]:
    return [link.attributes["href"] or "" for link in page.tree.css(".results a")]


async def test_the_whole_way_from_a_day_to_a_paper(filled: World) -> None:
    world = filled
    with archive_of(world) as browser:
        assert browser.get(f"{PUBLIC}/trending").heading == "Nothing is known yet"
        await world.run_pass()
        first = browser.get(f"{PUBLIC}/")
        assert [link.attributes["href"] for link in first.tree.css("header nav a")] == [
            "/trending",
            "/search",
        ]
        day = browser.get(f"{PUBLIC}/trending")
        assert day.heading == "Trending on Thu 19 Feb 2026"
        assert "at 07:00 UTC" in day.words
        shown = [paper.id for paper in world.site.site.trending()]
        assert results(day) == [f"/papers/{paper_id}" for paper_id in shown]
        found = search(browser, "zorblaxes everything")
        assert found.status == 200
        [path] = results(found)
        marks = [mark.text() for mark in found.tree.css("mark")]
        assert marks[:2] == ["Zorblaxes", "everything"]
        paper = browser.get(f"{PUBLIC}{path}")
        assert paper.heading == ZORBLAX
        votes = world.site.papers[-1].votes(world.now)
        assert f"{votes} votes on 19 Feb 2026." in paper.words
        assert paper.tree.css_first("svg[role=img] title") is not None
        assert "daily" in paper.words
        assert "trending" in paper.words
        assert browser.get(f"{PUBLIC}{path}v2").url == paper.url.removesuffix("v2")


async def test_it_is_for_nobody_before_the_operator_says_so(filled: World) -> None:
    with pages_of(filled, TRENDING) as browser:
        await filled.run_pass()
        [known] = [paper.id for paper in filled.site.papers if paper.title == ZORBLAX]
        paths = ("/trending", "/trending/2026-02-19", "/search", "/search?q=a", f"/papers/{known}")
        for path in paths:
            page = browser.get(f"{PUBLIC}{path}")
            assert (page.status, page.heading) == (404, "There is no such page")
            assert page.tree.css("header nav") == []


async def test_every_day_is_as_it_was_and_silence_is_explained(world: World) -> None:
    world.fill()
    with archive_of(world) as browser:
        rising = make_paper(1, world.now, title=ZORBLAX, votes=lambda now: now.day)
        world.add(rising)
        for hours in (2, 12, 10, 48):  # 19th twice, 20th, 22nd
            await world.run_pass(ONLY)
            world.later(hours=hours)
        shown = {}
        for day in ("2026-02-19", "2026-02-20"):
            shown[day] = browser.get(f"{PUBLIC}/trending/{day}")
            assert f"{ZORBLAX} {day[-2:]} votes" in shown[day].words
        assert "at 21:00 UTC" in shown["2026-02-19"].words
        world.site.faults["*"] = faults.server_error()
        await world.run_pass(ONLY)
        world.later(days=1)
        gap = browser.get(f"{PUBLIC}/trending/2026-02-21")
        assert gap.status == 200
        assert "is not known" in gap.words
        assert "On Sat 21 Feb 2026 the page was not looked at" in gap.words
        newest = browser.get(f"{PUBLIC}/trending")
        assert newest.heading == "Trending on Fri 20 Feb 2026"
        assert "From Sat 21 Feb 2026 to Mon 23 Feb 2026" in newest.words
        assert "was looked at once, and could not be read, so far" in newest.words
        world.site.faults.clear()
        await world.run_pass(ONLY)
        after = browser.get(f"{PUBLIC}/trending/2026-02-23")
        links = {
            link.attributes["rel"]: link.attributes["href"]
            for link in after.tree.css("nav a")
            if "rel" in link.attributes
        }
        assert links == {"prev": "/trending/2026-02-20"}
        assert "From Sat 21 Feb 2026 to Sun 22 Feb 2026" in after.words
        for path in ("2026-02-18", "2026-02-24", "2026-2-19", "20260219", "2026-W08-4", "x", "%00"):
            assert browser.get(f"{PUBLIC}/trending/{path}").status == 404, path


async def test_a_page_that_stays_as_it_is_is_shown_on_each_day_on_which_it_said_so(
    world: World,
) -> None:
    world.fill()
    world.site.has_etags = True
    with archive_of(world) as browser:
        await world.run_pass(ONLY)
        world.later(days=1)
        world.site.faults["/papers/trending"] = faults.answering(304)
        await world.run_pass(ONLY)
        first, second = (browser.get(f"{PUBLIC}/trending/2026-02-{day}") for day in (19, 20))
        assert "First seen like this on Thu 19 Feb 2026 at 07:00 UTC" in second.words
        assert results(second) == results(first) != []
        assert first.tree.css_first("a[rel=next]") is not None
        world.site.faults.clear()
        world.later(days=1)
        await world.run_pass(ONLY)
        assert browser.get(f"{PUBLIC}/trending").heading == "Trending on Sat 21 Feb 2026"
        kept = browser.get(f"{PUBLIC}/trending/2026-02-20")
        assert results(kept) == results(first)


async def test_what_is_typed_is_shown_as_text_and_never_a_mistake(filled: World) -> None:
    evil = make_paper(2, filled.now, title=EVIL, abstract=f"{EVIL} " * 9, authors=(EVIL,))
    filled.add(evil)
    with archive_of(filled) as browser:
        await filled.run_pass()
        typed = (
            *(EVIL, '"', "'", "a*", "-a", "--", "\0", "%", "_", "\\", "😀", "x" * 5000, "a OR b)"),
            *("title:a", "NEAR(a b)", "' OR 1=1; DROP TABLE papers --", "\ud7ff", "&amp;"),
        )
        for text in typed:
            page = search(browser, text)
            assert page.status == 200, text
            assert page.tree.css("script, img") == [], text
            field = page.tree.css_first("input[name=q]")
            assert field is not None
            assert (field.attributes["value"] or "") == " ".join(
                text.replace("\0", "�")[:300].split()
            )
        for words in ("alert zorblax", "onerror"):
            page = search(browser, words)
            assert results(page) == [f"/papers/{evil.id}"]
            assert page.tree.css("script, img") == []
            assert "<script>" in page.words, "it is to be read"
        page = browser.get(f"{PUBLIC}/papers/{evil.id}")
        assert (page.status, page.heading) == (200, EVIL)
        assert page.tree.css("script, img") == []
        for raw in ("%ff%fe", "%ed%a0%80", "%00"):
            assert browser.client.get(f"/search?q={raw}").status_code == 200
        assert search(browser, "-zorblax").tree.css(".results") == []
        assert "at least one word" in search(browser, "-zorblax").words
        assert "at least one word" in search(browser, "!!!").words
        assert "No paper has all of these words" in search(browser, "qwertz zorblax").words


NOWHERE = (
    *("/papers/", "/papers/%2e%2e%2fetc%2fpasswd", "/papers/2602.99999", "/papers/..%2f..%2f"),
    *("/papers/2602.00001%00", "/papers/" + "1" * 3000, "/papers/2602.00001'--", "/papers/x"),
    *("/papers/%D9%A2%D9%A6%D9%A0%D9%A2.%D9%A0%D9%A0%D9%A0%D9%A0%D9%A1", "/papers/*"),
    *("/papers/2602.00001/x", "/trending/", "/trending/9999-99-99", "/trending/0001-01-01"),
    *("/trending/" + "9" * 3000, "/trending/2026-02-19/x", "/search/", "/search/x"),
)


async def test_paths_that_lead_nowhere(world: World) -> None:
    world.fill()
    with archive_of(world) as browser:
        await world.run_pass(ONLY)
        found = {path: browser.client.get(path).status_code for path in NOWHERE}
        assert set(found.values()) == {404}, found


async def test_pages_of_results(filled: World) -> None:
    many = [make_paper(600 + n, filled.now, title=f"{ZORBLAX} {n}") for n in range(25)]
    filled.add(*many)
    with archive_of(filled) as browser:
        await filled.run_pass()
        first = search(browser, "zorblaxes", order="newest")
        assert "26 papers" in first.words
        second = browser.get(f"{PUBLIC}{first.tree.css_first('a[rel=next]').attributes['href']}")  # type: ignore[union-attr]
        assert (len(results(first)), len(results(second))) == (20, 6)
        assert set(results(first)).isdisjoint(results(second))
        back = second.tree.css_first("a[rel=prev]")
        assert back is not None
        assert results(browser.get(f"{PUBLIC}{back.attributes['href']}")) == results(first)
        for number in ("0", "-1", "x", "99999999", "²"):
            assert search(browser, "zorblaxes", page=number).status == 200
        far = search(browser, "zorblaxes", page="50")
        assert "There are no more: see" in far.words


async def test_what_was_let_go_is_said(filled: World) -> None:
    with archive_of(filled) as browser:
        await filled.run_pass()
        [known] = [paper.id for paper in filled.site.papers if paper.title == ZORBLAX]
        filled.later(days=500)
        filled.site.papers.clear()
        filled.fill(first=700)
        await filled.run_pass()
        await filled.run_pass()
        page = browser.get(f"{PUBLIC}/papers/{known}")
        assert page.heading == ZORBLAX
        assert "It is no longer kept: abstracts are deleted 400 days" in page.words
        assert "what was seen more than 400 days ago is deleted" in page.words
        assert results(search(browser, "zorblaxes")) == [f"/papers/{known}"]


async def test_what_is_not_indexed_yet_is_said(filled: World) -> None:
    with archive_of(filled) as browser:
        await filled.run_pass()
        with (
            app.writing(filled.config(), "test", filled.now) as database,
            database.write() as connection,
        ):
            seen = [
                replace(paper.paper, title=f"Zorblax {paper.paper.id}")
                for paper in papers.seen_since(connection, filled.now - dt.timedelta(days=1), 3)
            ]
            papers.merge(connection, seen, filled.now)
        assert "3 papers are not in the index yet" in search(browser, "zorblax").words


async def test_searches_of_one_network_are_bounded(world: World) -> None:
    world.fill()
    with archive_of(world) as browser:
        await world.run_pass()
        statuses = [browser.client.get("/search?q=a").status_code for _ in range(62)]
        assert statuses == [200] * 60 + [429] * 2
        assert browser.get(f"{PUBLIC}/search").status == 200
        world.later(minutes=1)
        assert search(browser, "a").status == 200


async def test_who_has_a_link_to_an_archive_searches_below_it(world: World) -> None:
    world.fill()
    world.add(*(make_paper(600 + n, world.now, title=f"{ZORBLAX} {n}") for n in range(25)))
    with pages_of(world) as browser:
        await world.run_pass()
        archive = browser.get(link_in(world.mails[-1], "archive"))
        base = urlsplit(archive.url).path
        assert f'href="{base}/search"' in archive.text
        for path in ("/search?q=zorblax", "/papers/2602.00600"):
            page = browser.get(f"{base}{path}")
            assert page.status == 200
            assert page.tree.css_matches(f'nav a[href="{base}/search"]')
            links = [link.attributes["href"] or "" for link in page.tree.css("a")]
            ours = {link for link in links if link.startswith("/") and link != "/"}
            assert ours
            assert all(link.startswith(f"{base}/") for link in ours), ours
            form = page.tree.css_first("form")
            assert form is None or form.attributes["action"] == f"{base}/search"
            assert browser.get(path).status == 404, "everybody else"
            spoilt = base.replace("/archive/", "/archive/x")
            assert browser.get(f"{spoilt}{path}").status == 404
        moved = browser.client.get(f"{base}/papers/2602.00600v3")
        assert moved.headers["location"] == f"{base}/papers/2602.00600"
