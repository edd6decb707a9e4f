"""Keywords that would widen or narrow a rule, by the papers it found and those it did not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from watcher.backtest.phrases import Key, Lookup, key_of, phrases
from watcher.backtest.replay import judged, reads
from watcher.backtest.trial import Trial
from watcher.backtest.window import SeenPaper
from watcher.errors import RuleError
from watcher.rules import Ruleset, builtin_topics, describe
from watcher.rules.describe import display_name
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings

FEWEST = 3
"""Papers that a rule must have found before they have anything in common."""

MANY = 10
"""Papers that a rule must have found before there are parts of them to tell apart."""

OFTEN = 0.05
"""The share of the found papers that must have a phrase for it to be theirs."""

COMMON = 0.1
"""The share of the other papers above which a phrase says nothing about any."""

TIMES = 3
"""How much likelier than others the found papers must be to have a phrase."""

LISTED = 8
TRIED = 80

_Z = 1.64
"""Standard errors that a log-odds ratio is lowered by: above that is chance one time of twenty."""

_LENGTHS = {1: 1.0, 2: 3.0, 3: 4.0, 4: 4.0}
"""Two words name a subject where one of them alone seldom does."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A keyword for `any` or `none`, and the papers it would bring or keep out, newest first."""

    keyword: str
    papers: tuple[SeenPaper, ...]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """For one rule that found `papers`; both best first, empty where those are too few.

    `is_new_rule`: the rule has no alternatives, so what widens it stands in a rule of its own.
    """

    rule: str
    sentence: str
    papers: tuple[SeenPaper, ...]
    is_new_rule: bool
    widening: tuple[Suggestion, ...] = ()
    narrowing: tuple[Suggestion, ...] = ()

    @property
    def is_enough(self) -> bool:
        """Whether it found enough papers for them to have anything in common."""
        return len(self.papers) >= FEWEST


def suggest(
    subscription: SubscriptionSettings,
    rule: RuleSettings,
    topics: Mapping[str, TopicSettings],
    papers: Sequence[SeenPaper],
) -> Suggestions:
    """Keywords for one rule of the subscription, from papers (newest first). Raises RuleError.

    What it found whatever their votes and code tells what to widen it by.
    """
    trial = Trial("rule", subscription, rule)
    read = [seen for seen in papers if reads(subscription, seen)]
    about = trial.asking("about", _without_thresholds(rule))
    found = judged([trial.asking("rule", rule), about, subscription], topics, read)
    told = Suggestions(
        display_name(rule),
        describe(rule),
        tuple(found["rule"]),
        is_new_rule=not (rule.any or rule.topics),
    )
    if not (told.is_enough and rule.fields):
        return told
    mailed = {seen.paper.id for seen in found[subscription.id]}
    finder = _Finder(trial, topics)
    whole = _Table.of(rule, found["about"], read)
    table = whole if len(told.papers) == len(whole.found) else _Table.of(rule, told.papers, read)
    return replace(
        told,
        widening=tuple(finder.widening(whole, mailed)),
        narrowing=tuple(finder.narrowing(table)),
    )


def _without_thresholds(rule: RuleSettings) -> RuleSettings:
    subject = {"any", "all", "none", "topics", "authors", "organizations", "fields"}
    return RuleSettings(**rule.model_dump(include=subject))


@dataclass(frozen=True, slots=True)
class _Table:
    """Which of the found and of the other papers have each phrase that two found ones have."""

    found: Sequence[SeenPaper]
    other_count: int
    written: Mapping[Key, str]
    having: Mapping[Key, list[SeenPaper]]
    others_having: Mapping[Key, list[SeenPaper]]

    @classmethod
    def of(
        cls, rule: RuleSettings, found: Sequence[SeenPaper], papers: Sequence[SeenPaper]
    ) -> _Table:
        having: dict[Key, list[SeenPaper]] = {}
        spellings: dict[Key, Counter[str]] = {}
        for seen in found:
            for key, words in phrases(seen.paper, rule.fields).items():
                having.setdefault(key, []).append(seen)
                spellings.setdefault(key, Counter())[" ".join(words)] += 1
        having = {key: each for key, each in having.items() if len(each) > 1}
        ids = {seen.paper.id for seen in found}
        others = [seen for seen in papers if seen.paper.id not in ids]
        others_having: dict[Key, list[SeenPaper]] = {key: [] for key in having}
        lookup = Lookup(having)
        for seen in others:
            for key in lookup.present(seen.paper, rule.fields):
                others_having[key].append(seen)
        written = {key: spellings[key].most_common(1)[0][0] for key in having}
        return cls(found, len(others), written, having, others_having)

    def frequent(self, least: int) -> Iterator[Key]:
        """The phrases that are the found papers' own: often there, and not everywhere."""
        least = max(least, math.ceil(OFTEN * len(self.found)))
        for key, having in self.having.items():
            if len(having) >= least and len(self.others_having[key]) <= max(
                1, COMMON * self.other_count
            ):
                yield key

    def log_odds(self, key: Key) -> float:
        """How much likelier found papers have it than others: the least that is believable."""
        has, lacks = len(self.having[key]) + 0.5, len(self.found) - len(self.having[key]) + 0.5
        other = len(self.others_having[key]) + 0.5
        rest = self.other_count - len(self.others_having[key]) + 0.5
        error = math.sqrt(1 / has + 1 / lacks + 1 / other + 1 / rest)
        return math.log(has * rest / (lacks * other)) - _Z * error

    def weight(self, key: Key) -> float:
        """How well it names a part of the found papers: rare and longer phrases do better."""
        among = len(self.having[key]) + len(self.others_having[key])
        rarity = math.log((1 + len(self.found) + self.other_count) / among)
        return len(self.having[key]) * rarity * _LENGTHS[len(key)]


@dataclass(frozen=True, slots=True)
class _Finder:
    """Tries phrases as keywords of one rule."""

    trial: Trial
    topics: Mapping[str, TopicSettings]

    def widening(self, table: _Table, mailed: set[str]) -> Iterator[Suggestion]:
        """Phrases that found papers have and few others do, and which of these they bring."""
        rule = self.trial.rule
        if not (rule.any or rule.topics):
            rule = rule.model_copy(update={"all": (), "authors": (), "organizations": ()})
        own = set(self._own_keys())
        least, most = math.log(TIMES), max(5, len(table.found))
        scores = {
            key: table.log_odds(key)
            for key in table.frequent(2)
            if key not in own and 0 < len(table.others_having[key]) <= most
        }
        candidates = [key for key in _best(scores) if scores[key] >= least][:TRIED]
        variants = {
            key: rule.model_copy(update={"any": (*rule.any, table.written[key])})
            for key in candidates
        }
        others = {seen.paper.id: seen for key in candidates for seen in table.others_having[key]}
        further = [seen for seen_id, seen in others.items() if seen_id not in mailed]
        further.sort(key=lambda seen: seen.seen_at, reverse=True)
        return _chosen(table, self._tried(variants, further))

    def narrowing(self, table: _Table) -> Iterator[Suggestion]:
        """Phrases that name a part of the found papers, and which that are."""
        if len(table.found) < MANY:
            return iter(())
        rule = self.trial.rule
        own = {
            key[start:stop]
            for key in self._own_keys()
            for start in range(len(key))
            for stop in range(start + 1, len(key) + 1)
        }
        scores = {
            key: table.weight(key)
            for key in table.frequent(3)
            if key not in own and 2 * len(table.having[key]) <= len(table.found)
        }
        variants = {
            key: rule.model_copy(update={"none": (*rule.none, table.written[key])})
            for key in _best(scores)[:TRIED]
        }
        dropped = {}
        for key, kept in self._tried(variants, table.found).items():
            ids = {seen.paper.id for seen in kept}
            dropped[key] = [seen for seen in table.found if seen.paper.id not in ids]
        return _chosen(table, dropped)

    def _own_keys(self) -> Iterator[Key]:
        """The keys of its keywords, those of its topics too."""
        rule, subscription = self.trial.rule, self.trial.subscription
        yield from map(key_of, (*rule.any, *rule.all, *rule.none))
        for name in rule.topics:
            own = subscription.topics.get(name) or self.topics.get(name)
            builtin = builtin_topics().get(name)
            keywords = own.any if own else builtin.keywords if builtin else ()
            yield from map(key_of, keywords)

    def _tried(
        self, variants: Mapping[Key, RuleSettings], papers: Sequence[SeenPaper]
    ) -> dict[Key, list[SeenPaper]]:
        """What each variant of the rule finds; one that no paper can meet is left out."""
        asked = {}
        for number, (key, rule) in enumerate(variants.items()):
            question = self.trial.asking(str(number), rule)
            try:
                Ruleset.compile([question], self.topics)
            except RuleError:
                continue
            asked[key] = question
        found = judged(list(asked.values()), self.topics, papers)
        return {key: found[question.id] for key, question in asked.items()}


def _best(scores: Mapping[Key, float]) -> list[Key]:
    """The best first; of equals the longer, then by the alphabet."""
    return sorted(scores, key=lambda key: (-scores[key], -len(key), key))


def _chosen(table: _Table, tried: Mapping[Key, Sequence[SeenPaper]]) -> Iterator[Suggestion]:
    """The first few; at least half the papers of each are none of those before it."""
    known: set[str] = set()
    count = 0
    for key, papers in tried.items():
        ids = {seen.paper.id for seen in papers}
        if count < LISTED and ids and 2 * len(ids & known) <= len(ids):
            known |= ids
            count += 1
            yield Suggestion(table.written[key], tuple(papers))
