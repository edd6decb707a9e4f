"""What rules would have brought lately, before anybody subscribes to them."""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from watcher import past
from watcher.backtest import SeenPaper, replay
from watcher.digest import dates
from watcher.digest.language import ENGLISH, Language
from watcher.digest.papers import page_url, title_of
from watcher.rules import builtin_topics
from watcher.settings import (
    Config,
    RuleSettings,
    SubscriptionSettings,
    TopicSettings,
    definition_of,
)
from watcher.store.database import Database
from watcher.web.sentences import described, named, papers_of, warned

DAYS = 14
MOST_PAPERS = 20_000
MOST_COMPARED = 200_000
"""Words of rules times papers: about a second's work. Of many words, fewer papers are asked."""

MOST_KEPT = 64
"""Previews of the papers at hand: looking again, however often, is no work."""

SHOWN = 15
FRESH_FOR = dt.timedelta(minutes=1)
SERVES_FOR = dt.timedelta(minutes=3)
"""How long it is good enough for those who come while one of them has it read anew."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A paper in a preview."""

    id: str
    title: str
    url: str
    day: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a subscription would have brought of `read_count` papers, those of `day_count` days.

    `is_whole`: these are all of the last days that are looked at, not only the newest. `headline`
    is `About 3 papers a day.`, or why that cannot be told.
    """

    headline: str
    count: int
    read_count: int
    day_count: int
    papers: tuple[Shown, ...]
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """A topic that can be chosen, and how many papers of late it would have brought."""

    name: str
    about: str
    count: int


@dataclass(frozen=True, slots=True)
class _View:
    at: dt.datetime
    topics: Mapping[str, TopicSettings]
    papers: tuple[SeenPaper, ...]
    choices: tuple[TopicChoice, ...]
    previews: dict[tuple[str, str], Preview] = field(default_factory=dict)


class Past:
    """The papers of the last 14 days, read anew each minute at most."""

    def __init__(
        self,
        config: Callable[[], Config],
        database: Callable[[], Database],
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._config, self._database, self._clock = config, database, clock
        self._lock = threading.Lock()
        self._view: _View | None = None
        self._counting = dict[str, tuple[str, ...]](), past.TopicCounts({})

    def choices(self) -> tuple[TopicChoice, ...]:
        """The topics, those that bring most first. Raises StoreError."""
        return self._fresh().choices

    def preview(self, subscription: SubscriptionSettings, language: Language = ENGLISH) -> Preview:
        """What that one would have brought, in words. Raises StoreError, RuleError."""
        view, told = self._fresh(), (definition_of(subscription), language.code)
        preview = view.previews.get(told)
        if preview is None:
            preview = self._tried(subscription, view, language)
            if len(view.previews) >= MOST_KEPT:
                view.previews.clear()
            view.previews[told] = preview
        return preview

    def _tried(
        self, subscription: SubscriptionSettings, view: _View, language: Language
    ) -> Preview:
        config = self._config()
        found = view.papers[: max(MOST_COMPARED // _word_count(subscription), 1)]
        is_whole = len(found) == len(view.papers)
        [tried] = replay([subscription], config.settings.topics, found)
        hub_url = config.settings.http.base_url
        day_count = (DAYS if is_whole else _days_of(found)) if found else 0
        rules = subscription.rules or (RuleSettings(),)
        warnings = (
            (named(rule, told.name, language), warned(one, language))
            for rule, told in zip(rules, tried.rules, strict=True)
            for one in told.warnings
        )
        return Preview(
            headline=_headline(len(tried.papers), tried.read_count, day_count, language),
            count=len(tried.papers),
            read_count=tried.read_count,
            day_count=day_count,
            papers=tuple(_shown(seen, hub_url, language) for seen in tried.papers[:SHOWN]),
            sentences=tuple(_sentence(rule, self._clock(), language) for rule in rules),
            warnings=tuple(
                f"{name}{language.colon}{text}" if len(rules) > 1 else text
                for name, text in warnings
            ),
            is_whole=is_whole,
        )

    def at_hand(self) -> tuple[TopicChoice, ...] | None:
        """The topics, where they can be told without a look at the database."""
        within = SERVES_FOR if self._lock.locked() else FRESH_FOR
        view = self._known(self._clock(), within)
        return view.choices if view else None

    def _known(self, now: dt.datetime, within: dt.timedelta) -> _View | None:
        """What was read within that time, of the topics there are now."""
        view = self._view
        if view is None or not view.at <= now < view.at + within:
            return None
        topics = self._config().settings.topics
        return view if view.topics is topics or view.topics == topics else None

    def _fresh(self) -> _View:
        now = self._clock()
        if view := self._known(now, FRESH_FOR):
            return view
        former = self._known(now, SERVES_FOR)
        if not self._lock.acquire(blocking=former is None) and former:
            return former
        try:
            view = self._known(now, FRESH_FOR)  # others may have waited for the same answer
            if view is None:
                self._view = view = self._read(now)
            return view
        finally:
            self._lock.release()

    def _read(self, now: dt.datetime) -> _View:
        with self._database().read() as connection:
            found = past.seen_since(connection, now - dt.timedelta(days=DAYS), MOST_PAPERS)
        own = self._config().settings.topics
        topics = _topics(own)
        keywords = {name: words for name, (_, words) in topics.items()}
        if self._counting[0] != keywords:
            self._counting = keywords, past.TopicCounts(keywords)
        counts = self._counting[1].count((seen.paper for seen in found), now)
        choices = (TopicChoice(name, about, counts[name]) for name, (about, _) in topics.items())
        return _View(now, own, tuple(found), tuple(sorted(choices, key=lambda each: -each.count)))


def _topics(own: Mapping[str, TopicSettings]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What each topic is about, and its keywords, by name; the operator's before those built in."""
    builtin = {
        name: (topic.description, topic.keywords) for name, topic in builtin_topics().items()
    }
    return {name: (topic.about, topic.any) for name, topic in own.items()} | {
        name: topic for name, topic in builtin.items() if name not in own
    }


def _word_count(subscription: SubscriptionSettings) -> int:
    """How many questions its rules are, roughly; a topic has some words."""
    rules = subscription.rules
    return sum(2 + len(rule.any) + len(rule.none) + 5 * len(rule.topics) for rule in rules) or 1


def _days_of(newest_first: Sequence[SeenPaper]) -> int:
    return (newest_first[0].seen_at - newest_first[-1].seen_at).days + 1


def _sentence(rule: RuleSettings, now: dt.datetime, language: Language) -> str:
    sentence = described(rule, language)
    if not rule.is_asleep(now) or rule.snoozed_until is None:
        return sentence
    return language.say(
        "%(sentence)s (snoozed until %(day)s, and shown as if it were awake)",
        sentence=sentence,
        day=dates.whole_day(rule.snoozed_until, language),
    )


def _shown(seen: SeenPaper, hub_url: str, language: Language) -> Shown:
    paper = seen.paper
    day = dates.short_day(seen.seen_on, language)
    return Shown(paper.id, title_of(paper), page_url(paper, hub_url), day)


def _headline(count: int, read_count: int, day_count: int, language: Language) -> str:
    if not read_count:
        return language.say("No papers are stored yet, so it cannot be said how many would come.")
    if not count:
        return language.say("Nothing would have come.")
    if count < day_count:  # fewer than one a day are told over all the days
        papers = papers_of(count, language)
        days = language.counted("a day", "%(count)s days", day_count)
        return language.say("About %(papers)s in %(days)s.", papers=papers, days=days)
    mean = count / day_count
    number = Decimal(f"{mean:.1f}" if mean < 10 else f"{mean:.0f}").normalize()
    return language.counted(
        "About %(count)s paper a day.",
        "About %(count)s papers a day.",
        1 if number == 1 else max(2, math.ceil(number)),
        language.number(number),
    )
