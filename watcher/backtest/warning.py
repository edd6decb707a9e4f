"""What looks wrong with a rule, by what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from watcher.backtest.trial import Word

BROAD = 0.25
"""The share of all papers above which a rule hardly chooses."""

ENOUGH_PAPERS = 20
"""Fewer papers have no shares worth a word."""

Found = frozenset[str]


@dataclass(frozen=True, slots=True)
class RuleWarning:
    """A sentence, and the words of the rule it is about as they are written.

    `counts` and `labels` are its facts, for who says it in another language.
    """

    kind: Literal["dead", "broad", "redundant", "removed"]
    text: str
    words: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    labels: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Ids of papers: those the rule found, those its `none` kept out, those with each word.

    `is_open`: it asks for nothing. `read_count` papers were tried, of `day_count` days.
    """

    found: Found
    kept_out: Found
    having: Mapping[Word, Found]
    is_open: bool
    read_count: int
    day_count: int

    def warnings(self) -> tuple[RuleWarning, ...]:
        """All that looks wrong; nothing without papers."""
        if not self.read_count:
            return ()
        return (*self._extent(), *self._removed(), *self._redundant())

    @property
    def _alternatives(self) -> dict[Word, Found]:
        return {word: ids for word, ids in self.having.items() if word.key != "none"}

    def _extent(self) -> Iterator[RuleWarning]:
        days = "1 day" if self.day_count == 1 else f"{self.day_count} days"
        share = len(self.found) / self.read_count
        if not self.found:
            text = f"dead: nothing in {days}, {_papers(self.read_count)}"
            yield RuleWarning("dead", text, counts=(self.day_count, self.read_count))
        elif share > BROAD and self.read_count >= ENOUGH_PAPERS and not self.is_open:
            text = f"too broad: {share:.0%} of all papers"
            yield RuleWarning("broad", text, counts=(round(100 * share),))

    def _removed(self) -> Iterator[RuleWarning]:
        wanted = len(self.found) + len(self.kept_out)
        for word, ids in self.having.items():
            if word.key == "none" and ids and 2 * len(ids & self.kept_out) >= wanted:
                text = f"{word.label} in `none` removes {len(ids)} of {_papers(wanted)} wanted"
                yield RuleWarning("removed", text, (word.written,), (len(ids), wanted), (word,))
        for word, ids in self._alternatives.items():
            if ids and len(self._alternatives) > 1 and ids <= self.kept_out:
                text = f"`none` removes every paper that {word.label} finds ({len(ids)})"
                yield RuleWarning("removed", text, (word.written,), (len(ids),), (word,))

    def _redundant(self) -> Iterator[RuleWarning]:
        """Alternatives that could be left out, all of them, without losing a paper."""
        left = {word: ids & self.found for word, ids in self._alternatives.items()}
        left = {word: ids for word, ids in left.items() if ids}
        order = list(left)
        for word in sorted(order, key=lambda each: (len(left[each]), -order.index(each))):
            ids = left[word]
            others = {other: each for other, each in left.items() if other != word}
            if others and ids <= frozenset().union(*others.values()):
                del left[word]
                beside = max(others, key=lambda other: len(others[other] & ids))
                having = f"its {_papers(len(ids))} have" if len(ids) > 1 else "its one paper has"
                text = f"{word.label} is never the only reason: {having} {beside.label}"
                if not ids <= others[beside]:
                    text += " or another"
                counts = (len(ids), len(ids & others[beside]))
                yield RuleWarning("redundant", text, (word.written,), counts, (word, beside))


def _papers(number: int) -> str:
    return "1 paper" if number == 1 else f"{number} papers"
