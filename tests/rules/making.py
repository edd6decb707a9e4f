"""Rules and papers in one line."""

from __future__ import annotations

import datetime as dt

from watcher.models import Paper
from watcher.rules import Judgement, Ruleset
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings

NOW = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)


def subscription(
    *rules: RuleSettings,
    subscription_id: str = "ada",
    max_age_days: int = 0,
    **topics: tuple[str, ...],
) -> SubscriptionSettings:
    return SubscriptionSettings(
        id=subscription_id,
        to=("ada@example.org",),
        rules=rules,
        max_age_days=max_age_days,
        topics={name: TopicSettings(any=keywords) for name, keywords in topics.items()},
    )


def compiled(*rules: RuleSettings) -> Ruleset:
    return Ruleset.compile([subscription(*rules)], {})


def judged(paper: Paper, *rules: RuleSettings, as_it_stands: bool = False) -> Judgement | None:
    found = compiled(*rules).judge(paper, now=NOW, as_it_stands=as_it_stands)
    return found[0] if found else None


def titled(title: str, abstract: str = "") -> Paper:
    return Paper("2602.00001", title, abstract, is_full=True)


def finds(keyword: str, title: str) -> bool:
    return judged(titled(title), RuleSettings(any=(keyword,))) is not None
