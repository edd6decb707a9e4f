"""The unit under a real systemd: the program works in its sandbox, cannot leave it, nor hang."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.booted import BootedSystemd
from tests.fakesite import make_paper
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher import app
from watcher.resources import resource

pytestmark = pytest.mark.booted

PASSWORD = "from-a-credential"
UNIT = (resource("systemd") / "watcher.service").read_text()

PROBE = r"""
import ctypes, json, os, pathlib, socket
from ctypes import c_int, c_long, c_size_t, c_void_p

libc = ctypes.CDLL(None, use_errno=True)

def tried(act):
    try:
        found = act()
    except Exception as error:
        return type(error).__name__
    return f"done: {found}"

def called(function, *arguments):
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "refused")

def mapped():
    libc.mmap.restype = c_void_p
    libc.mmap.argtypes = [c_void_p, c_size_t, c_int, c_int, c_int, c_long]
    if libc.mmap(None, 4096, 7, 0x22, -1, 0) == c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "refused")

def setuid():
    path = pathlib.Path(os.environ["STATE_DIRECTORY"]) / "setuid"
    path.touch()
    path.chmod(0o4755)

found = {
    "state": tried(lambda: (pathlib.Path(os.environ["STATE_DIRECTORY"]) / "x").write_text("x")),
    "who": tried(lambda: __import__("pwd").getpwuid(os.getuid()).pw_name),
    "other processes": tried(lambda: [p.name for p in pathlib.Path("/proc").iterdir()
                                      if p.name.isdigit() and int(p.name) == 1]),
    "umask": tried(lambda: oct(os.umask(0o77))),
    "write /etc": tried(lambda: open("/etc/paper-watcher/x", "w")),
    "write /usr": tried(lambda: open("/usr/x", "w")),
    "write /opt": tried(lambda: open("/opt/paper-watcher/x", "w")),
    "read /root": tried(lambda: os.listdir("/root")),
    "read the shadow": tried(lambda: open("/etc/shadow").read()),
    "read the credstore": tried(lambda: open("/etc/credstore/paper-watcher.smtp.password").read()),
    "packet socket": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "netlink socket": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "raw socket": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "unix socket": tried(lambda: socket.socket(socket.AF_UNIX).close()),
    "namespace": tried(lambda: called(libc.unshare, 0x10000000)),
    "mount": tried(lambda: called(libc.mount, b"x", b"/tmp", b"tmpfs", 0, None)),
    "ptrace": tried(lambda: called(libc.ptrace, 16, 1, 0, 0)),
    "write and execute": tried(mapped),
    "setuid file": tried(setuid),
    "become root": tried(lambda: os.setuid(0)),
    "host name": tried(lambda: socket.sethostname("x")),
    "a disk": tried(lambda: os.listdir("/dev/disk") or open("/dev/sda")),
    "memory": tried(lambda: open("/dev/mem")),
    "the kernel's settings": tried(lambda: open("/proc/sys/kernel/hostname", "w")),
    "personality": tried(lambda: called(libc.personality, 0x0040000)),
    "nice": tried(lambda: os.nice(-5)),
}
print(json.dumps(found))
"""

HANGING = r"""
import os, pathlib, threading
from watcher import steps
from watcher.__main__ import main

lives = pathlib.Path(os.environ["STATE_DIRECTORY"]) / "lives"
count = len(lives.read_text()) if lives.exists() else 0

def hang(step, is_committed):
    place = ("papers observed", False) if count == 0 else ("page asked for", True)
    if count < 2 and (step, is_committed) == place:
        lives.write_text("x" * (count + 1))
        lock = threading.Lock()
        with lock, lock:
            pass

steps.hook = hang
main()
"""
"""Its first life ends in the thread that writes, its second in the event loop."""

ALLOWED = {
    "state": "done: 1",
    "who": "done: paper-watcher",
    "umask": "done: 0o77",
    "unix socket": "done: None",
    "other processes": "done: []",
}


def changed(**keys: str) -> str:
    """The unit as it is shipped, but for these keys of its service."""
    lines = [line for line in UNIT.splitlines() if line.partition("=")[0] not in keys]
    at = lines.index("[Service]") + 1
    return "\n".join((*lines[:at], *(f"{key}={value}" for key, value in keys.items()), *lines[at:]))


@pytest.fixture
def world() -> Iterator[World]:
    # Below /tmp and /root the units could not see it.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, World(Path(folder)) as running:
        running.now = app.utc_now()
        running.fill(8)
        running.add(make_paper(99, running.now, title=ZORBLAX))
        running.smtp.login, running.smtp.is_auth_in_clear = ("ada", PASSWORD), True
        running.configure('username = "ada"\n', DAILY, WEIGHTS)
        yield running


def test_the_program_works_inside_and_nothing_leads_outside(world: World) -> None:
    booted = BootedSystemd(
        world.directory, world.config_path.read_text(), {"smtp.password": PASSWORD}
    )
    booted.add("watcher.service", changed(StandardError="file:/mnt/log"))
    probe = {"Type": "oneshot", "ExecStart": "/usr/bin/env python /opt/probe.py"}
    booted.add("probe.service", changed(**probe, StandardOutput="file:/mnt/probe"))
    booted.put("probe.py", PROBE)
    with booted:
        booted.start("watcher.service")
        shown = booted.show("watcher.service")
        assert (shown["ActiveState"], shown["SubState"]) == ("active", "running"), booted.read(
            "log"
        )
        [mail] = world.smtp.wait_for(1)
        assert (mail.recipient, mail.user) == ("ada@example.org", "ada")
        booted.stop("watcher.service")
        assert booted.show("watcher.service")["Result"] == "success", booted.read("log")
        booted.start("probe.service")
        found = booted.read_json("probe")
    assert "Traceback" not in booted.read("log")
    assert {name: found.pop(name) for name in ALLOWED} == ALLOWED
    assert len(found) > 15
    assert {name: said for name, said in found.items() if said.startswith("done")} == {}


def test_the_watchdog_ends_what_hangs_and_it_is_started_again(world: World) -> None:
    booted = BootedSystemd(
        world.directory, world.config_path.read_text(), {"smtp.password": PASSWORD}
    )
    keys = {
        "ExecStart": "/usr/bin/env python /opt/hanging.py run",
        "WatchdogSec": "4",
        "RestartSec": "1",
        "StandardError": "append:/mnt/log",
    }
    booted.add("watcher.service", changed(**keys))
    booted.put("hanging.py", HANGING)
    with booted:
        booted.start("watcher.service")
        [mail] = world.smtp.wait_for(1, timeout=60)
        shown = booted.show("watcher.service")
        assert (shown["ActiveState"], shown["NRestarts"]) == ("active", "2"), booted.read("log")
        assert mail.recipient == "ada@example.org"
        booted.stop("watcher.service")
        assert booted.show("watcher.service")["Result"] == "success", booted.read("log")
    assert "Traceback" not in booted.read("log")
    assert len(world.digests()) == 1
