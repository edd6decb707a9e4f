"""A digest before it goes out, with nothing written and nothing sent."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.looking import Asker, fill
from tests.fakesite import Fault, make_paper
from tests.world import DAILY, TRENDING, WEIGHTS, ZORBLAX, World

AT_EIGHT = WEIGHTS.replace("each-check", "daily 08:00")


def run_pass(world: World) -> None:
    asyncio.run(_run_pass(world))


async def _run_pass(world: World) -> None:
    await world.run_pass()


def contents(world: World) -> bytes:
    return (world.state_dir / "watcher.db").read_bytes()


def test_what_is_pending_is_shown_as_it_will_go(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    before, requests = contents(world), len(world.site.requests)
    said = ask("preview", "weights", "--json")
    assert said.code == 0
    assert said.json["origin"] == "pending"
    assert said.json["papers"] == ["2602.00001"]
    assert said.json["html"] is None
    text = ask("preview", "weights", "--text")
    assert ZORBLAX in text.out
    assert "1 paper" in text.err
    world.later(hours=1)
    assert contents(world) == before
    assert len(world.site.requests) == requests
    assert world.mails == []
    run_pass(world)
    [mail] = world.digests()
    assert mail.subject == said.json["subject"]


def test_the_html_lies_in_a_file_of_one_s_own(world: World, ask: Asker, tmp_path: Path) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    made = Path(ask("preview", "weights").out.strip())
    try:
        assert ZORBLAX in made.read_text("utf-8")
        assert made.stat().st_mode & 0o077 == 0
    finally:
        made.unlink()
    wanted = tmp_path / "mine.html"
    assert ask("preview", "weights", "--html", str(wanted)).out.strip() == str(wanted)
    assert ZORBLAX in wanted.read_text("utf-8")
    said = ask("preview", "weights", "--html", str(tmp_path / "no" / "such.html"))
    assert said.code == 2
    assert "cannot be written" in said.err


def test_with_nothing_pending_the_pages_as_last_read_are_taken(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    run_pass(world)
    assert len(world.digests()) == 1, "it is mailed, and nothing waits"
    said = ask("preview", "weights", "--text")
    assert said.code == 0
    assert "nothing waits; of the 9 papers on the pages as last read, 1 paper fit" in said.err
    assert ZORBLAX in said.out


def test_with_nothing_stored_the_pages_are_read(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    said = ask("preview", "weights", "--json")
    assert said.code == 0
    assert said.json["origin"] == "live"
    assert said.json["papers"] == ["2602.00001"]
    assert "nothing is stored yet: reading" in said.err
    assert not (world.state_dir / "watcher.db").exists()
    assert world.mails == []
    plain = ask("preview", "weights", "--text")
    assert "on the pages now, 1 paper fit" in plain.err


def test_only_its_own_sources_are_read(world: World, ask: Asker) -> None:
    world.configure(DAILY, TRENDING, AT_EIGHT + 'sources = ["daily"]\n')
    fill(world, 1)
    assert ask("preview", "weights", "--json").code == 0
    assert not [path for path in world.site.paths() if "trending" in path]


def test_votes_a_day_count_in_what_is_shown(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT + "min_upvotes_per_day = 10\n")
    fill(world)
    world.add(
        make_paper(1, world.now, title=ZORBLAX, votes=lambda _: 15),
        make_paper(2, world.now, title=ZORBLAX, votes=lambda _: 9),
    )
    for origin in ("live", "pending"):
        said = ask("preview", "weights", "--json")
        assert (said.json["origin"], said.json["papers"]) == (origin, ["2602.00001"])
        assert "15 votes a day" in said.json["text"]
        run_pass(world)
    world.later(hours=2)
    run_pass(world)
    said = ask("preview", "weights", "--json")
    assert (said.json["origin"], said.json["papers"]) == ("listings", ["2602.00001"])


def test_a_baseline_subscription_sees_what_its_rules_would_bring(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT + 'first_run = "baseline"\n')
    fill(world, 1)
    assert ask("preview", "weights", "--json").json["papers"] == ["2602.00001"]


def test_rules_that_nothing_satisfies_say_so(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world)
    said = ask("preview", "weights")
    assert said.code == 0
    assert "None of the 8 papers on the pages satisfies the rules" in said.out
    told = ask("preview", "weights", "--json").json
    assert (told["papers"], told["subject"], told["html"]) == ([], None, None)


def test_a_site_that_cannot_be_read_is_exit_1(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    world.site.faults["*"] = Fault(disconnects=True)
    said = ask("preview", "weights")
    assert said.code == 1
    assert "no page could be read" in said.err
    assert "daily: failed" in said.err


def test_an_unknown_subscription_is_exit_2(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    said = ask("preview", "wheights")
    assert said.code == 2
    assert "did you mean weights?" in said.err


@pytest.mark.browser
def test_the_browser_is_given_the_picture(world: World, ask: Asker, tmp_path: Path) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\n')
    browser.chmod(0o700)
    html, picture = tmp_path / "mail.html", tmp_path / "mail.png"
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "watcher", "preview", "weights", "--open"),
            *("--png", str(picture), "--html", str(html), "--config", str(world.config_path)),
            *("--state-dir", str(world.state_dir)),
        ],
        env={"PATH": os.environ["PATH"], "BROWSER": str(browser)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert seen.read_text() == picture.as_uri()
    assert html.exists()


def test_the_browser_is_given_the_file(world: World, tmp_path: Path) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\n')
    browser.chmod(0o700)
    html = tmp_path / "shown.html"
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "watcher", "preview", "weights", "--open"),
            *("--html", str(html), "--config", str(world.config_path)),
            *("--state-dir", str(world.state_dir)),
        ],
        env={"PATH": "/usr/bin:/bin", "BROWSER": str(browser)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert seen.read_text() == html.as_uri()
    broken = subprocess.run(
        [
            *(sys.executable, "-m", "watcher", "preview", "weights", "--open"),
            *("--html", str(html), "--config", str(world.config_path)),
            *("--state-dir", str(world.state_dir)),
        ],
        env={"PATH": "/nowhere", "BROWSER": "/no/such/browser"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert broken.returncode == 0
    assert "open the file yourself" in broken.stderr


@pytest.mark.browser
def test_the_picture_is_as_wide_and_dark_as_asked(world: World, ask: Asker, tmp_path: Path) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    light, dark, html = tmp_path / "light.png", tmp_path / "dark.png", tmp_path / "mail.html"
    said = ask("preview", "weights", "--png", str(light), "--html", str(html))
    assert (said.code, said.out.split()) == (0, [str(html), str(light)])
    narrow = ("--png", str(dark), "--width", "320", "--dark")
    told = ask("preview", "weights", *narrow, "--json")
    assert (told.json["png"], told.json["html"]) == (str(dark), None)
    with Image.open(light) as first, Image.open(dark) as second:
        assert (first.width, second.width) == (1400, 640), "two pixels in a CSS pixel"
        assert second.height > first.height, "what is narrow is long"
        assert first.convert("L").getpixel((1, 1)) == 243
        assert second.convert("L").getpixel((1, 1)) == 27
    refused = ask("preview", "weights", "--png", str(tmp_path / "no" / "such.png"))
    assert refused.code == 2
    assert "such.png cannot be written: No such file" in refused.err
    picture = tmp_path / "none.png"
    world.configure(DAILY, AT_EIGHT.replace("zorblax", "nothing of the kind"))
    said = ask("preview", "weights", "--png", str(picture), "--json")
    assert (said.code, said.json["png"], picture.exists()) == (0, None, False)


def test_what_cannot_be_drawn_is_said_before_a_page_is_read(
    world: World, ask: Asker, tmp_path: Path
) -> None:
    world.configure(DAILY, AT_EIGHT)
    picture = ("--png", str(tmp_path / "mail.png"))
    none = ask("preview", "weights", *picture, env={"PATH": str(tmp_path)})
    assert none.code == 2
    assert "there is no Chromium to draw with: install one" in none.err
    wrong = ask("preview", "weights", *picture, env={"CHROME_PATH": "/no/such"})
    assert wrong.code == 2
    assert "CHROME_PATH is /no/such, which is no program" in wrong.err
    for width in ("239", "2001", "wide"):
        said = ask("preview", "weights", *picture, "--width", width)
        assert said.code == 2
        assert "'--width'" in said.err
    for alone in (("--dark",), ("--width", "320")):
        said = ask("preview", "weights", *alone)
        assert said.code == 2
        assert "say where to draw it with --png FILE" in said.err
    assert world.site.requests == []


def test_a_browser_that_fails_leaves_no_file(world: World, ask: Asker, tmp_path: Path) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no screen >&2\nexit 1\n")
    broken.chmod(0o700)
    made = (tmp_path / "mail.png", tmp_path / "mail.html")
    wanted = ("--png", str(made[0]), "--html", str(made[1]))
    said = ask("preview", "weights", *wanted, "--json", env={"CHROME_PATH": str(broken)})
    assert said.code == 1
    assert "its last line: no screen" in said.err
    assert "no screen" in said.json["error"]
    assert not any(path.exists() for path in made)


@pytest.mark.parametrize("is_stored", [False, True])
def test_a_subscription_in_a_broken_file_says_what_is_wrong(
    world: World, ask: Asker, *, is_stored: bool
) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world)
    if is_stored:
        run_pass(world)
    folder = world.config_path.parent / "subscriptions.d"
    folder.mkdir()
    (folder / "eve.toml").write_text(
        '[[subscriptions]]\nto = "eve@example.org"\nany = ["x"]\nnone = ["x"]\n'
    )
    said = ask("preview", "eve/papers")
    assert said.code == 2
    assert "eve.toml" in said.err
    assert ask("preview", "weights", "--text").code == 0
