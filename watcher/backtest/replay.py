"""Rules judged on papers of the past, each rule on its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from watcher.backtest.trial import Trial, Word
from watcher.backtest.warning import Evidence, RuleWarning
from watcher.backtest.window import SeenPaper, Window
from watcher.rules import Ruleset, describe
from watcher.rules.describe import display_name
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings


@dataclass(frozen=True, slots=True)
class WordUse:
    """A word of a rule at work.

    Of `any` and `topics`: the matched papers that have it, and those that have no other of them.
    Of `none`: the papers that it keeps out, and those that nothing else in `none` does.
    """

    word: Word
    paper_count: int
    alone_count: int


@dataclass(frozen=True, slots=True)
class RuleReplay:
    """What one rule found, newest first."""

    name: str
    sentence: str
    papers: tuple[SeenPaper, ...]
    uses: tuple[WordUse, ...]
    warnings: tuple[RuleWarning, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionReplay:
    """What a subscription's rules found together, and each; `read_count`: papers of its sources."""

    id: str
    name: str
    read_count: int
    papers: tuple[SeenPaper, ...]
    rules: tuple[RuleReplay, ...]

    def share(self, papers: Sequence[SeenPaper]) -> float:
        """The share (0 to 1) that these are of all papers of its sources."""
        return len(papers) / self.read_count if self.read_count else 0.0


def replay(
    subscriptions: Sequence[SubscriptionSettings],
    topics: Mapping[str, TopicSettings],
    papers: Iterable[SeenPaper],
) -> tuple[SubscriptionReplay, ...]:
    """What each subscription would have found among the papers of its sources.

    Every paper, newest first, is judged as it stands, at the instant it was seen; snoozed rules as
    if they were awake. Raises RuleError.
    """
    seen = tuple(papers)
    window = Window.of(seen)
    trials = {
        subscription.id: [
            Trial(f"{at}.{position}", subscription, rule.awake)
            for position, rule in enumerate(subscription.rules or (RuleSettings(),))
        ]
        for at, subscription in enumerate(subscriptions)
    }
    every = [trial for own in trials.values() for trial in own]
    found = judged([ask for trial in every for ask in trial.questions()], topics, seen)
    having = _having(every, found, topics)
    replays = []
    for subscription in subscriptions:
        read = [one for one in seen if reads(subscription, one)]
        rules = []
        for trial in trials[subscription.id]:
            evidence = Evidence(
                found=_ids(found[trial.id]),
                kept_out=_ids(found[trial.open_id]) - _ids(found[trial.id]),
                having=having[trial.id],
                is_open=trial.rule == RuleSettings(name=trial.rule.name, fields=trial.rule.fields),
                read_count=len(read),
                day_count=window.day_count if window else 0,
            )
            rules.append(_rule_replay(trial, tuple(found[trial.id]), evidence))
        ids = {one.paper.id for rule in rules for one in rule.papers}
        together = tuple(one for one in read if one.paper.id in ids)
        replays.append(
            SubscriptionReplay(
                subscription.id, subscription.name, len(read), together, tuple(rules)
            )
        )
    return tuple(replays)


def reads(subscription: SubscriptionSettings, seen: SeenPaper) -> bool:
    """Whether the subscription reads a source that showed the paper."""
    return not subscription.sources or not seen.sources.isdisjoint(subscription.sources)


def judged(
    asked: Sequence[SubscriptionSettings],
    topics: Mapping[str, TopicSettings],
    papers: Iterable[SeenPaper],
) -> dict[str, list[SeenPaper]]:
    """The papers for which each subscription's rules hold, by its id. Raises RuleError."""
    ruleset = Ruleset.compile(asked, topics)
    found: dict[str, list[SeenPaper]] = {each.id: [] for each in asked}
    has_own_sources = any(each.sources for each in asked)
    readers: dict[frozenset[str], frozenset[str]] = {}
    for seen in papers:
        if has_own_sources and seen.sources not in readers:
            readers[seen.sources] = frozenset(each.id for each in asked if reads(each, seen))
        only = readers[seen.sources] if has_own_sources else None
        for subscription_id in _holding(ruleset, seen, only):
            found[subscription_id].append(seen)
    return found


def _having(
    trials: Iterable[Trial],
    found: Mapping[str, Sequence[SeenPaper]],
    topics: Mapping[str, TopicSettings],
) -> dict[str, dict[Word, frozenset[str]]]:
    """Of the papers that each rule would find without its `none`, those that have each word."""
    asked: dict[str, SubscriptionSettings] = {}
    about: dict[str, tuple[str, Word]] = {}
    papers: dict[str, SeenPaper] = {}
    questions: dict[str, set[str]] = {}
    having: dict[str, dict[Word, set[str]]] = {}
    for trial in trials:
        having[trial.id] = {word: set() for word in trial.words}
        own = trial.word_questions()
        asked |= {ask.id: ask for ask in own.values()}
        about |= {ask.id: (trial.id, word) for word, ask in own.items()}
        for seen in found[trial.open_id]:
            papers[seen.paper.id] = seen
            questions.setdefault(seen.paper.id, set()).update(ask.id for ask in own.values())
    ruleset = Ruleset.compile(asked.values(), topics)
    for paper_id, ids in questions.items():
        for question_id in _holding(ruleset, papers[paper_id], ids):
            trial_id, word = about[question_id]
            having[trial_id][word].add(paper_id)
    return {
        trial_id: {word: frozenset(ids) for word, ids in words.items()}
        for trial_id, words in having.items()
    }


def _holding(ruleset: Ruleset, seen: SeenPaper, only: Collection[str] | None) -> Iterable[str]:
    judgements = ruleset.judge(
        seen.paper,
        now=seen.seen_at,
        as_it_stands=True,
        only=only,
        votes_per_day=seen.votes_per_day,
    )
    return (judgement.subscription_id for judgement in judgements)


def _rule_replay(trial: Trial, papers: tuple[SeenPaper, ...], evidence: Evidence) -> RuleReplay:
    uses = []
    for word, ids in evidence.having.items():
        is_excluding = word.key == "none"
        relevant = ids & (evidence.kept_out if is_excluding else evidence.found)
        others = [
            each
            for other, each in evidence.having.items()
            if other != word and (other.key == "none") == is_excluding
        ]
        alone = relevant.difference(*others)
        uses.append(WordUse(word, len(relevant), len(alone)))
    return RuleReplay(
        display_name(trial.rule), describe(trial.rule), papers, tuple(uses), evidence.warnings()
    )


def _ids(papers: Iterable[SeenPaper]) -> frozenset[str]:
    return frozenset(seen.paper.id for seen in papers)
