"""What a rule is made of: a condition, and what it has to tell.

A condition is true, false, or None: it needs a field of which nothing is known.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from watcher.models import FirstSeen, Hit
from watcher.rules.facts import Facts
from watcher.rules.keywords import Phrase


class Keyword(NamedTuple):
    """A keyword as written, the number of its phrase, and the topic that brought it."""

    written: str
    phrase_id: int
    phrase: Phrase
    topic: str | None = None


class Found(NamedTuple):
    """A keyword or name found in a field: `words` are the distinct spellings there, 20 at most."""

    wanted: str
    field: str
    words: tuple[str, ...]
    topic: str | None = None


class Condition(ABC):
    """One thing that must hold for a rule to hold."""

    __slots__ = ()

    key: str
    wanted: str
    is_about_content = False  # asks what the paper is about or by whom, not how it fares
    holds_if_absent = False

    @abstractmethod
    def test(self, facts: Facts) -> bool | None:
        """Whether it holds; None where that is not known."""

    def waits_for(self, facts: Facts) -> tuple[str, ...]:
        """The attributes of Paper that must become known for `test` to decide."""
        del facts
        return ()

    @abstractmethod
    def meaning(self) -> tuple[object, ...]:
        """What it asks for, folded and in a fixed order: equal for conditions that are equal."""

    @abstractmethod
    def has(self, facts: Facts) -> str:
        """What the paper has where this wants something, in a few words."""

    def found(self, facts: Facts) -> tuple[Found, ...]:
        """The words in the paper that decided, and where they stand."""
        del facts
        return ()

    def hits(self, facts: Facts) -> tuple[Hit, ...]:
        """For a condition that holds: what a digest tells of it."""
        del facts
        return ()

    def is_news(self, first_seen: FirstSeen) -> bool:
        """For a condition that holds: whether it did not when the paper was first seen."""
        del first_seen
        return False

    def miss(self, facts: Facts) -> str:
        """For a condition that fails: what was lacking."""
        return f"{self.has(facts)}, wanted {self.wanted}"
