"""What the files of `subscriptions.d` said when they were read: thousands take seconds to read.

A cache, no state: whatever is wrong with it, the files are read instead, and nobody is told. It
holds addresses, so it is its user's alone, and believed only if nobody else can have written it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
import time
from pathlib import Path

from pydantic import TypeAdapter

from watcher.settings.stamps import Stamp
from watcher.settings.tables import SubscriptionSettings

FEWEST = 100
"""How many files there must be: fewer are read sooner than anybody notices."""

_SETTLED_NS = 2_000_000_000
"""A file that was changed less than that before may change again and have the same times."""

_Found = tuple[SubscriptionSettings, ...]
_Files = dict[str, tuple[Stamp, _Found]]


class Memory:
    """What good files held, by their names, while they are as they were.

    `place` is where it is kept, None where it cannot be; `basis` is all else that a file's meaning
    depends on; `file_count` is how many files there are now.
    """

    def __init__(self, place: Path | None, basis: str, *, file_count: int) -> None:
        self._place, self._basis = place, basis
        self._is_worth_it = file_count >= FEWEST
        self._begun_ns = time.time_ns()
        self._before = _read(place, basis) if place and self._is_worth_it else {}
        self._now: _Files = {}
        self._has_news = False

    def recall(self, name: str, stamp: Stamp | None) -> _Found | None:
        """What the file of that name holds, None where it has to be read."""
        known = self._before.get(name)
        if known is None or known[0] != stamp:
            return None
        self._now[name] = known
        return known[1]

    def keep(self, name: str, stamp: Stamp | None, found: _Found) -> None:
        """Remember what a file held that had this stamp before it was read."""
        if stamp is None or max(stamp[:2]) > self._begun_ns - _SETTLED_NS:
            return
        self._now[name] = stamp, found
        self._has_news = True

    def save(self) -> None:
        """Write down what changed; what is gone is forgotten."""
        if self._place is None:
            return
        with contextlib.suppress(OSError):
            if not self._is_worth_it:
                self._place.unlink(missing_ok=True)
            elif self._has_news or len(self._now) != len(self._before):
                content = _layout().dump_json((self._basis, self._now), exclude_unset=True)
                _write(self._place, content)


def place_for(config: Path, cache_dir: Path | None) -> Path | None:
    """Where what belongs to this configuration is kept."""
    if cache_dir is None:
        return None
    return cache_dir / f"subscriptions-{hashlib.sha256(os.fsencode(config)).hexdigest()[:32]}.json"


@functools.cache
def _layout() -> TypeAdapter[tuple[str, _Files]]:
    return TypeAdapter(tuple[str, _Files])


def _read(place: Path, basis: str) -> _Files:
    try:
        if not _is_ours(place.parent.stat()):
            return {}
        with place.open("rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return {}
            written_for, files = _layout().validate_json(file.read())
    except (OSError, ValueError):  # none yet, or another version's, or damaged
        return {}
    return files if written_for == basis else {}


def _write(place: Path, content: bytes) -> None:
    folder = place.parent
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    if nearest.stat().st_uid != os.geteuid():  # root leaves nothing behind in others' places
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(folder.stat()):
        return
    with (
        contextlib.ExitStack() as failure,
        tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file,
    ):
        fresh = Path(file.name)
        failure.callback(fresh.unlink)
        file.write(content)
        file.flush()
        fresh.replace(place)
        failure.pop_all()


def _is_ours(stat: os.stat_result) -> bool:
    return stat.st_uid in {0, os.geteuid()} and not stat.st_mode & 0o022
