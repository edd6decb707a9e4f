"""A headless Chromium, driven over the pipe of its DevTools protocol; it reaches no network.

Facts: https://chromedevtools.github.io/devtools-protocol/ (Target, Page, Network, Emulation,
Runtime) and Chromium's --remote-debugging-pipe: commands on descriptor 3, answers on 4, each ended
by a zero byte.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LONGEST_WAIT = 60.0  # seconds
_FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND"),
    *("--force-color-profile=srgb", "--font-render-hinting=none", "--remote-debugging-pipe"),
)
_LEAST_DESCRIPTOR = 10
"""Above those that are moved to 3 and 4."""


class ChromiumError(Exception):
    """Chromium ended, did not answer, or refused a command."""


class Chromium:
    """Runs while it is entered; `open` shows a file."""

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="chromium-"))
        theirs_in, self._out = _pipe()
        self._in, theirs_out = _pipe()
        command = ("chromium", *_FLAGS, f"--user-data-dir={self._home}", "about:blank")
        with (self._home / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", *command],
                pass_fds=(theirs_in, theirs_out),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, "HOME": str(self._home)},
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(ChromiumError, OSError):
            self.call("Browser.close")
        try:
            self._process.wait(LONGEST_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(LONGEST_WAIT)
        os.close(self._in)
        os.close(self._out)
        # A helper process may write its last file a moment later.
        shutil.rmtree(self._home, ignore_errors=True)

    def open(self, path: Path, *, width: int, is_dark: bool = False, scale: float = 1) -> Page:
        """Show a file in a window `width` CSS pixels wide, of `scale` device pixels each."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = Page(self, str(target), str(session["sessionId"]))
        page.resize(width, 800, scale)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        page.call("Emulation.setEmulatedMedia", {"features": [scheme]})
        page.load(path.resolve().as_uri())
        return page

    def call(
        self, method: str, parameters: Mapping[str, object] | None = None, session: str = ""
    ) -> dict[str, Any]:
        """What Chromium answers to a command. Raises ChromiumError."""
        number = next(self._numbers)
        message: dict[str, object] = {"id": number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        left = json.dumps(message).encode() + b"\0"
        while left:
            left = left[os.write(self._out, left) :]
        while (answer := self._next()).get("id") != number:
            self._events.append(answer)
        if "error" in answer:
            raise ChromiumError(f"{method}: {answer['error']}")
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def events(self, method: str, session: str) -> list[dict[str, Any]]:
        """The parameters of each such event so far."""
        return [
            event["params"]
            for event in self._events
            if event.get("method") == method and event.get("sessionId") == session
        ]

    def wait_for(self, method: str, session: str) -> None:
        """Wait until there was such an event. Raises ChromiumError."""
        while not self.events(method, session):
            self._events.append(self._next())

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + LONGEST_WAIT
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            read = os.read(self._in, 1 << 20) if ready else b""
            if not read:
                told = (self._home / "stderr").read_text("utf-8", "replace")
                raise ChromiumError(f"Chromium {'ended' if ready else 'is silent'}:\n{told}")
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer = json.loads(message)
        assert isinstance(answer, dict)
        return answer


class Page:
    """A file that is shown, and what it has asked the network for."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    @property
    def requests(self) -> list[str]:
        """Every address that was asked for, the page's own first."""
        sent = self._browser.events("Network.requestWillBeSent", self._session)
        return [str(event["request"]["url"]) for event in sent]

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401  # whatever it is in JavaScript
        """The value of an expression, once its promise is kept. Raises ChromiumError."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self.call("Runtime.evaluate", asked)
        if "exceptionDetails" in answer:
            raise ChromiumError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Make the window so large."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", size)

    def load(self, url: str) -> None:
        """Go there, and wait until everything is."""
        self.call("Network.enable")
        self.call("Page.enable")
        self.call("Page.navigate", {"url": url})
        self._browser.wait_for("Page.loadEventFired", self._session)

    def picture(self, width: int, height: int) -> bytes:
        """A PNG of the page's upper left, in CSS pixels."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        asked = {"format": "png", "clip": clip, "captureBeyondViewport": True}
        return base64.b64decode(self.call("Page.captureScreenshot", asked)["data"])

    def close(self) -> None:
        """Show it no longer."""
        self._browser.call("Target.closeTarget", {"targetId": self._target})

    def call(self, method: str, parameters: Mapping[str, object] | None = None) -> dict[str, Any]:
        """What Chromium answers to a command about this page. Raises ChromiumError."""
        return self._browser.call(method, parameters, self._session)


def _pipe() -> tuple[int, int]:
    """A pipe whose descriptors stand in nobody's way."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _LEAST_DESCRIPTOR))
        os.close(end)
    reading, writing = ends
    return reading, writing
