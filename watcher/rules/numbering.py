"""From rules as configured to columns of numbers, quickly: a million subscriptions in seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Sized
from functools import cache, lru_cache
from itertools import chain, islice
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from watcher.errors import RuleError
from watcher.rules.arrays import Floats, Masks, Positions
from watcher.rules.bounds import BOUNDS
from watcher.rules.compiling import compile_subscription
from watcher.rules.facts import AUTHORS, FIELD_MASKS, ORGANIZATION
from watcher.rules.fold import fold_word, stem
from watcher.rules.ids import Ids, hashes
from watcher.rules.keywords import (
    Written,
    parse_author,
    parse_keyword,
    parse_organization,
    plain_words,
)
from watcher.rules.segment import UNBOUND, Columns
from watcher.rules.terms import Spelled, TermTable
from watcher.rules.topics import TopicShelf
from watcher.settings import RuleSettings, SubscriptionSettings, Table, TopicSettings

_MOST = 1e300
_WINDOW = 1_000
"""Subscriptions that are written at once: hardly anything is done for each of them alone."""

_AT_ONCE = 1_000_000
"""Phrases that are numbered at once: the table takes many as quickly as few."""

_READABLE = re.compile('[A-Za-z0-9 \n"*-]*')
"""Keywords that are read as they are written: without LaTeX, for one."""

_EVERY_PAPER = (RuleSettings(),)

_Number = TypeVar("_Number", bound=np.generic)
_Lists: TypeAlias = Sequence[tuple[str, ...]]


def numbered(
    subscriptions: Iterable[SubscriptionSettings], topics: TopicShelf, table: TermTable
) -> Columns:
    """The rules of `subscriptions` as columns, their terms in `table`.

    RuleError where a rule is not valid or can never match, as `compile_subscription` has it, and
    where two have the same id.
    """
    writer = _Writer(topics, table)
    left = iter(subscriptions)
    while window := list(islice(left, _WINDOW)):
        writer.add(window)
    return writer.columns()


class _Subscriptions(NamedTuple):
    """What stands under the keys of subscriptions."""

    id: Sequence[str]
    rules: Sequence[tuple[RuleSettings, ...]]
    topics: Sequence[dict[str, TopicSettings]]
    max_age_days: Sequence[int]


class _Rules(NamedTuple):
    """What stands under the keys of rules, by rule; of `any`, with the topics' keywords."""

    any: _Lists
    all: _Lists
    none: _Lists
    topics: _Lists
    authors: _Lists
    organizations: _Lists
    fields: _Lists
    min_upvotes: Sequence[float]
    min_stars: Sequence[float]
    min_upvotes_per_day: Sequence[float]
    has_code: Sequence[float]
    max_age_days: Sequence[float]


_RULE_KEYS = _Rules._fields[:-1]  # the last one is the subscription's


def _values_of(settings: Iterable[Table], *keys: str) -> list[list[Any]]:
    """What they have under each of the keys.

    Looked up where a model keeps it, and without a tuple for each of them: half the time.
    """
    tables = [*map(vars, settings)]
    return [[table[key] for table in tables] for key in keys]


class _Clauses(NamedTuple):
    """Clauses in the order of their rules: whose each is, its mask, how many terms it has."""

    rules: Positions
    masks: Masks
    sizes: Positions

    @classmethod
    def of_lists(cls, lists: _Lists, masks: Masks) -> _Clauses:
        """One for each rule whose list has something in it."""
        sizes = _lengths(lists)
        rules = np.flatnonzero(sizes)
        return cls(rules, masks[rules], sizes[rules])

    @classmethod
    def of_words(cls, lists: _Lists, masks: Masks) -> _Clauses:
        """One for each word of each list."""
        rules = np.repeat(np.arange(len(lists)), _lengths(lists))
        return cls(rules, masks[rules], np.ones(len(rules), np.int64))


class _Column(Generic[_Number]):
    """An array that grows at its end."""

    def __init__(self, kind: type[_Number]) -> None:
        self._kind = kind
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._parts: list[npt.NDArray[_Number]] = [np.zeros(0, self._kind)]
        self.length = 0

    def add(self, numbers: npt.NDArray[np.generic]) -> None:
        """Put numbers at the end."""
        self._parts.append(numbers.astype(self._kind))
        self.length += len(numbers)

    def whole(self) -> npt.NDArray[_Number]:
        """All of them, in one piece from now on."""
        self._parts = [np.concatenate(self._parts)]
        return self._parts[0]


class _Writer:
    """Takes valid rules at their word; whatever may be wrong is left to the compiler to tell."""

    def __init__(self, topics: TopicShelf, table: TermTable) -> None:
        self._topics = topics
        self._table = table
        self._of_topics: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._ids: list[str] = []
        self._hashes = _Column(np.int64)
        self._rule_count = 0
        self._rule_counts = _Column(np.int32)
        self._bounds = [_Column(np.float64) for _ in BOUNDS]
        self._clause_rules = _Column(np.int32)
        self._clause_masks = _Column(np.uint8)
        self._are_nones = _Column(np.bool_)
        self._words = _Column(np.int32)
        self._lengths = _Column(np.int32)
        self._phrases = _Column(np.int32)
        self._phrase_clauses = _Column(np.int32)
        self._names = _Column(np.int32)
        self._name_clauses = _Column(np.int32)

    def add(self, window: Sequence[SubscriptionSettings]) -> None:
        """Write some subscriptions. Raises RuleError."""
        given = _Subscriptions._make(_values_of(window, *_Subscriptions._fields))
        self._ids += given.id
        self._hashes.add(hashes(given.id))
        try:
            self._write(window, given)
        except RuleError:
            for each in window:  # the first of them that is at fault, with where in it the fault is
                compile_subscription(each, self._topics, self._table)
            raise
        if self._lengths.length > _AT_ONCE:
            self._number_phrases()

    def _write(self, window: Sequence[SubscriptionSettings], given: _Subscriptions) -> None:
        rules_of = [rules or _EVERY_PAPER for rules in given.rules]
        counts = _lengths(rules_of)
        owners = np.repeat(np.arange(len(window)), counts).tolist()
        settings = [*chain.from_iterable(rules_of)]
        values = _values_of(settings, *_RULE_KEYS)
        rules = _Rules._make([*values, [given.max_age_days[owner] for owner in owners]])
        if any(rules.topics) or any(given.topics):
            own = [window[owner] for owner in owners]
            rules = rules._replace(any=[*map(self._alternatives, rules.any, rules.topics, own)])
        for at, doubt in enumerate(rules.none if all(rules.fields) else settings):
            if doubt and _may_contradict(rules, at):
                compile_subscription(window[owners[at]], self._topics, self._table)
        self._write_clauses(rules)
        self._rule_counts.add(counts)
        for column, bound in zip(self._bounds, BOUNDS, strict=True):
            column.add(_least(getattr(rules, bound.key), is_most=bound.is_most))
        self._rule_count += len(settings)

    def _alternatives(
        self, words: tuple[str, ...], topics: tuple[str, ...], owner: SubscriptionSettings
    ) -> tuple[str, ...]:
        """The keywords of `any` and of the topics together."""
        return (*words, *self._of(topics, owner)) if topics or owner.topics else words

    def _of(self, topics: tuple[str, ...], owner: SubscriptionSettings) -> tuple[str, ...]:
        """The keywords of the topics."""
        shelf = self._topics.overlaid(owner.topics)
        found = None if owner.topics else self._of_topics.get(topics)
        if found is None:
            found = tuple(chain.from_iterable(shelf.find(name).keywords for name in topics))
            if not owner.topics:
                self._of_topics[topics] = found
        return found

    def _write_clauses(self, rules: _Rules) -> None:
        masks = np.fromiter(map(_mask, rules.fields), np.uint8, len(rules.fields))
        kinds = (
            _Clauses.of_lists(rules.any, masks),
            _Clauses.of_words(rules.all, masks),
            _Clauses.of_lists(rules.none, masks),
            _Clauses.of_lists(rules.authors, np.full(len(masks), AUTHORS, np.uint8)),
            _Clauses.of_lists(rules.organizations, np.full(len(masks), ORGANIZATION, np.uint8)),
        )
        are_nones = np.repeat((False, False, True, False, False), [len(kind[0]) for kind in kinds])
        numbers = np.concatenate([kind.rules for kind in kinds])
        order = np.argsort(numbers, kind="stable")
        places = np.empty_like(order)
        places[order] = np.arange(len(order)) + self._clause_rules.length
        self._clause_rules.add(numbers[order] + self._rule_count)
        self._clause_masks.add(np.concatenate([kind.masks for kind in kinds])[order])
        self._are_nones.add(are_nones[order])
        keywords = [*chain.from_iterable(chain(rules.any, rules.all, rules.none))]
        clauses = np.repeat(places, np.concatenate([kind.sizes for kind in kinds]))
        self._write_keywords(keywords, clauses[: len(keywords)])
        authors = map(parse_author, chain.from_iterable(rules.authors))
        self._names.add(np.array([*map(self._table.add_author, authors)], np.int32))
        names = map(parse_organization, chain.from_iterable(rules.organizations))
        self._names.add(np.array([*map(self._table.add_organization, names)], np.int32))
        self._name_clauses.add(clauses[len(keywords) :])

    def _write_keywords(self, keywords: Sequence[str], clauses: Positions) -> None:
        written = Written.of(keywords)
        spelled = self._table.spelled_as_written(written)
        self._words.add(spelled.words)
        self._lengths.add(spelled.lengths)
        self._phrase_clauses.add(clauses[written.order])

    def _number_phrases(self) -> None:
        """Give the phrases written since the last time their numbers in the table."""
        spelled = Spelled(self._words.whole(), self._lengths.whole())
        self._phrases.add(self._table.number(spelled))
        self._words.clear()
        self._lengths.clear()

    def columns(self) -> Columns:
        """What was written. Raises RuleError where two have the same id."""
        self._number_phrases()
        ids = Ids(np.array(self._ids, np.object_), self._hashes.whole())
        if repeated := ids.repeated():
            message = f"two subscriptions are called `{repeated}`; rename one of them"
            raise RuleError(message, key="name", subscription_id=repeated)
        rule_counts = self._rule_counts.whole()
        rules, are_nones = self._clause_rules.whole(), self._are_nones.whole()
        needs = np.bincount(rules[~are_nones], minlength=self._rule_count)
        return Columns(
            ids=ids,
            rule_places=np.repeat(np.arange(len(rule_counts), dtype=np.int32), rule_counts),
            needs=needs.astype(np.int32),
            bounds=tuple(column.whole() for column in self._bounds),
            clause_rules=rules,
            clause_masks=self._clause_masks.whole(),
            are_nones=are_nones,
            terms=np.append(self._phrases.whole(), self._names.whole()),
            term_clauses=np.append(self._phrase_clauses.whole(), self._name_clauses.whole()),
        )


def _lengths(lists: Sequence[Sized]) -> Positions:
    if not any(lists):
        return np.zeros(len(lists), np.int64)
    return np.fromiter(map(len, lists), np.int64, len(lists))


@cache
def _mask(fields: tuple[str, ...]) -> int:
    return sum(FIELD_MASKS[name] for name in set(fields))


def _least(asked: Sequence[float], *, is_most: bool) -> Floats:
    """What the paper has to reach, by rule."""
    column = np.full(len(asked), UNBOUND)
    if any(asked):
        for at, number in enumerate(asked):
            if number:
                least = min(number, _MOST)
                column[at] = -least if is_most else least
    return column


def _may_contradict(rules: _Rules, at: int) -> bool:
    """Whether the compiler has to look for contradictions; parsing finds all other faults."""
    needed, alternatives = rules.all[at], rules.any[at]
    unwanted = _unwanted(rules.none[at])
    if unwanted.has_prefix or (not rules.fields[at] and (alternatives or needed)):
        return True
    text = "\n".join((*needed, *alternatives))
    if _READABLE.fullmatch(text) and not unwanted.may_be_in(text.lower()):
        return False

    def is_safe(keyword: str) -> bool:
        return unwanted.stems.isdisjoint(_stems(keyword))

    if not all(map(is_safe, needed)):
        return True
    return bool(alternatives) and not any(map(is_safe, alternatives))


class _Unwanted(NamedTuple):
    """The words of a `none`."""

    stems: frozenset[str]
    has_prefix: bool

    def may_be_in(self, text: str) -> bool:
        """Whether text in lower case may have a word of one of the stems."""
        # All that a word's stem has and the word has not is a `y` at the end.
        return any(stem.removesuffix("y") in text for stem in self.stems)


@lru_cache(maxsize=10_000)
def _unwanted(none: tuple[str, ...]) -> _Unwanted:
    return _Unwanted(
        frozenset(chain.from_iterable(map(_stems, none))),
        any(keyword.strip().endswith("*") for keyword in none),
    )


def _stems(keyword: str) -> Iterable[str]:
    letters = keyword.replace(" ", "").replace("-", "")
    if letters.isascii() and letters.isalnum():
        return map(stem, plain_words(keyword.lower()))
    return (stem(fold_word(word)) for word in parse_keyword(keyword).words)
