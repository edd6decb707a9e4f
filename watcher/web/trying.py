"""What rules would have brought lately, before anybody subscribes to them."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from watcher import past
from watcher.backtest import RuleWarning, SeenPaper, replay
from watcher.backtest.figures import a_day
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

    `is_whole`: these are all of the last days that are looked at, not only the newest.
    """

    count: int
    read_count: int
    day_count: int
    papers: tuple[Shown, ...]
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    is_whole: bool = True

    @property
    def headline(self) -> str:
        """`About 3 papers a day.`, or why that cannot be told."""
        if not self.read_count:
            return "No papers are stored yet, so it cannot be said how many would come."
        if not self.count:
            return "Nothing would have come."
        return f"About {_papers_a_day(self.count, self.day_count)}."


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
    previews: dict[str, Preview] = field(default_factory=dict)


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

    def preview(self, subscription: SubscriptionSettings) -> Preview:
        """What that one would have brought. Raises StoreError, RuleError."""
        view, told = self._fresh(), definition_of(subscription)
        preview = view.previews.get(told)
        if preview is None:
            preview = self._tried(subscription, view)
            if len(view.previews) >= MOST_KEPT:
                view.previews.clear()
            view.previews[told] = preview
        return preview

    def _tried(self, subscription: SubscriptionSettings, view: _View) -> Preview:
        config = self._config()
        found = view.papers[: max(MOST_COMPARED // _word_count(subscription), 1)]
        is_whole = len(found) == len(view.papers)
        [tried] = replay([subscription], config.settings.topics, found)
        hub_url = config.settings.http.base_url
        return Preview(
            count=len(tried.papers),
            read_count=tried.read_count,
            day_count=(DAYS if is_whole else _days_of(found)) if found else 0,
            papers=tuple(_shown(seen, hub_url) for seen in tried.papers[:SHOWN]),
            sentences=tuple(
                f"{tried_rule.sentence}{_sleeping(rule, self._clock())}"
                for tried_rule, rule in zip(
                    tried.rules, subscription.rules or (RuleSettings(),), strict=True
                )
            ),
            warnings=tuple(
                f"{rule.name}: {_worded(one)}" if len(tried.rules) > 1 else _worded(one)
                for rule in tried.rules
                for one in rule.warnings
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


def _sleeping(rule: RuleSettings, now: dt.datetime) -> str:
    if not rule.is_asleep(now):
        return ""
    return f" (snoozed until {rule.snoozed_until:%d %B}, and shown as if it were awake)"


def _worded(warning: RuleWarning) -> str:
    """The warning in the words of the form, not of a file."""
    text = warning.text.replace("in `none`", "under Never").replace("`none`", "What is under Never")
    return re.sub(r"`([^`]*)`", r"“\1”", text)


def _shown(seen: SeenPaper, hub_url: str) -> Shown:
    paper = seen.paper
    return Shown(paper.id, title_of(paper), page_url(paper, hub_url), f"{seen.seen_on:%a %d %b}")


def _papers_a_day(count: int, day_count: int) -> str:
    """`3 papers a day`; where they are fewer than one, over all the days."""
    if count < day_count:
        papers = "1 paper" if count == 1 else f"{count} papers"
        return f"{papers} in {day_count} days"
    mean = a_day(count, day_count).removesuffix(" a day")
    number = mean.removesuffix(".0")
    return f"{number} {'paper' if number == '1' else 'papers'} a day"
