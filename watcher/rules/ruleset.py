"""All subscriptions' rules, compiled together, and the judgement of a paper by them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Literal

from watcher.errors import RuleError
from watcher.models import FirstSeen, Paper, Reason
from watcher.rules.compiling import CompiledRule, CompiledSubscription, compile_subscription
from watcher.rules.explain import RuleExplanation, explain_rule
from watcher.rules.facts import Facts
from watcher.rules.index import RuleIndex, Verdict
from watcher.rules.terms import TermTable
from watcher.rules.topics import TopicShelf
from watcher.settings import SubscriptionSettings, TopicSettings

_COMPILED_AT_MOST = 50_000
_FACTS_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a subscription's rules say of a paper.

    A `match` has a reason for each rule that holds. `undecided` has none: no rule holds, but one
    might once the attributes of Paper named in `waits_for` are known. `slept` are the reasons of
    rules that hold and are snoozed; where there is nothing else, it is `snoozed`.
    """

    subscription_id: str
    verdict: Literal["match", "undecided", "snoozed"]
    reasons: tuple[Reason, ...] = ()
    waits_for: tuple[str, ...] = ()
    slept: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Opinion:
    """What all rules say of one paper: at once whom it concerns, and on request why."""

    verdict: Verdict
    _ruleset: Ruleset
    _facts: Facts
    _as_it_stands: bool

    def judgement(
        self,
        subscription_id: str,
        first_seen: FirstSeen | None = None,
        slept: Collection[str] = (),
    ) -> Judgement | None:
        """What one subscription's rules say, with the reasons; None where none holds or may.

        `first_seen` lets reasons tell which thresholds were crossed since. `slept` is what rules
        are known as that slept through this paper: to them it is no news. KeyError for an unknown
        id.
        """
        compiled = self._ruleset.compiled(subscription_id)
        return _judge(
            compiled, self._facts, first_seen, as_it_stands=self._as_it_stands, slept=slept
        )


@dataclass(frozen=True, eq=False)
class Ruleset:
    """The rules of many subscriptions: an index tells whom a paper concerns, conditions tell why.

    `subscriptions` are by id. Conditions are compiled for those that are asked about.
    """

    subscriptions: Mapping[str, SubscriptionSettings]
    index: RuleIndex
    _topics: TopicShelf
    _compiled: dict[str, CompiledSubscription] = field(default_factory=dict, repr=False)
    _facts: dict[tuple[Paper, dt.datetime, float | None], Facts] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def compile(
        cls,
        subscriptions: Iterable[SubscriptionSettings],
        topics: Mapping[str, TopicSettings],
    ) -> Ruleset:
        """Compile the rules of `subscriptions`, whose ids are unique.

        `topics` go over the built-in ones, a subscription's own over both. RuleError where a rule
        is not valid or can never match: `key` is relative to the subscription `subscription_id`,
        or to the configuration (`topics.NAME.any[0]`) where that is None.
        """
        shelf = TopicShelf.builtin().overlaid(topics)
        chosen = tuple(subscriptions)
        index = RuleIndex.build(chosen, shelf)
        return cls({each.id: each for each in chosen}, index, shelf)

    def changed(
        self,
        subscriptions: Iterable[SubscriptionSettings],
        topics: Mapping[str, TopicSettings],
    ) -> Ruleset:
        """The rules of `subscriptions`, of which those that are here already are not read again.

        This one stays as it is. Raises RuleError as `compile` does.
        """
        shelf = TopicShelf.builtin().overlaid(topics)
        chosen = tuple(subscriptions)
        by_id = {each.id: each for each in chosen}
        if shelf != self._topics or len(by_id) < len(chosen):
            return self.compile(chosen, topics)
        new = self._news(chosen)
        index = self.index.changed(new, self.subscriptions.keys() - by_id.keys(), shelf)
        return Ruleset(by_id, index, shelf)

    def exchanged(self, new: Iterable[SubscriptionSettings], removed: Collection[str]) -> Ruleset:
        """The rules of the same subscriptions but for these, read with the same topics.

        This one stays as it is. Raises RuleError as `compile` does.
        """
        chosen = tuple(new)
        by_id = {**self.subscriptions, **{each.id: each for each in chosen}}
        for each in removed:
            del by_id[each]
        index = self.index.changed(chosen, removed, self._topics)
        return Ruleset(by_id, index, self._topics)

    def news(
        self,
        subscriptions: Iterable[SubscriptionSettings],
        topics: Mapping[str, TopicSettings],
    ) -> list[SubscriptionSettings]:
        """Those of `subscriptions` whose rules are not here as they are."""
        if TopicShelf.builtin().overlaid(topics) != self._topics:
            return list(subscriptions)
        return self._news(subscriptions)

    def _news(self, subscriptions: Iterable[SubscriptionSettings]) -> list[SubscriptionSettings]:
        before = self.subscriptions.get
        return [
            each
            for each in subscriptions
            # Nearly all are the very same: to compare what they say would take most of the time.
            if (former := before(each.id)) is not each and former != each
        ]

    @staticmethod
    def faults(
        subscriptions: Iterable[SubscriptionSettings], topics: Mapping[str, TopicSettings]
    ) -> list[RuleError]:
        """What `compile` would refuse: of each subscription the first fault.

        Raises RuleError for a fault of `topics`.
        """
        shelf = TopicShelf.builtin().overlaid(topics)
        table = TermTable()
        found = []
        for subscription in subscriptions:
            try:
                compile_subscription(subscription, shelf, table)
            except RuleError as error:
                found.append(error)
        return found

    @property
    def subscription_ids(self) -> tuple[str, ...]:
        """The subscriptions' ids in the order they were given."""
        return tuple(self.subscriptions)

    def fingerprint(self, subscription_id: str) -> str:
        """A hash (32 hex digits) that changes exactly when its rules mean something else.

        It counts the keywords of their topics and `max_age_days`, not names or order. KeyError for
        an unknown id.
        """
        return self.compiled(subscription_id).fingerprint()

    def compiled(self, subscription_id: str) -> CompiledSubscription:
        """The conditions of a subscription's rules. KeyError for an unknown id."""
        found = self._compiled.get(subscription_id)
        if found is None:
            settings = self.subscriptions[subscription_id]
            found = compile_subscription(settings, self._topics, self.index.table)
            if len(self._compiled) >= _COMPILED_AT_MOST:
                self._compiled.clear()
            self._compiled[subscription_id] = found
        return found

    def opinions(
        self,
        papers: Iterable[Paper],
        *,
        now: dt.datetime,
        votes_per_day: Iterable[float | None] = repeat(None),
        as_it_stands: bool = False,
    ) -> Iterator[Opinion]:
        """What the rules say of each of `papers` at `now`; asked together they take less time.

        `votes_per_day` is what each of them gains. `as_it_stands` takes what is not known for
        absent, so nothing stays undecided.
        """
        gathered = [
            self.index.facts(paper, now, votes)
            for paper, votes in zip(papers, votes_per_day, strict=False)
        ]
        verdicts = self.index.verdicts(gathered, as_it_stands=as_it_stands)
        for facts, verdict in zip(gathered, verdicts, strict=True):
            yield Opinion(verdict, self, facts, as_it_stands)

    def judge(
        self,
        paper: Paper,
        *,
        now: dt.datetime,
        first_seen: FirstSeen | None = None,
        as_it_stands: bool = False,
        only: Collection[str] | None = None,
        votes_per_day: float | None = None,
        slept: Collection[str] = (),
        with_snoozed: bool = False,
    ) -> list[Judgement]:
        """The subscriptions that `paper` matches at `now`, or may match, by id, with the reasons.

        `first_seen` lets reasons tell which thresholds were crossed since. `as_it_stands` takes
        what is not known for absent, so nothing stays undecided. `only` narrows to these ids.
        `votes_per_day` is what the paper gains, which it does not tell itself. `slept` is
        what rules are known as that slept through it. `with_snoozed`: also those of which no others
        hold.
        """
        if only is None:
            [opinion] = self.opinions(
                [paper], now=now, votes_per_day=[votes_per_day], as_it_stands=as_it_stands
            )
            only = [*opinion.verdict.matched, *opinion.verdict.undecided]
        facts = self._facts_of(paper, now, votes_per_day)
        judgements = (
            _judge(self.compiled(name), facts, first_seen, as_it_stands=as_it_stands, slept=slept)
            for name in sorted(only)
            if name in self.subscriptions
        )
        return [
            judgement
            for judgement in judgements
            if judgement is not None and (with_snoozed or judgement.verdict != "snoozed")
        ]

    def _facts_of(self, paper: Paper, now: dt.datetime, votes_per_day: float | None) -> Facts:
        """The facts of a paper that many subscriptions are asked about in turn."""
        key = (paper, now, votes_per_day)
        found = self._facts.get(key)
        if found is None:
            if len(self._facts) >= _FACTS_AT_MOST:
                self._facts.clear()
            found = self._facts[key] = self.index.facts(*key)
        return found

    def explain(
        self,
        paper: Paper,
        *,
        subscription_id: str,
        now: dt.datetime,
        votes_per_day: float | None = None,
    ) -> tuple[RuleExplanation, ...]:
        """Each rule of the subscription, condition by condition. KeyError for an unknown id."""
        facts = self._facts_of(paper, now, votes_per_day)
        return tuple(explain_rule(rule, facts) for rule in self.compiled(subscription_id).rules)


def _judge(
    subscription: CompiledSubscription,
    facts: Facts,
    first_seen: FirstSeen | None,
    *,
    as_it_stands: bool,
    slept: Collection[str] = (),
) -> Judgement | None:
    reasons: list[Reason] = []
    asleep: list[Reason] = []
    waits_for: dict[str, None] = {}
    for rule in subscription.rules:
        is_asleep = rule.sleeps(facts.now) or (bool(slept) and subscription.known_as(rule) in slept)
        unknown = []
        for condition in rule.conditions:
            holds = condition.test(facts)
            if holds is None:
                unknown.append(condition)
                holds = condition.holds_if_absent if as_it_stands else True
            if not holds:
                break
        else:
            if not unknown or as_it_stands:
                reason = _reason(rule, facts, first_seen, is_incomplete=bool(unknown))
                if is_asleep:
                    known_as = subscription.known_as(rule)
                    asleep.append(replace(reason, slept=True, known_as=known_as))
                else:
                    reasons.append(reason)
            else:
                waits_for |= dict.fromkeys(
                    name for condition in unknown for name in condition.waits_for(facts)
                )
    if reasons:
        return Judgement(subscription.id, "match", tuple(reasons), slept=tuple(asleep))
    if waits_for:
        return Judgement(subscription.id, "undecided", (), tuple(waits_for), tuple(asleep))
    return Judgement(subscription.id, "snoozed", slept=tuple(asleep)) if asleep else None


def _reason(
    rule: CompiledRule, facts: Facts, first_seen: FirstSeen | None, *, is_incomplete: bool
) -> Reason:
    hits = tuple(hit for condition in rule.conditions for hit in condition.hits(facts))
    crossed = (c.key for c in rule.conditions if first_seen and c.is_news(first_seen))
    return Reason(rule.name, hits, tuple(crossed), is_incomplete)
