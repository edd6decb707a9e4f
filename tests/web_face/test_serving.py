"""The pages as processes: `serve` beside the daemon, and within `run`.

Each takes some seconds: a whole program starts, and ends as it was asked to.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.cli.looking import Asker
from tests.test_daemon import Service
from tests.web_face.browsing import SECRET, Browser, free_port, link_in, subscribe
from tests.world import DAILY, WEIGHTS, World
from watcher.links import Links, Purpose
from watcher.settings import RuleSettings, SubscriptionSettings, definition_of
from watcher.store import stored
from watcher.store.database import Database
from watcher.store.schema import papers

EVE = "eve@example.org"


def configure(world: World, port: int) -> None:
    world.now = dt.datetime.now(dt.UTC)
    web = f'\n[web]\nlisten = "127.0.0.1:{port}"\nsecret = "{SECRET}"\n'
    world.configure(DAILY, web, '[log]\nlevel = "debug"\n', WEIGHTS)


@pytest.mark.parametrize("command", ["serve", "run"])
def test_people_subscribe_and_no_log_tells_their_links(world: World, command: str) -> None:
    port = free_port()
    configure(world, port)
    with Service(world, "-vv", command=command) as running:
        running.wait_for("READY=1")
        with Browser(port) as browser:
            mine = subscribe(world, browser, EVE)
            assert mine.heading == "Your subscription"
            assert browser.get("/manage/no-such-token").status == 404
            mail = next(each for each in world.mails if each.recipient == EVE)
            reading = [link.attributes.get("href") or "" for link in mine.tree.css("section a")]
            for link in reading:
                assert browser.get(link).status == 200
            links = [link_in(mail, "confirm"), link_in(mail, "never"), mine.url]
            links += [f"http://here{link}" for link in reading]
        assert running.stop() < 15
        assert running.process.returncode == 0
    tokens = [re.split(r"[/?]", link)[4] for link in links]
    for secret in (SECRET, *tokens, *(token[:30] for token in tokens)):
        assert secret not in running.log()
    said = Asker(world)("subscriptions", "list", "--json")
    assert [each["to"] for each in said.rows if each["id"].startswith("web-")] == [[EVE]]


def test_serve_says_what_is_missing(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    said = Asker(world)("serve")
    assert said.code == 78
    assert 'write listen = "127.0.0.1:8466" below [web]' in said.err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        configure(world, taken.getsockname()[1])
        said = Asker(world)("serve")
        assert said.code == 78
        assert "Address already in use" in said.err


def test_a_taken_port_stops_no_mail(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        configure(world, taken.getsockname()[1])
        with Service(world) as running:
            running.wait_for("READY=1")
            running.wait_for("STATUS=next check")
            running.stop()
    assert "no pages" in running.log()
    assert "pass done" in running.log()


def test_a_changed_configuration_is_taken_up(world: World) -> None:
    port = free_port()
    configure(world, port)
    with Service(world, command="serve") as running:
        running.wait_for("READY=1")
        before = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text
        assert "One of" not in before
        text = world.config_path.read_text()
        allow = text.replace("[web]", '[web]\nallow = ["*@example.org"]')
        world.config_path.write_text(allow)
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("RELOADING=1")
        running.wait_for("READY=1")
        assert (
            "Only *@example.org can subscribe here"
            in httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text
        )
        world.config_path.write_text("nonsense = [")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("RELOADING=1")
        running.wait_for("READY=1")
        running.stop()
    assert "not taken over" in running.log()


def test_without_a_database_it_makes_one_and_says_when_that_is_gone(
    world: World, tmp_path: Path
) -> None:
    port = free_port()
    configure(world, port)
    with Service(world, command="serve") as running:
        running.wait_for("READY=1")
        url = f"http://127.0.0.1:{port}/readyz"
        assert httpx.get(url, trust_env=False).status_code == 200
        for path in world.state_dir.glob("watcher.db*"):
            path.rename(tmp_path / path.name)
        assert httpx.get(url, trust_env=False).status_code == 503
        page = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
        assert page.status_code == 503
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        running.stop()


def test_what_nobody_foresaw_is_logged_and_not_told(world: World) -> None:
    port = free_port()
    configure(world, port)
    world.fill(1)
    asyncio.run(world.run_pass())
    mine = SubscriptionSettings(id="web-0/papers", to=(EVE,), rules=(RuleSettings(any=("x",)),))
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        stored.put(connection, {mine.id: definition_of(mine)}, world.now)
        connection.execute(papers.update().values(facts="{"))  # as by a disk that fails
    database.close()
    token = Links(SECRET, "", lambda: world.now).token(Purpose.MANAGE, mine.id, EVE)
    with Service(world, "-vv", command="serve") as running:
        running.wait_for("READY=1")
        with Browser(port) as browser:
            page = browser.get(f"/manage/{token}")
        running.stop()
    assert (page.status, page.heading) == (500, "This did not work")
    assert "It was logged" in page.words
    assert "Decode" not in page.text
    assert "Traceback" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert "DecodeError" in running.log()
    assert token[:20] not in running.log()


@pytest.mark.parametrize("command", ["serve", "run"])
def test_without_the_extra_it_says_what_to_install(world: World, command: str) -> None:
    configure(world, free_port())
    # A module that is None cannot be imported: as where it is not installed.
    without = "import sys; sys.modules['starlette'] = None; from watcher.__main__ import main; "
    place = ["--config", str(world.config_path), "--state-dir", str(world.state_dir)]
    said = subprocess.run(
        [sys.executable, "-c", f"{without}main()", command, *place],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 78
    line = world.config_path.read_text().splitlines().index("[web]") + 1
    assert f"line {line}, web: the pages need their libraries" in said.stderr
    assert "pip install 'paper-watcher[web]'" in said.stderr
