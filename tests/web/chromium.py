"""The watcher's Chromium, to look at files and ask pages questions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from watcher.cli.chromium import Chromium, Tab, find
from watcher.errors import DrawingError

LONGEST_LIFE = 600.0  # seconds


class Browser(Chromium):
    """The Chromium of this machine; `open` shows a file."""

    def __init__(self) -> None:
        program = find(os.environ)
        assert program
        super().__init__(program, LONGEST_LIFE)

    def open(self, path: Path, *, width: int, is_dark: bool = False, scale: float = 1) -> Page:
        """Show a file in a window `width` CSS pixels wide, of `scale` device pixels each."""
        page = Page(self, self.tab())
        page.tab.resize(width, 800, scale)
        page.tab.choose_scheme(is_dark=is_dark)
        page.load(path.resolve().as_uri())
        return page


class Page:
    """A file that is shown, and what it has asked the network for."""

    def __init__(self, browser: Browser, tab: Tab) -> None:
        self._browser, self.tab = browser, tab

    @property
    def requests(self) -> list[str]:
        """Every address that was asked for, the page's own first."""
        sent = self._browser.events("Network.requestWillBeSent", self.tab.session)
        return [str(event["request"]["url"]) for event in sent]

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401  # whatever it is in JavaScript
        """The value of an expression, once its promise is kept. Raises DrawingError."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self.tab.call("Runtime.evaluate", asked)
        if "exceptionDetails" in answer:
            raise DrawingError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def load(self, url: str) -> None:
        """Go there, and wait until everything is."""
        self.tab.call("Page.navigate", {"url": url})
        self._browser.wait_for("Page.loadEventFired", self.tab.session)

    def close(self) -> None:
        """Show it no longer."""
        self._browser.call("Target.closeTarget", {"targetId": self.tab.target})
