"""The service manager's side: what the program tells it, and when it falls silent."""

from __future__ import annotations

import socket
import time
from pathlib import Path


class Manager:
    """The service manager's end of the notify socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(20)

    def heard(self, word: str) -> None:
        """Block until it is said, for twenty seconds at most."""
        deadline = time.monotonic() + 20
        while word not in self._socket.recv(4096).decode():
            assert time.monotonic() < deadline, f"{word} was not said"

    def is_silent_for(self, seconds: float) -> bool:
        """Whether the feeding stops for that long within ten seconds."""
        self._socket.settimeout(seconds)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                self._socket.recv(4096)
            except TimeoutError:
                self._socket.settimeout(20)
                return True
        return False

    def close(self) -> None:
        self._socket.close()
