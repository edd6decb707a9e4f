"""Other ways to find which papers each of many rules matches: one pattern or query a rule.

All get the easier job. Patterns and queries are made and papers indexed beforehand, and neither is
timed. The regular expressions know the plural in `s`, the others none and no case.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from benchmarks.subscribers import Subscriber
from watcher.models import Paper

_BETWEEN = r"[\W_]+"


class Rival(Protocol):
    """Rules, ready to be asked."""

    def matches(self) -> Iterator[list[int]]:
        """For each rule in turn the positions of the papers that it matches, in any order."""


class RegularExpressions:
    """One compiled `re` a rule and list: the keywords as alternatives, searched field by field."""

    def __init__(self, papers: Sequence[Paper], subscribers: Iterable[Subscriber]) -> None:
        self._papers = [(paper.title, f"{paper.abstract}", paper.upvotes or 0) for paper in papers]
        self._rules = [
            (
                _pattern(one.any),
                [_pattern((keyword,)) for keyword in one.all],
                _pattern(one.none) if one.none else None,
                one,
            )
            for one in subscribers
        ]

    def matches(self) -> Iterator[list[int]]:
        for wanted, all_, none, rule in self._rules:
            found = []
            for position, (title, abstract, upvotes) in enumerate(self._papers):
                if upvotes < rule.min_upvotes:
                    continue
                texts = (title,) if rule.is_title_only else (title, abstract)
                if (
                    any(map(wanted.search, texts))
                    and all(any(map(each.search, texts)) for each in all_)
                    and not (none and any(map(none.search, texts)))
                ):
                    found.append(position)
            yield found


class FullTextSearch:
    """One `MATCH` a rule, on an FTS5 table of SQLite in memory."""

    def __init__(self, papers: Sequence[Paper], subscribers: Iterable[Subscriber]) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("CREATE VIRTUAL TABLE papers USING fts5(title, abstract)")
        self._connection.execute("CREATE TABLE votes (id INTEGER PRIMARY KEY, upvotes INTEGER)")
        for position, paper in enumerate(papers):
            self._connection.execute(
                "INSERT INTO papers (rowid, title, abstract) VALUES (?, ?, ?)",
                (position, paper.title, paper.abstract),
            )
            self._connection.execute("INSERT INTO votes VALUES (?, ?)", (position, paper.upvotes))
        self._connection.execute("INSERT INTO papers (papers) VALUES ('optimize')")
        self._queries = [(self._match(one), one.min_upvotes) for one in subscribers]

    def matches(self) -> Iterator[list[int]]:
        plain = "SELECT rowid FROM papers WHERE papers MATCH ?"
        voted = (
            "SELECT papers.rowid FROM papers JOIN votes ON votes.id = papers.rowid"
            " WHERE papers MATCH ? AND upvotes >= ?"
        )
        for match, votes in self._queries:
            asked = (voted, (match, votes)) if votes else (plain, (match,))
            rows = self._connection.execute(*asked)
            yield [position for (position,) in rows]

    @staticmethod
    def _match(rule: Subscriber) -> str:
        text = f"({' OR '.join(map(_quoted, rule.any))})"
        for keyword in rule.all:
            text += f" AND {_quoted(keyword)}"
        for keyword in rule.none:
            text = f"({text}) NOT {_quoted(keyword)}"
        return f"title : ({text})" if rule.is_title_only else text


def _quoted(keyword: str) -> str:
    words = keyword.strip('"*')
    return f'"{words}" *' if keyword.endswith("*") else f'"{words}"'


def _pattern(keywords: Iterable[str]) -> re.Pattern[str]:
    alternatives = "|".join(map(_alternative, keywords))
    return re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])", re.IGNORECASE)


def _alternative(keyword: str) -> str:
    words = [re.escape(word) for word in keyword.strip('"*').split()]
    if keyword.endswith("*"):
        return _BETWEEN.join(words) + r"[^\W_]*"
    if keyword.startswith('"'):
        return rf"(?-i:{_BETWEEN.join(words)})"
    return _BETWEEN.join(f"{word}(?:e?s)?" for word in words)
