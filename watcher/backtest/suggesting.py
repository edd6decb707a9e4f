"""Keywords that would widen or narrow a rule, by the papers it found and those it did not.

What people said of papers is stronger evidence than what a rule found: each such paper counts as
`WORTH` papers in the odds that rank keywords. How sure these are is told by the papers that there
are, so two papers are no twenty. To widen, papers of which more is wanted are taken for found where
the rules miss them, and those of which nothing is, for others where the rule finds them. That
wanted papers lack a keyword puts it behind others, not aside: `any` names several subjects. To
narrow, keywords come first that the found papers of which nothing is wanted have and the other
found ones lack; of the rest, those are left out that a wanted paper has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher.backtest.feedback import Feedback
from watcher.backtest.phrases import Key, key_of
from watcher.backtest.replay import judged, reads
from watcher.backtest.telling import Table, ids_of
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

TIMES = 3
"""How much likelier than others the found papers must be to have a phrase."""

LISTED = 8
TRIED = 80


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A keyword for `any` or `none`, and the papers it would bring or keep out, newest first.

    Of `wanted_count` of them people want more, of `unwanted_count` nothing.
    """

    keyword: str
    papers: tuple[SeenPaper, ...]
    wanted_count: int = 0
    unwanted_count: int = 0


@dataclass(frozen=True, slots=True)
class Suggestions:
    """For one rule that found `papers`; both best first, empty where those are too few.

    `is_new_rule`: the rule has no alternatives, so what widens it stands in a rule of its own.
    `feedback` told, too: of its wanted papers `missed_count` are found by no rule at present.
    """

    rule: str
    sentence: str
    papers: tuple[SeenPaper, ...]
    is_new_rule: bool
    widening: tuple[Suggestion, ...] = ()
    narrowing: tuple[Suggestion, ...] = ()
    feedback: Feedback = field(default_factory=Feedback)
    missed_count: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether it found, or missed, enough papers for them to have anything in common."""
        return len(self.papers) + self.missed_count >= FEWEST


def suggest(
    subscription: SubscriptionSettings,
    rule: RuleSettings,
    topics: Mapping[str, TopicSettings],
    papers: Sequence[SeenPaper],
    feedback: Feedback | None = None,
) -> Suggestions:
    """Keywords for one rule of the subscription, from papers (newest first). Raises RuleError.

    What it found whatever their votes and code tells what to widen it by. Papers of which people
    said something are looked at besides, whenever they were seen.
    """
    trial = Trial("rule", subscription, rule)
    said = (feedback or Feedback()).read_by(subscription)
    recent = [seen for seen in papers if reads(subscription, seen)]
    read = _together(recent, (*said.wanted, *said.unwanted))
    about = trial.asking("about", _without_thresholds(rule))
    found = judged([trial.asking("rule", rule), about, subscription], topics, read)
    mailed, unwanted = ids_of(found[subscription.id]), ids_of(said.unwanted)
    missed = ids_of(said.wanted) - mailed
    recent_ids = ids_of(recent)
    told = Suggestions(
        display_name(rule),
        describe(rule),
        tuple(seen for seen in found["rule"] if seen.paper.id in recent_ids),
        is_new_rule=not (rule.any or rule.topics),
        feedback=said,
        missed_count=len(missed),
    )
    if not (told.is_enough and rule.fields):
        return told
    finder = _Finder(trial, topics, ids_of(said.wanted), unwanted)
    good = (ids_of(found["about"]) | missed) - unwanted
    weighty = (finder.wanted & good) | unwanted  # what another rule brings is none of this one's
    whole = Table.of(rule, [seen for seen in read if seen.paper.id in good], read, weighty)
    is_all = not said and ids_of(found["rule"]) == good
    table = whole if is_all else Table.of(rule, found["rule"], read)
    return replace(
        told,
        widening=tuple(finder.widening(whole, mailed, missed)),
        narrowing=tuple(finder.narrowing(table)),
    )


def _together(papers: Sequence[SeenPaper], more: Iterable[SeenPaper]) -> list[SeenPaper]:
    """Those papers and the further ones, newest first."""
    known = ids_of(papers)
    further = [seen for seen in more if seen.paper.id not in known]
    if not further:
        return list(papers)
    return sorted([*papers, *further], key=lambda seen: seen.seen_at, reverse=True)


def _without_thresholds(rule: RuleSettings) -> RuleSettings:
    subject = {"any", "all", "none", "topics", "authors", "organizations", "fields"}
    return RuleSettings(**rule.model_dump(include=subject))


@dataclass(frozen=True, slots=True)
class _Finder:
    """Tries phrases as keywords of one rule."""

    trial: Trial
    topics: Mapping[str, TopicSettings]
    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()

    @property
    def said(self) -> frozenset[str]:
        """The papers of which people said something."""
        return self.wanted | self.unwanted

    def widening(
        self, table: Table, mailed: frozenset[str], missed: frozenset[str]
    ) -> Iterator[Suggestion]:
        """Phrases that found papers have and few others do, and which of these they bring.

        Of the found ones they bring those that no rule finds at present: `missed`.
        """
        rule = self.trial.rule
        if not (rule.any or rule.topics):
            rule = rule.model_copy(update={"all": (), "authors": (), "organizations": ()})
        own = set(self._own_keys())
        least, most = math.log(TIMES), max(5, len(table.found))
        bringing = {
            key: [
                *table.others_having[key],
                *(seen for seen in table.having[key] if seen.paper.id in missed),
            ]
            for key in table.frequent(2)
            if key not in own and len(table.others_having[key]) <= most
        }
        scores = {
            key: table.log_odds(key)
            for key, papers in bringing.items()
            if papers and table.log_odds(key, is_lenient=True) >= least
        }
        candidates = _best(scores)[:TRIED]
        variants = {
            key: rule.model_copy(update={"any": (*rule.any, table.written[key])})
            for key in candidates
        }
        others = {seen.paper.id: seen for key in candidates for seen in bringing[key]}
        further = [seen for seen_id, seen in others.items() if seen_id not in mailed]
        further.sort(key=lambda seen: seen.seen_at, reverse=True)
        return self._chosen(table, self._tried(variants, further))

    def narrowing(self, table: Table) -> Iterator[Suggestion]:
        """Phrases that name a part of the found papers, and which that are.

        First those of papers of which nothing is wanted.
        """
        rule = self.trial.rule
        own = {
            key[start:stop]
            for key in self._own_keys()
            for start in range(len(key))
            for stop in range(start + 1, len(key) + 1)
        }
        keys = [key for key in self._against(table) if key not in own]
        if len(table.found) >= MANY:
            scores = {
                key: table.weight(key)
                for key in table.frequent(3)
                if key not in own
                and 2 * len(table.having[key]) <= len(table.found)
                and self.wanted.isdisjoint(ids_of(table.having[key]))
            }
            keys += _best(scores)[:TRIED]
        variants = {
            key: rule.model_copy(update={"none": (*rule.none, table.written[key])}) for key in keys
        }
        dropped = {}
        for key, kept in self._tried(variants, table.found).items():
            ids = {seen.paper.id for seen in kept}
            dropped[key] = [seen for seen in table.found if seen.paper.id not in ids]
        return self._chosen(table, dropped)

    def _against(self, table: Table) -> list[Key]:
        """Phrases of the found papers of which nothing is wanted, that other found ones lack."""
        unwanted = [seen for seen in table.found if seen.paper.id in self.unwanted]
        if len(unwanted) < 2:
            return []
        apart = Table.of(self.trial.rule, unwanted, table.found, self.said)
        scores = {key: apart.log_odds(key) for key in apart.having}
        least = math.log(TIMES)
        return [key for key in _best(scores) if scores[key] >= least][:TRIED]

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

    def _chosen(
        self, table: Table, tried: Mapping[Key, Sequence[SeenPaper]]
    ) -> Iterator[Suggestion]:
        """The first few; at least half the papers of each are none of those before it."""
        known: set[str] = set()
        count = 0
        for key, papers in tried.items():
            ids = ids_of(papers)
            if count < LISTED and ids and 2 * len(ids & known) <= len(ids):
                known |= ids
                count += 1
                yield Suggestion(
                    table.written[key],
                    tuple(papers),
                    len(ids & self.wanted),
                    len(ids & self.unwanted),
                )


def _best(scores: Mapping[Key, float]) -> list[Key]:
    """The best first; of equals the longer, then by the alphabet."""
    return sorted(scores, key=lambda key: (-scores[key], -len(key), key))
