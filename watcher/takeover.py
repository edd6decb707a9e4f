"""Bringing the store in line with a configuration, by what differs: all at first, then changes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from watcher import __version__, effective
from watcher.errors import RuleError
from watcher.settings import Config, SubscriptionSettings
from watcher.steps import Step
from watcher.store import stored, subscriptions, taking_over
from watcher.store.lock import change_rules
from watcher.store.marks import Division, differing
from watcher.store.taking_over import Taken, Wanted

if TYPE_CHECKING:  # commands that only look need nothing of a pipeline
    from watcher.effective import Changed
    from watcher.pipeline.context import Context
    from watcher.rules import Ruleset

log = structlog.get_logger(__name__)


async def take_over(context: Context) -> Context:
    """Bring the store in line with the configuration, and report what was not taken over.

    Returns the same context, with what it takes to follow the store from there on. Raises
    StoreError.
    """
    from watcher.pipeline import upkeep

    taken = context.taken
    if taken is None:
        taken = await context.work(partial(_taken, context))
    config, now, vocabulary = context.config, context.clock(), _vocabulary(context.config)

    def step(connection: sa.Connection) -> None:
        if context.database.path is None:  # SQLite has one writer at a time anyhow
            change_rules(connection)
        only = None
        if taking_over.has_vocabulary(connection, vocabulary):
            only = _differing(config, taken.division, connection)
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
        subscriptions.note_cadences(connection, taken.cadences.keys())

    await context.write(step, Step.TAKEN_OVER)
    for problem in config.broken:
        log.error("left as it was last good", problem=str(problem))
    return replace(context, taken=taken)


async def changed(context: Context) -> Context | None:
    """`context` with what has changed in the store since it was taken over; nothing is written.

    None where that is not all there may be to do. Raises StoreError.
    """
    config, taken = context.config, context.taken
    if taken is None or config.from_store.marks is None or config.broken_stems:
        return None  # what is kept of a broken file stands in the store, and may end there
    found = await context.read(partial(effective.changed, config, taken.division))
    return await context.work(partial(_with, context, taken, found))


def _with(context: Context, taken: Taken, changed: Changed) -> Context:
    """`context` with what has changed."""
    config, before = context.config, context.subscriptions

    def exchange(chosen: Iterable[SubscriptionSettings]) -> Ruleset:
        there = {each.id: each for each in chosen}
        new = [each for each in there.values() if before.get(each.id) != each]
        gone = (each for each in changed.ids if each in before and each not in there)
        return context.ruleset.exchanged(new, [each for each in gone if config.is_stored(each)])

    alone, ruleset = effective.compile_rules(
        changed.config, changed.last_good, context.ruleset, exchange
    )
    after = ruleset.subscriptions
    others = (
        each
        for each in config.broken
        if not (isinstance(each, RuleError) and each.subscription_id in changed.ids)
    )
    differ = [each for each in changed.ids if before.get(each) is not after.get(each)]
    cadences = taken.cadences + Counter(_cadence(after[each]) for each in differ if each in after)
    cadences -= Counter(_cadence(before[each]) for each in differ if each in before)
    division = taken.division.changed(differ, lambda each: _definition(after.get(each)))
    return replace(
        context,
        config=replace(
            config.with_subscriptions(tuple(after.values())),
            broken=(*others, *alone.broken),
            from_store=alone.from_store,
        ),
        ruleset=ruleset,
        taken=Taken(division, cadences),
    )


def _taken(context: Context) -> Taken:
    chosen = context.config.settings.subscriptions
    division = Division.of((each.id, each.model_dump_json(by_alias=True)) for each in chosen)
    return Taken(division, Counter(map(_cadence, chosen)))


def _cadence(subscription: SubscriptionSettings) -> tuple[str, str]:
    return subscription.digest, subscription.timezone


def _definition(subscription: SubscriptionSettings | None) -> str | None:
    return None if subscription is None else subscription.model_dump_json(by_alias=True)


def _differing(config: Config, division: Division, connection: sa.Connection) -> set[str]:
    """The ids that are not known as they are wanted, and may be others."""
    parts = differing(division.marks, subscriptions.marks(connection))
    late: frozenset[int] = frozenset()
    before = config.from_store
    if parts and stored.version(connection) != before.version:
        # Changed since it was read, by a page perhaps, which ends one at once: left to next time.
        late = parts & differing(before.marks or {}, stored.marks(connection))
    found = _within(parts - late, division, connection)
    if late:
        left_out = _within(late, division, connection)
        known, wanted = _known(connection, found | left_out), division.within(parts)
        coming, going = wanted - known, known - wanted
        # What goes there may be what comes here by another name, and the other way round.
        if left_out & going or (left_out & coming and found & going):
            found &= known & wanted
    return found


def _within(parts: frozenset[int], division: Division, connection: sa.Connection) -> set[str]:
    return {*subscriptions.ids(connection, parts), *division.within(parts)}


def _known(connection: sa.Connection, ids: Iterable[str]) -> set[str]:
    """Those of these that are known and not removed."""
    return set(subscriptions.definitions_of(connection, ids))


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
