"""The first page, asked for over 50 connections by `wrk`: of `run`, `serve`, and a bare Starlette.

Processor time is that of the whole process for each request, and steadier than what the clock says.
Meanwhile papers arrive at the site and `run` is asked to check, again and again: how much later it
begins, and mails, than when nobody asks for pages.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.measuring import Bound
from tests.fakesite import make_paper
from tests.test_daemon import Service
from tests.web_face.browsing import SECRET, free_port
from tests.world import DAILY, WEIGHTS, ZORBLAX, World

CONNECTIONS = 50
SECONDS = 10
WARM_UP = 2
PAPERS = 700
"""As many as come in the 14 days that the pages tell of."""

ON_A_PAGE = 50

PATIENCE = 60.0  # seconds


class MissingError(Exception):
    """There is no `wrk`."""


@dataclass(frozen=True, slots=True)
class Load:
    """What `wrk` measured: pages a second, milliseconds; and the processor's for each page."""

    rate: float
    median: float
    p99: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Check:
    """Seconds from asking for a check until the site was asked, and until the mail was there."""

    begun: float
    mailed: float


def measure() -> list[Bound]:
    """The bounds on the first page, and on how long the daemon may be delayed."""
    try:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
            return _measured(program("wrk"), Path(name))
    except MissingError as error:
        print(f"the pages are not measured: {error}", flush=True)
        return []


def program(name: str) -> str:
    """Where it is. Raises MissingError."""
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"{name} is not here; on Debian it comes with `apt install {name}`")
    return found


def _measured(wrk: str, folder: Path) -> list[Bound]:
    bounds: list[Bound] = []
    with world(folder / "serve") as (running, port), Service(running, command="serve") as service:
        service.wait_for("READY=1")
        content = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).content
        served = _load(wrk, port, service.process)
    with bare(len(content)) as (process, port):
        plain = _load(wrk, port, process)
    with world(folder / "run") as (running, port), Service(running, command="run") as service:
        service.wait_for("READY=1")
        service.wait_for("STATUS=next check")  # the first pass is over
        del running.site.papers[:-ON_A_PAGE]
        alone = list(checks(running, service.process, SECONDS))
        beside = _load(wrk, port, service.process)
        with _wrk(wrk, port, SECONDS):
            loaded = list(checks(running, service.process, SECONDS))
    for name, load in (("serve", served), ("run", beside)):
        cpu = f"the bare page, {plain.rate:,.0f} a second"
        bounds += [
            Bound(f"{name}: the first page, processor", cpu, load.cpu, plain.cpu, most=3),
            Bound("  1,000 of them, 50 connections", "1 s", 1000 / load.rate, 1, most=1, unit="s"),
            Bound("  all but one in a hundred within", "100 ms", load.p99, 100, most=1),
        ]
    begun, mailed = ([getattr(one, key) for one in loaded] for key in Check.__slots__)
    usual = statistics.median(one.begun for one in alone)
    usually = statistics.median(one.mailed for one in alone)
    later = f"1 s more than the usual {usual:.2g} s"
    until = f"1 s more than the usual {usually:.2g} s"
    return [
        *bounds,
        Bound("  a check begun meanwhile, slowest", later, max(begun), usual + 1, most=1, unit="s"),
        Bound("  its mail there, slowest", until, max(mailed), usually + 1, most=1, unit="s"),
    ]


@contextlib.contextmanager
def world(folder: Path) -> Iterator[tuple[World, int]]:
    """A world with a configuration for pages at a port, and papers."""
    with World(folder) as running:
        running.now = dt.datetime.now(dt.UTC)
        running.fill(PAPERS)
        running.add(make_paper(1, running.now, title=ZORBLAX))
        port = free_port()
        web = f'\n[web]\nlisten = "127.0.0.1:{port}"\nsecret = "{SECRET}"\n'
        running.configure(DAILY, web, WEIGHTS)
        yield running, port


@contextlib.contextmanager
def bare(size: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A bare page of that size in a process of its own."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "benchmarks.bare", f"{port}", f"{size}"]) as run:
        try:
            until = time.monotonic() + PATIENCE
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                if run.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("the bare page does not listen")
                time.sleep(0.05)  # it tells nobody when it is ready
            yield run, port
        finally:
            run.terminate()


def checks(running: World, process: subprocess.Popen[bytes], seconds: float) -> Iterator[Check]:
    """Check after check of `run`, each of which finds a paper that somebody is mailed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done = _passes(running)
        asked, mailed = len(running.site.requests), len(running.smtp.messages)
        running.add(make_paper(1000 + mailed, running.now, title=ZORBLAX))
        began = time.monotonic()
        process.send_signal(signal.SIGUSR1)
        running.site.wait_for("*", count=asked + 1, timeout=PATIENCE)
        begun = time.monotonic() - began
        running.smtp.wait_for(mailed + 1)
        yield Check(begun, time.monotonic() - began)
        # One that is asked for before this is over would wait for its end.
        while _passes(running) == done and time.monotonic() < began + PATIENCE:
            time.sleep(0.02)  # there is nothing but the log that tells of it


def _passes(running: World) -> int:
    return (running.directory / "log").read_text().count("pass done")


def _load(wrk: str, port: int, process: subprocess.Popen[bytes]) -> Load:
    with _wrk(wrk, port, WARM_UP):
        pass
    used = _processor_seconds(process.pid)
    with _wrk(wrk, port, SECONDS) as told:
        pass
    used = _processor_seconds(process.pid) - used
    [report] = told
    return read(report, used)


@contextlib.contextmanager
def _wrk(wrk: str, port: int, seconds: int) -> Iterator[list[str]]:
    """Ask for the first page meanwhile; the report is there in the end."""
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency"]
    told: list[str] = []
    with subprocess.Popen(
        [*command, f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True
    ) as process:
        yield told
        told.append(process.communicate()[0])


def read(report: str, processor_seconds: float) -> Load:
    """What a report of `wrk --latency` says; RuntimeError where not every answer was a page.

    One that was late is among those that took long.
    """
    broken = re.search(r"Socket errors: (?!connect 0, read 0, write 0,)", report)
    if "Non-2xx" in report or broken:
        raise RuntimeError(report)
    units = {"us": 1e-3, "ms": 1, "s": 1e3}
    within = {
        percent: float(number) * units[unit]
        for percent, number, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s) *\n", report)
    }
    [count] = re.findall(r"(\d+) requests in", report)
    [rate] = re.findall(r"Requests/sec: +([\d.]+)", report)
    return Load(float(rate), within["50"], within["99"], processor_seconds / int(count) * 1000)


def _processor_seconds(pid: int) -> float:
    """What a process has used so far (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
