"""All subscriptions' rules, compiled together, and the judgement of a paper by them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from watcher.errors import RuleError
from watcher.models import FirstSeen, Paper, Reason
from watcher.rules.compiling import CompiledRule, CompiledSubscription, compile_subscription
from watcher.rules.explain import RuleExplanation, explain_rule
from watcher.rules.facts import Facts, PhraseTable
from watcher.rules.topics import TopicShelf
from watcher.settings import SubscriptionSettings, TopicSettings


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a subscription's rules say of a paper.

    A `match` has a reason for each rule that holds. `undecided` has none: no rule holds, but one
    might once the attributes of Paper named in `waits_for` are known.
    """

    subscription_id: str
    verdict: Literal["match", "undecided"]
    reasons: tuple[Reason, ...] = ()
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The rules of many subscriptions. Every distinct phrase is looked up once for each paper."""

    _table: PhraseTable
    _subscriptions: Mapping[str, CompiledSubscription]

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
        table = PhraseTable()
        shelf = TopicShelf.builtin().overlaid(topics)
        compiled: dict[str, CompiledSubscription] = {}
        for subscription in subscriptions:
            if subscription.id in compiled:
                message = f"two subscriptions are called `{subscription.id}`; rename one of them"
                raise RuleError(message, key="name", subscription_id=subscription.id)
            compiled[subscription.id] = compile_subscription(subscription, shelf, table)
        return cls(table, compiled)

    @property
    def subscription_ids(self) -> tuple[str, ...]:
        """The subscriptions' ids in the order they were given."""
        return tuple(self._subscriptions)

    def fingerprint(self, subscription_id: str) -> str:
        """A hash (32 hex digits) that changes exactly when its rules mean something else.

        It counts the keywords of their topics and `max_age_days`, not names or order. KeyError for
        an unknown id.
        """
        return self._subscriptions[subscription_id].fingerprint()

    def judge(
        self,
        paper: Paper,
        *,
        now: dt.datetime,
        first_seen: FirstSeen | None = None,
        as_it_stands: bool = False,
        only: Collection[str] | None = None,
        votes_per_day: float | None = None,
    ) -> list[Judgement]:
        """The subscriptions that `paper` matches at `now`, or may match once more is known of it.

        `first_seen` lets reasons tell which thresholds were crossed since. `as_it_stands` takes
        what is not known for absent, so nothing stays undecided. `only` narrows to these ids.
        `votes_per_day` is what the paper gains, which it does not tell itself.
        """
        facts = Facts.of(paper, now, self._table, votes_per_day)
        judgements = []
        for subscription in self._subscriptions.values():
            if only is None or subscription.id in only:
                judgement = _judge(subscription, facts, first_seen, as_it_stands=as_it_stands)
                if judgement is not None:
                    judgements.append(judgement)
        return judgements

    def explain(
        self,
        paper: Paper,
        *,
        subscription_id: str,
        now: dt.datetime,
        votes_per_day: float | None = None,
    ) -> tuple[RuleExplanation, ...]:
        """Each rule of the subscription, condition by condition. KeyError for an unknown id."""
        facts = Facts.of(paper, now, self._table, votes_per_day)
        rules = self._subscriptions[subscription_id].rules
        return tuple(explain_rule(rule, facts) for rule in rules)


def _judge(
    subscription: CompiledSubscription,
    facts: Facts,
    first_seen: FirstSeen | None,
    *,
    as_it_stands: bool,
) -> Judgement | None:
    reasons: list[Reason] = []
    waits_for: dict[str, None] = {}
    for rule in subscription.rules:
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
                reasons.append(_reason(rule, facts, first_seen, is_incomplete=bool(unknown)))
            else:
                waits_for |= dict.fromkeys(
                    name for condition in unknown for name in condition.waits_for(facts)
                )
    if reasons:
        return Judgement(subscription.id, "match", tuple(reasons))
    if waits_for:
        return Judgement(subscription.id, "undecided", (), tuple(waits_for))
    return None


def _reason(
    rule: CompiledRule, facts: Facts, first_seen: FirstSeen | None, *, is_incomplete: bool
) -> Reason:
    hits = tuple(hit for condition in rule.conditions for hit in condition.hits(facts))
    sentences = (
        [condition.crossed(first_seen) for condition in rule.conditions] if first_seen else []
    )
    crossed = tuple(sentence for sentence in sentences if sentence)
    return Reason(rule.name, hits, crossed, is_incomplete)
