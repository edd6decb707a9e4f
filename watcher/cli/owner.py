"""Root acts as the owner of the state directory.

Otherwise `sudo watcher check-now` would leave files behind that the service cannot write to, or
start a second database, and everything would be mailed again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.cli.common import say

if TYPE_CHECKING:
    from watcher.settings import Config
    from watcher.store.database import Database


def act_as_owner(state_dir: Path) -> None:
    """Become the directory's owner, for good, if we are root and it is not root's."""
    if os.geteuid() != 0 or not state_dir.exists():
        return
    stat = state_dir.stat()
    if stat.st_uid == 0:
        return
    os.setgroups([stat.st_gid])
    os.setgid(stat.st_gid)
    os.setuid(stat.st_uid)
    say(f"acting as the owner of {state_dir} (user id {stat.st_uid})")


@contextlib.contextmanager
def past_the_lock(config: Config) -> Iterator[Database]:
    """The database as it is, for one short transaction beside the daemon's. Raises StoreError."""
    from watcher.store import versions
    from watcher.store.database import Database

    act_as_owner(config.state_dir)
    database = Database(config.store_url, writable=True)
    try:
        versions.require_newest(database)
        yield database
    finally:
        database.close()
