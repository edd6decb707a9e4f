"""Who holds connections without using them, and how many there may be."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.web_face.browsing import Browser, pages_of
from tests.world import World

WITHIN = 20


def connected(browser: Browser) -> socket.socket:
    host = urlsplit(str(browser.client.base_url))
    assert host.hostname
    assert host.port
    return socket.create_connection((host.hostname, host.port), timeout=WITHIN)


def held_for(connection: socket.socket, dribble: bytes) -> float:
    """Seconds until the pages end the connection on which that comes, bit by bit."""
    begun = time.monotonic()
    connection.settimeout(0.2)
    while time.monotonic() < begun + WITHIN:
        try:
            if dribble:
                connection.sendall(dribble)
            if not connection.recv(65_536):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - begun


@pytest.mark.parametrize(
    ("sent", "dribble"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"X"),
        (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n", b"x"),
    ],
    ids=["silence", "a head", "a second head", "a body that nobody wants"],
)
def test_nobody_holds_a_connection_by_being_slow(world: World, sent: bytes, dribble: bytes) -> None:
    # Some seconds: it is about those.
    with pages_of(world, idle_for=1) as browser, connected(browser) as connection:
        connection.sendall(sent)
        assert held_for(connection, dribble) < 5


def test_nobody_holds_a_connection_by_not_reading(world: World) -> None:
    # Some seconds: it is about those.
    asked = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 400
    with pages_of(world, idle_for=1) as browser:
        host = urlsplit(str(browser.client.base_url))
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.connect((host.hostname, host.port))
            connection.settimeout(0.5)
            with contextlib.suppress(TimeoutError, ConnectionError):
                connection.sendall(asked)
            begun = time.monotonic()
            while time.monotonic() < begun + WITHIN:
                try:
                    connection.sendall(b"G")
                    time.sleep(0.1)  # nothing tells when the other side gives up, but the next try
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
            assert time.monotonic() - begun < 10


@contextlib.contextmanager
def files_at_most(count: int) -> Iterator[None]:
    """As few as that may be open, for who asks meanwhile."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


def test_what_is_one_too_many_ends_at_once_and_the_pages_go_on(world: World) -> None:
    with contextlib.ExitStack() as stack:
        with files_at_most(200):
            browser = stack.enter_context(pages_of(world))
        held = [stack.enter_context(connected(browser)) for _ in range(110)]
        assert held[-1].recv(1) == b"", "the others have files to open, too"
        for each in held[:50]:
            each.close()
        assert browser.client.get("/healthz").status_code == 200
