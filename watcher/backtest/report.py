"""All that a backtest has to show."""

from __future__ import annotations

from dataclasses import dataclass

from watcher.backtest.feedback import FeedbackReplay
from watcher.backtest.replay import SubscriptionReplay
from watcher.backtest.warning import RuleWarning
from watcher.backtest.window import Edit, SeenPaper, Window


@dataclass(frozen=True, slots=True)
class Tried:
    """A subscription as its rules are, or would be; `before` is how they are, if they are edited.

    `is_new`: only the edited file has it. `feedback` is what it does, and `feedback_before` what it
    did, with the papers of which people said that they want more like them, or not; None where
    nobody said anything.
    """

    now: SubscriptionReplay
    before: SubscriptionReplay | None = None
    is_new: bool = False
    feedback: FeedbackReplay | None = None
    feedback_before: FeedbackReplay | None = None

    @property
    def edit(self) -> Edit | None:
        """What the edit changes; None where nothing is edited."""
        return Edit.between(self.before.papers, self.now.papers) if self.before else None


@dataclass(frozen=True, slots=True)
class Report:
    """Rules tried on `papers` (newest first), which were seen within `window` of `days` asked for.

    `unchanged` and `missing` are ids: of subscriptions whose rules mean in the edited file what
    they mean now, and of those that it does not have. `notes` are sentences.
    """

    days: int
    window: Window | None
    papers: tuple[SeenPaper, ...]
    tried: tuple[Tried, ...]
    unchanged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[RuleWarning]:
        """Every rule's."""
        rules = (rule for tried in self.tried for rule in tried.now.rules)
        return [warning for rule in rules for warning in rule.warnings]

    @property
    def remarks(self) -> list[str]:
        """What is to be said of all of it, as sentences."""
        found = []
        if self.unchanged:
            found.append(f"The edit changes nothing of {', '.join(self.unchanged)}.")
        if self.missing:
            found.append(f"Not in the edited file: {', '.join(self.missing)}.")
        if self.warnings:
            number = len(self.warnings)
            found.append(f"{number} warning{'' if number == 1 else 's'} in all.")
        return [*found, *self.notes]
