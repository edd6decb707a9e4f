"""Two hosts and the link between them, as network namespaces (root).

Servers go on listening on loopback only: 127.0.0.1 is the first host's, and the second one, which
has no loopback of its own, reaches it over the link. Nobody else sees either.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

T = TypeVar("T")

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
SECOND = "127.0.0.2"
ROUTE_LOOPBACK = "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet"


def hosts_are_allowed() -> bool:
    """Whether this machine lets us make them, as containers often do not."""
    link = ("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
    try:
        return not subprocess.run(
            ["unshare", "--net", *link], check=False, capture_output=True
        ).returncode
    except OSError:
        return False


def on_first_host(work: Callable[[], T]) -> T:
    """Do something in a thread on a host of its own; all that it starts is there as well."""

    def move() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "no network namespace")
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "address", "add", "127.0.0.1/32", "dev", "lo")
        _run("ip", "address", "delete", "127.0.0.1/8", "dev", "lo")

    with ThreadPoolExecutor(1, initializer=move) as thread:
        return thread.submit(work).result()


class Link:
    """The link to a second host, made from the first one; `inside` starts a command there."""

    def __enter__(self) -> Self:
        self._host = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._host.stdout
        self._host.stdout.readline()
        pid = str(self._host.pid)
        self.inside = ("nsenter", "--target", pid, "--net")
        _run("sh", "-c", ROUTE_LOOPBACK)
        _run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", pid)
        self.mend()
        _run(*self.inside, "sh", "-c", ROUTE_LOOPBACK)
        _run(*self.inside, "ip", "address", "add", f"{SECOND}/32", "dev", "far")
        _run(*self.inside, "ip", "link", "set", "far", "up")
        _run(*self.inside, "ip", "route", "add", "127.0.0.1/32", "dev", "far", "src", SECOND)
        return self

    def __exit__(self, *_: object) -> None:
        self._host.communicate()

    def cut(self) -> None:
        """Nothing goes through any more, and nobody is told."""
        _run("ip", "link", "set", "near", "down")

    def mend(self) -> None:
        """All goes through."""
        _run("ip", "link", "set", "near", "up")
        _run("ip", "route", "add", f"{SECOND}/32", "dev", "near", "src", "127.0.0.1")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
