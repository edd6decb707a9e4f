"""Shards of the subscriptions, and which of them are yet to be worked through.

A subscription stays in its bucket for good. A shard is a range of buckets: how many there are may
differ from one job to the next, so each names both.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from zlib import crc32

import sqlalchemy as sa

from watcher.store.rows import columns, insert, records
from watcher.store.schema import shards, subscriptions

BUCKETS = 1024


def bucket_of(subscription_id: str) -> int:
    """The bucket that a subscription is put into when it becomes known."""
    return crc32(subscription_id.encode()) % BUCKETS


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of the subscriptions, of which the first has the number 0."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` made."""
        number, _, count = text.partition("/")
        return cls(int(number), int(count))

    def __str__(self) -> str:
        """As jobs name it."""
        return f"{self.number}/{self.count}"

    @property
    def buckets(self) -> range:
        """Its part of the buckets."""
        first, end = (
            -(-number * BUCKETS // self.count) for number in (self.number, self.number + 1)
        )
        return range(first, end)


def holds(shard: Shard | None) -> sa.ColumnElement[bool]:
    """Whether a row of `subscriptions` is of that shard (None: of any)."""
    if shard is None or shard.count == 1:
        return sa.true()
    buckets = shard.buckets
    return subscriptions.c.bucket.between(buckets.start, buckets.stop - 1)


def within(column: sa.Column[str], shard: Shard | None) -> sa.ColumnElement[bool]:
    """Whether a row is of a subscription of that shard (None: of any); `column` has its id."""
    if shard is None or shard.count == 1:
        return sa.true()
    return column.in_(sa.select(subscriptions.c.id).where(holds(shard)))


@dataclass(frozen=True, slots=True)
class Part:
    """A shard that a task has yet to work through for its subject."""

    task: str
    subject: str
    number: int
    count: int
    planned_at: dt.datetime

    @property
    def shard(self) -> Shard:
        """Which one."""
        return Shard(self.number, self.count)


def divide(
    connection: sa.Connection, task: str, subject: str, size: int, now: dt.datetime
) -> list[Part]:
    """Note down that a task has every shard before it, each of about `size` subscriptions."""
    active = sa.select(sa.func.count()).where(subscriptions.c.removed_at.is_(None))
    known_count = int(connection.scalar(active) or 0)
    count = min(max(-(-known_count // size), 1), BUCKETS)
    made = [Part(task, subject, number, count, now) for number in range(count)]
    rows = [
        {
            "task": part.task,
            "subject": part.subject,
            "number": part.number,
            "count": part.count,
            "planned_at": part.planned_at,
        }
        for part in made
    ]
    connection.execute(insert(connection, shards).on_conflict_do_nothing(), rows)
    return made


def left(connection: sa.Connection, tasks: Iterable[str] | None = None) -> list[Part]:
    """What these tasks (None: all) have yet to work through."""
    query = sa.select(*columns(shards, Part)).order_by(shards.c.task, shards.c.number)
    if tasks is not None:
        query = query.where(shards.c.task.in_(list(tasks)))
    return records(connection, query, Part)


def find(
    connection: sa.Connection, task: str, subject: str, shard: Shard, *, is_taken: bool = False
) -> Part | None:
    """That part, unless it is done.

    `is_taken`: it is this transaction's until its end; None also where it is another's.
    """
    query = sa.select(*columns(shards, Part)).where(*_is(task, subject, shard))
    if is_taken:
        query = query.with_for_update(skip_locked=True)
    found = records(connection, query, Part)
    return found[0] if found else None


def done(connection: sa.Connection, task: str, subject: str, shard: Shard) -> bool:
    """Note that a part is worked through; False where it was noted before."""
    return bool(connection.execute(shards.delete().where(*_is(task, subject, shard))).rowcount)


def _is(task: str, subject: str, shard: Shard) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        shards.c.task == task,
        shards.c.subject == subject,
        shards.c.number == shard.number,
        shards.c.count == shard.count,
    )
