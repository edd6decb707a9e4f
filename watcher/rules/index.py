"""The rules of a million subscriptions as one index that takes changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from watcher.models import Paper
from watcher.rules.arrays import Flags
from watcher.rules.evidence import gather
from watcher.rules.facts import Facts
from watcher.rules.numbering import numbered
from watcher.rules.segment import Decided, Segment, merge
from watcher.rules.terms import TermTable
from watcher.rules.topics import TopicShelf
from watcher.settings import SubscriptionSettings

_AT_ONCE = 250
"""Papers whose texts are searched together: the arrays stay small, and their cost is shared."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Which subscriptions a paper matches, and which it may match once more is known of it."""

    _paper: int
    _decided: Sequence[tuple[Segment, Decided]]

    @property
    def match_count(self) -> int:
        """How many it matches."""
        return sum(len(decided.matched.of(self._paper)) for _, decided in self._decided)

    @property
    def matched(self) -> list[str]:
        """The ids of those it matches."""
        return [
            name
            for segment, decided in self._decided
            for name in segment.ids.at(decided.matched.of(self._paper))
        ]

    @property
    def undecided(self) -> list[str]:
        """The ids of those that wait for a field."""
        return [
            name
            for segment, decided in self._decided
            for name in segment.ids.at(decided.undecided.of(self._paper))
        ]


@dataclass(frozen=True, slots=True, eq=False)
class RuleIndex:
    """Segments of subscriptions, the largest first, and which of each are still in force.

    A change makes a small segment and marks what it replaces; segments of like size are merged,
    so that changing one of n subscriptions costs about log n, and asking a paper stays cheap.
    """

    table: TermTable
    _segments: tuple[tuple[Segment, Flags], ...] = field(default=())

    @classmethod
    def build(cls, subscriptions: Iterable[SubscriptionSettings], topics: TopicShelf) -> RuleIndex:
        """Index all of them. Raises RuleError as `numbered` does."""
        return cls(TermTable()).changed(subscriptions, (), topics)

    @property
    def subscription_ids(self) -> tuple[str, ...]:
        """The ids of all that are in force."""
        return tuple(
            name
            for segment, is_alive in self._segments
            for name in segment.ids.at(np.flatnonzero(is_alive).astype(np.int32))
        )

    def changed(
        self,
        subscriptions: Iterable[SubscriptionSettings],
        removed: Iterable[str],
        topics: TopicShelf,
    ) -> RuleIndex:
        """An index with `subscriptions` new or in place of those of the same id, without `removed`.

        This one stays as it is. Raises RuleError as `numbered` does.
        """
        segment = Segment.of(numbered(subscriptions, topics, self.table))
        segments = list(self._segments)
        if segments:
            gone = [*removed, *segment.ids.names]
            segments = [_without(each, gone) for each in segments]
        if len(segment.ids):
            segments.append((segment, np.ones(len(segment.ids), np.bool_)))
        return RuleIndex(self.table, tuple(_tidied(segments)))

    def verdicts(self, papers: Sequence[Facts], *, as_it_stands: bool = False) -> Iterator[Verdict]:
        """What the rules say of each paper; the facts were gathered with this index's table.

        `as_it_stands` takes what is not known for absent, so nothing stays undecided.
        """
        for start in range(0, len(papers), _AT_ONCE):
            chunk = papers[start : start + _AT_ONCE]
            evidence = gather(chunk, self.table, as_it_stands=as_it_stands)
            decided = [
                (segment, segment.decide(evidence, is_alive))
                for segment, is_alive in self._segments
            ]
            for position in range(len(chunk)):
                yield Verdict(position, decided)

    def facts(self, paper: Paper, now: dt.datetime, votes_per_day: float | None = None) -> Facts:
        """What is to be known of a paper for a verdict."""
        return Facts(paper, now, self.table, votes_per_day)


def _without(kept: tuple[Segment, Flags], gone: Sequence[str]) -> tuple[Segment, Flags]:
    segment, is_alive = kept
    places = segment.ids.places(gone)
    if not len(places):
        return kept
    is_alive = is_alive.copy()
    is_alive[places] = False
    return segment, is_alive


def _tidied(segments: Sequence[tuple[Segment, Flags]]) -> list[tuple[Segment, Flags]]:
    """Each segment more than twice as large as the next, and at least half of it in force."""
    kept: list[tuple[Segment, Flags]] = []
    for segment, is_alive in segments:
        merging = [(segment, is_alive)]
        while kept and len(kept[-1][0].ids) < 2 * sum(int(alive.sum()) for _, alive in merging):
            merging.insert(0, kept.pop())
        if len(merging) > 1 or 2 * int(is_alive.sum()) < len(segment.ids):
            whole = Segment.of(merge(merging))
            merging = [(whole, np.ones(len(whole.ids), np.bool_))]
        if len(merging[0][0].ids):
            kept += merging
    return kept
