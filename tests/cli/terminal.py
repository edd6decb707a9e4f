"""A person at a terminal: a command on a pseudo-terminal of its own, answered prompt by prompt."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

# getpass asks the controlling terminal, which a session leader has to take.
_START = (
    "import fcntl, runpy, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "runpy.run_module('watcher', run_name='__main__', alter_sys=True)"
)
LONGEST_WAIT = 30.0


class Terminal:
    """`with Terminal("init", env=…) as terminal: terminal.answer("Keywords: ", "LoRA")`."""

    def __init__(self, *arguments: str, env: Mapping[str, str]) -> None:
        self._screen = ""
        self._seen = 0
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "dumb", **env, "PYTHONUTF8": "1"},
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    @property
    def screen(self) -> str:
        """All that was shown so far."""
        return self._screen

    def expect(self, text: str) -> str:
        """Wait until `text` is shown, behind what was waited for before; what stood before it."""
        until = time.monotonic() + LONGEST_WAIT
        while text not in self._screen[self._seen :]:
            if not self._read(until):
                raise AssertionError(f"{text!r} never came, but:\n{self._screen}")
        start = self._screen.index(text, self._seen)
        before = self._screen[self._seen : start]
        self._seen = start + len(text)
        return before

    def answer(self, prompt: str, text: str) -> str:
        """Wait for a prompt, type a line; what was shown before the prompt."""
        before = self.expect(prompt)
        self.type(f"{text}\n")
        return before

    def type(self, text: str | bytes) -> None:
        """Press these keys."""
        os.write(self._ours, text.encode() if isinstance(text, str) else text)

    def end(self) -> int:
        """Wait for the command to end; its exit code, negative for a signal."""
        until = time.monotonic() + LONGEST_WAIT
        while self._read(until):
            pass
        return self._process.wait(LONGEST_WAIT)

    def interrupt(self) -> int:
        """Press Ctrl-C until the command ends; its exit code.

        Pressed between a prompt and the read behind it, the first one is noticed with the next.
        """
        until = time.monotonic() + LONGEST_WAIT
        while self._process.poll() is None and time.monotonic() < until:
            self.type("\x03")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)  # or the next one ends a program that is about to end
        return self.end()

    def _read(self, until: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            self._process.send_signal(signal.SIGKILL)
            raise AssertionError(f"nothing more came after:\n{self._screen}")
        try:
            read = os.read(self._ours, 65536)
        except OSError:  # Linux's way of saying that the other end is closed
            return False
        self._screen += read.decode(errors="replace").replace("\r\n", "\n")
        return bool(read)
