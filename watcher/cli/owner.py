"""Root acts as the owner of the state directory.

Otherwise `sudo watcher check-now` would leave files behind that the service cannot write to, or
start a second database, and everything would be mailed again.
"""

from __future__ import annotations

import os
from pathlib import Path

from watcher.cli.common import say


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
