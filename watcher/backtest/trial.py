"""A rule taken apart into questions that each can be asked of a paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from watcher.settings import RuleSettings, SubscriptionSettings

WordKey = Literal["any", "topics", "none"]


@dataclass(frozen=True, slots=True)
class Word:
    """A keyword or topic as written, and the key it stands under."""

    key: WordKey
    written: str

    @property
    def label(self) -> str:
        """As sentences name it."""
        return f"the topic {self.written}" if self.key == "topics" else f"`{self.written}`"

    def rule(self, rule: RuleSettings) -> RuleSettings:
        """A rule that asks for this alone, in the same fields."""
        if self.key == "topics":
            return RuleSettings(topics=(self.written,), fields=rule.fields)
        return RuleSettings(any=(self.written,), fields=rule.fields)


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule on its own; each question is a subscription whose id begins with `id`."""

    id: str
    subscription: SubscriptionSettings
    rule: RuleSettings

    @property
    def open_id(self) -> str:
        """The question whether it would hold without its `none`."""
        return f"{self.id} open" if self.rule.none else self.id

    @property
    def words(self) -> tuple[Word, ...]:
        """Its alternatives and what it excludes, each once."""
        if not self.rule.fields:
            return ()
        written: dict[WordKey, tuple[str, ...]] = {
            "any": self.rule.any,
            "topics": self.rule.topics,
            "none": self.rule.none,
        }
        return tuple(dict.fromkeys(Word(key, word) for key in written for word in written[key]))

    def questions(self) -> Iterator[SubscriptionSettings]:
        """Whether it holds, and whether it would without its `none`."""
        yield self.asking(self.id, self.rule)
        if self.rule.none:
            yield self.asking(self.open_id, self.rule.model_copy(update={"none": ()}))

    def word_questions(self) -> dict[Word, SubscriptionSettings]:
        """Whether a paper has each of its words."""
        return {
            word: self.asking(f"{self.id} {number}", word.rule(self.rule))
            for number, word in enumerate(self.words)
        }

    def asking(self, question_id: str, rule: RuleSettings) -> SubscriptionSettings:
        """The subscription with that rule alone."""
        return self.subscription.model_copy(update={"id": question_id, "rules": (rule.awake,)})
