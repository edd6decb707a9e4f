"""Bringing the store in line with a configuration, by what differs: all at first, then changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from watcher import __version__, effective
from watcher.errors import ConfigError
from watcher.settings import Config, SubscriptionSettings
from watcher.steps import Step
from watcher.store import stored, subscriptions, taking_over
from watcher.store.lock import change_rules
from watcher.store.marks import Division, differing
from watcher.store.taking_over import Wanted

if TYPE_CHECKING:  # commands that only look need nothing of a pipeline
    from watcher.pipeline.context import Context

log = structlog.get_logger(__name__)


async def take_over(context: Context) -> Context:
    """Bring the store in line with the configuration, and report what was not taken over.

    Returns the same context, with the division that later changes are told by. Raises StoreError.
    """
    from watcher.pipeline import upkeep

    if context.division is None:
        context = replace(context, division=await context.work(partial(_divided, context)))
    config, now, vocabulary = context.config, context.clock(), _vocabulary(context.config)
    cadences = {(each.digest, each.timezone) for each in config.settings.subscriptions}

    def step(connection: sa.Connection) -> None:
        if context.database.path is None:  # SQLite has one writer at a time anyhow
            change_rules(connection)
        only = None
        if taking_over.has_vocabulary(connection, vocabulary):
            only = _differing(context, connection)
        renames = taking_over.synchronise(
            connection,
            _wanted(context, _still_there(config, connection) if only is None else sorted(only)),
            now,
            vocabulary=vocabulary,
            unread=config.broken_stems,
            unread_ids=config.broken_ids,
            only=only,
        )
        upkeep.report_renames(context, connection, renames, now)
        upkeep.report_broken(context, connection, config.broken, now)
        subscriptions.note_cadences(connection, cadences)

    await context.write(step, Step.TAKEN_OVER)
    for problem in config.broken:
        log.error("left as it was last good", problem=str(problem))
    return context


async def changed(context: Context) -> Context | None:
    """`context` with what has changed in the store since it was taken over; nothing is written.

    None where that is not all there may be to do. Raises StoreError.
    """
    config, division = context.config, context.division
    if division is None or config.from_store.marks is None or config.broken_stems:
        return None  # what is kept of a broken file stands in the store, and may end there
    found, last_good = await context.read(partial(effective.changed, config, division))
    try:
        found, ruleset = effective.compile_rules(found, last_good, context.ruleset)
    except ConfigError:
        return None
    now = replace(context, config=found, ruleset=ruleset, division=None)
    before, after = context.subscriptions, now.subscriptions
    ids = {each.id for each in context.ruleset.news(after.values(), found.settings.topics)}
    ids |= before.keys() - after.keys()
    return replace(now, division=division.changed(ids, lambda each: _definition(after.get(each))))


def _divided(context: Context) -> Division:
    """All subscriptions by their definitions."""
    chosen = context.config.settings.subscriptions
    return Division.of((each.id, each.model_dump_json(by_alias=True)) for each in chosen)


def _definition(subscription: SubscriptionSettings | None) -> str | None:
    return None if subscription is None else subscription.model_dump_json(by_alias=True)


def _differing(context: Context, connection: sa.Connection) -> set[str]:
    """The ids that are not known as they are wanted, and may be others."""
    division = context.division or _divided(context)
    parts = differing(division.marks, subscriptions.marks(connection))
    before = context.config.from_store
    if parts and stored.version(connection) != before.version:
        # Changed since it was read, by a page perhaps, which ends one at once: left to next time.
        parts -= differing(before.marks or {}, stored.marks(connection))
    return {*subscriptions.ids(connection, parts), *division.within(parts)}


def _wanted(context: Context, ids: Iterable[str]) -> Iterator[Wanted]:
    """Those of these ids that the configuration has."""
    for subscription in filter(None, map(context.subscriptions.get, ids)):
        yield Wanted(
            id=subscription.id,
            definition=subscription.model_dump_json(by_alias=True),
            fingerprint=partial(context.ruleset.fingerprint, subscription.id),
            recipients=subscription.to,
        )


def _still_there(config: Config, connection: sa.Connection) -> list[str]:
    """All but those that were taken out of the store since `config` was read, by a page perhaps."""
    ids = [each.id for each in config.settings.subscriptions]
    if stored.version(connection) == config.from_store.version:
        return ids
    there = stored.definitions(connection)
    return [each for each in ids if not config.is_stored(each) or each in there]


def _vocabulary(config: Config) -> str:
    """A hash of what the meaning of rules depends on besides what stands in their subscription."""
    from watcher.rules import builtin_topics

    builtin = {name: topic.keywords for name, topic in builtin_topics().items()}
    own = {name: topic.any for name, topic in config.settings.topics.items()}
    return hashlib.sha256(repr((__version__, builtin, own)).encode()).hexdigest()[:32]
