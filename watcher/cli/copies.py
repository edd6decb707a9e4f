"""`backup` and `restore`: a copy of the database, and the way back."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from watcher.cli.asking import consent
from watcher.cli.common import (
    USAGE,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
    say,
)
from watcher.cli.owner import act_as_owner
from watcher.errors import StoreError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("backup")(backup)
    app.command("restore")(restore)


@guarded
def backup(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="Where to; in a directory it is named after the hour.")
    ],
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the database while the daemon goes on; nothing is ever overwritten."""
    from watcher import app
    from watcher.store import versions

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning")
    target = file / f"watcher-{app.utc_now():%Y%m%d-%H%M%S}.db" if _is_folder(file) else file
    if not _is_folder(target.parent):
        fail(f"there is no directory {target.parent}; make it, or name another", USAGE)
    with app.reading(loaded, versions.require_filled) as database:
        versions.backup(database, target)
    size = target.stat().st_size
    if options.as_json:
        print_json({"database": database.name, "copy": str(target.absolute()), "bytes": size})
    else:
        print(f"{database.name} is copied to {target} ({size / 1e6:.1f} MB)")
        print("The configuration is not in it: copy that too.")


@guarded
def restore(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="A copy made by `backup`.", exists=True, dir_okay=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a copy in the database's place, kept beside it, or into an empty one of PostgreSQL."""
    from watcher import app
    from watcher.store import versions
    from watcher.store.database import Database, name_of
    from watcher.store.lock import InstanceLock

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning")
    consent(f"Put {file} in the place of {name_of(loaded.store_url)}?", is_given=yes)
    with readable_by_owner(file, loaded.state_dir) as copy:
        act_as_owner(loaded.state_dir)
        now = app.utc_now()
        database = Database(loaded.store_url, writable=True)
        try:
            lock = InstanceLock(database, "restore", now)
            try:
                kept = versions.restore(database, copy, now)
            finally:
                lock.release()
        finally:
            database.close()
    if options.as_json:
        print_json({"database": database.name, "kept": str(kept) if kept else None})
    else:
        print(f"{file} is now {database.name}")
        if kept:
            print(f"What stood there is kept as {kept}")
    say(
        "what was mailed after the copy was made is not known to it: it may be mailed again.\n"
        "`watcher subscriptions pause NAME` holds a subscription back."
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # what may not be looked at is of no use either
        return False


@contextlib.contextmanager
def readable_by_owner(file: Path, state_dir: Path) -> Iterator[Path]:
    """The file, or where root is about to become the state's owner, a copy which that one reads."""
    if os.geteuid() != 0 or not state_dir.exists() or state_dir.stat().st_uid == 0:
        yield file
        return
    owner = state_dir.stat()
    with contextlib.ExitStack() as stack:
        try:
            handle = stack.enter_context(tempfile.NamedTemporaryFile(dir=state_dir, suffix=".db"))
            with file.open("rb") as source:
                shutil.copyfileobj(source, handle)
            handle.flush()
            os.fchown(handle.fileno(), owner.st_uid, owner.st_gid)
        except OSError as error:
            raise StoreError(f"{file} cannot be copied to {state_dir}: {error.strerror}") from error
        yield Path(handle.name)
