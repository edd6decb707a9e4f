"""A mail as a picture, by the Chromium of this machine and by programs that only look like one."""

from __future__ import annotations

import io
import os
import select
import socket
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.digest import samples
from watcher.cli.chromium import find
from watcher.cli.drawing import SCALE, draw
from watcher.errors import DrawingError

Script = Callable[[str], str]

LAST_LINE = '<div style="height:{}px"></div><p style="background:#00f;height:9px;margin:0"></p>'
PAGE = "<!DOCTYPE html><meta charset=utf-8><body style='margin:0;background:#fff'>{}"
BLUE, WHITE = (0, 0, 255), (255, 255, 255)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a program of lines of shell, and says where it is."""

    def make(lines: str) -> str:
        path = tmp_path / "chromium"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where profiles are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def drawn(html: str, width: int, *, is_dark: bool = False) -> Image.Image:
    program = find(os.environ)
    assert program
    return Image.open(io.BytesIO(draw(html, program, width, is_dark=is_dark))).convert("RGB")


@pytest.mark.browser
def test_the_last_line_of_the_longest_page_is_drawn() -> None:
    picture = drawn(PAGE.format(LAST_LINE.format(31_000)), 240)
    assert picture.size == (240 * SCALE, 31_009 * SCALE)
    for x in (0, picture.width - 1):
        assert picture.getpixel((x, picture.height - 1)) == BLUE
        assert picture.getpixel((x, 31_000 * SCALE)) == BLUE
        assert picture.getpixel((x, 31_000 * SCALE - 1)) == WHITE, "nothing comes twice, no bar"


@pytest.mark.browser
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_a_mail_has_its_ground_down_to_its_last_row(*, is_dark: bool) -> None:
    picture = drawn(samples.digests()["rich"].html, 700, is_dark=is_dark)
    assert picture.width == 700 * SCALE
    ground = (15, 17, 19) if is_dark else (242, 243, 245)
    assert picture.getpixel((1, picture.height - 1)) == ground


@pytest.mark.browser
def test_no_address_is_reached_no_script_runs_and_no_profile_stays(
    temporary: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/pixel.png"
        script = "<script>document.body.style.background = '#00f'</script>"
        picture = drawn(PAGE.format(f'{script}<img src="{url}" alt="">'), 240)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert picture.getpixel((picture.width - 1, 0)) == WHITE
    assert list(temporary.iterdir()) == []
    assert list(tmp_path.iterdir()) == [temporary], "nor anything in the user's home"


def test_a_browser_that_hangs_is_ended_with_all_that_it_started(
    script: Script, temporary: Path, tmp_path: Path
) -> None:
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    end = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    program = script(f'exec 7>"{alive}"\necho warming up >&2\necho "still warming" >&2\nsleep 600')
    began = time.monotonic()
    with pytest.raises(DrawingError) as told:
        draw("", program, 700, seconds=3)
    assert time.monotonic() - began < 60
    assert str(told.value) == (
        f"{program} was not done within 3 seconds, and was ended; its last line: still warming"
    )
    assert select.select([end], [], [], 10)[0], "neither the shell nor its sleep holds the pipe"
    os.close(end)
    assert list(temporary.iterdir()) == []


def test_a_browser_that_fails_is_told_with_its_last_words(script: Script, temporary: Path) -> None:
    program = script(
        "echo '[7:7:FATAL:sandbox.cc(9)] No usable sandbox!' >&2\n"
        "echo '#0 0x55d0c0a1b2c3 <unknown>' >&2\nexit 1"
    )
    with pytest.raises(DrawingError, match=r"its last line: .*FATAL.* No usable sandbox!$"):
        draw("", program, 700)
    with pytest.raises(DrawingError, match="ended before its work was done; it said nothing"):
        draw("", script("exit 0"), 700)
    with pytest.raises(DrawingError, match="does not answer as a Chromium does"):
        draw("", script("printf 'rubbish\\0' >&4; sleep 600"), 700)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("user", [0, 1000])
def test_a_browser_gets_a_home_of_its_own_and_no_secrets(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    monkeypatch.setenv("WATCHER_SMTP__PASSWORD", "s3cret")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "mine"))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    seen = tmp_path / "seen"
    program = script(f'env > {seen}\nfor each; do echo "$each" >> {seen}; done')
    with pytest.raises(DrawingError):
        draw("", program, 700)
    told = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    assert told["HOME"] != os.environ["HOME"]
    assert told["--user-data-dir"].startswith(told["HOME"])
    assert not {"WATCHER_SMTP__PASSWORD", "XDG_CONFIG_HOME"} & told.keys()
    assert ("--no-sandbox" in told) is (user == 0), "only root goes without"


def test_browsers_are_found_by_their_usual_names(tmp_path: Path) -> None:
    def put(path: Path) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(stat.S_IRWXU)
        return str(path)

    first, second, apps = tmp_path / "first", tmp_path / "second", tmp_path / "apps"
    environ = {"PATH": f"{first}:{second}"}
    assert find(environ, apps) is None
    app = put(apps / "Google Chrome.app/Contents/MacOS/Google Chrome")
    assert find(environ, apps) == app
    chrome = put(first / "google-chrome")
    assert find(environ, apps) == chrome
    chromium = put(second / "chromium")
    assert find(environ, apps) == chromium
    assert find(environ | {"CHROME_PATH": ""}, apps) == chromium
    mine = put(tmp_path / "mine")
    assert find(environ | {"CHROME_PATH": mine}, apps) == mine
    with pytest.raises(DrawingError, match="CHROME_PATH is /no/such, which is no program"):
        find(environ | {"CHROME_PATH": "/no/such"}, apps)
