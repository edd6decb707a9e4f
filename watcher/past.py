"""The papers of the past as rules are tried on them, and how many of them each topic brings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from watcher.backtest import Feedback, SeenPaper
from watcher.models import Paper, StoredPaper
from watcher.rules import Ruleset
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings
from watcher.store import feedback, papers
from watcher.store.feedback import Said


def seen_since(connection: sa.Connection, since: dt.datetime, limit: int) -> list[SeenPaper]:
    """The papers first stored at or after `since`, newest first, with the sources of that time."""
    found = papers.seen_since(connection, since, limit)
    shown = papers.sources_since(connection, since)
    seen = [
        SeenPaper(
            stored.paper,
            stored.first_seen_at,
            shown.get(stored.paper.id, frozenset()),
            _votes_per_day(stored),
        )
        for stored in found
    ]
    return sorted(seen, key=lambda one: (one.seen_at, one.paper.id), reverse=True)


def feedback_of(connection: sa.Connection, subscription_ids: Iterable[str]) -> dict[str, Feedback]:
    """What was said for these subscriptions, by id, of papers that are kept whole still.

    Rules can be asked of no paper whose abstract was pruned.
    """
    said = feedback.of_subscriptions(connection, subscription_ids)
    found = {of: feedback_in(each) for of, each in said.items()}
    return {of: each for of, each in found.items() if each}


def feedback_in(said: Sequence[Said]) -> Feedback:
    """The same of one subscription, from what was said for it."""

    def those(*, are_wanted: bool) -> tuple[SeenPaper, ...]:
        return tuple(
            SeenPaper(
                one.stored.paper,
                one.stored.first_seen_at,
                votes_per_day=_votes_per_day(one.stored),
            )
            for one in said
            if one.is_whole and one.is_wanted is are_wanted
        )

    return Feedback(those(are_wanted=True), those(are_wanted=False))


def _votes_per_day(stored: StoredPaper) -> float | None:
    """All its votes over the days on which it was seen: at present most papers gain none."""
    days = (stored.facts_at - stored.first_seen_at) / dt.timedelta(days=1)
    return None if stored.paper.upvotes is None else stored.paper.upvotes / max(1.0, days)


def brought_by(
    topics: Mapping[str, Sequence[str]], found: Iterable[Paper], now: dt.datetime
) -> dict[str, int]:
    """How many of these papers each topic brings, given by name with its keywords.

    Raises RuleError.
    """
    alone = [
        SubscriptionSettings(
            id=name,
            to=("nobody@example.org",),  # nothing is sent
            rules=(RuleSettings(topics=(name,)),),
            topics={name: TopicSettings(any=tuple(keywords))},
        )
        for name, keywords in topics.items()
    ]
    ruleset = Ruleset.compile(alone, {})
    counts = dict.fromkeys(topics, 0)
    for paper in found:
        for judgement in ruleset.judge(paper, now=now, as_it_stands=True):
            counts[judgement.subscription_id] += 1
    return counts
