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

PROBE = Path(__file__).with_name("probe.py").read_text()

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
}

HELD_BY = {
    "NoNewPrivileges": {"gain rights"},
    "CapabilityBoundingSet": {"a closed file", "give a file away", "raw socket", "mount"},
    "ProtectSystem": {"write /etc", "write /opt"},
    "ProtectHome": {"read /root"},
    "PrivateTmp": {"others' /tmp"},
    "PrivateDevices": {"devices", "memory"},
    "PrivateUsers": {"give a file away", "mount"},
    "ProtectClock": {"clock"},
    "ProtectControlGroups": {"control groups"},
    "ProtectHostname": {"host name"},
    "ProtectKernelLogs": {"the kernel's log"},
    "ProtectKernelModules": {"kernel modules"},
    "ProtectKernelTunables": {"the kernel's settings"},
    "ProtectProc": {"other processes"},
    "ProcSubset": {"the kernel's figures"},
    "RestrictNamespaces": {"namespace", "user namespace"},
    "RestrictAddressFamilies": {"packet socket", "netlink socket"},
    "RestrictRealtime": {"realtime"},
    "RestrictSUIDSGID": {"setuid file"},
    "LockPersonality": {"personality"},
    "MemoryDenyWriteExecute": {"write and execute"},
    # Of no allowed group, of @privileged, and of @resources.
    "SystemCallFilter": {"ptrace", "mount", "keep a file", "priority"},
}
"""What each line of the unit refuses by itself, to root."""

UNTRIED = {
    "UMask",  # see ALLOWED
    "AmbientCapabilities",  # empty, as without it
    "DevicePolicy",  # there is no device that it could refuse
    "KeyringMode",  # the filter lets nobody use one
    "RemoveIPC",  # after the end
    "SystemCallArchitectures",  # needs a program for another processor
    "SystemCallErrorNumber",  # how, not what
}

OF_A_USER = {"read the shadow", "read the credstore", "write the configuration", "become root"}
OF_A_USER |= {"other processes"}  # the group of root sees them, whatever ProtectProc says
"""Refused as the user is not root."""

HERE_ALONE = {
    "write /usr",  # the test mounts it read-only
    "devices",  # containers often have none
    "memory",
    # Containers often lack the capabilities for these.
    *("packet socket", "raw socket", "user namespace", "the kernel's log", "kernel modules"),
    "clock",
}
"""What this machine may refuse root, sandbox or none."""

BARE = """
[Service]
Type=oneshot
Environment=PATH=/opt/paper-watcher/bin:/usr/bin:/bin
ExecStart=/usr/bin/env python /opt/probe.py {names}
StandardOutput=file:/mnt/{name}
StateDirectory={name}
User={user}
"""


def bare(name: str, *names: str, user: str = "root", keys: tuple[str, ...] = ()) -> str:
    """A unit that makes these tries with nothing of the sandbox but the lines of these keys."""
    quoted = " ".join(f'"{each}"' for each in names)
    lines = [line for line in UNIT.splitlines() if line.partition("=")[0] in keys]
    return BARE.format(name=name, names=quoted, user=user) + "".join(f"{line}\n" for line in lines)


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


def test_every_line_of_the_sandbox_is_tried() -> None:
    lines = UNIT[UNIT.index("UMask=") : UNIT.index("[Install]")].splitlines()
    keys = {line.partition("=")[0] for line in lines if "=" in line}
    assert keys == HELD_BY.keys() | UNTRIED


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
    assert len(found) > 30
    assert done(found) == {}


def done(found: dict[str, str]) -> dict[str, str]:
    """Those tries that were not refused."""
    return {name: said for name, said in found.items() if said.startswith("done")}


def test_root_is_refused_as_well_and_by_each_line_of_the_sandbox(world: World) -> None:
    """So it is the sandbox that refuses, and not that the user is nobody."""
    booted = BootedSystemd(
        world.directory, world.config_path.read_text(), {"smtp.password": PASSWORD}
    )
    booted.put("probe.py", PROBE)
    before = "[Service]\nType=oneshot\nExecStart=/usr/bin/touch /tmp/of-others\n"
    booted.add("before.service", before)
    booted.add("without.service", bare("without"))
    booted.add("user.service", bare("user", "other processes", user="paper-watcher"))
    keys = {"Type": "oneshot", "ExecStart": "/usr/bin/env python /opt/probe.py"}
    keys |= {"User": "root", "Group": "root", "StateDirectory": "within"}
    booted.add("within.service", changed(**keys, StandardOutput="file:/mnt/within"))
    for key, names in HELD_BY.items():
        user = "paper-watcher" if key == "ProtectProc" else "root"
        with_it = (key, "SystemCallErrorNumber") if key == "SystemCallFilter" else (key,)
        booted.add(f"{key}.service", bare(key, *sorted(names), user=user, keys=with_it))
    with booted:
        booted.start("before.service")
        booted.start(*(f"{name}.service" for name in ("without", "user", "within", *HELD_BY)))
        without, within = booted.read_json("without"), booted.read_json("within")
        alone = {key: booted.read_json(key) for key in HELD_BY}
        assert done(booted.read_json("user"))
    tried = without.keys() - ALLOWED.keys()
    assert tried - done(without).keys() <= HERE_ALONE, without
    assert within.keys() == without.keys()
    assert done(within).keys() <= ALLOWED.keys() | OF_A_USER, within
    assert {key: found.keys() for key, found in alone.items()} == HELD_BY
    assert {key: done(found) for key, found in alone.items() if done(found)} == {}
    assert {name for names in HELD_BY.values() for name in names} | OF_A_USER | HERE_ALONE == tried


@pytest.mark.long
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
