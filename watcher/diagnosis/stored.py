"""The database, who writes to it, and who starts the watcher."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from watcher import app, service
from watcher.diagnosis.finding import Finding, ok, problem, warning
from watcher.errors import ConfigError, NoDatabaseError, StoreError, WatcherError
from watcher.settings import Config
from watcher.store import checks, heartbeat, papers, versions
from watcher.store.database import Database, name_of
from watcher.store.lock import holder

SKEW = dt.timedelta(minutes=5)
EARLIEST_YEAR = 2026
"""A clock before this program was written is wrong."""


def examine_database(config: Config, now: dt.datetime) -> Iterator[Finding]:
    """Its version and integrity, its writer, and whether the clock agrees with it."""
    if now.year < EARLIEST_YEAR:
        yield problem("clock", f"it says {now:%Y-%m-%d}; set it, and keep it by NTP")
    try:
        with app.reading(config) as database:
            yield from _examine(database, now)
    except NoDatabaseError:
        yield ok("database", f"none yet at {name_of(config.store_url)}; the first check makes it")
    except StoreError as error:
        yield problem("database", str(error))


def _examine(database: Database, now: dt.datetime) -> Iterator[Finding]:
    damages = versions.integrity(database)
    with database.read() as connection:
        count = papers.count_since(connection)
        recent = checks.recent(connection, limit=1)
        beat = heartbeat.read(connection)
    if damages:
        yield problem(
            "database",
            f"{database.name} is damaged ({damages[0]}); put a copy back: `watcher restore`",
        )
    else:
        yield ok("database", f"{database.name}, papers: {count}")
    marks = [*(check.started_at for check in recent), *([beat.beat_at] if beat else [])]
    latest = max(marks, default=now)
    if latest > now + SKEW:
        yield problem(
            "clock",
            f"it says {now:%Y-%m-%d %H:%M} UTC, but the database was written at"
            f" {latest:%Y-%m-%d %H:%M} UTC; set it, and keep it by NTP",
        )
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M} UTC")
    yield ok("writer", holder(database) or "nobody writes to the database now")


def examine_service(config: Config, kinds: tuple[service.Kind, ...] | None = None) -> Finding:
    """Whether the machine starts the watcher, in any way that is known here."""
    usual: tuple[service.Kind, ...] = (
        ("launchd",) if sys.platform == "darwin" else ("user", "system", "cron")
    )
    for kind in kinds or usual:
        if kind == "cron" and shutil.which("crontab") is None:
            continue
        try:
            found = service.status(
                service.plan(
                    kind,
                    executable=service.own_command(),
                    config=(config.path or Path()).absolute(),
                    state_dir=config.state_dir.absolute(),
                    home=Path.home(),
                    uid=os.geteuid(),
                    check=config.settings.schedule.check,
                    read=config.files()[1:],
                )
            )
        except ConfigError:  # that way is not open to this configuration
            continue
        except WatcherError as error:
            return warning("service", str(error))
        if found.active and found.current:
            return ok("service", f"{kind}: {found.text}")
        if found.active:  # by an older version, say
            return warning("service", f"{kind}: {found.text}")
        if found.installed:
            return problem(
                "service", f"{kind}: installed, but not running; `watcher service install` again"
            )
    return warning(
        "service",
        "the machine does not start the watcher by systemd, cron or launchd; unless something else"
        " does, `watcher service install` sees to it",
    )
