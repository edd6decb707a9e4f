"""The conditions: one class for each construct of the rule language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

from watcher.models import FirstSeen, Hit
from watcher.rules.condition import Condition, Found, Keyword
from watcher.rules.facts import TEXT_FIELDS, Facts
from watcher.rules.momentum import a_day, plain, rounded_down
from watcher.settings import TextField


@dataclass(frozen=True, slots=True)
class _Words(Condition):
    """Keywords looked for in fields; `phrase_ids` are those of the keywords."""

    key: str
    wanted: str
    keywords: tuple[Keyword, ...]
    phrase_ids: frozenset[int]
    fields: frozenset[TextField]

    def _is_present(self, facts: Facts) -> bool | None:
        if facts.is_present(self.phrase_ids, self.fields):
            return True
        return False if self.fields.isdisjoint(facts.unknown_texts) else None

    @override
    def waits_for(self, facts: Facts) -> tuple[str, ...]:
        return tuple(sorted(self.fields & facts.unknown_texts, key=TEXT_FIELDS.index))

    @override
    def meaning(self) -> tuple[object, ...]:
        phrases = sorted({_told(keyword) for keyword in self.keywords})
        return ("any" if self.key == "topics" else self.key, phrases, sorted(self.fields))

    @override
    def found(self, facts: Facts) -> tuple[Found, ...]:
        return tuple(_found(self.keywords, self.fields, facts))

    @override
    def has(self, facts: Facts) -> str:
        found = "; ".join(f"{', '.join(one.words)} in {one.field}" for one in self.found(facts))
        unknown = self.waits_for(facts)
        if found or not unknown:
            return found or "none"
        return f"none found; {' and '.join(unknown)} not known yet"


@dataclass(frozen=True, slots=True)
class Mentions(_Words):
    """At least one of the keywords stands in one of the fields (`any` with `topics`; one `all`)."""

    is_about_content = True

    @override
    def test(self, facts: Facts) -> bool | None:
        return self._is_present(facts)

    @override
    def hits(self, facts: Facts) -> tuple[Hit, ...]:
        key: Literal["any", "all"] = "all" if self.key == "all" else "any"
        return tuple(Hit("topics" if found.topic else key, *found) for found in self.found(facts))

    @override
    def miss(self, facts: Facts) -> str:
        del facts
        return f"mentions no {self.wanted}"


@dataclass(frozen=True, slots=True)
class Never(_Words):
    """None of the keywords stands in any of the fields."""

    holds_if_absent = True

    @override
    def test(self, facts: Facts) -> bool | None:
        is_present = self._is_present(facts)
        return None if is_present is None else not is_present

    @override
    def miss(self, facts: Facts) -> str:
        words = list(dict.fromkeys(found.wanted for found in self.found(facts)))
        count = "one `none` word" if len(words) == 1 else f"{len(words)} `none` words"
        return f"{count} away: {', '.join(words)}"


@dataclass(frozen=True, slots=True)
class ByAuthor(Condition):
    """One of the names is an author's whole name or its end; pairs of name and folded words."""

    wanted: str
    names: tuple[tuple[str, tuple[str, ...]], ...]
    key = "authors"
    is_about_content = True

    @override
    def test(self, facts: Facts) -> bool | None:
        if any(words in facts.authors for _, words in self.names):
            return True
        return False if facts.are_authors_complete else None

    @override
    def waits_for(self, facts: Facts) -> tuple[str, ...]:
        return () if facts.are_authors_complete else ("authors",)

    @override
    def meaning(self) -> tuple[object, ...]:
        return (self.key, sorted({words for _, words in self.names}))

    @override
    def found(self, facts: Facts) -> tuple[Found, ...]:
        return tuple(
            Found(name, "authors", tuple(dict.fromkeys(facts.authors[words])))
            for name, words in self.names
            if words in facts.authors
        )

    @override
    def has(self, facts: Facts) -> str:
        names = [author.name for author in facts.paper.authors or ()]
        if not names:
            return "no authors" if facts.are_authors_complete else "authors not known yet"
        shown = names[:6]
        rest = max(len(names), facts.paper.author_count or 0) - len(shown)
        return ", ".join(shown) + (f" and {rest} more" if rest else "")

    @override
    def hits(self, facts: Facts) -> tuple[Hit, ...]:
        return tuple(Hit("authors", *found) for found in self.found(facts))

    @override
    def miss(self, facts: Facts) -> str:
        del facts
        return f"is not by {self.wanted}"


@dataclass(frozen=True, slots=True)
class FromOrganization(Condition):
    """One of the names is the organization's slug or full name."""

    wanted: str
    names: tuple[tuple[str, tuple[str, ...]], ...]
    key = "organizations"
    is_about_content = True

    @override
    def test(self, facts: Facts) -> bool | None:
        if any(words in facts.organizations for _, words in self.names):
            return True
        return None if self.waits_for(facts) else False

    @override
    def waits_for(self, facts: Facts) -> tuple[str, ...]:
        return () if facts.is_organization_known else ("organization",)

    @override
    def meaning(self) -> tuple[object, ...]:
        return (self.key, sorted({words for _, words in self.names}))

    @override
    def found(self, facts: Facts) -> tuple[Found, ...]:
        return tuple(
            Found(name, "organization", (facts.organizations[words],))
            for name, words in self.names
            if words in facts.organizations
        )

    @override
    def has(self, facts: Facts) -> str:
        if self.waits_for(facts):
            return "organization not known yet"
        return next(iter(facts.organizations.values()), "no organization")

    @override
    def hits(self, facts: Facts) -> tuple[Hit, ...]:
        return tuple(Hit("organizations", *found) for found in self.found(facts))

    @override
    def miss(self, facts: Facts) -> str:
        del facts
        return f"is not from {self.wanted}"


@dataclass(frozen=True, slots=True)
class AtLeast(Condition):
    """Votes or stars, counted."""

    key: Literal["min_upvotes", "min_stars"]
    wanted: str
    least: int

    @property
    def _attribute(self) -> Literal["upvotes", "star_count"]:
        return "upvotes" if self.key == "min_upvotes" else "star_count"

    def _count(self, facts: Facts) -> int | None:
        return facts.upvotes if self.key == "min_upvotes" else facts.stars

    @override
    def test(self, facts: Facts) -> bool | None:
        count = self._count(facts)
        return None if count is None else count >= self.least

    @override
    def waits_for(self, facts: Facts) -> tuple[str, ...]:
        return (self._attribute,) if self._count(facts) is None else ()

    @override
    def meaning(self) -> tuple[object, ...]:
        return (self.key, self.least)

    @override
    def has(self, facts: Facts) -> str:
        count = self._count(facts)
        if count is None:
            return "votes not known yet" if self.key == "min_upvotes" else "stars not known yet"
        return counted(self.key, count)

    @override
    def hits(self, facts: Facts) -> tuple[Hit, ...]:
        del facts
        return (Hit(self.key, str(self.least), self._attribute),)

    @override
    def is_news(self, first_seen: FirstSeen) -> bool:
        if self.key == "min_upvotes":
            before = first_seen.upvotes
        else:
            without_code = 0 if first_seen.has_code is False else None
            before = without_code if first_seen.stars is None else first_seen.stars
        return before is not None and before < self.least

    @override
    def miss(self, facts: Facts) -> str:
        return f"{self._count(facts)} of {counted(self.key, self.least)}"


@dataclass(frozen=True, slots=True)
class GainsAtLeast(Condition):
    """Votes gained a day."""

    wanted: str
    least: float
    key = "min_upvotes_per_day"

    @override
    def test(self, facts: Facts) -> bool | None:
        if self.waits_for(facts):
            return None
        return (facts.votes_per_day or 0) >= self.least

    @override
    def waits_for(self, facts: Facts) -> tuple[str, ...]:
        is_known = facts.paper.upvotes is not None or facts.paper.is_full
        return () if is_known else ("upvotes",)

    @override
    def meaning(self) -> tuple[object, ...]:
        return (self.key, float(self.least))

    @override
    def has(self, facts: Facts) -> str:
        return "votes not known yet" if self.waits_for(facts) else a_day(self._gained(facts))

    @override
    def hits(self, facts: Facts) -> tuple[Hit, ...]:
        return (Hit("min_upvotes_per_day", plain(self.least), "upvotes", (self._gained(facts),)),)

    @override
    def is_news(self, first_seen: FirstSeen) -> bool:
        return first_seen.upvotes is not None and first_seen.upvotes < self.least

    @override
    def miss(self, facts: Facts) -> str:
        return f"{self._gained(facts)} of {a_day(plain(self.least))}"

    @staticmethod
    def _gained(facts: Facts) -> str:
        return rounded_down(facts.votes_per_day or 0)


@dataclass(frozen=True, slots=True)
class HasCode(Condition):
    """A code repository is linked."""

    key = "has_code"
    wanted = "code"

    @override
    def test(self, facts: Facts) -> bool | None:
        return facts.has_code

    @override
    def waits_for(self, facts: Facts) -> tuple[str, ...]:
        return ("code_url",) if self.test(facts) is None else ()

    @override
    def meaning(self) -> tuple[object, ...]:
        return (self.key,)

    @override
    def has(self, facts: Facts) -> str:
        known = "no code" if facts.paper.is_full else "code not known yet"
        return facts.paper.code_url or known

    @override
    def hits(self, facts: Facts) -> tuple[Hit, ...]:
        del facts
        return (Hit("has_code", "true", "code_url"),)

    @override
    def is_news(self, first_seen: FirstSeen) -> bool:
        return first_seen.has_code is False

    @override
    def miss(self, facts: Facts) -> str:
        del facts
        return "no code yet"


@dataclass(frozen=True, slots=True)
class NotOlder(Condition):
    """Published at most so many days ago, or nobody knows when."""

    wanted: str
    days: int
    key = "max_age_days"
    holds_if_absent = True

    @override
    def test(self, facts: Facts) -> bool | None:
        return facts.age is None or facts.age / dt.timedelta(days=1) <= self.days

    @override
    def meaning(self) -> tuple[object, ...]:
        return (self.key, self.days)

    @override
    def has(self, facts: Facts) -> str:
        published_at = facts.paper.published_at
        if published_at is None:
            return "date not known"
        return f"published {published_at:%Y-%m-%d}, {(facts.now - published_at).days} days ago"


def counted(key: Literal["min_upvotes", "min_stars"], count: int) -> str:
    """`1 vote`, `20 stars`."""
    unit = "vote" if key == "min_upvotes" else "star"
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _told(keyword: Keyword) -> tuple[bool, bool, tuple[str, ...]]:
    phrase = keyword.phrase
    return (phrase.is_exact, phrase.is_prefix, phrase.words)


def _found(
    keywords: tuple[Keyword, ...], fields: frozenset[TextField], facts: Facts
) -> Iterator[Found]:
    for keyword in keywords:
        spellings: dict[TextField, dict[str, None]] = {}
        for place in facts.places.get(keyword.phrase_id, ()):
            if place.field in fields:
                spellings.setdefault(place.field, {})[place.spelling] = None
        for field, words in spellings.items():
            yield Found(keyword.written, field, tuple(words)[:20], keyword.topic)
