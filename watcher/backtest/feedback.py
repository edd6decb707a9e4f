"""Rules judged on the papers of which people said that they want more like them, or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from watcher.backtest.replay import judged
from watcher.backtest.trial import Trial
from watcher.backtest.window import SeenPaper
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings


@dataclass(frozen=True, slots=True)
class Feedback:
    """The papers, what was said last first, of which more is wanted and of which nothing is.

    They were mailed once, whenever that was.
    """

    wanted: tuple[SeenPaper, ...] = ()
    unwanted: tuple[SeenPaper, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything was said."""
        return bool(self.wanted or self.unwanted)

    def read_by(self, subscription: SubscriptionSettings) -> Feedback:
        """The same as that one reads them: its sources showed them, or they were not mailed."""
        sources = frozenset(subscription.sources)
        return Feedback(*(_shown(papers, sources) for papers in (self.wanted, self.unwanted)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What rules do with them; `missed` and `brought` are what is wrong."""

    found: tuple[SeenPaper, ...] = ()
    missed: tuple[SeenPaper, ...] = ()
    brought: tuple[SeenPaper, ...] = ()
    kept_out: tuple[SeenPaper, ...] = ()

    @property
    def wanted_count(self) -> int:
        """Of how many more is wanted."""
        return len(self.found) + len(self.missed)

    @property
    def unwanted_count(self) -> int:
        """Of how many nothing is."""
        return len(self.brought) + len(self.kept_out)

    @property
    def told(self) -> str:
        """`brings 4 of 5 papers that were wanted, and 1 of 3 that were not`."""
        wanted, unwanted = self.wanted_count, self.unwanted_count
        parts = []
        if wanted:
            papers = "paper that was" if wanted == 1 else "papers that were"
            parts.append(f"{len(self.found)} of {wanted} {papers} wanted")
        if unwanted:
            papers = "" if wanted else "paper " if unwanted == 1 else "papers "
            were = "was" if unwanted == 1 else "were"
            parts.append(f"{len(self.brought)} of {unwanted} {papers}that {were} not")
            parts[-1] += "" if wanted else " wanted"
        return f"brings {', and '.join(parts)}"


@dataclass(frozen=True, slots=True)
class FeedbackReplay:
    """What a subscription's rules do together, and each."""

    together: Verdict
    rules: tuple[Verdict, ...]


def replay_feedback(
    subscription: SubscriptionSettings, topics: Mapping[str, TopicSettings], feedback: Feedback
) -> FeedbackReplay:
    """Which of the papers the rules would bring, each as it was when first seen.

    Raises RuleError.
    """
    said = feedback.read_by(subscription)
    trials = [
        Trial(str(number), subscription, rule)
        for number, rule in enumerate(subscription.rules or (RuleSettings(),))
    ]
    asked = [trial.asking(trial.id, trial.rule) for trial in trials]
    papers = {seen.paper.id: seen for seen in (*said.wanted, *said.unwanted)}
    found = judged(asked, topics, papers.values())
    brought = [frozenset(seen.paper.id for seen in found[trial.id]) for trial in trials]
    return FeedbackReplay(
        _verdict(said, frozenset[str]().union(*brought)),
        tuple(_verdict(said, ids) for ids in brought),
    )


def _verdict(said: Feedback, brought: frozenset[str]) -> Verdict:
    def those(papers: tuple[SeenPaper, ...], *, come: bool) -> tuple[SeenPaper, ...]:
        return tuple(seen for seen in papers if (seen.paper.id in brought) is come)

    return Verdict(
        found=those(said.wanted, come=True),
        missed=those(said.wanted, come=False),
        brought=those(said.unwanted, come=True),
        kept_out=those(said.unwanted, come=False),
    )


def _shown(papers: tuple[SeenPaper, ...], sources: frozenset[str]) -> tuple[SeenPaper, ...]:
    return tuple(replace(seen, sources=seen.sources | sources) for seen in papers)
