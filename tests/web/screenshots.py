"""Makes the README's pictures: the demo's last mail, and pages on which to subscribe to such mails.

`make screenshots` calls it. The pictures differ a little with the fonts of the machine.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.web.chromium import Browser
from tests.web_face.browsing import SECRET, free_port, within_itself
from tests.web_face.browsing import Browser as Visitor
from watcher import app, logs
from watcher.cli.chromium import find
from watcher.demo import run_demo
from watcher.links import Links, Purpose
from watcher.settings import RuleSettings, SubscriptionSettings, definition_of, load
from watcher.store import stored
from watcher.web import serving

DOCS = Path(__file__).parents[2] / "docs"

SCALE = 1.6
"""Device pixels in a CSS pixel: sharp at the size in which the README shows them."""

COLOURS = 128

AFTERWARDS = dt.datetime(2026, 3, 12, 9, 30, tzinfo=dt.UTC)
"""When the demo's two days are over."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its file's name, what it shows, and the size of the window in CSS pixels."""

    name: str
    shows: str
    width: int
    height: int
    is_dark: bool

    @property
    def size(self) -> tuple[int, int]:
        """Its width and height in pixels."""
        return round(self.width * SCALE), round(self.height * SCALE)


PICTURES = tuple(
    Picture(f"{shows}-{device}{'-dark' if is_dark else ''}.png", shows, width, height, is_dark)
    for shows, device, width, height in (
        ("digest", "phone", 375, 780),
        ("digest", "desk", 700, 820),
        ("subscribe", "phone", 375, 780),
        ("subscribe", "desk", 1020, 900),
        ("manage", "desk", 1020, 900),
    )
    for is_dark in (False, True)
)


def make(folder: Path) -> None:
    """Put the pictures into a folder. Raises DrawingError where Chromium fails."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name, Browser() as browser:
        demo = Path(name)
        assert run_demo(demo, lambda _: None) == ()
        *_, mail = sorted(demo.glob("*.html"))
        shown = {"digest": mail}
        for kind, text in pages(demo).items():
            shown[kind] = demo / f"{kind}.html"
            shown[kind].write_text(text, encoding="utf-8")
        for picture in PICTURES:
            path = shown[picture.shows]
            page = browser.open(path, width=picture.width, is_dark=picture.is_dark, scale=SCALE)
            drawn = Image.open(io.BytesIO(page.tab.picture(picture.width, picture.height)))
            # With so many colours nobody sees a difference, but for a third of the size.
            few = drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            few.save(folder / picture.name, optimize=True)
            page.close()


def pages(demo: Path) -> Mapping[str, str]:
    """The pages beside what the demo has stored, each whole in itself."""
    port = free_port()
    path = demo / "watcher.toml"
    web = f'\n[web]\nlisten = "127.0.0.1:{port}"\nsecret = "{SECRET}"\n'
    path.write_text(path.read_text("utf-8") + web, encoding="utf-8")
    path.chmod(0o600)  # it has a secret now
    config = load(path, state_dir=demo, environ={})
    rule = RuleSettings(any=('"LoRA"', "model zoo"), none=("survey",), topics=("theorem-proving",))
    eve = SubscriptionSettings(
        id="web-0/papers", to=("eve@example.org",), digest="weekdays 08:00", rules=(rule,)
    )
    with app.writing(config, "screenshots", AFTERWARDS) as database, database.write() as connection:
        stored.put(connection, {eve.id: definition_of(eve)}, AFTERWARDS)
    links = Links(SECRET, f"http://127.0.0.1:{port}", lambda: AFTERWARDS)
    typed: dict[str, str | list[str]] = {
        "topics": ["theorem-proving"],
        "words": '"LoRA"\nmodel zoo',
    }
    typed |= {"none": "survey", "address": "eve@example.org", "days": "weekdays"}
    with serving(lambda: config, lambda: AFTERWARDS), Visitor(port) as visitor:
        shown = {
            "subscribe": visitor.press(visitor.get("/"), "See what would come", **typed),
            "manage": visitor.get(links.url(Purpose.MANAGE, eve.id, *eve.to)),
        }
        return {name: within_itself(visitor, page) for name, page in shown.items()}


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
