"""What each stage of a day costs this process, and the database's server beside it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

_TICK = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _CHILDREN_END = 1, 11, 15
"""Places in what follows the name in /proc/PID/stat."""


@dataclass(slots=True)
class Stage:
    """Seconds of processor time, of this process and of the server; bytes of the server's log."""

    ours: float = 0.0
    server: float = 0.0
    wal: int = 0
    times: int = 0

    @property
    def seconds(self) -> float:
        """Of both."""
        return self.ours + self.server


class Server:
    """A PostgreSQL on this machine, whose first process is `pid`."""

    def __init__(self, url: str, pid: int) -> None:
        self._pid = pid
        self._connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def processor(self) -> float:
        """Seconds that all its processes have taken so far, ended ones too."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (path / "stat").read_text().rpartition(") ")[2].split()
                if path.name == str(self._pid):
                    ticks += sum(map(int, fields[_USER:_CHILDREN_END]))
                elif fields[_PARENT] == str(self._pid):
                    ticks += sum(map(int, fields[_USER : _USER + 2]))
        return ticks / _TICK

    def log_position(self) -> int:
        """Bytes ever written to the write-ahead log."""
        return self.asked("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")

    def asked(self, query: str) -> int:
        """The number that a query gives."""
        row = self._connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0


@dataclass
class Meter:
    """The stages so far, by name. Without a server there is this process alone."""

    server: Server | None = None
    stages: dict[str, Stage] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what is done meanwhile; nothing else may be done at the same time."""
        ours, theirs, log = time.process_time(), *self._of_server()
        try:
            yield
        finally:
            stage = self.stages.setdefault(name, Stage())
            stage.ours += time.process_time() - ours
            seconds, position = self._of_server()
            stage.server += seconds - theirs
            stage.wal += position - log
            stage.times += 1

    def _of_server(self) -> tuple[float, int]:
        if self.server is None:
            return 0.0, 0
        return self.server.processor(), self.server.log_position()
