"""Makes the README's pictures: the last mail of the demo on a phone and a desk, light and dark.

`make screenshots` calls it. The pictures differ a little with the fonts of the machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.web.chromium import Browser
from watcher import logs
from watcher.cli.chromium import find
from watcher.demo import run_demo

DOCS = Path(__file__).parents[2] / "docs"

SCALE = 1.6
"""Device pixels in a CSS pixel: sharp at the size in which the README shows them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its file's name, and the size of the window in CSS pixels."""

    name: str
    width: int
    height: int
    is_dark: bool

    @property
    def size(self) -> tuple[int, int]:
        """Its width and height in pixels."""
        return round(self.width * SCALE), round(self.height * SCALE)


PICTURES = tuple(
    Picture(f"digest-{device}{'-dark' if is_dark else ''}.png", width, height, is_dark)
    for device, width, height in (("phone", 375, 780), ("desk", 700, 820))
    for is_dark in (False, True)
)


def make(folder: Path) -> None:
    """Put the pictures into a folder. Raises DrawingError where Chromium fails."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as demo, Browser() as browser:
        assert run_demo(Path(demo), lambda _: None) == ()
        *_, mail = sorted(Path(demo).glob("*.html"))
        for picture in PICTURES:
            page = browser.open(mail, width=picture.width, is_dark=picture.is_dark, scale=SCALE)
            (folder / picture.name).write_bytes(page.tab.picture(picture.width, picture.height))
            page.close()


def size_of(content: bytes) -> tuple[int, int]:
    """The width and height of a PNG (PNG specification, 11.2.1)."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def main() -> None:
    """Make them in `docs`, or say what is missing."""
    if not find(os.environ):
        sys.exit("Chromium is needed. On Debian, as root: apt-get install chromium")
    logs.configure("error")
    make(DOCS)


if __name__ == "__main__":
    main()
