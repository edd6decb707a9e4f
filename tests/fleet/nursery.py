"""Replicas as forks of a process that has everything imported, ticking several times a second.

Each line on its input is a role, each on its output the process id of a new replica.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import watcher
from tests.world import World
from watcher import logs
from watcher.errors import WatcherError
from watcher.fleet import joined
from watcher.fleet.dividing import SHARD_SIZE
from watcher.fleet.replica import Replica
from watcher.settings import Config, load

EVERY = 0.2
"""Seconds between two ticks; the daemon's are a minute apart."""

STALLED_AFTER = 2.0


class Nursery:
    """Starts replicas on a world's configuration: `with Nursery(world) as nursery`.

    Shards have `shard_size` subscriptions, about. `inside` is a command that starts another one
    somewhere else, such as on another host.
    """

    def __init__(
        self, world: World, shard_size: int = SHARD_SIZE, *, inside: Sequence[str] = ()
    ) -> None:
        self._place = (str(world.config_path), str(world.state_dir), str(shard_size))
        self._inside = inside
        self._log = world.directory / "replicas.log"

    def __enter__(self) -> Self:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*self._inside, sys.executable, "-m", "tests.fleet.nursery", *self._place],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
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

    def start(self, role: str) -> int:
        """Start a replica; its process id."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{role}\n".encode())
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def tokens(self, pid: int) -> set[str]:
        """The lease tokens that a replica has had."""
        path = _tokens(Path(self._place[0]), pid)
        return set(path.read_text().split()) if path.exists() else set()

    @property
    def log(self) -> str:
        """What all of them wrote so far."""
        return self._log.read_text()


def _tokens(config_path: Path, pid: int) -> Path:
    return config_path.with_name(f"{pid}.tokens")


def main() -> None:
    """Serve until the input ends."""
    config_path, state_dir, shard_size = sys.argv[1:]
    for module in pkgutil.walk_packages(watcher.__path__, "watcher."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    gc.freeze()
    config = load(Path(config_path), state_dir=Path(state_dir), environ={})
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _live(config, Path(config_path), line.decode().strip(), int(shard_size))
        sys.stdout.buffer.write(f"{pid}\n".encode())
        sys.stdout.buffer.flush()


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _live(config: Config, config_path: Path, role: str, shard_size: int) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    logs.configure("info")
    try:
        asyncio.run(_take_part(config, config_path, role, shard_size))
    finally:
        os._exit(0)


async def _take_part(config: Config, config_path: Path, role: str, shard_size: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    while not stop.is_set():
        try:
            async with joined(
                config,
                role,
                retry_wait=0.01,
                stalled_after=STALLED_AFTER,
                shard_size=shard_size,
            ) as replica:
                with _tokens(config_path, os.getpid()).open("a") as tokens:
                    tokens.write(f"{replica.context.token}\n")
                async with replica.working():
                    await _tick(replica, stop)
        except WatcherError as error:  # as above; a service manager would start it again
            sys.stderr.write(f"{role}: {error}\n")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)


async def _tick(replica: Replica, stop: asyncio.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(WatcherError):  # the database is being restarted
            await replica.run_slots()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY)


if __name__ == "__main__":
    main()
