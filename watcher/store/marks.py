"""What has changed of many definitions, found without reading them all.

Ids are divided into parts, and each part has a mark: a sum over what its rows say, which the server
works out. Where a mark is another one than it was, some definition of that part is new, changed or
gone; all others are as they were, whoever wrote what, and in whichever order it was committed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from watcher.store.column_types import storable

Marks = Mapping[int, int]
"""By part; a part without rows has none."""

_PART_BITS = 14
"""At a million definitions a part has about sixty."""

_MARK_BITS = 64

_ASKED_AT_MOST = 2_000
"""Parts that the server is asked for by their numbers; of more, all ids are looked at here."""


def part_of(row_id: str) -> int:
    """The part that an id is in."""
    return int.from_bytes(_hash(row_id)[:2]) >> (16 - _PART_BITS)


def mark_of(row_id: str, definition: str) -> int:
    """What a row adds to the mark of its part."""
    return int.from_bytes(_hash(f"{row_id}\n{definition}")[: _MARK_BITS // 8], signed=True)


def _hash(text: str) -> bytes:
    return hashlib.sha256(storable(text).encode()).digest()


def differing(some: Marks, others: Marks) -> frozenset[int]:
    """The parts whose marks are not the same."""
    return frozenset(part for part in {*some, *others} if some.get(part) != others.get(part))


def marks(
    connection: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool]
) -> dict[int, int]:
    """The marks of the rows, with an `id` and a `definition`, of which that holds."""
    row_id, definition = table.c.id, table.c.definition
    if connection.dialect.name == "sqlite":  # it is in this process, and has no hash of its own
        found: defaultdict[int, int] = defaultdict(int)
        for row in connection.execute(sa.select(row_id, definition).where(*where)):
            found[part_of(row.id)] += mark_of(row.id, row.definition)
        return found
    hashed = sa.cast(_bits(row_id + "\n" + definition, _MARK_BITS), sa.BigInteger)
    # Apart by OFFSET, or the server sorts whole definitions by their parts.
    rows = sa.select(_part(row_id).label("part"), hashed.label("mark")).where(*where).offset(0)
    each = rows.subquery()
    query = sa.select(each.c.part, sa.func.sum(each.c.mark)).group_by(each.c.part)
    return {part: int(total) for part, total in connection.execute(query)}


def ids(connection: sa.Connection, table: sa.Table, parts: Collection[int]) -> list[str]:
    """The ids of the rows in these parts."""
    if not parts:
        return []
    query = sa.select(table.c.id)
    if connection.dialect.name != "sqlite" and len(parts) <= _ASKED_AT_MOST:
        query = query.where(_part(table.c.id).in_(parts))
        return [row.id for row in connection.execute(query)]
    return [row.id for row in connection.execute(query) if part_of(row.id) in parts]


def _part(row_id: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    return sa.cast(_bits(row_id, _PART_BITS), sa.Integer)


def _bits(text: sa.ColumnElement[str], count: int) -> sa.ColumnElement[str]:
    """The first bits of a text's hash, by PostgreSQL's own way from bytes to bits."""
    # Not MD5, which is quicker: a server that keeps to FIPS refuses it.
    hashed = sa.func.sha256(sa.func.convert_to(text, "UTF8"))
    digits = sa.func.encode(sa.func.substring(hashed, 1, -(-count // 8)), "hex")
    return sa.cast(sa.func.concat("x", digits), postgresql.BIT(count))


@dataclass(frozen=True, slots=True)
class Division:
    """Ids by their parts, and the marks that the parts have with certain definitions."""

    ids: Mapping[int, tuple[str, ...]]
    marks: Marks

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> Self:
        """That of ids with their definitions."""
        found: defaultdict[int, list[str]] = defaultdict(list)
        totals: defaultdict[int, int] = defaultdict(int)
        for row_id, definition in rows:
            part = part_of(row_id)
            found[part].append(row_id)
            totals[part] += mark_of(row_id, definition)
        return cls({part: tuple(names) for part, names in found.items()}, dict(totals))

    def changed(self, row_ids: Iterable[str], definition: Callable[[str], str | None]) -> Self:
        """The same with these ids as they are now: `definition` has none of those that are gone.

        It is asked for others in the same parts as well.
        """
        touched: defaultdict[int, set[str]] = defaultdict(set)
        for row_id in row_ids:
            touched[part_of(row_id)].add(row_id)
        names, marks_ = dict(self.ids), dict(self.marks)
        for part, changed in touched.items():
            those = {each: definition(each) for each in {*names.pop(part, ()), *changed}}
            marks_.pop(part, None)
            there = {each: text for each, text in those.items() if text is not None}
            if there:
                names[part] = tuple(there)
                marks_[part] = sum(mark_of(each, text) for each, text in there.items())
        return type(self)(names, marks_)

    def within(self, parts: Iterable[int]) -> set[str]:
        """The ids in these parts."""
        return {each for part in parts for each in self.ids.get(part, ())}
