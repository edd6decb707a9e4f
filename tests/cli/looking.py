"""Asks the commands that look, at the instant of a world's clock."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import structlog
import time_machine

from tests.commands import run
from tests.fakesite import make_paper
from tests.world import ZORBLAX, World
from watcher.store import heartbeat
from watcher.store.database import Database
from watcher.store.heartbeat import Heartbeat


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def rows(self) -> list[dict[str, Any]]:
        found = json.loads(self.out)
        assert isinstance(found, list)
        return found


@dataclass(frozen=True, slots=True)
class Asker:
    """Runs commands on a world's configuration: `ask("status", "--json")`."""

    world: World

    def __call__(
        self,
        command: str,
        *arguments: str,
        env: dict[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Said:
        place = ("--config", str(self.world.config_path), "--state-dir", str(self.world.state_dir))
        try:
            with time_machine.travel(self.world.now, tick=False):
                result = run([command, *place, *arguments], stdin, env)
        finally:
            structlog.reset_defaults()  # the log went to a stream that is closed now
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)


def fill(world: World, *numbers: int) -> None:
    """Eight papers nobody asks for, and those of these numbers that `zorblax` brings."""
    if len(world.site.papers) == 1:
        world.fill(8)
    world.add(*(make_paper(number, world.now, title=ZORBLAX) for number in numbers))


def beat(world: World, *, pid: int, host: str, seconds_ago: float = 5, hours_up: float = 0) -> None:
    """Leave a daemon's sign of life."""
    at = world.now - dt.timedelta(seconds=seconds_ago)
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        heartbeat.put(
            connection, Heartbeat(pid, host, at - dt.timedelta(hours=hours_up), at, "1.2.3")
        )
    database.close()
