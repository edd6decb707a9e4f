"""`make screenshots` draws what the README shows, or says what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import CHECKOUT
from tests.web import screenshots


@pytest.mark.browser
def test_the_pictures_are_drawn(tmp_path: Path) -> None:
    screenshots.make(tmp_path)
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: screenshots.size_of(content) for name, content in drawn.items()} == {
        picture.name: picture.size for picture in screenshots.PICTURES
    }
    assert len(set(drawn.values())) == len(screenshots.PICTURES), "dark is not light"


def test_without_chromium_it_says_so(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.web.screenshots"],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Chromium is needed.")
