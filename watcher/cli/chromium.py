"""A headless Chromium of its own: found, started, driven over a pipe, ended. It reaches no network.

Facts: https://chromedevtools.github.io/devtools-protocol/ (Browser, Target, Page, Network,
Emulation) and Chromium's --remote-debugging-pipe: commands on descriptor 3, answers on 4, each
ended by a zero byte.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from watcher.errors import DrawingError

VARIABLE = "CHROME_PATH"
"""The environment variable that names the program, as other tools read it."""

_NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    *("chrome", "chrome-headless-shell", "microsoft-edge"),
)
_APPLICATIONS = Path("/Applications")
_APPLICATION_NAMES = ("Google Chrome", "Chromium", "Microsoft Edge")
"""Of macOS: `NAME.app/Contents/MacOS/NAME`."""

_FLAGS = (
    *("--headless", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-breakpad"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--no-proxy-server"),
    *("--password-store=basic", "--use-mock-keychain"),
    *("--force-color-profile=srgb", "--font-render-hinting=none", "--remote-debugging-pipe"),
)
_KEPT = re.compile(r"PATH|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|FONTCONFIG_\w+|XDG_DATA_DIRS")
"""The variables that the browser is given: where things are, and no secret."""

_STARTER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4);"
    " os.execv(sys.argv[3], sys.argv[3:])"
)
"""Puts the pipes where Chromium looks for them; not every shell can name a descriptor above 9."""

_LEAST_DESCRIPTOR = 10
"""Above those that are moved to 3 and 4."""

_SECONDS_TO_CLOSE = 5.0

_OF_A_STACK = re.compile(r"#\d+ |\[end of stack trace\]| +\w+: [0-9a-f]{16}|Received signal \d")
"""What Chromium prints after its last words."""


def find(environ: Mapping[str, str], applications: Path = _APPLICATIONS) -> str | None:
    """The program to start: the one of CHROME_PATH, else one of a usual name. None: there is none.

    Raises DrawingError where CHROME_PATH names no program.
    """
    path = environ.get("PATH")
    if named := environ.get(VARIABLE):
        if found := shutil.which(named, path=path):
            return os.path.abspath(found)  # noqa: PTH100  # a link may lead to a program of many names
        raise DrawingError(f"{VARIABLE} is {named}, which is no program that can be started")
    apps = (applications / f"{name}.app/Contents/MacOS/{name}" for name in _APPLICATION_NAMES)
    for name in (*_NAMES, *map(str, apps)):
        if found := shutil.which(name, path=path):
            return os.path.abspath(found)  # noqa: PTH100  # as above
    return None


class Chromium:
    """Runs while it is entered, with a profile of its own, and for `seconds` at most.

    Every method raises DrawingError where the program ends, refuses, or is not done in time.
    """

    def __init__(self, program: str, seconds: float) -> None:
        self._program, self._seconds = program, seconds

    def __enter__(self) -> Self:
        self._until = time.monotonic() + self._seconds
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        try:
            self._start()
        except OSError as error:
            raise DrawingError(f"{self._program} cannot be started: {error.strerror}") from error
        return self

    def _start(self) -> None:
        with contextlib.ExitStack() as undone:
            self._home = tempfile.TemporaryDirectory(
                prefix="paper-watcher-chromium-", ignore_cleanup_errors=True
            )
            undone.callback(self._home.cleanup)
            theirs_in, self._out = _pipe()
            self._in, theirs_out = _pipe()
            undone.callback(os.close, self._out)
            undone.callback(os.close, self._in)
            os.set_blocking(self._out, False)
            home = self._home.name
            # Chromium itself refuses to run as root with its sandbox, and nobody else without.
            sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
            flags = (*_FLAGS, *sandbox, f"--user-data-dir={home}/profile", "about:blank")
            starter = (sys.executable, "-ISc", _STARTER, str(theirs_in), str(theirs_out))
            kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
            self._told = Path(home, "stderr")
            try:
                with self._told.open("wb") as stderr:
                    self._process = subprocess.Popen(  # noqa: S603  # a program the user has
                        [*starter, self._program, *flags],
                        pass_fds=(theirs_in, theirs_out),
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=stderr,
                        cwd=home,
                        env={**kept, "HOME": home},
                        process_group=0,
                    )
            finally:
                os.close(theirs_in)
                os.close(theirs_out)
            undone.pop_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._until = time.monotonic() + _SECONDS_TO_CLOSE
            with contextlib.suppress(DrawingError):
                self.call("Browser.close")
                while True:
                    self._next()
        # The process is not waited for yet, so the number of its group is still its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._home.cleanup()

    def tab(self) -> Tab:
        """An empty page, cut off from every network."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        return Tab(self, str(target), str(session["sessionId"]))

    def call(
        self, method: str, parameters: Mapping[str, object] | None = None, session: str = ""
    ) -> dict[str, Any]:
        """What Chromium answers to a command."""
        number = next(self._numbers)
        message: dict[str, object] = {"id": number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        self._write(json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self._events.append(answer)
        if "error" in answer:
            raise DrawingError(f"{self._program} refused {method}: {answer['error']}")
        return dict(answer["result"])

    def events(self, method: str, session: str) -> list[dict[str, Any]]:
        """The parameters of each such event so far."""
        return [
            event["params"]
            for event in self._events
            if event.get("method") == method and event.get("sessionId") == session
        ]

    def wait_for(self, method: str, session: str) -> None:
        """Wait until there was such an event."""
        while not self.events(method, session):
            self._events.append(self._next())

    def _write(self, left: bytes) -> None:
        while left:
            _, ready, _ = select.select([], [self._out], [], self._seconds_left())
            if not ready:
                raise self._silent()
            try:
                left = left[os.write(self._out, left) :]
            except BrokenPipeError as error:
                raise self._ended() from error

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], self._seconds_left())
            if not ready:
                raise self._silent()
            read = os.read(self._in, 1 << 20)
            if not read:
                raise self._ended()
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        try:
            return dict(json.loads(message))
        except (ValueError, TypeError) as error:
            raise DrawingError(f"{self._program} does not answer as a Chromium does") from error

    def _seconds_left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _ended(self) -> DrawingError:
        return DrawingError(f"{self._program} ended before its work was done{self._last_words()}")

    def _silent(self) -> DrawingError:
        return DrawingError(
            f"{self._program} was not done within {self._seconds:g} seconds, and was ended"
            f"{self._last_words()}"
        )

    def _last_words(self) -> str:
        lines = self._told.read_text("utf-8", "replace").splitlines()
        said = [line.strip() for line in lines if line.strip() and not _OF_A_STACK.match(line)]
        return f"; its last line: {said[-1]}" if said else "; it said nothing"


class Tab:
    """A page of a Chromium that runs."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self.browser, self.target, self.session = browser, target, session
        self.call("Page.enable")
        self.call("Network.enable")
        # No host resolves already; this holds should a future Chromium read that flag otherwise.
        no_network = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", no_network)

    def resize(self, width: int, height: int, scale: float) -> None:
        """Make the window so large, in CSS pixels of `scale` device pixels each."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", size)

    def choose_scheme(self, *, is_dark: bool) -> None:
        """Be the browser of somebody who likes it dark, or light."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [scheme]})

    def picture(self, width: int, height: int) -> bytes:
        """A PNG of the page's upper left, in CSS pixels; what no window shows is on it, too."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        asked = {"format": "png", "clip": clip, "captureBeyondViewport": True}
        return base64.b64decode(self.call("Page.captureScreenshot", asked)["data"])

    def call(self, method: str, parameters: Mapping[str, object] | None = None) -> dict[str, Any]:
        """What Chromium answers to a command about this page."""
        return self.browser.call(method, parameters, self.session)


def _pipe() -> tuple[int, int]:
    """A pipe whose descriptors stand in nobody's way."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _LEAST_DESCRIPTOR))
        os.close(end)
    reading, writing = ends
    return reading, writing
