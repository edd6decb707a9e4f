"""The subscriptions that were imported: what was given, beside what files give.

`subscriptions` knows which of all there are count; these count unless a file has their id.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from watcher.store import marks as marking
from watcher.store.checks import get_meta, put_meta
from watcher.store.marks import Marks
from watcher.store.papers import chunks
from watcher.store.rows import insert, scalar
from watcher.store.schema import stored_subscriptions as stored

VERSION = "stored-subscriptions"


def version(connection: sa.Connection) -> str | None:
    """What differs whenever any of them does; None where there never was one."""
    return get_meta(connection, VERSION)


def definitions(connection: sa.Connection) -> dict[str, str]:
    """The definitions of all, JSON by id, in the order of their ids."""
    query = sa.select(stored.c.id, stored.c.definition).order_by(stored.c.id)
    return {row.id: row.definition for row in connection.execute(query)}


def marks(connection: sa.Connection) -> Marks:
    """What differs, part by part, where any definition of that part does."""
    return marking.marks(connection, stored)


def ids(connection: sa.Connection, parts: Collection[int]) -> list[str]:
    """The ids in these parts."""
    return marking.ids(connection, stored, parts)


def definitions_of(connection: sa.Connection, subscription_ids: Iterable[str]) -> dict[str, str]:
    """The definitions of those of these that are there, JSON by id, in the order of their ids."""
    found: dict[str, str] = {}
    for chunk in chunks(sorted(subscription_ids)):
        query = sa.select(stored.c.id, stored.c.definition).where(stored.c.id.in_(chunk))
        found |= {row.id: row.definition for row in connection.execute(query.order_by(stored.c.id))}
    return found


def definition(connection: sa.Connection, subscription_id: str) -> str | None:
    """That of one; None where it is not in the store."""
    query = sa.select(stored.c.definition).where(stored.c.id == subscription_id)
    return scalar(connection, query, str)


def count(connection: sa.Connection, most: int) -> int:
    """How many there are, `most` where there are more."""
    few = sa.select(stored.c.id).limit(most).subquery()
    return int(connection.scalar(sa.select(sa.func.count()).select_from(few)) or 0)


def of_address(connection: sa.Connection, prefix: str, address: str) -> dict[str, str]:
    """Those whose ids begin with `prefix` and that may go to that address, in whatever letters."""
    quoted = json.dumps(address.lower(), ensure_ascii=False)
    query = sa.select(stored.c.id, stored.c.definition).order_by(stored.c.id)
    query = query.where(
        stored.c.id.startswith(prefix, autoescape=True),
        sa.func.lower(stored.c.definition).contains(quoted, autoescape=True),
    )
    return {row.id: row.definition for row in connection.execute(query)}


def put(connection: sa.Connection, new: Mapping[str, str], now: dt.datetime) -> None:
    """Store these definitions, by id, over those of the same ids."""
    if not new:
        return
    row = insert(connection, stored)
    row = row.on_conflict_do_update(
        index_elements=[stored.c.id],
        set_={"definition": row.excluded.definition, "stored_at": row.excluded.stored_at},
    )
    connection.execute(
        row,
        [{"id": each, "definition": text, "stored_at": now} for each, text in new.items()],
    )
    _note_change(connection)


def remove(connection: sa.Connection, subscription_ids: Iterable[str]) -> None:
    """Forget these."""
    gone = [{"of": each} for each in subscription_ids]
    if gone:
        connection.execute(stored.delete().where(stored.c.id == sa.bindparam("of")), gone)
        _note_change(connection)


def _note_change(connection: sa.Connection) -> None:
    # Not a number: of two that count on at the same time, the second would change nothing.
    put_meta(connection, VERSION, secrets.token_hex(8))
