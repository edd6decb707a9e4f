"""From a rule as configured to its conditions, checked: what can never match is an error."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from watcher.errors import RuleError
from watcher.rules.condition import Condition, Keyword
from watcher.rules.conditions import (
    AtLeast,
    ByAuthor,
    FromOrganization,
    GainsAtLeast,
    HasCode,
    Mentions,
    Never,
    NotOlder,
    counted,
)
from watcher.rules.describe import alternatives, describe, display_name
from watcher.rules.keywords import contains, parse_author, parse_keyword, parse_organization
from watcher.rules.momentum import a_day, plain
from watcher.rules.terms import TermTable
from watcher.rules.topics import TopicShelf
from watcher.settings import RuleSettings, SubscriptionSettings

_Parsed = TypeVar("_Parsed")

_NOT_ASKED = {"name", "backfill_days", "snoozed_until"}
"""Keys of a rule by which it asks for nothing."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to be judged: it holds where all its conditions do. `given` is as configured."""

    name: str
    sentence: str
    conditions: tuple[Condition, ...]
    given: RuleSettings

    @property
    def snoozed_until(self) -> dt.date | None:
        """The day it wakes up on, or did."""
        return self.given.snoozed_until

    def sleeps(self, now: dt.datetime) -> bool:
        """Whether it is snoozed at `now`."""
        return self.given.is_asleep(now)


@dataclass(frozen=True, slots=True)
class CompiledSubscription:
    """A subscription's rules: it matches where any of them holds."""

    id: str
    rules: tuple[CompiledRule, ...]

    def known_as(self, rule: CompiledRule) -> str:
        """What tells a rule of it from the others: a name of its own, else all that it asks for.

        Two that are snoozed apart may have one name, or be called after the same keywords.
        """
        name = rule.given.name.strip()
        if name and sum(other.given.name.strip() == name for other in self.rules) == 1:
            return name
        said = rule.given.model_dump_json(exclude=_NOT_ASKED, exclude_defaults=True)
        return f"{rule.name} {hashlib.sha256(said.encode()).hexdigest()[:16]}"

    def fingerprint(self) -> str:
        """A hash of what the rules mean, awake, whatever their names and order: 32 hex digits."""
        meanings = {
            repr(sorted({repr(condition.meaning()) for condition in rule.conditions}))
            for rule in self.rules
        }
        return hashlib.sha256(repr(sorted(meanings)).encode()).hexdigest()[:32]


def compile_subscription(
    subscription: SubscriptionSettings, topics: TopicShelf, table: TermTable
) -> CompiledSubscription:
    """Compile one subscription's rules, their phrases into `table`.

    RuleError where a rule is not valid or can never match; its `key` is relative to the
    subscription.
    """
    age = _age_limit(subscription.max_age_days)
    try:
        shelf = topics.overlaid(subscription.topics)
        compiled = [
            _Compiler(rule, f"rules[{position}]", shelf, table).compile(age)
            for position, rule in enumerate(subscription.rules or (RuleSettings(),))
        ]
    except RuleError as error:
        raise RuleError(error.message, key=error.key, subscription_id=subscription.id) from None
    return CompiledSubscription(subscription.id, tuple(compiled))


def _age_limit(days: int) -> tuple[Condition, ...]:
    return (NotOlder(f"published in the last {days} days", days),) if days > 0 else ()


@dataclass(frozen=True, slots=True)
class _Compiler:
    """One rule at `key` of its subscription on its way to a CompiledRule."""

    rule: RuleSettings
    key: str
    topics: TopicShelf
    table: TermTable

    def compile(self, age: tuple[Condition, ...]) -> CompiledRule:
        rule = self.rule
        any_ = self._alternatives()
        all_ = self._keywords("all", rule.all)
        none = self._keywords("none", rule.none)
        self._refuse_contradictions(any_, all_, none)
        conditions = (
            *([self._mentions("any" if rule.any else "topics", any_)] if any_ else []),
            *(self._mentions("all", (keyword,)) for keyword in all_),
            *self._names(),
            *self._thresholds(),
            *([self._never(none)] if none else []),
            *age,
        )
        return CompiledRule(display_name(rule), describe(rule), conditions, rule)

    def _keywords(
        self, key: str, written: tuple[str, ...], topic: str | None = None
    ) -> tuple[Keyword, ...]:
        """The keywords of a list, each phrase once."""
        if not written:
            return ()
        phrases = [
            self._parsed(parse_keyword, keyword, f"{key}[{position}]")
            for position, keyword in enumerate(written)
        ]
        keywords: dict[int, Keyword] = {}
        numbers = self.table.add(phrases).tolist()
        for keyword, phrase_id, phrase in zip(written, numbers, phrases, strict=True):
            keywords.setdefault(phrase_id, Keyword(keyword.strip(), phrase_id, phrase, topic))
        return tuple(keywords.values())

    def _alternatives(self) -> tuple[Keyword, ...]:
        found = list(self._keywords("any", self.rule.any))
        for position, name in enumerate(self.rule.topics):
            topic = self._parsed(self.topics.find, name, f"topics[{position}]")
            found += self._keywords(f"topics[{position}]", topic.keywords, topic.name)
        first: dict[int, Keyword] = {}
        for keyword in found:
            first.setdefault(keyword.phrase_id, keyword)
        return tuple(first.values())

    def _refuse_contradictions(
        self,
        any_: tuple[Keyword, ...],
        all_: tuple[Keyword, ...],
        none: tuple[Keyword, ...],
    ) -> None:
        if (any_ or all_) and not self.rule.fields:
            raise self._error("without a field there is no text to look at; leave it out", "fields")
        for keyword in all_:
            if excluded := _excluding(keyword, none):
                position = [written.strip() for written in self.rule.all].index(keyword.written)
                raise self._error(
                    f"no paper can have `{keyword.written}` and never mention "
                    f"`{excluded.written}`, which `none` asks for; take one of them out",
                    f"all[{position}]",
                )
        excluded_by = [_excluding(keyword, none) for keyword in any_]
        if any_ and all(excluded_by):
            words = sorted({keyword.written for keyword in excluded_by if keyword})
            raise self._error(
                f"never mentioning {' or '.join(f'`{word}`' for word in words)} excludes every "
                f"alternative of {alternatives(self.rule)}; narrow `none` or widen `any`",
                "none",
            )

    def _mentions(self, key: str, keywords: tuple[Keyword, ...]) -> Condition:
        wanted = keywords[0].written if key == "all" else alternatives(self.rule)
        return Mentions(key, wanted, keywords, _ids(keywords), frozenset(self.rule.fields))

    def _never(self, keywords: tuple[Keyword, ...]) -> Condition:
        wanted = f"no {' and no '.join(self.rule.none)}"
        return Never("none", wanted, keywords, _ids(keywords), frozenset(self.rule.fields))

    def _names(self) -> list[Condition]:
        conditions: list[Condition] = []
        authors, organizations = self.rule.authors, self.rule.organizations
        if authors:
            names = tuple(
                (name, self._parsed(parse_author, name, f"authors[{position}]"))
                for position, name in enumerate(authors)
            )
            conditions.append(ByAuthor(" or ".join(authors), names))
        if organizations:
            names = tuple(
                (name, self._parsed(parse_organization, name, f"organizations[{position}]"))
                for position, name in enumerate(organizations)
            )
            conditions.append(FromOrganization(" or ".join(organizations), names))
        return conditions

    def _thresholds(self) -> list[Condition]:
        conditions: list[Condition] = []
        upvotes, stars = self.rule.min_upvotes, self.rule.min_stars
        if upvotes > 0:
            wanted = f"at least {counted('min_upvotes', upvotes)}"
            conditions.append(AtLeast("min_upvotes", wanted, upvotes))
        if (gain := self.rule.min_upvotes_per_day) > 0:
            conditions.append(GainsAtLeast(f"at least {a_day(plain(gain))}", gain))
        if stars > 0:
            wanted = f"at least {counted('min_stars', stars)}"
            conditions.append(AtLeast("min_stars", wanted, stars))
        if self.rule.has_code:
            conditions.append(HasCode())
        return conditions

    def _parsed(self, parse: Callable[[str], _Parsed], written: str, key: str) -> _Parsed:
        try:
            return parse(written)
        except RuleError as error:
            raise self._error(error.message, key) from None

    def _error(self, message: str, key: str) -> RuleError:
        return RuleError(message, key=f"{self.key}.{key}")


def _ids(keywords: tuple[Keyword, ...]) -> frozenset[int]:
    return frozenset(keyword.phrase_id for keyword in keywords)


def _excluding(keyword: Keyword, none: tuple[Keyword, ...]) -> Keyword | None:
    return next((one for one in none if contains(keyword.phrase, one.phrase)), None)
