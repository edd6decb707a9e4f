"""Which subscriptions count, and by which rules: those of files, of the store, as last good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog
from pydantic import ValidationError

from watcher.errors import RuleError
from watcher.settings import Config, SubscriptionSettings, with_changed, with_stored
from watcher.store import stored, subscriptions
from watcher.store.database import Database
from watcher.store.marks import Division, differing, part_of

if TYPE_CHECKING:  # commands that only look need nothing of an engine
    from watcher.rules import Ruleset

log = structlog.get_logger(__name__)


def compile_rules(
    config: Config, last_good: Mapping[str, str], former: Ruleset | None = None
) -> tuple[Config, Ruleset]:
    """The rules of a configuration, ready to judge, and the configuration they stand for.

    A file of `subscriptions.d` that does not validate, or whose rules do not, leaves its
    subscriptions as they were last good (`last_good`: definitions by id) and joins `broken`.
    What has not changed is taken from `former`. Raises RuleError, with file and line, for a rule
    of the main file.
    """
    from watcher.rules import Ruleset

    config = _with_last_good(config, last_good)
    compiled = former.changed if former else Ruleset.compile
    while True:
        settings = config.settings
        try:
            return config, compiled(settings.subscriptions, settings.topics)
        except RuleError as error:
            faults = [] if error.subscription_id is None else _faults(config, former)
            for fault in faults or [error]:
                config = _without_broken(config, fault, last_good)


def _faults(config: Config, former: Ruleset | None) -> list[RuleError]:
    """All at once: with many subscriptions each attempt to compile them takes its time."""
    from watcher.rules import Ruleset

    settings = config.settings
    chosen = settings.subscriptions
    doubtful = former.news(chosen, settings.topics) if former else chosen
    return Ruleset.faults(doubtful, settings.topics)


def _with_last_good(config: Config, last_good: Mapping[str, str]) -> Config:
    chosen = config.settings.subscriptions
    present = {each.id for each in chosen if each.id in last_good}
    stems, left_out = config.broken_stems, config.broken_ids
    kept = [
        _restored(definition)
        for subscription_id, definition in last_good.items()
        if (subscriptions.stem(subscription_id) in stems or subscription_id in left_out)
        and subscription_id not in present
    ]
    restored = tuple(found for found in kept if found)
    return config.with_subscriptions((*chosen, *restored)) if restored else config


def _restored(definition: str) -> SubscriptionSettings | None:
    try:
        return SubscriptionSettings.model_validate_json(definition)
    except ValidationError as error:  # it was stored by another version
        log.warning("a stored subscription cannot be read any more", error=str(error))
        return None


def _without_broken(config: Config, error: RuleError, last_good: Mapping[str, str]) -> Config:
    culprit = error.subscription_id or ""
    stem = subscriptions.stem(culprit)
    located = config.fault(error.message, culprit, error.key or "")
    if not (stem or config.is_stored(culprit)):
        raise located from error
    present = next(s for s in config.settings.subscriptions if s.id == culprit)
    others = tuple(s for s in config.settings.subscriptions if s.id != culprit)
    former = _restored(last_good[culprit]) if culprit in last_good else None
    if former and former != present:  # or its last good rules do not hold either
        others = (*others, former)
    config = config.with_subscriptions(others)
    if stem in config.broken_stems or culprit in config.broken_ids:
        return config
    return replace(config, broken=(*config.broken, located))


def whole(config: Config, connection: sa.Connection) -> Config:
    """`config` with the subscriptions that stand in the store now."""
    version = stored.version(connection)
    if version == config.from_store.version:
        return config
    return with_stored(config, stored.definitions(connection), version)


def followed(config: Config, connection: sa.Connection) -> Config:
    """The same, with what it takes to tell later what of them has `changed`."""
    config = whole(config, connection)
    return replace(config, from_store=replace(config.from_store, marks=stored.marks(connection)))


def changed(
    config: Config, division: Division, connection: sa.Connection
) -> tuple[Config, dict[str, str]]:
    """A `followed` configuration with what has changed in the store alone, nothing in files.

    `division` is that of the subscriptions in force. Also, of what was read, the definitions that
    were last good.
    """
    before = config.from_store
    now = stored.marks(connection)
    parts = differing(before.marks or {}, now)
    found = stored.definitions_of(connection, stored.ids(connection, parts))
    had = {each for each in division.within(parts) if config.is_stored(each)}
    had |= {each for each in before.hidden | config.broken_ids if part_of(each) in parts}
    version = stored.version(connection)
    changed = with_changed(config, found, had - found.keys(), version, now)
    return changed, subscriptions.definitions_of(connection, found)


def last_good_of(database: Database) -> dict[str, str]:
    """The stored definitions of the subscriptions that are not removed, by id."""
    with database.read() as connection:
        return subscriptions.definitions(connection)
