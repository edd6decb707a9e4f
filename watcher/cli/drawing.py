"""A mail's HTML as a picture, drawn by a Chromium that this machine has."""

from __future__ import annotations

import math

SCALE = 2
"""Device pixels in a CSS pixel: sharp on the screens of today."""

LEAST_WIDTH, MOST_WIDTH = 240, 2000
DEFAULT_WIDTH = 700
"""In CSS pixels: a mail as on a desk, with a margin on both sides."""

MOST_SECONDS = 60.0
"""The longest mail takes about twelve at the greatest width."""


def draw(
    html: str, program: str, width: int, *, is_dark: bool = False, seconds: float = MOST_SECONDS
) -> bytes:
    """The whole mail as a PNG, `width` CSS pixels wide; no script of it runs, nothing is loaded.

    `program` is a Chromium. Raises DrawingError where that fails, or is not done in `seconds`.
    """
    from watcher.cli.chromium import Chromium

    with Chromium(program, seconds) as browser:
        tab = browser.tab()
        tab.call("Emulation.setScriptExecutionDisabled", {"value": True})
        tab.resize(width, 800, SCALE)
        tab.choose_scheme(is_dark=is_dark)
        frame = tab.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        tab.call("Page.setDocumentContent", {"frameId": frame, "html": html})
        browser.wait_for("Page.loadEventFired", tab.session)
        height = math.ceil(tab.call("Page.getLayoutMetrics")["cssContentSize"]["height"])
        return tab.picture(width, height)
