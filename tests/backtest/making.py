"""Papers of the past and rules, in one line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from watcher.backtest import RuleReplay, SeenPaper, SubscriptionReplay, replay
from watcher.models import Paper
from watcher.settings import RuleSettings, SubscriptionSettings, TopicSettings

NOON = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)


def seen(
    title: str, days_ago: int = 0, *sources: str, abstract: str = "", **facts: object
) -> SeenPaper:
    """A paper of that title, whose id is made of it."""
    paper = Paper(title, title, abstract, is_full=True, **facts)  # type: ignore[arg-type]  # facts of Paper
    return SeenPaper(paper, NOON - dt.timedelta(days=days_ago), frozenset(sources))


def subscription(
    *rules: RuleSettings, name: str = "ada", **changes: object
) -> SubscriptionSettings:
    whole = SubscriptionSettings(id=name, name=name, to=("ada@example.org",), rules=rules)
    return whole.model_copy(update=changes)


def replayed(
    rule: RuleSettings, *papers: SeenPaper, topics: Mapping[str, TopicSettings] | None = None
) -> RuleReplay:
    [found] = replay([subscription(rule)], topics or {}, papers)
    [one] = found.rules
    return one


def titles(found: RuleReplay | SubscriptionReplay) -> list[str]:
    return [each.paper.title for each in found.papers]


def warned(rule: RuleReplay) -> list[tuple[str, tuple[str, ...]]]:
    return [(warning.kind, warning.words) for warning in rule.warnings]
