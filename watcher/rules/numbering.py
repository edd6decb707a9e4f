"""From rules as configured to columns of numbers, quickly: a million subscriptions in seconds."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from watcher.errors import RuleError
from watcher.rules.bounds import BOUNDS
from watcher.rules.compiling import compile_subscription
from watcher.rules.facts import AUTHORS, FIELD_MASKS, ORGANIZATION
from watcher.rules.fold import fold_word, forms
from watcher.rules.keywords import (
    Phrase,
    is_plain,
    parse_author,
    parse_keyword,
    parse_organization,
)
from watcher.rules.segment import UNBOUND, Columns
from watcher.rules.terms import Name, Numbers, TermTable
from watcher.rules.topics import TopicShelf
from watcher.settings import RuleSettings, SubscriptionSettings

_MOST = 1e300
_AT_ONCE = 250_000
_EVERY_PAPER = (RuleSettings(),)


def numbered(
    subscriptions: Iterable[SubscriptionSettings], topics: TopicShelf, table: TermTable
) -> Columns:
    """The rules of `subscriptions` as columns, their terms in `table`.

    RuleError where a rule is not valid or can never match, as `compile_subscription` has it, and
    where two have the same id.
    """
    writer = _Writer(topics, table)
    for subscription in subscriptions:
        writer.add(subscription)
    return writer.columns()


class _Keywords(dict[str, int]):
    """Keywords as written, numbered in their order, so that all are parsed at once in the end."""

    def __init__(self) -> None:
        super().__init__()
        self._odd: list[int] = []

    def __missing__(self, keyword: str) -> int:
        number = len(self)
        if not is_plain(keyword):
            parse_keyword(keyword)  # a fault has to be told where it stands
            self._odd.append(number)
        self[keyword] = number
        return number

    def terms(self, table: TermTable) -> Numbers:
        """The numbers in the table, by those here."""
        written = list(self)
        found: Numbers = np.zeros(len(written), np.int32)
        odd = np.array(self._odd, np.int32)
        found[odd] = table.add(parse_keyword(written[number]) for number in self._odd)
        plain = np.delete(np.arange(len(written)), odd)
        for start in range(0, len(plain), _AT_ONCE):
            chunk = plain[start : start + _AT_ONCE]
            found[chunk] = table.add_plain([written[number] for number in chunk.tolist()])
        return found


class _Writer:
    """Takes valid rules at their word; whatever may be wrong is left to the compiler to tell."""

    def __init__(self, topics: TopicShelf, table: TermTable) -> None:
        self._topics = topics
        self._table = table
        self._keywords = _Keywords()
        self._masks: dict[tuple[str, ...], int] = {}
        self._of_topics: dict[str, tuple[int, ...]] = {}
        self._places: dict[str, int] = {}
        self._rule_counts = array("i")
        self._bounds = tuple((bound.asked, array("i"), array("d")) for bound in BOUNDS)
        self._clause_counts = array("i")
        self._clause_masks = array("B")
        self._are_nones = array("B")
        self._clause_ends = array("i")
        self._terms = array("i")
        self._done: list[Numbers] = []
        self._done_count = 0

    def add(self, subscription: SubscriptionSettings) -> None:
        """Write one subscription. Raises RuleError."""
        place = len(self._places)
        if self._places.setdefault(subscription.id, place) != place:
            message = f"two subscriptions are called `{subscription.id}`; rename one of them"
            raise RuleError(message, key="name", subscription_id=subscription.id)
        shelf, of_topics = self._topics, self._of_topics
        rules = subscription.rules or _EVERY_PAPER
        try:
            if subscription.topics:
                shelf, of_topics = shelf.overlaid(subscription.topics), {}
            for rule in rules:
                if (rule.none or not rule.fields) and _may_contradict(rule, shelf):
                    compile_subscription(subscription, self._topics, self._table)
                self._add_rule(rule, subscription.max_age_days, shelf, of_topics)
        except RuleError:
            # It tells where in the subscription the fault is, or that a rule before has another.
            compile_subscription(subscription, self._topics, self._table)
            raise
        self._rule_counts.append(len(rules))
        if len(self._keywords) > _AT_ONCE:
            self._number_terms()

    def _add_rule(
        self,
        rule: RuleSettings,
        max_age_days: int,
        shelf: TopicShelf,
        of_topics: dict[str, tuple[int, ...]],
    ) -> None:
        mask = self._masks.get(rule.fields)
        if mask is None:
            mask = sum(FIELD_MASKS[name] for name in set(rule.fields))
            self._masks[rule.fields] = mask
        before = len(self._clause_masks)
        self._add_words(rule, mask, shelf, of_topics)
        self._add_names(rule)
        if rule.none:
            self._clause(mask, map(self._keywords.__getitem__, rule.none), is_none=True)
        for asked_by, rules, least in self._bounds:
            asked = asked_by(rule, max_age_days)
            if asked is not None:
                rules.append(len(self._clause_counts))
                least.append(min(max(asked, -_MOST), _MOST))
        self._clause_counts.append(len(self._clause_masks) - before)

    def _add_words(
        self,
        rule: RuleSettings,
        mask: int,
        shelf: TopicShelf,
        of_topics: dict[str, tuple[int, ...]],
    ) -> None:
        number = self._keywords.__getitem__
        if rule.any or rule.topics:
            for name in rule.topics:
                if name not in of_topics:
                    of_topics[name] = tuple(map(number, shelf.find(name).keywords))
                self._terms.extend(of_topics[name])
            self._clause(mask, map(number, rule.any))
        for keyword in rule.all:
            self._clause(mask, (number(keyword),))

    def _add_names(self, rule: RuleSettings) -> None:
        if rule.authors:
            self._clause(AUTHORS, self._named(self._table.add_author, parse_author, rule.authors))
        if rule.organizations:
            add, parse = self._table.add_organization, parse_organization
            self._clause(ORGANIZATION, self._named(add, parse, rule.organizations))

    def _named(
        self,
        add: Callable[[Name], int],
        parse: Callable[[str], Name],
        names: Iterable[str],
    ) -> Iterator[int]:
        """Names' numbers in the table; they stand negative until the keywords have theirs."""
        return (-add(parse(name)) for name in names)

    def _clause(self, mask: int, terms: Iterable[int], *, is_none: bool = False) -> None:
        """One more clause of the next rule, of `terms` and of those written since the last one."""
        self._terms.extend(terms)
        self._clause_ends.append(self._done_count + len(self._terms))
        self._clause_masks.append(mask)
        self._are_nones.append(is_none)

    def _number_terms(self) -> None:
        """Give the terms written since the last time their numbers in the table.

        Now and then, so that not all keywords of a million rules are held as texts.
        """
        terms = np.array(self._terms, np.int32)
        is_keyword = terms >= 0
        terms[is_keyword] = self._keywords.terms(self._table)[terms[is_keyword]]
        self._done.append(np.abs(terms))
        self._done_count += len(terms)
        self._terms = array("i")
        self._keywords = _Keywords()
        self._of_topics.clear()

    def columns(self) -> Columns:
        """What was written."""
        self._number_terms()
        rule_counts = np.array(self._rule_counts, np.int32)
        clause_counts = np.array(self._clause_counts, np.int32)
        ends = np.array(self._clause_ends, np.int32)
        term_counts = ends - np.append(np.zeros(1, np.int32), ends)[:-1]
        rule_count, clause_count = len(clause_counts), len(term_counts)
        clause_rules = np.repeat(np.arange(rule_count, dtype=np.int32), clause_counts)
        are_nones = np.array(self._are_nones, np.bool_)
        bounds = []
        for _, rules, least in self._bounds:
            column = np.full(rule_count, UNBOUND)
            column[np.array(rules, np.int32)] = least
            bounds.append(column)
        return Columns(
            places=self._places,
            rule_places=np.repeat(np.arange(len(rule_counts), dtype=np.int32), rule_counts),
            needs=np.bincount(clause_rules[~are_nones], minlength=rule_count).astype(np.int32),
            bounds=tuple(bounds),
            clause_rules=clause_rules,
            clause_masks=np.array(self._clause_masks, np.uint8),
            are_nones=are_nones,
            terms=np.concatenate(self._done),
            term_clauses=np.repeat(np.arange(clause_count, dtype=np.int32), term_counts),
        )


def _may_contradict(rule: RuleSettings, shelf: TopicShelf) -> bool:
    """Whether the compiler has to look for contradictions; parsing finds all other faults."""
    if not rule.fields and (rule.any or rule.topics or rule.all):
        return True
    unwanted: set[str] = set()
    for keyword in rule.none:
        phrase = parse_keyword(keyword)
        if phrase.is_prefix:
            return True
        unwanted |= _forms(phrase)

    def is_safe(keyword: str) -> bool:
        return unwanted.isdisjoint(_forms(parse_keyword(keyword)))

    if not all(map(is_safe, rule.all)):
        return True
    alternatives = (*rule.any, *(k for name in rule.topics for k in shelf.find(name).keywords))
    return bool(alternatives) and not any(map(is_safe, alternatives))


def _forms(phrase: Phrase) -> set[str]:
    return {form for word in phrase.words for form in forms(fold_word(word))}
