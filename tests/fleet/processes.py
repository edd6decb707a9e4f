"""Replicas as processes of their own, on a world's database, site and mail server."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.world import World
from watcher import app
from watcher.store.checks import put_meta
from watcher.store.clock import OFFSET
from watcher.store.database import Database

END_WITHIN = 30.0


def leap(world: World) -> None:
    """Have the database's clock show the world's time, from here on running."""
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        offset = (world.now - dt.datetime.now(dt.UTC)).total_seconds()
        put_meta(connection, OFFSET, str(offset))
    database.close()


def prepare(world: World) -> None:
    """Make the tables, at the world's time."""
    with app.sharing(world.config(), "migrate", world.now):
        pass
    leap(world)


class Process:
    """`watcher run --role …`; `log` is what it wrote.

    `code` is where its program lies; None: this checkout.
    """

    def __init__(self, world: World, role: str, name: str, *, code: Path | None = None) -> None:
        self.role, self._log = role, world.directory / f"{name}.log"
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "watcher", "run", "--role", role),
                    *("--config", str(world.config_path), "--state-dir", str(world.state_dir)),
                ],
                cwd=code,  # what is imported from there goes before what is installed
                env=dict(os.environ),
                stdin=subprocess.DEVNULL,
                stderr=log,
                stdout=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> int:
        """Wait for its end; its exit code."""
        return self._process.wait(END_WITHIN)

    def stop(self) -> int:
        """Have it end in order; its exit code."""
        self._process.terminate()
        return self.end()

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text()
