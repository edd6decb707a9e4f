"""What comes next: checks, and the slots of digests."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from watcher import schedule
from watcher.overview.records import Overview
from watcher.settings import Config
from watcher.store import subscriptions

Kind = Literal["check", "digest"]


@dataclass(frozen=True, slots=True)
class Coming:
    """An instant, and what is due then: the names of sources, or the ids of subscriptions.

    Where no subscription was looked at by itself, their cadences in words.
    """

    at: dt.datetime
    kind: Kind
    of: tuple[str, ...]


def coming(
    config: Config, connection: sa.Connection, overview: Overview, most: int
) -> tuple[Coming, ...]:
    """What is due next, the first `most` of it. Raises StoreError."""
    digests = _digests(overview) if overview.is_whole else _cadences(config, connection, overview)
    due: dict[tuple[dt.datetime, Kind], list[str]] = {}
    for at, kind, of in (*_checks(overview), *digests):
        due.setdefault((at, kind), []).append(of)
    first = heapq.nsmallest(most, due)
    return tuple(Coming(at, kind, tuple(due[at, kind])) for at, kind in first)


def _checks(overview: Overview) -> Iterator[tuple[dt.datetime, Kind, str]]:
    for source in overview.sources:
        if source.next_check_at:
            yield source.next_check_at, "check", source.name


def _digests(overview: Overview) -> Iterator[tuple[dt.datetime, Kind, str]]:
    for each in overview.subscriptions:
        if each.next_slot_at and each.standing == "active" and not each.has_nobody:
            yield each.next_slot_at, "digest", each.id


def _cadences(
    config: Config, connection: sa.Connection, overview: Overview
) -> Iterator[tuple[dt.datetime, Kind, str]]:
    for digest, timezone in subscriptions.cadences(connection) or ():
        cadence = schedule.parse_cadence(digest)
        zone = ZoneInfo(timezone) if timezone else config.zone()
        at = schedule.next_slot(cadence, zone, after=overview.now)
        if at:
            yield at, "digest", schedule.describe(cadence, zone)
