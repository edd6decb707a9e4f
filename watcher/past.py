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


class TopicCounts:
    """How many papers each topic brings, given by name with its keywords. Raises RuleError.

    What was told of a text is known the next time: most papers of a day are those of the last.
    """

    def __init__(self, topics: Mapping[str, Sequence[str]]) -> None:
        self._topics = tuple(topics)
        alone = [
            SubscriptionSettings(
                id=name,
                to=("nobody@example.org",),  # nothing is sent
                rules=(RuleSettings(topics=(name,)),),
                topics={name: TopicSettings(any=tuple(keywords))},
            )
            for name, keywords in topics.items()
        ]
        self._ruleset = Ruleset.compile(alone, {})
        self._known: dict[_Text, tuple[str, ...]] = {}

    def count(self, found: Iterable[Paper], now: dt.datetime) -> dict[str, int]:
        """The number of these papers for each topic."""
        counts = dict.fromkeys(self._topics, 0)
        known: dict[_Text, tuple[str, ...]] = {}
        for paper in found:
            text = (paper.title, paper.abstract, paper.keywords)  # what topics are looked for in
            names = self._known.get(text)
            if names is None:
                judged = self._ruleset.judge(paper, now=now, as_it_stands=True)
                names = tuple(judgement.subscription_id for judgement in judged)
            known[text] = names
            for name in names:
                counts[name] += 1
        self._known = known
        return counts


_Text = tuple[str, str | None, tuple[str, ...] | None]


def brought_by(
    topics: Mapping[str, Sequence[str]], found: Iterable[Paper], now: dt.datetime
) -> dict[str, int]:
    """How many of these papers each topic brings, given by name with its keywords.

    Raises RuleError.
    """
    return TopicCounts(topics).count(found, now)
