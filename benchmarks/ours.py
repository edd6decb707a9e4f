"""What the program does in the comparison of `matching`, in the words of that comparison."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from watcher.models import Paper
from watcher.rules import Ruleset
from watcher.settings import SubscriptionSettings

SIZES = (1_000,)
NOW = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)


def compiled(subscriptions: Iterable[SubscriptionSettings]) -> Ruleset:
    """The rules of all of them, ready to be asked."""
    return Ruleset.compile(subscriptions, {})


def matched(ruleset: Ruleset, papers: Iterable[Paper]) -> Iterator[Sequence[str]]:
    """For each paper in turn the ids of the subscriptions that it matches."""
    for paper in papers:
        judged = ruleset.judge(paper, now=NOW, as_it_stands=True)
        yield [judgement.subscription_id for judgement in judged]


def edited(
    ruleset: Ruleset, changed: Iterable[SubscriptionSettings], removed: Iterable[str]
) -> Ruleset:
    """The rules with some that are new or different, and without some."""
    raise NotImplementedError
