"""Which subscriptions count, and by which rules: those of files, of the store, as last good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog
from pydantic import ValidationError

from watcher.errors import RuleError
from watcher.settings import Config, SubscriptionSettings, with_stored
from watcher.store import stored, subscriptions
from watcher.store.database import Database

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
            faults = [] if error.subscription_id is None else _faults(config)
            for fault in faults or [error]:
                config = _without_broken(config, fault, last_good)


def _faults(config: Config) -> list[RuleError]:
    """All at once: with many subscriptions each attempt to compile them takes its time."""
    from watcher.rules import Ruleset

    return Ruleset.faults(config.settings.subscriptions, config.settings.topics)


def _with_last_good(config: Config, last_good: Mapping[str, str]) -> Config:
    present = {subscription.id for subscription in config.settings.subscriptions}
    stems, left_out = config.broken_stems, config.broken_ids
    kept = [
        _restored(definition)
        for subscription_id, definition in last_good.items()
        if (subscriptions.stem(subscription_id) in stems or subscription_id in left_out)
        and subscription_id not in present
    ]
    chosen = (*config.settings.subscriptions, *(found for found in kept if found))
    return config.with_subscriptions(chosen)


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


def last_good_of(database: Database) -> dict[str, str]:
    """The stored definitions of the subscriptions that are not removed, by id."""
    with database.read() as connection:
        return subscriptions.definitions(connection)
