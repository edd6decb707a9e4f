"""Hangs, which a watchdog has to end, and what only takes long."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from tests.fakesite import Fault, faults
from tests.faults.dying import command, said, see_repeats
from tests.faults.ledger import settle
from tests.faults.of_kills import AMBIGUOUS, PEOPLE, POINTS, dawn
from tests.faults.rows import Tally, row
from tests.faults.trouble import heavy
from tests.faults.victim import Fate, Point, Victims
from tests.smtpserver import Stage
from tests.world import World
from watcher.resources import resource
from watcher.steps import Step

SILENCE = 4.0
"""Seconds without a word after which the service manager of these tests ends the program."""

DEADLINE = 6
"""Seconds that the program waits for the site and the mail server: longer than that."""

AT_MOST = 45.0
"""Seconds until something is given up that should have come."""

WITHIN = 120
"""Seconds in which what hangs is to be started again."""

_FIRST: tuple[Point, ...] = ((Step.ASKED, True), (Step.OBSERVED, False))
_NOT_UP_YET = {Step.MIGRATED, Step.TAKEN_OVER}
HANGS: tuple[Point, ...] = (
    *_FIRST,
    *(p for p in POINTS if p not in _FIRST and p[0] not in _NOT_UP_YET),
)
"""Before a commit it is the thread that writes which hangs there, otherwise the loop."""

_CREDENTIALS = struct.Struct("3i")


class Manager:
    """The service manager's end of the notify socket, with a watchdog that bites as systemd's does.

    Whoever has said READY=1 and then not WATCHDOG=1 for `silence` seconds is ended with SIGABRT.
    `pid` is that process, once it `is_up`; `has_passed` is set when it has said that a pass ended.
    """

    def __init__(self, path: Path, silence: float) -> None:
        self._silence = silence
        self.is_up, self.has_passed = threading.Event(), threading.Event()
        self.pid = 0
        self.has_bitten = False
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(str(path))

    @property
    def environ(self) -> dict[str, str]:
        """What it adds to the environment of a service."""
        microseconds = f"{self._silence * 1_000_000:.0f}"
        return {"NOTIFY_SOCKET": str(self._path), "WATCHDOG_USEC": microseconds}

    def watch(self) -> None:
        """Until it has bitten, or is dismissed."""
        bites_at = float("inf")
        while True:
            left = bites_at - time.monotonic()
            if left <= 0:
                self.has_bitten = True
                os.kill(self.pid, signal.SIGABRT)
                return
            self._socket.settimeout(min(left, AT_MOST))
            try:
                message, credentials, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(12))
            except TimeoutError:
                continue
            pid = _CREDENTIALS.unpack(credentials[0][2])[0]
            if pid == os.getpid():
                return
            lines = {line.partition("=")[0]: line for line in message.decode().split("\n")}
            if "READY" in lines and not self.is_up.is_set():
                self.pid = pid
                self.is_up.set()
                bites_at = time.monotonic() + self._silence
            elif "STOPPING" in lines:
                bites_at = float("inf")
            elif "WATCHDOG" in lines and self.is_up.is_set():
                bites_at = time.monotonic() + self._silence
            elif "STATUS" in lines:
                self.has_passed.set()

    def dismiss(self) -> None:
        """It need not watch any more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"", str(self._path))

    def close(self) -> None:
        """Give the socket up."""
        self._socket.close()
        self._path.unlink()


@contextlib.contextmanager
def service(
    victims: Victims, world: World, hangs_at: Point | None = None, *, silence: float = SILENCE
) -> Iterator[tuple[Manager, Future[Fate]]]:
    """`watcher run` under a manager, up; at the end it is killed if it is still there."""
    manager = Manager(world.directory / "notify", silence)
    job = msgspec.structs.replace(
        command(world, "run"), at=hangs_at, hangs=hangs_at is not None, environ=manager.environ
    )
    with contextlib.closing(manager), ThreadPoolExecutor(2) as pool:
        watching = pool.submit(manager.watch)
        living = pool.submit(victims.run, job)
        try:
            if not manager.is_up.wait(AT_MOST):
                raise AssertionError(f"it did not come up: {said(world)[-2000:]}")
            yield manager, living
        finally:
            if manager.pid and not living.done():
                os.kill(manager.pid, signal.SIGKILL)
            living.result()
            manager.dismiss()
            watching.result()


def _end_well(tally: Tally, manager: Manager, living: Future[Fate], what: str) -> None:
    """Once a pass is through it stops when it is told to, and was never bitten."""
    tally.expect(manager.has_passed.wait(AT_MOST), f"{what}: the pass did not end")
    tally.expect(not manager.has_bitten, f"{what}: the watchdog was not fed")
    if not living.done():
        os.kill(manager.pid, signal.SIGTERM)
        code = living.result().code
        tally.expect(code == 0, f"{what}: it was told to stop, and ended with {code}")


def _start_again(tally: Tally, victims: Victims, world: World, what: str) -> None:
    """Two minutes later nothing is wrong."""
    world.smtp.wait_for_idle()
    world.later(minutes=2)
    with service(victims, world) as (manager, living):
        _end_well(tally, manager, living, f"{what}, started again")
    text = said(world)
    tally.expect("Traceback" not in text, f"{what}: a traceback: {text[-2000:]}")


def _settle(tally: Tally, world: World, paper_id: str, *, may_repeat: bool = False) -> None:
    settle(tally, world.mails, [(person, paper_id) for person in PEOPLE], may_repeat=may_repeat)
    see_repeats(tally, world.smtp)


@row(
    "the event loop hangs, a thread deadlocks",
    "the watchdog is fed no more; ended and started again within 2 minutes, nothing lost",
    few=2,
    many=len(HANGS),
)
def hangs(tries: int, directory: Path) -> Tally:
    """The daemon comes to a step and stays there, as its first pass is under way."""
    tally = Tally()
    unit = (resource("systemd") / "watcher.service").read_text("utf-8")
    found = re.findall(r"(?m)^(?:WatchdogSec|RestartSec)=(\d+)$", unit)
    seconds = sum(map(int, found))
    tally.expect(len(found) == 2 and seconds <= WITHIN, f"the unit waits {found} seconds")
    with Victims() as victims:
        for number in range(tries):
            with World(directory / f"{number}") as world:
                _hang(tally, victims, world, HANGS[number % len(HANGS)])
            tally.tries += 1
    return tally


def _hang(tally: Tally, victims: Victims, world: World, point: Point) -> None:
    what = f"it hangs at {point[0]}, {'after' if point[1] else 'before'} a commit"
    paper_id = dawn(world)
    with service(victims, world, point) as (_, living):
        try:
            fate = living.result(AT_MOST)
        except TimeoutError:
            tally.expect(False, f"{what}, and the watchdog is fed")
        else:
            tally.expect(point in fate.reached, f"{what}: it did not come there")
            tally.expect(fate.code == -signal.SIGABRT, f"{what}: it ended with {fate.code}")
    _start_again(tally, victims, world, what)
    _settle(tally, world, paper_id, may_repeat=point in AMBIGUOUS)


@dataclass(frozen=True, slots=True)
class Slow:
    """A fault that takes long but has an end: an answer of the site, or a stage of SMTP."""

    name: str
    fault: Fault | None = None
    stage: Stage = "connect"


def slow_ones() -> list[Slow]:
    """Each longer than the watchdog waits."""
    [nested] = [trouble.fault for trouble in heavy() if "nested elements" in trouble.name]
    stages: tuple[Stage, ...] = ("connect", "ehlo", "mail", "rcpt", "data", "dot", "quit")
    return [
        Slow("a fetch that is never answered", replace(faults.hang(), times=1)),
        Slow("a fetch that never ends", replace(faults.drip(), times=1)),
        Slow("the process that reads a page hangs", replace(nested, times=1)),
        *(Slow(f"the mail server hangs at {stage}", stage=stage) for stage in stages),
    ]


@row(
    "a fetch that never ends, a mail server or the process that reads pages hangs",
    "bounded by its deadline; the watchdog is fed all the while, nothing lost",
    few=1,
    many=10,
    is_alone=True,  # a busy machine feeds too late
)
def slow(tries: int, directory: Path) -> Tally:
    """The daemon's first pass takes long, and ends; another one makes good what it missed.

    In a cut everything is slower, for a machine that is busy.
    """
    tally = Tally()
    slower = 1 if tries > 1 else 3
    cases = slow_ones()
    with Victims() as victims:
        for number in range(tries):
            with World(directory / f"{number}") as world:
                _be_slow(tally, victims, world, cases[number % len(cases)], slower)
            tally.tries += 1
    return tally


def _be_slow(tally: Tally, victims: Victims, world: World, case: Slow, slower: int) -> None:
    world.site_timeout = world.smtp_timeout = slower * DEADLINE
    paper_id = dawn(world)
    if case.fault:
        world.site.faults["*"] = case.fault
    else:
        world.smtp.fail(case.stage, "hang", times=1)
    with service(victims, world, silence=slower * SILENCE) as (manager, living):
        if not case.fault:
            world.smtp.wait_for_hang()
            world.smtp.wait_for_idle()  # the program has hung up
        tally.expect(manager.has_passed.wait(AT_MOST), f"{case.name}: the pass did not end")
        tally.expect(not manager.has_bitten, f"{case.name}: the watchdog was not fed")
        manager.has_passed.clear()
        if not living.done():
            os.kill(manager.pid, signal.SIGUSR1)
            _end_well(tally, manager, living, case.name)
    _start_again(tally, victims, world, case.name)
    _settle(tally, world, paper_id)
