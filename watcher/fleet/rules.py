"""The rules of a shard: a worker reads and compiles them when it needs them, and keeps some."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from watcher.errors import RuleError
from watcher.pipeline.context import Context
from watcher.rules import Ruleset
from watcher.settings import SubscriptionSettings, TopicSettings, read_definitions
from watcher.settings.loading import uncollected
from watcher.store import subscriptions
from watcher.store.shards import Shard

log = structlog.get_logger(__name__)

KEPT = 50_000
"""Subscriptions whose compiled rules a worker keeps, and those of one shard in any case."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The rules of a shard as of a `version` of all, read with the topics of a configuration."""

    version: str | None
    topics: Mapping[str, TopicSettings]
    subscriptions: tuple[SubscriptionSettings, ...]
    ruleset: Ruleset


class ShardRules:
    """The rules of shards as the clocks have taken them over, whatever a worker's own files say."""

    def __init__(self, kept_count: int = KEPT) -> None:
        self._kept_count = kept_count
        self._kept: OrderedDict[Shard, _Compiled] = OrderedDict()
        self._turn = asyncio.Lock()

    async def narrowed(self, context: Context, shard: Shard) -> Context:
        """`context` with the subscriptions of a shard as they are now. Raises StoreError."""
        async with self._turn:  # of two that need the same, the second finds it
            topics = context.config.settings.topics
            version = await context.read(subscriptions.version)
            found = self._kept.pop(shard, None)
            if found is None or (found.version, found.topics) != (version, topics):
                version, definitions = await context.read(
                    lambda connection: (
                        subscriptions.version(connection),
                        subscriptions.definitions(connection, shard),
                    )
                )
                former = found.ruleset if found else None
                found = await asyncio.to_thread(_compile, version, topics, definitions, former)
            self._kept[shard] = found
            self._let_go()
        config = context.config.with_subscriptions(found.subscriptions)
        return replace(
            context, config=config, ruleset=found.ruleset, shard=shard, version=found.version
        )

    def _let_go(self) -> None:
        """Drop those that were not needed for longest."""
        while (
            len(self._kept) > 1
            and sum(len(each.subscriptions) for each in self._kept.values()) > self._kept_count
        ):
            self._kept.popitem(last=False)


def _compile(
    version: str | None,
    topics: Mapping[str, TopicSettings],
    definitions: Mapping[str, str],
    former: Ruleset | None,
) -> _Compiled:
    with uncollected():
        chosen, broken = read_definitions(definitions)
        compiled = former.changed if former else Ruleset.compile
        faults: list[RuleError] = []
        try:
            ruleset = compiled(chosen, topics)
        except RuleError:  # this worker's topics are not those of the clock
            faults = Ruleset.faults(chosen, topics)
            faulty = {fault.subscription_id for fault in faults}
            chosen = [each for each in chosen if each.id not in faulty]
            ruleset = Ruleset.compile(chosen, topics)
    for problem in (*broken, *faults):
        log.error(
            "left out: this worker cannot use its rules",
            subscription=problem.subscription_id,
            problem=str(problem),
        )
    return _Compiled(version, topics, tuple(chosen), ruleset)
