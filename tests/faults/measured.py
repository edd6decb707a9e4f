"""`check-now` in a process of its own, with what memory it takes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.world import World

_EVERY = 0.01  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run said and took.

    `peak_bytes`: the most that one of its processes, those that read pages included, held in
    memory; `sum_bytes`: the most that a look found all of them to hold, what they share counted
    once. 0 where the system does not tell.
    """

    exit_code: int
    outcomes: tuple[str, ...]
    errors: str
    stderr: str
    seconds: float
    peak_bytes: int
    sum_bytes: int


def check_now(world: World) -> Measured:
    """One pass of a real process, at the machine's own time."""
    started = time.monotonic()
    command = [
        *(sys.executable, "-m", "watcher", "check-now", "--json"),
        *("--config", str(world.config_path), "--state-dir", str(world.state_dir)),
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CI": ""},
    ) as process:
        peak = _Peak(process.pid)
        peak.start()
        stdout, stderr = process.communicate()
        seconds = time.monotonic() - started
        peak.ended.set()
        peak.join()
    sources = json.loads(stdout)["sources"] if stdout.startswith("{") else []
    return Measured(
        exit_code=process.returncode,
        outcomes=tuple(source["outcome"] for source in sources),
        errors="; ".join(source["error"] or "" for source in sources),
        stderr=stderr,
        seconds=seconds,
        peak_bytes=peak.bytes,
        sum_bytes=peak.sum_bytes,
    )


class _Peak(threading.Thread):
    """Watches a process and those below it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.ended = threading.Event()
        self.bytes = self.sum_bytes = 0

    def run(self) -> None:
        while not self.ended.wait(_EVERY):
            pids, held = [self._pid], 0
            for pid in pids:
                with contextlib.suppress(OSError):
                    self.bytes = max(self.bytes, _in_bytes(pid, "status", "VmHWM:"))
                    held += _in_bytes(pid, "smaps_rollup", "Pss:")
                    below = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
                    pids += map(int, below.split())
            self.sum_bytes = max(self.sum_bytes, held)


def _in_bytes(pid: int, file: str, name: str) -> int:
    for line in Path(f"/proc/{pid}/{file}").read_text("utf-8").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0
