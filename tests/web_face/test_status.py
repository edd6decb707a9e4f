"""The operator's page: who sees it, and that it shows what was done and what went wrong."""

from __future__ import annotations

import base64
import datetime as dt
import json

import httpx
import pytest

from tests.fakesite import faults, make_paper
from tests.web_face.browsing import PUBLIC, Browser, Page, pages_of
from tests.world import ZORBLAX, World
from watcher import app
from watcher.models import Outcome
from watcher.store import checks, replicas
from watcher.store.replicas import Replica

PASSWORD = "PässwordOfTheOperator"
ASKED = f'operator_password = "{PASSWORD}"\n'
HOSTILE = '<script>alert("x")</script>'


def basic(password: str, name: str = "operator") -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


ASKING = basic(PASSWORD)


def look(browser: Browser, authorization: str = ASKING, path: str = "/status") -> Page:
    answer = browser.client.get(path, headers={b"Authorization": authorization.encode("latin-1")})
    return Page(str(answer.url), answer.status_code, answer.headers, answer.text)


def bars(page: Page, source: str = "daily") -> list[str]:
    """The classes of a source's cells, as they stand from left to right."""
    for section in page.tree.css("section.source"):
        heading = section.css_first("h3")
        if heading is not None and heading.text(strip=True).startswith(source):
            cells = section.css("svg[role=img] rect")
            places = [int(cell.attributes["x"] or "") for cell in cells]
            assert places == sorted(places)
            assert not places or places[-1] == 490, "the newest at the right end"
            return [str(cell.attributes["class"]) for cell in cells]
    raise AssertionError(f"no {source} on {page.words}")


def strip_label(page: Page) -> str:
    found = page.tree.css_first("svg[role=img]")
    assert found is not None
    return found.attributes["aria-label"] or ""


def states(page: Page) -> dict[str, tuple[int, int]]:
    """How many mails stand in each state: lately, and ever."""
    rows = page.tree.css("table.few tbody tr")
    cells = [[cell.text(strip=True) for cell in row.css("th, td")] for row in rows]
    return {state: (int(lately), int(ever)) for state, lately, ever in cells}


async def test_each_check_and_each_mail_is_shown_as_it_ended(filled: World) -> None:
    filled.smtp.fail("rcpt", f"550 5.1.1 gone {HOSTILE}", recipient="max@example.org")
    max_too = '\n[[subscriptions]]\nname = "maxs"\nto = ["max@example.org"]\nany = ["zorblax"]\n'
    with pages_of(filled, ASKED) as browser:
        text = filled.config_path.read_text()
        filled.config_path.write_text(text + max_too + 'digest = "each-check"\n')
        await filled.run_pass()
        filled.later(minutes=30)
        await filled.run_pass()
        for fault in (faults.no_marks(), faults.answering(500, HOSTILE), faults.answering(500)):
            filled.site.faults["*"] = fault
            filled.later(minutes=30)
            await filled.run_pass()
        filled.site.faults.clear()
        filled.later(hours=2)
        filled.add(make_paper(2, filled.now, title=ZORBLAX))
        await filled.run_pass()
        page = look(browser)
        told = json.loads(look(browser, path="/status.json").text)
    assert page.status == 200
    assert bars(page) == ["news", "good", "degraded", "failed", "failed", "news"]
    assert strip_label(page) == "Last 6 checks: 3 good, 1 degraded, 2 failed"
    assert strip_label(page) in page.words, "in words for who sees no pictures"
    assert "<script" not in page.text
    assert "max@example.org, dead" in page.words
    assert f"gone {HOSTILE}" in page.words
    assert "2 times" in page.words, "what failed twice alike is told once"
    assert states(page)["delivered"] == (told["mail"]["delivered"],) * 2
    assert states(page)["dead"] == (2, 2)
    assert states(page).keys() == {
        *("queued", "sending", "delivered", "dead", "expired", "cancelled", "parked"),
    }
    assert (told["verdict"], told["whole"]) == ("stopped", True)
    assert told["summary"] in page.words


async def test_an_old_mail_is_none_of_late(filled: World) -> None:
    with pages_of(filled, ASKED) as browser:
        await filled.run_pass()
        assert states(look(browser))["delivered"] == (1, 1)
        filled.later(days=8)
        assert states(look(browser))["delivered"] == (0, 1)


async def test_a_strip_has_the_last_fifty(world: World) -> None:
    world.fill()
    with pages_of(world, ASKED) as browser:
        await world.run_pass()
        with app.writing(world.config(), "test", world.now) as database:
            for number in range(51):
                world.later(minutes=30)
                outcome = Outcome.FAILED if number == 50 else Outcome.OK
                with database.write() as connection:
                    check_id = checks.start(connection, "daily", world.now)
                    checks.finish(
                        connection,
                        check_id,
                        outcome,
                        paper_count=8,
                        new_count=0,
                        error=None,
                        now=world.now,
                    )
        page = look(browser)
    assert len(bars(page)) == 50
    assert bars(page)[-2:] == ["good", "failed"]
    assert strip_label(page) == "Last 50 checks: 49 good, 1 failed"


async def test_what_comes_next_is_told_by_instant(filled: World) -> None:
    many = "".join(
        f'\n[[subscriptions]]\nname = "of-{number}"\nto = ["ada@example.org"]\nany = ["x"]\n'
        f'digest = "{digest}"\n'
        for number, digest in enumerate(["daily 09:00"] * 5 + ["weekly mon 08:00"])
    )
    with pages_of(filled, ASKED) as browser:
        filled.config_path.write_text(filled.config_path.read_text() + many)
        await filled.run_pass()
    with pages_of(filled, ASKED) as browser:
        nothing = look(browser)
    assert "Nothing is planned." in nothing.words, "these files are gone"
    with pages_of(filled, ASKED, many.replace("[[sub", "\n[[sub", 1)) as browser:
        await filled.run_pass()
        page = look(browser)
    digest = "of-0, of-1, of-2, of-3 and 1 more"
    assert f"Thu 19 Feb 09:00 in 2 hours digest {digest}" in page.words
    assert "Mon 23 Feb 08:00 in 4 days digest of-5" in page.words


async def test_many_subscriptions_are_not_looked_at_one_by_one(filled: World) -> None:
    many = "".join(
        f'\n[[subscriptions]]\nname = "of-{number}"\nto = ["ada@example.org"]\nany = ["x"]\n'
        for number in range(200)
    )
    with pages_of(filled, ASKED, many) as browser:
        await filled.run_pass()
        page = look(browser)
        told = json.loads(look(browser, path="/status.json").text)
        filled.smtp.fail("connect", "421 4.3.2 not now")
        filled.add(make_paper(2, filled.now, title=ZORBLAX))
        filled.later(minutes=30)
        await filled.run_pass()
        stuck = look(browser)
    assert "0 mails wait" in stuck.words
    assert "and 0 papers" not in stuck.words, "nobody has counted them"
    assert "There are more than 200 subscriptions" in page.words
    assert "in 1 hour digest daily at 08:00 (UTC)" in page.words
    assert (told["whole"], told["subscriptions"]) == (False, [])


def test_each_process_of_a_fleet_is_shown(filled: World) -> None:
    with pages_of(filled, ASKED) as browser:
        assert "Processes" not in look(browser).words
        with app.writing(filled.config(), "test", filled.now) as database:
            for role, minutes in (("clock", 0), ("worker", 1), ("silent", 2)):
                at = filled.now - dt.timedelta(minutes=minutes)
                with database.write() as connection:
                    replica = Replica(f"of-{role}", role, "host-1", 77, "0.4.0", at, at)
                    replicas.put(connection, replica)
        page = look(browser)
    rows = page.tree.css("table")[0].css("tbody tr")
    assert [row.css("th")[0].text() for row in rows] == ["worker", "clock"]
    assert "77 on host-1 0.4.0, since Thu 2026-02-19 07:00 UTC" in page.words


def test_nobody_is_asked_where_no_password_is_set(world: World) -> None:
    with pages_of(world) as browser:
        for path in ("/status", "/status.json"):
            page = look(browser, path=path)
            nothing = browser.get("/nothing")
            assert (page.status, page.words) == (404, nothing.words)
            assert "WWW-Authenticate" not in page.headers


@pytest.mark.parametrize(
    "authorization",
    [
        basic("another"),
        basic(PASSWORD.upper()),
        basic(""),
        basic(PASSWORD + "\0"),
        basic("x", name=PASSWORD),
        f"Bearer {PASSWORD}",
        "Basic",
        "Basic %%%",
        "Basic \xe4\xf6",
        f"Basic {base64.b64encode(PASSWORD.encode()).decode()}",
        f"Basic {base64.b64encode(b'operator:' + bytes(range(128, 256))).decode()}",
        f"Basic {base64.b64encode(b'operator:' + b'x' * 5_000).decode()}",
    ],
)
def test_another_password_is_none(world: World, authorization: str) -> None:
    with pages_of(world, ASKED) as browser:
        for path in ("/status", "/status.json"):
            page = look(browser, authorization, path)
            assert (page.status, page.heading) == (401, "This page asks for a password")
        assert look(browser).status == 200


def test_it_is_asked_for_as_browsers_understand(world: World) -> None:
    with pages_of(world, ASKED) as browser:
        first = browser.get("/status")
        assert (first.status, first.headers["Cache-Control"]) == (401, "no-store")
        assert first.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert first.headers["WWW-Authenticate"].endswith('charset="UTF-8"')
        assert look(browser, basic(PASSWORD, name="anybody")).status == 200
        assert look(browser, basic(PASSWORD).replace("Basic", "bASIC")).status == 200
        page = look(browser)
        assert page.headers["Cache-Control"] == "no-store"
        assert " style=" not in page.text
        head = browser.client.head("/status", headers={"Authorization": basic(PASSWORD)})
        assert (head.status_code, head.content) == (200, b"")
        plain = httpx.get(f"{browser.client.base_url}/status", auth=("me", PASSWORD))
        assert plain.status_code == 200, "as curl and monitors do it"


def test_guessing_is_slow(filled: World) -> None:
    with pages_of(filled, ASKED) as browser:
        for _ in range(20):
            assert browser.get("/status").status == 401, "who says nothing has not guessed"
            assert look(browser).status == 200
        for number in range(10):
            assert look(browser, basic(f"guess-{number}")).status == 401
        page = look(browser, basic("guess"))
        assert (page.status, page.heading) == (429, "Too many wrong passwords")
        assert int(page.headers["Retry-After"]) <= 61
        assert look(browser).status == 429, "or a right guess would be told from a wrong one"
        elsewhere = {"X-Forwarded-For": "198.51.100.7", "Authorization": basic(PASSWORD)}
        assert browser.client.get("/status", headers=elsewhere).status_code == 200
        filled.later(minutes=1, seconds=1)
        assert look(browser).status == 200
        assert look(browser, basic("guess")).status == 401
        assert look(browser, basic("guess")).status == 429


def test_who_guesses_shuts_out_no_other_network(world: World) -> None:
    with pages_of(world, ASKED) as browser:

        def guess(address: str) -> int:
            headers = {"X-Forwarded-For": address, "Authorization": basic("guess")}
            return browser.client.get("/status", headers=headers).status_code

        # As a web server in front tells it that listens for both kinds of addresses.
        assert [guess("::ffff:203.0.113.9") for _ in range(11)] == [401] * 10 + [429]
        assert guess("::ffff:203.0.113.10") == 401
        assert guess("203.0.113.9") == 429, "it is the same"
        assert guess("fe80::1%eth0") == 401


def test_the_password_stands_in_no_log(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    coded = basic(PASSWORD).removeprefix("Basic ")
    with pages_of(world, ASKED) as browser:
        look(browser)
        look(browser, basic(PASSWORD[:-1]))
        world.state_dir.joinpath("watcher.db").rename(world.state_dir / "elsewhere")
        assert look(browser).status == 503
        (world.state_dir / "elsewhere").rename(world.state_dir / "watcher.db")
    said = capsys.readouterr()
    for text in (said.out, said.err, caplog.text):
        for secret in (PASSWORD, PASSWORD[:-1], coded, coded[:-4]):
            assert secret not in text
    assert PUBLIC in said.out + said.err + caplog.text, "there is a log"
