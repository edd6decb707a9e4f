"""Which databases there were, so that one which is gone is not taken for one that never was.

It stands in the state directory, beside SQLite's own file and for PostgreSQL as well: never a
password, never a user.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from watcher.errors import LostDatabaseError, StoreError
from watcher.store.database import name_of

FILE = "databases.json"

_PLACE = ("host", "port", "service")
"""What in the query of a server's URL says where it is."""


def remember(state_dir: Path, url: str, now: dt.datetime) -> None:
    """Take down that there is the database of this URL. Raises StoreError where nobody can."""
    name = _place(state_dir, url)
    path = state_dir / FILE
    try:
        known = _read(path)
    except ValueError:  # the database is here: there is nothing that it could tell
        known = {}
    if name in known:
        return
    draft = path.with_name(f"{FILE}.partial")
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({**known, name: now.isoformat()}, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def see_not_lost(state_dir: Path, url: str) -> None:
    """Of a database that is missing: raise LostDatabaseError if there was one."""
    path = state_dir / FILE
    try:
        since = _read(path).get(_place(state_dir, url), "")[:10]
    except ValueError:
        since = f"an unknown day ({path} is damaged)"
    if since:
        raise LostDatabaseError(
            f"the database {name_of(url)} is gone; it was there since {since}. A new one"
            " would have everything on the pages mailed again. Put a backup in its place"
            " (`watcher restore`, or pg_restore), or mount or name the place where it is;"
            " `watcher init --new-database` begins with an empty one"
        )


def _read(path: Path) -> dict[str, str]:
    """When each was first there. Raises ValueError for what we did not write."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004  # as for any other text
    return {str(name): str(since) for name, since in found.items()}


def _place(state_dir: Path, url: str) -> str:
    """Where a database is: SQLite's within the state directory, with which it may be moved."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        return str(path.relative_to(state_dir) if path.is_relative_to(state_dir) else path)
    query = {key: value for key, value in parsed.query.items() if key in _PLACE}
    place = URL.create(
        "postgresql", host=parsed.host, port=parsed.port, database=parsed.database, query=query
    )
    return place.render_as_string()
