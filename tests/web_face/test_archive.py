"""Every digest as a page, for who has the link of its subscription and for nobody else.

Each takes a second or two: a server starts, and the whole program makes its digests.
"""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit

import pytest

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.web_face.browsing import PUBLIC, SECRET, Page, link_in, pages_of, subscribe
from tests.web_face.test_managing import a_day_later, stop_link
from tests.world import DAILY, WEIGHTS, ZORBLAX, Mail, World
from watcher.links import Links, Purpose
from watcher.store import outbox, subscriptions
from watcher.store.database import Database
from watcher.web import framing

EVE = "eve@example.org"
OTHERS = """
[[subscriptions]]
name = "others"
to = ["bob@example.org"]
digest = "each-check"
any = ["frumious"]
"""


def archive_of(world: World, subscription_id: str, purpose: Purpose = Purpose.ARCHIVE) -> str:
    return Links(SECRET, PUBLIC, lambda: world.now).url(purpose, subscription_id)


def listed(page: Page) -> list[tuple[str, str]]:
    """Path and subject of each digest on the page, in order."""
    return [
        (link.attributes.get("href") or "", link.text(strip=True))
        for link in page.tree.css("ul.papers a")
    ]


async def two_digests(world: World) -> tuple[Mail, Mail]:
    """The mails of two digests to ada, the first of one paper, the second of two."""
    await world.run_pass()
    world.later(hours=1)
    world.add(*(make_paper(number, world.now, title=ZORBLAX) for number in (2, 3)))
    await world.run_pass()
    first, second = world.digests()
    return first, second


async def test_every_digest_is_a_page(filled: World) -> None:
    with pages_of(filled) as browser:
        first, second = await two_digests(filled)
        link = link_in(second, "archive")
        assert link in second.html
        page = browser.get(link)
        assert page.heading == "All digests of “weights”"
        assert [subject for _, subject in listed(page)] == [second.subject, first.subject]
        assert "Thu 19 Feb 2026, 2 papers" in page.words
        assert "Thu 19 Feb 2026, 1 paper" in page.words
        for mail, (path, _) in zip((second, first), listed(page), strict=True):
            shown = browser.get(f"{PUBLIC}{path}")
            assert set(shown.paper_ids) == set(mail.paper_ids)
            assert "Matched “Zorblaxes”" in shown.text
            assert "style=" in shown.text, "as it was mailed"
            policy = shown.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
            assert "sandbox allow-popups" in policy
            assert "allow-scripts" not in policy
            assert shown.headers["Referrer-Policy"] == "same-origin"
            [back, as_list] = [
                each.attributes.get("href") or "" for each in shown.tree.css("nav a")
            ]
            assert browser.get(f"{PUBLIC}{back}").heading == page.heading
            papers = browser.get(f"{PUBLIC}{as_list}")
            assert sorted(papers.paper_ids) == sorted(mail.paper_ids)
            assert papers.heading == mail.subject
            assert "“Zorblaxes”" in papers.words
        style = browser.get(PUBLIC).headers["Content-Security-Policy"]
        assert "unsafe-inline" not in style, "of these pages alone"


async def test_a_link_opens_one_archive_and_nothing_else(filled: World) -> None:
    with pages_of(filled, OTHERS) as browser:
        filled.add(make_paper(9, filled.now, title="Frumious nets"))
        await filled.run_pass()
        mine, theirs = (archive_of(filled, each) for each in ("weights", "others"))
        [(path, _)], [(their_path, _)] = (listed(browser.get(each)) for each in (mine, theirs))
        foreign = their_path.rpartition("/")[2]
        assert path.rpartition("/")[2] != foreign
        for tail in (foreign, f"{foreign}/papers", "0", "-1", "9" * 18, "9" * 30, "9" * 5000, "x"):
            page = browser.get(f"{mine}/{tail}")
            assert (page.status, page.heading) == (404, "There is no such page"), tail
        for before in ("0", "x", "9" * 30, "-1"):
            assert len(listed(browser.get(f"{mine}?before={before}"))) == 1
        forged = Links(SECRET[::-1], PUBLIC, lambda: filled.now).url(Purpose.ARCHIVE, "weights")
        others = [
            archive_of(filled, "weights", each).replace(f"/{each}/", "/archive/")
            for each in Purpose
            if each is not Purpose.ARCHIVE
        ]
        for wrong in (forged, mine[:-1], *others):
            for link in (wrong, f"{wrong}/{path.rpartition('/')[2]}"):
                assert browser.get(link).heading == "This link does not work", link
        assert browser.client.post(urlsplit(mine).path).status_code == 405
        filled.later(days=3600)
        assert browser.get(mine).status == 200
        filled.later(days=60)
        assert browser.get(mine).status == 410


async def test_readers_are_shown_no_link_that_changes_something(filled: World) -> None:
    with pages_of(filled) as browser:
        subscribe(filled, browser, EVE)
        assert EVE in await a_day_later(filled, 2)
        digest = filled.digests(EVE)[-1]
        manage = link_in(digest, "manage")
        assert manage in digest.html
        [(path, _)] = listed(browser.get(link_in(digest, "archive")))
        shown = browser.get(f"{PUBLIC}{path}")
        assert set(shown.paper_ids) == set(digest.paper_ids)
        assert "/manage/" not in shown.text
        assert "Change it" not in shown.text
        assert urlsplit(manage).path.split("/")[2][:40] not in shown.text
        assert link_in(digest, "archive") in shown.text, "that is the reader's own"


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_of_a_template_of_ones_own_is_not_shown_either(
    world: World, purpose: Purpose
) -> None:
    made = Links(SECRET, "https://elsewhere.example.org", lambda: world.now).url(purpose, "x", EVE)
    stop = "https://elsewhere.example.org/stop?of=x&amp;who=y&amp;token=z"
    mailed = (
        f'<!DOCTYPE html><html lang="fr"><body class="page"><p>Keep <b>this</b>. '
        f'<a href="{made}">Do</a></p><p><a href="{stop}">Stop</a></p><!-- {made} --> {made}?x'
        f"<p>Go to {made}, or {stop}</p></body></html>"
    )
    page = framing.framed(mailed, archive_path="/archive/x", papers_path="/archive/x/1/papers")
    is_reading = purpose in {Purpose.ARCHIVE, Purpose.FEED}
    assert page.count(made) == (4 if is_reading else 0)
    assert made.split("/")[-1][:12] in page or not is_reading
    assert "stop?" not in page
    assert ">Stop<" not in page
    assert page.startswith('<!DOCTYPE html><html lang="fr">')
    assert "Keep <b>this</b>." in page
    assert page.index("<nav") < page.index("Keep")


async def test_what_is_not_kept_any_more_is_a_list_of_its_papers(filled: World) -> None:
    with pages_of(filled) as browser:
        first, second = await two_digests(filled)
        link = link_in(first, "archive")
        filled.later(days=401)
        await filled.run_pass()
        page = browser.get(link)
        assert "For 400 days each is kept as it was mailed" in page.words
        assert [subject for _, subject in listed(page)][-2:] == [second.subject, first.subject]
        for mail, (path, _) in zip((second, first), listed(page)[-2:], strict=True):
            shown = browser.get(f"{PUBLIC}{path}")
            assert shown.heading == mail.subject
            assert sorted(shown.paper_ids) == sorted(mail.paper_ids)
            assert "is no longer kept" in shown.words
            assert ZORBLAX in shown.words


async def test_the_archive_ends_with_its_subscription(filled: World) -> None:
    with pages_of(filled) as browser:
        mine = subscribe(filled, browser, EVE)
        [subscription_id] = ids_of(filled)
        link = archive_of(filled, subscription_id)
        assert "There is none yet" in browser.get(link).words, "it begins with the next check"
        section = {each.text(strip=True): each.attributes for each in mine.tree.css("section a")}
        atom = section["Atom"].get("href") or ""
        assert browser.get(f"{PUBLIC}{section['All digests so far'].get('href')}").status == 200
        assert EVE in await a_day_later(filled, 2)
        [(path, _)] = listed(browser.get(link))
        browser.press(browser.get(mine.url), "Pause")
        assert browser.get(f"{PUBLIC}{path}").status == 200, "paused is not ended"
        browser.press(browser.get(mine.url), "Delete", sure="yes")
        for each in (link, f"{PUBLIC}{path}", f"{PUBLIC}{path}/papers", f"{PUBLIC}{atom}"):
            page = browser.get(each)
            assert (page.status, page.heading) == (410, "This subscription has ended"), each

        subscribe(filled, browser, EVE)
        [subscription_id] = ids_of(filled)
        assert EVE in await a_day_later(filled, 3)
        link = archive_of(filled, subscription_id)
        assert browser.get(link).status == 200
        stop = stop_link(filled, subscription_id, EVE)
        assert browser.press(browser.get(stop), "Unsubscribe").heading == "Done"
        assert browser.get(link).status == 410
        assert browser.get(archive_of(filled, subscription_id, Purpose.FEED)).status == 404
        assert browser.get(archive_of(filled, "weights")).status == 200, "others go on"


def ids_of(world: World) -> list[str]:
    said = Asker(world)("subscriptions", "list", "--json").rows
    return [str(each["id"]) for each in said if str(each["id"]).startswith("web-")]


async def test_many_digests_come_in_pages(world: World) -> None:
    with pages_of(world) as browser:
        await world.run_pass()  # `weights` is taken up
        database = Database(world.config().store_url, writable=True)
        with database.write() as connection:
            assert subscriptions.get(connection, "weights") is not None
            made = [
                outbox.Frozen("weights", f"slot {n}", f"Digest {n}", "<p>", (), ())
                for n in range(120)
            ]
            outbox.enqueue_digests(connection, made, world.now)
        database.close()
        page = browser.get(archive_of(world, "weights"))
        subjects: list[str] = []
        for _ in range(3):
            found = [subject for _, subject in listed(page)]
            assert 1 <= len(found) <= 50
            subjects += found
            older = [each for each in page.tree.css("main p a") if each.text() == "Older ones"]
            if not older:
                break
            page = browser.get(f"{PUBLIC}{older[0].attributes.get('href')}")
        assert subjects == [f"Digest {n}" for n in reversed(range(120))]
        assert "The newest" in page.words
        beyond = browser.get(f"{archive_of(world, 'weights')}?before=1")
        assert "There are no older ones" in beyond.words


async def test_many_papers_come_in_pages(world: World) -> None:
    with pages_of(world) as browser:
        world.add(*(make_paper(n, world.now, title=f"{ZORBLAX} {n}") for n in range(1, 251)))
        await world.run_pass()
        [mail] = world.digests()
        [(path, subject)] = listed(browser.get(archive_of(world, "weights")))
        assert "250 new papers" in subject
        page = browser.get(f"{PUBLIC}{path}/papers")
        ids = page.paper_ids
        assert len(ids) == 200
        [more] = [each for each in page.tree.css("main p a") if each.text() == "More of its papers"]
        ids += browser.get(f"{PUBLIC}{more.attributes.get('href')}").paper_ids
        assert sorted(ids) == sorted(mail.paper_ids)


def links_told(world: World, *arguments: str) -> dict[str, str]:
    said = Asker(world)("subscriptions", "links", "weights", "--json", *arguments)
    assert said.code == 0, said.err
    return {key: str(value) for key, value in said.json.items()}


def test_the_operator_hands_out_links(world: World) -> None:
    with pages_of(world) as browser:
        told = links_told(world)
        assert told["to"] == "['ada@example.org']"
        assert browser.get(told["archive"]).heading == "All digests of “weights”"
        assert browser.get(told["atom"]).headers["Content-Type"].startswith("application/atom+xml")
        assert browser.get(told["json_feed"]).status == 200
        said = Asker(world)("subscriptions", "links", "weights")
        assert "weights, for ada@example.org" in said.out
        for key in ("archive", "atom", "json_feed"):
            assert told[key] in said.out
        assert Asker(world)("subscriptions", "links", "nobody").code == 2


@pytest.mark.parametrize("web", ["", f'[web]\nsecret = "{SECRET}"\n'])
def test_without_pages_there_are_no_links(world: World, web: str) -> None:
    world.configure(DAILY, web, WEIGHTS)
    said = Asker(world)("subscriptions", "links", "weights")
    assert said.code == 78
    assert "no pages to link to" in said.err


async def test_mails_without_pages_have_no_such_link(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    world.fill()
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    [mail] = world.digests()
    assert "so far" not in mail.text + mail.html


def test_an_instant_has_one_link(world: World) -> None:
    links = Links(SECRET, PUBLIC, lambda: world.now)
    at = world.now - dt.timedelta(days=1)
    made = links.at(at).url(Purpose.ARCHIVE, "x")
    world.later(hours=1)
    assert links.at(at).url(Purpose.ARCHIVE, "x") == made
    assert links.read(Purpose.ARCHIVE, made.rpartition("/")[2]) == ("x",)
