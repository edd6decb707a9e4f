"""Which phrases tell papers that were found from others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from watcher.backtest.phrases import Key, Lookup, phrases
from watcher.backtest.window import SeenPaper
from watcher.settings import RuleSettings

OFTEN = 0.05
"""The share of the found papers that must have a phrase for it to be theirs."""

COMMON = 0.1
"""The share of the other papers above which a phrase says nothing about any."""

WORTH = 10
"""Papers that a rule found which say as much as one of which a person said something."""

_Z = 1.64
"""Standard errors that a log-odds ratio is lowered by: above that is chance one time of twenty."""

_LENGTHS = {1: 1.0, 2: 3.0, 3: 4.0, 4: 4.0}
"""Two words name a subject where one of them alone seldom does."""


@dataclass(frozen=True, slots=True)
class Table:
    """Which of the found and of the other papers have each phrase that two found ones have.

    `said` are the ids of those that count as `WORTH`.
    """

    found: Sequence[SeenPaper]
    other_count: int
    written: Mapping[Key, str]
    having: Mapping[Key, list[SeenPaper]]
    others_having: Mapping[Key, list[SeenPaper]]
    said: frozenset[str] = frozenset()
    said_other_count: int = 0

    @classmethod
    def of(
        cls,
        rule: RuleSettings,
        found: Sequence[SeenPaper],
        papers: Sequence[SeenPaper],
        said: frozenset[str] = frozenset(),
    ) -> Table:
        """That of the papers that were found among `papers`, by the fields of the rule."""
        having: dict[Key, list[SeenPaper]] = {}
        spellings: dict[Key, Counter[str]] = {}
        for seen in found:
            for key, words in phrases(seen.paper, rule.fields).items():
                having.setdefault(key, []).append(seen)
                spellings.setdefault(key, Counter())[" ".join(words)] += 1
        having = {key: each for key, each in having.items() if len(each) > 1}
        ids = {seen.paper.id for seen in found}
        others = [seen for seen in papers if seen.paper.id not in ids]
        others_having: dict[Key, list[SeenPaper]] = {key: [] for key in having}
        lookup = Lookup(having)
        for seen in others:
            for key in lookup.present(seen.paper, rule.fields):
                others_having[key].append(seen)
        written = {key: spellings[key].most_common(1)[0][0] for key in having}
        said_others = len(said & ids_of(others))
        return cls(found, len(others), written, having, others_having, said, said_others)

    def frequent(self, least: int) -> Iterator[Key]:
        """The phrases that are the found papers' own: often there, and not everywhere."""
        least = max(least, math.ceil(OFTEN * len(self.found)))
        for key, having in self.having.items():
            if self._worth(having) >= least and len(self.others_having[key]) <= max(
                1, COMMON * self.other_count
            ):
                yield key

    def log_odds(self, key: Key, *, is_lenient: bool = False) -> float:
        """How much likelier found papers have it than others: the least that is believable.

        `is_lenient`: found papers that lack it count as one, whatever was said of them.
        """
        having, others = self.having[key], self.others_having[key]
        found, other_count = len(self.found), self.other_count
        counts = (len(having), found - len(having), len(others), other_count - len(others))
        error = math.sqrt(sum(1 / (count + 0.5) for count in counts))
        has, other = self._worth(having), self._worth(others)
        lacks = counts[1] if is_lenient else self._worth(self.found) - has
        rest = other_count + (WORTH - 1) * self.said_other_count - other
        has, lacks, other, rest = (worth + 0.5 for worth in (has, lacks, other, rest))
        return math.log(has * rest / (lacks * other)) - _Z * error

    def _worth(self, papers: Sequence[SeenPaper]) -> float:
        """As how many papers they count."""
        if not self.said:
            return len(papers)
        return len(papers) + (WORTH - 1) * sum(seen.paper.id in self.said for seen in papers)

    def weight(self, key: Key) -> float:
        """How well it names a part of the found papers: rare and longer phrases do better."""
        among = len(self.having[key]) + len(self.others_having[key])
        rarity = math.log((1 + len(self.found) + self.other_count) / among)
        return len(self.having[key]) * rarity * _LENGTHS[len(key)]


def ids_of(papers: Iterable[SeenPaper]) -> frozenset[str]:
    """Their ids."""
    return frozenset(seen.paper.id for seen in papers)
