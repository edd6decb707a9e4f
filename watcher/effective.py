"""Which subscriptions count, and by which rules: those of files, of the store, as last good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog
from pydantic import ValidationError

from watcher.errors import RuleError
from watcher.settings import Config, SubscriptionSettings, changed_alone, with_stored
from watcher.store import stored, subscriptions
from watcher.store.database import Database
from watcher.store.marks import Division, differing, part_of

if TYPE_CHECKING:  # commands that only look need nothing of an engine
    from watcher.rules import Ruleset

log = structlog.get_logger(__name__)


def compile_rules(
    config: Config,
    last_good: Mapping[str, str],
    former: Ruleset | None = None,
    compiled: Callable[[Iterable[SubscriptionSettings]], Ruleset] | None = None,
) -> tuple[Config, Ruleset]:
    """The rules of a configuration, ready to judge, and the configuration they stand for.

    A file of `subscriptions.d` that does not validate, or whose rules do not, leaves its
    subscriptions as they were last good (`last_good`: definitions by id) and joins `broken`.
    What has not changed is taken from `former`; `compiled` does that otherwise than by comparing
    all there are. Raises RuleError, with file and line, for a rule of the main file.
    """
    from watcher.rules import Ruleset

    config = _with_last_good(config, last_good)
    if compiled is None:
        all_of = former.changed if former else Ruleset.compile
        compiled = partial(all_of, topics=config.settings.topics)
    while True:
        try:
            return config, compiled(config.settings.subscriptions)
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


@dataclass(frozen=True, slots=True)
class Changed:
    """What may have changed in the store, `ids`, and of these alone those that are there now.

    `config` is not compiled yet; `last_good` are definitions by id.
    """

    config: Config
    ids: frozenset[str]
    last_good: Mapping[str, str]


def changed(config: Config, division: Division, connection: sa.Connection) -> Changed:
    """What may have changed since a configuration was `followed`, but for the files: none has.

    `division` is that of the subscriptions in force.
    """
    before = config.from_store
    marks = stored.marks(connection)
    parts = differing(before.marks or {}, marks)
    found = stored.definitions_of(connection, stored.ids(connection, parts))
    had = {each for each in division.within(parts) if config.is_stored(each)}
    had |= {each for each in before.hidden | config.broken_ids if part_of(each) in parts}
    version = stored.version(connection)
    alone = changed_alone(config, found, had - found.keys(), version, marks)
    last_good = subscriptions.definitions_of(connection, found)
    return Changed(alone, frozenset(had | found.keys()), last_good)


def last_good_of(database: Database) -> dict[str, str]:
    """The stored definitions of the subscriptions that are not removed, by id."""
    with database.read() as connection:
        return subscriptions.definitions(connection)
