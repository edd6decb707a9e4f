"""A dead man's switch: an HTTP server in threads of its own that notes what it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Switch:
    """`asked` are the targets in their order; while `is_silent`, nobody gets an answer."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.is_silent = False
        self.asked: list[str] = []
        self.left = threading.Event()
        self._changed = threading.Condition()

    def note(self, target: str) -> None:
        """Take down a request."""
        with self._changed:
            self.asked.append(target)
            self._changed.notify_all()

    def wait_for(self, count: int, timeout: float = 60) -> list[str]:
        """Block until it was asked so often; what for."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.asked) >= count, timeout):
                raise AssertionError(f"asked for {self.asked} only")
            return list(self.asked)


@contextmanager
def dead_mans_switch() -> Iterator[Switch]:
    """A switch that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            switch.note(self.path)
            if switch.is_silent:
                switch.left.wait(60)
                return
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        switch = Switch(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield switch
        finally:
            switch.left.set()
            server.shutdown()
            thread.join()
