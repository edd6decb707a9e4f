"""A task that concerns all subscriptions, divided into shards that workers share.

What is left of it stands in the store; a job is put again for as long as its part is left.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from watcher.fleet.queue import Queue, name_of
from watcher.store import shards
from watcher.store.shards import Part

MATCH = "match"
SETTLE = "settle"
COMPOSE = "compose"

SUBJECT = {MATCH: "listing", SETTLE: "listing", COMPOSE: "slot"}
"""What jobs of a task call that which they do it for."""

LINE = "shards"
"""The line of their jobs: a worker that takes one leaves the others to others."""

SHARD_SIZE = 10_000
"""Subscriptions of one shard, about."""


def divide(
    queue: Queue, connection: sa.Connection, task: str, subject: str, size: int, now: dt.datetime
) -> None:
    """Have a task done for a subject in shards of about `size` subscriptions."""
    for part in shards.divide(connection, task, subject, size, now):
        _put(queue, connection, part)


def put_left(queue: Queue, connection: sa.Connection) -> None:
    """Have done what is left and has no job any more."""
    parts = shards.left(connection)
    busy = queue.under_way(connection) if parts else set()
    for part in parts:
        if name_of(part.task, _key(part)) not in busy:
            _put(queue, connection, part)


def is_left(connection: sa.Connection, *tasks: str) -> bool:
    """Whether any shard of these tasks is left."""
    return bool(shards.left(connection, tasks))


def _put(queue: Queue, connection: sa.Connection, part: Part) -> None:
    subject = {SUBJECT[part.task]: part.subject}
    queue.put(
        connection,
        part.task,
        key=_key(part),
        line=LINE,
        after=None,
        shard=str(part.shard),
        **subject,
    )


def _key(part: Part) -> str:
    return f"{part.subject}:{part.shard}"
