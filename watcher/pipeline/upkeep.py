"""What is done once in a while: pruning, and a word to the operator when all has been quiet."""

from __future__ import annotations

import datetime as dt
import hashlib
from itertools import islice

import sqlalchemy as sa

from watcher.digest import ConfigBroken, NearMiss, Quiet, RenameSuspected
from watcher.errors import ConfigError
from watcher.pipeline.context import Context
from watcher.pipeline.momentum import votes_per_day
from watcher.pipeline.notify import notify
from watcher.store import (
    buckets,
    checks,
    letters,
    links,
    outages,
    outbox,
    papers,
    searching,
    slots,
    subscriptions,
)

PRUNED = "pruned-at"
TOLD = "config-told"
EVERY = dt.timedelta(days=1)
SPENT_FOR = dt.timedelta(days=30)
"""How long it is remembered that a link was used: longer than any such link works."""

MISSES_FROM = 300
"""Papers looked through for near misses: the newest."""

MISSES_OF = 100
"""Subscriptions looked through for them: the first of the configuration."""

MISSES_SHOWN = 3


def prune(context: Context, connection: sa.Connection, now: dt.datetime) -> None:
    """Once a day, drop what `[store] keep_days` lets go; ids and pairs stay for ever."""
    last = checks.get_meta(connection, PRUNED)
    if last is not None and now - EVERY < dt.datetime.fromisoformat(last) <= now:
        return
    before = now - dt.timedelta(days=context.config.settings.store.keep_days)
    papers.prune(connection, before, now)
    outbox.prune(connection, before)
    slots.prune(connection, before)
    checks.prune(connection, before)
    outages.prune(connection, before)
    buckets.prune(connection, now - EVERY)
    links.prune(connection, now - SPENT_FOR)
    letters.expire(connection, now)  # where no pages are served any more
    searching.look_again(connection, now - 2 * EVERY)
    checks.put_meta(connection, PRUNED, now.isoformat())


def reassure(context: Context, connection: sa.Connection, now: dt.datetime) -> bool:
    """After `[health] quiet_days` without any digest, tell the operator that all is well."""
    days = context.config.settings.health.quiet_days
    known_at = subscriptions.active_since(connection)
    if not days or known_at is None:
        return False
    since = now - dt.timedelta(days=days)
    signs = [
        outbox.last_digest_at(connection),
        outbox.last_notice_at(connection, Quiet.kind),
        known_at,
    ]
    if any(sign is not None and since < sign <= now for sign in signs):
        return False
    notice = Quiet(
        days=days,
        seen_count=papers.count_since(connection, since),
        near_misses=near_misses(context, connection, since, now),
    )
    return notify(context, connection, f"quiet:{now:%Y-%m-%d}", notice, now)


def near_misses(
    context: Context, connection: sa.Connection, since: dt.datetime, now: dt.datetime
) -> tuple[NearMiss, ...]:
    """For each subscription, of so many, the papers that came closest: one condition short."""
    found: list[NearMiss] = []
    recent = papers.seen_since(connection, since, MISSES_FROM)
    gained = votes_per_day(connection, recent, now)
    for subscription_id in islice(context.subscriptions, MISSES_OF):
        misses = [
            NearMiss(subscription_id, stored.paper.id, stored.paper.title, explanation.near_miss)
            for stored in recent
            for explanation in context.ruleset.explain(
                stored.paper,
                subscription_id=subscription_id,
                now=now,
                votes_per_day=gained[stored.paper.id],
            )
            if explanation.near_miss is not None
        ]
        found += misses[:MISSES_SHOWN]
    return tuple(found)


def report_broken(
    context: Context,
    connection: sa.Connection,
    problems: tuple[ConfigError, ...],
    now: dt.datetime,
    *,
    is_whole: bool = True,
) -> None:
    """Tell the operator what of the configuration was not taken over, once until it is mended.

    `is_whole`: these are all problems that there are; others that were told of are mended.
    """
    told = set((checks.get_meta(connection, TOLD) or "").split())
    texts = tuple(str(problem) for problem in problems)
    found = {hash_of((text,)) for text in texts}
    if news := found - told:
        key = f"config:{now:%Y-%m-%dT%H:%M:%S}:{hash_of(texts)}"
        if not notify(context, connection, key, ConfigBroken(texts), now):
            found -= news
    if not is_whole:
        found |= told
    if found != told:
        checks.put_meta(connection, TOLD, " ".join(sorted(found)) or None)


def report_renames(
    context: Context,
    connection: sa.Connection,
    renames: tuple[tuple[str, str], ...],
    now: dt.datetime,
) -> None:
    """Tell the operator of subscriptions that look renamed and therefore wait."""
    for old, new in renames:
        key = f"rename:{old}:{new}:{now:%Y-%m-%d}"
        notify(context, connection, key, RenameSuspected(old, new), now)


def hash_of(texts: tuple[str, ...]) -> str:
    """A short name for these texts."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:12]
