"""The schema's version: migrating, refusing, copying, putting back."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa

from watcher.errors import NoDatabaseError, StoreError
from watcher.steps import Step, reached
from watcher.store import moving, searching
from watcher.store.database import Database
from watcher.store.lock import is_held_up, take_turn, yield_soon
from watcher.store.moving import Told, untold
from watcher.store.schema import metadata

MIGRATIONS = Path(__file__).with_name("migrations")
REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
)
"""All there are, oldest first; a test holds them against the migrations themselves."""

VERSION_TABLE = "watcher_version"

HELD_UP_AT_MOST = 300.0
"""Seconds; whoever stands still in a transaction is put out of it by then."""


def version(database: Database, revisions: Sequence[str] = REVISIONS) -> str | None:
    """The schema's revision, None for an empty database.

    Raises StoreError for a damaged database, one of another program, or one of a newer version.
    """
    with database.read() as connection:
        tables = sa.inspect(connection).get_table_names()
        found = _found(connection)
    if found is None and tables:
        raise StoreError(
            f"{database.name} holds other tables ({', '.join(sorted(tables)[:3])}): it is not a"
            " database of this program. Set [store] url to another one"
        )
    if found is not None and found not in revisions:
        raise StoreError(
            f"{database.name} was written by a newer version of this program (schema {found}, this"
            f" one knows {REVISIONS[-1]}). It was left as it is; install the newer version"
        )
    return found


def _found(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return str(connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar())  # noqa: S608  # a constant  # nosec B608


def is_missing(database: Database) -> bool:
    """Whether nothing is there; looking does not make it. Raises StoreError as `version` does."""
    if database.path and not database.path.exists():
        return True
    return version(database) is None


def require_newest(database: Database, revisions: Sequence[str] = REVISIONS) -> None:
    """For readers: the newest schema, or a StoreError that says what to do."""
    found = version(database, revisions)
    if found is None:
        raise _empty(database)
    if found != revisions[-1]:
        raise StoreError(f"{database.name} is from an older version; run `watcher migrate`")


def require_filled(database: Database) -> None:
    """For copies: a NoDatabaseError if there is nothing in it; it may be of any version."""
    with database.read() as connection:
        tables = sa.inspect(connection).get_table_names()
    if not tables:
        raise _empty(database)


def _empty(database: Database) -> NoDatabaseError:
    return NoDatabaseError(f"{database.name} is still empty; `watcher check-now` fills it")


def require_whole(database: Database) -> None:
    """Raise StoreError if SQLite finds its file damaged, before any of it is taken for true.

    Reads all of it: a quarter of a second of processor time for 200 MB.
    """
    if not database.path:
        return
    with database.read() as connection:
        found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if found != "ok":
        raise StoreError(database.damaged(found.splitlines()[-1]))


def migrate(
    database: Database,
    now: dt.datetime,
    *,
    revisions: Sequence[str] = REVISIONS,
    held_up_at_most: float = HELD_UP_AT_MOST,
) -> Path | None:
    """Bring the schema up to date; the caller holds the lock.

    Replicas may go on meanwhile, and others read: what they use is waited for again and again, for
    about `held_up_at_most` seconds. Returns the copy that was made of a SQLite file before it was
    changed. Raises StoreError.
    """
    found = version(database, revisions)
    if database.path:
        with database.explained(), database.engine.connect() as connection:
            # Only now: before `version` this might have been somebody else's file.
            raw = connection.connection.cursor()
            raw.execute("PRAGMA journal_mode=WAL")
            raw.close()
    # Until the upgrade is over the name knows no date: of attempts that fail or are killed, however
    # many, one copy is left at most.
    path = database.path if found else None
    draft = path.with_name(f"{path.name}.before-{REVISIONS[-1]}") if path else None
    if found == REVISIONS[-1]:
        return _kept(draft, now)
    if draft:
        _remove(draft)
        backup(database, draft)
    try:
        _go_forward(database, held_up_at_most)
    except BaseException:  # Ctrl-C as well: attempts that end early are not to pile up copies
        with contextlib.suppress(StoreError):
            if draft and version(database, revisions) == found:
                _remove(draft)
        raise
    reached(Step.MIGRATED)
    return _kept(draft, now)


def _go_forward(database: Database, held_up_at_most: float) -> None:
    import stamina  # noqa: PLC0415  # takes its time, and is rarely needed

    stamina.instrumentation.set_on_retry_hooks([])  # what came of it is told at the end
    patiently = stamina.RetryingCaller(
        attempts=None, timeout=held_up_at_most, wait_initial=0.5, wait_max=5.0
    ).on(is_held_up)
    try:
        patiently(_attempt, database)
    except StoreError as error:
        if not is_held_up(error):
            raise
        raise StoreError(
            f"{database.name} could not be migrated: for {held_up_at_most:g} s some transaction"
            " used what is to be changed, of a dump perhaps. Nothing was changed; try again when"
            " it is through"
        ) from error


def _attempt(database: Database) -> None:
    with database.write() as connection:
        if database.path is None:
            take_turn(connection)  # replicas that start at once do this one by one
            yield_soon(connection)
        found = _found(connection)
        if found is None:
            create(connection)
        elif found != REVISIONS[-1]:
            _upgrade(connection, database.name)
        reached(Step.MIGRATED, is_committed=False)


def _kept(draft: Path | None, now: dt.datetime) -> Path | None:
    """Where the copy is for good, this attempt's or of one that was killed; None without any."""
    if not draft or not draft.exists():
        return None
    target = _unused(draft.with_name(f"{draft.name}-{now:%Y%m%d%H%M%S}"))
    try:
        return draft.rename(target)
    except OSError:  # on a full disk the next start does it
        return draft


def _remove(draft: Path) -> None:
    """Remove the copy of an attempt that failed or was killed, half made or whole."""
    try:
        for end in ("", ".partial", ".partial-journal"):
            draft.with_name(f"{draft.name}{end}").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{draft} cannot be removed: {error.strerror}") from error


def _unused(path: Path) -> Path:
    """That path, or where a database is already, one with a number behind it."""
    number, found = 1, path
    while found.exists() or found.with_name(f"{found.name}-wal").exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def create(connection: sa.Connection) -> None:
    """The newest schema at once; a test holds it against what the migrations make."""
    metadata.create_all(connection, checkfirst=False)
    searching.create(connection)
    name = sa.Column("version_num", sa.String(32), nullable=False)
    key = sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc")
    table = sa.Table(VERSION_TABLE, sa.MetaData(), name, key)  # as Alembic makes it
    table.create(connection)
    connection.execute(table.insert().values(version_num=REVISIONS[-1]))


def _upgrade(connection: sa.Connection, name: str) -> None:
    from alembic import command, config  # noqa: PLC0415  # a quarter of a second, rarely needed
    from alembic.util.exc import CommandError  # noqa: PLC0415

    settings = config.Config()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.attributes["connection"] = connection
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        raise StoreError(f"{name} could not be migrated: {error}") from error


def require_empty(database: Database) -> None:
    """For what is to be filled: raise StoreError if anything is in it."""
    wal = database.path and database.path.with_name(f"{database.path.name}-wal")
    if not is_missing(database):
        raise StoreError(
            f"{database.name} is not empty; nothing was changed. Name a database that is empty or"
            " not there yet"
        )
    if wal and wal.exists():
        raise StoreError(f"{wal} lies there without its database: move it away")


def fill(origin: Database, target: Database, told: Told = untold) -> Mapping[str, int]:
    """Copy all rows into an empty database, in one transaction that is compared before it ends.

    Both locks are the caller's. How many rows they were, by table. Raises StoreError: then nothing
    was changed.
    """
    require_empty(target)
    with origin.read() as source, target.write() as sink:
        moving.require_unicode(sink, target.name)
        create(sink)
        here, there = moving.View(origin, source), moving.View(target, sink)
        counts = moving.copy_rows(here, there, told)
        moving.compare(here, there, told)
        searching.forget_all(sink)  # the index is no row that is copied
    return counts


def backup(database: Database, target: Path) -> None:
    """A consistent copy of a SQLite database, taken while others read and write."""
    if not database.path:
        raise StoreError(f"{database.name}: use pg_dump for a copy of a PostgreSQL database")
    if target.exists():
        raise StoreError(f"{target} exists already; name another file")
    partial = target.with_name(f"{target.name}.partial")
    uri = f"{database.path.absolute().as_uri()}?mode=ro"
    try:
        with (
            contextlib.closing(sqlite3.connect(uri, uri=True)) as here,
            contextlib.closing(sqlite3.connect(partial)) as there,
        ):
            partial.chmod(0o600)
            here.backup(there)
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"no copy of {database.name} at {target}: {error}") from error


def restore(database: Database, source: Path, now: dt.datetime) -> Path | None:
    """Put a copy in the place of a SQLite database, or into an empty one of PostgreSQL.

    The caller holds the lock. Returns where the database that stood there is kept. Raises
    StoreError and changes nothing if the copy is damaged, empty, or another program's.
    """
    path = database.path
    copy = Database(f"sqlite:///{source.absolute()}", writable=False)
    try:
        found = version(copy)
        if found is None or integrity(copy):
            raise StoreError(f"{source} is empty or damaged; nothing was changed")
        if not path:
            _move_in(copy, found, database)
            return None
        partial = path.with_name(f"{path.name}.partial")
        partial.unlink(missing_ok=True)
        backup(copy, partial)  # with what stands in its -wal, if that lies beside it
    finally:
        copy.close()
    aside = _unused(path.with_name(f"{path.name}.replaced-{now:%Y%m%d%H%M%S}"))
    kept = None
    if path.exists():
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(path, timeout=1)) as old,
        ):
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.replace(aside)
        kept = aside
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():  # as somebody reads, and the checkpoint leaves commits in there
        wal.replace(aside.with_name(f"{aside.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    partial.replace(path)
    return kept


def _move_in(copy: Database, found: str, database: Database) -> None:
    """All rows of a SQLite database into a server's that is empty."""
    if found != REVISIONS[-1]:
        raise StoreError(
            f"{copy.name} is from an older version; run `watcher migrate` where it comes from, and"
            " copy it again"
        )
    fill(copy, database)


def integrity(database: Database) -> tuple[str, ...]:
    """What SQLite finds wrong with the file; PostgreSQL sees to that itself."""
    if not database.path:
        return ()
    with database.read() as connection:
        rows = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
    return tuple(str(row) for row in rows if row != "ok")
