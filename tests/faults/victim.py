"""A process that runs commands of the program in forks of itself, and ends them as it is told.

A fork has everything imported, so that a thousand of them take minutes. Each `Job` is a line of
JSON on the input, each `Fate` one on the output.
"""

from __future__ import annotations

import datetime as dt
import gc
import importlib
import os
import pkgutil
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import msgspec
import time_machine

import watcher
from watcher import steps
from watcher.steps import Step

PATIENCE = 90.0
"""Seconds for a command to come to its end."""

Point = tuple[Step, bool]
"""A step, and whether its transaction is committed."""

_STEPS = tuple(Step)


class Job(msgspec.Struct, frozen=True):
    """A command, at which instant, and how it ends.

    `at` and `nth`: by its own hand, when it comes to that point for that time; if it `hangs`, the
    thread that came there waits for ever instead. `after` and `delay`: so many seconds after so
    many points, whatever it does then; with `copy_to` the state directory is copied there at that
    moment. `file_bytes`: no file may grow longer. Without any of these it ends by itself.
    `environ` is added to the environment.
    """

    arguments: list[str]
    now: dt.datetime
    log: str
    state_dir: str
    at: Point | None = None
    nth: int = 1
    hangs: bool = False
    after: int | None = None
    delay: float = 0
    copy_to: str = ""
    file_bytes: int | None = None
    environ: dict[str, str] = msgspec.field(default_factory=dict)


class Fate(msgspec.Struct, frozen=True):
    """How it ended: an exit code, or a signal's number below zero; the points it came to."""

    code: int
    reached: list[Point]

    @property
    def is_killed(self) -> bool:
        """Whether it was, and did not end before."""
        return self.code == -signal.SIGKILL


class Victims:
    """Runs jobs, one after the other: `with Victims() as victims`."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.victim"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def run(self, job: Job) -> Fate:
        """Run one, and wait for its end."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Fate)


def main() -> None:
    """Serve jobs until the input ends."""
    for module in pkgutil.walk_packages(watcher.__path__, "watcher."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    importlib.import_module("alembic.command")
    gc.freeze()
    for line in sys.stdin.buffer:
        fate = _run(msgspec.json.decode(line, type=Job))
        sys.stdout.buffer.write(msgspec.json.encode(fate) + b"\n")
        sys.stdout.buffer.flush()


def _run(job: Job) -> Fate:
    until = time.monotonic() + PATIENCE
    heard, said = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(heard)
        _live(job, said)
    os.close(said)
    reached = bytearray()
    lives = True
    if job.after is not None:
        lives = _listen(heard, reached, until, job.after)
        if lives and job.delay:
            lives = _listen(heard, reached, time.monotonic() + job.delay)
        if lives:
            if job.copy_to:
                os.kill(pid, signal.SIGSTOP)
                os.waitpid(pid, os.WUNTRACED)
                shutil.copytree(job.state_dir, job.copy_to)
            os.kill(pid, signal.SIGKILL)
    if lives and _listen(heard, reached, until):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(heard)
    points = [(_STEPS[each >> 1], bool(each & 1)) for each in reached]
    return Fate(os.waitstatus_to_exitcode(status), points)


def _listen(heard: int, reached: bytearray, until: float, count: int | None = None) -> bool:
    """Take the points down until there are so many or the time has come; False: it has ended."""
    while count is None or len(reached) < count:
        ready, _, _ = select.select([heard], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return True
        said = os.read(heard, 1)
        if not said:
            return False
        reached += said
    return True


def _live(job: Job, said: int) -> NoReturn:
    """Be the command, in the fork."""
    code = 70
    try:
        with Path(job.log).open("a", encoding="utf-8") as log, Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        count = 0

        def note(step: Step, is_committed: bool) -> None:
            nonlocal count
            os.write(said, bytes([_STEPS.index(step) << 1 | is_committed]))
            count += (step, is_committed) == job.at
            if (step, is_committed) == job.at and count == job.nth:
                if job.hangs:
                    _deadlock()
                os.kill(os.getpid(), signal.SIGKILL)

        steps.hook = note
        os.environ |= job.environ
        if job.file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_bytes, job.file_bytes))
        from watcher.cli import app

        with time_machine.travel(job.now):
            app(job.arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  # a fork must not come back
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _deadlock() -> None:
    lock = threading.Lock()
    with lock, lock:
        pass


if __name__ == "__main__":
    main()
