"""The built-in topics: keyword sets for fields of machine learning, kept in `topics.toml`."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from watcher.errors import RuleError
from watcher.rules.fold import Text
from watcher.rules.keywords import parse_keyword
from watcher.settings import TopicSettings


@dataclass(frozen=True, slots=True)
class Topic:
    """A named keyword set; `description` is one line."""

    name: str
    keywords: tuple[str, ...]
    description: str


@cache
def builtin_topics() -> Mapping[str, Topic]:
    """The topics that come with the program, by name, in the order of their file."""
    tables = tomllib.loads((files("watcher.rules") / "topics.toml").read_text("utf-8"))
    return MappingProxyType(
        {name: Topic(name, tuple(table["any"]), table["about"]) for name, table in tables.items()}
    )


@dataclass(frozen=True, slots=True)
class TopicShelf:
    """Keyword sets by folded name: a name's case and hyphens do not matter."""

    topics: Mapping[str, Topic]

    @classmethod
    def builtin(cls) -> TopicShelf:
        """The topics that come with the program."""
        return cls({_folded(topic.name): topic for topic in builtin_topics().values()})

    def overlaid(self, topics: Mapping[str, TopicSettings]) -> TopicShelf:
        """These, and `topics` in place of those of the same name; RuleError on a bad keyword."""
        if not topics:
            return self
        for name, topic in topics.items():
            if not topic.any:
                message = "the topic has no keywords, so it can never match; add some"
                raise RuleError(message, key=f"topics.{name}.any")
            for position, keyword in enumerate(topic.any):
                try:
                    parse_keyword(keyword)
                except RuleError as error:
                    key = f"topics.{name}.any[{position}]"
                    raise RuleError(error.message, key=key) from None
        own = {_folded(name): Topic(name, topic.any, "") for name, topic in topics.items()}
        return TopicShelf({**self.topics, **own})

    def find(self, name: str) -> Topic:
        """The topic of that name; RuleError with the nearest name where there is none."""
        found = self.topics.get(_folded(name))
        if found is not None:
            return found
        near = difflib.get_close_matches(_folded(name), self.topics, n=1, cutoff=0.5)
        guess = f"did you mean `{self.topics[near[0]].name}`? " if near else ""
        raise RuleError(f"there is no topic `{name}`; {guess}`watcher topics` lists them all")


def _folded(name: str) -> str:
    return "-".join(Text.of(name).words) or name
