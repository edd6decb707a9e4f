"""What the program does in the comparison of `matching`, in the words of that comparison."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from watcher.models import Paper
from watcher.rules.index import RuleIndex
from watcher.rules.topics import TopicShelf
from watcher.settings import SubscriptionSettings

NOW = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)


def compiled(subscriptions: Iterable[SubscriptionSettings]) -> RuleIndex:
    """The rules of all of them, ready to be asked."""
    return RuleIndex.build(subscriptions, TopicShelf.builtin())


def matched(index: RuleIndex, papers: Iterable[Paper]) -> Iterator[Sequence[str]]:
    """For each paper in turn the ids of the subscriptions that it matches."""
    facts = [index.facts(paper, NOW) for paper in papers]
    for verdict in index.verdicts(facts, as_it_stands=True):
        yield verdict.matched


def edited(
    index: RuleIndex, changed: Iterable[SubscriptionSettings], removed: Iterable[str]
) -> RuleIndex:
    """The rules with some that are new or different, and without some."""
    return index.changed(changed, removed, TopicShelf.builtin())
