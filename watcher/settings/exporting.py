"""Subscriptions as TOML, which an import takes back to the same definitions."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator

from watcher.settings.tables import RuleSettings, SubscriptionSettings, TopicSettings

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(subscriptions: Iterable[SubscriptionSettings]) -> Iterator[str]:
    """The text of each, in parts that follow one another; only what was given is written.

    Its id stands for its name: an import knows the name by it.
    """
    for subscription in subscriptions:
        yield "\n".join(_lines(subscription)) + "\n\n"


def _lines(subscription: SubscriptionSettings) -> Iterator[str]:
    given = subscription.model_fields_set
    yield "[[subscriptions]]"
    yield f"name = {_text(subscription.id)}"
    yield from _pairs(subscription, leave_out={"id", "name", "rules", "topics"})
    if "rules" in given and not subscription.rules:
        yield "rules = []"
    for name, topic in subscription.topics.items():
        yield f"[subscriptions.topics.{_key(name)}]"
        yield from _pairs(topic)
    for rule in subscription.rules:
        yield "[[subscriptions.rules]]"
        yield from _pairs(rule)


def _pairs(
    table: SubscriptionSettings | RuleSettings | TopicSettings, leave_out: Iterable[str] = ()
) -> Iterator[str]:
    for key in type(table).model_fields:
        if key in table.model_fields_set and key not in leave_out:
            yield f"{key} = {_value(getattr(table, key))}"


def _value(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """A basic string: JSON's, but for one character that TOML wants escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
