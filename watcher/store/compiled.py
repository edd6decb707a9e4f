"""Statements as they were compiled, for all engines of a process."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.compiler import Compiled

Key: TypeAlias = "tuple[Dialect, *tuple[object, ...]]"

MOST = 1_000
"""Twice as many as the program has, and more."""


class Statements(MutableMapping[Key, "Compiled"]):
    """What SQLAlchemy takes as `compiled_cache`, an execution option.

    By itself each engine has one of its own, and its dialect, which no two engines share, is part
    of the keys. Here the dialect's kind and the server's version stand in its place: what differs
    by neither is compiled once. With `most` it begins anew. Several threads may use it.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[object, Compiled] = {}

    def __getitem__(self, key: Key) -> Compiled:
        return self._kept[_alike(key)]

    def __setitem__(self, key: Key, compiled: Compiled) -> None:
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[_alike(key)] = compiled

    def __delitem__(self, key: Key) -> None:
        del self._kept[_alike(key)]

    def __iter__(self) -> Iterator[Key]:
        raise TypeError("what is kept cannot be listed")

    def __len__(self) -> int:
        return len(self._kept)


def _alike(key: Key) -> object:
    dialect, *statement = key
    version = getattr(dialect, "server_version_info", None)  # a dialect that never connected
    return type(dialect), version, *statement
