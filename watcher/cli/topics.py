"""`topics`: the keyword sets that rules may name."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.common import (
    USAGE,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watcher.settings import Config

COUNTED_FOR = dt.timedelta(days=30)
COUNTED_AT_MOST = 20_000


@dataclass(frozen=True, slots=True)
class _Topic:
    """A topic as listed; `origin` is `built in` or where its table stands."""

    name: str
    keywords: tuple[str, ...]
    about: str
    origin: str


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("topics")(topics)


@guarded
def topics(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(help="A topic's name, or words to look for in names and keywords."),
    ] = None,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """The keyword sets that a rule's `topics` may name; with one's name, its keywords."""
    from watcher.errors import ConfigError

    options = common(context, config, state_dir, as_json=as_json)
    try:
        loaded: Config | None = options.load_whole("warning")
    except ConfigError as error:
        loaded = None
        say(f"only the built-in topics: {error}")
    wanted = " ".join(words or ()).casefold().strip()
    known = _known(loaded)
    named = [topic for topic in known if topic.name.casefold() == wanted]
    found = named or [topic for topic in known if _holds(topic, wanted.split())]
    if not found:
        fail(f"no topic has {wanted}; a rule may have the word itself, in `any`", USAGE)
    counts, total = _counts(loaded, found) if loaded else ({}, 0)
    if options.as_json:
        print_json(
            [
                {
                    "name": topic.name,
                    "about": topic.about,
                    "keywords": list(topic.keywords),
                    "origin": topic.origin,
                    "recent_papers": counts.get(topic.name),
                }
                for topic in found
            ]
        )
    else:
        _report(found, counts, total, is_named=bool(named))


def _known(config: Config | None) -> list[_Topic]:
    from watcher.rules import builtin_topics

    own = {}
    if config:
        own = {
            name: _Topic(name, topic.any, "", "the configuration")
            for name, topic in config.settings.topics.items()
        }
    builtin = [
        _Topic(topic.name, topic.keywords, topic.description, "built in")
        for topic in builtin_topics().values()
        if topic.name not in own
    ]
    theirs = [
        _Topic(name, topic.any, "", subscription.id)
        for subscription in (config.settings.subscriptions if config else ())
        for name, topic in subscription.topics.items()
    ]
    return [*own.values(), *theirs, *builtin]


def _holds(topic: _Topic, words: Sequence[str]) -> bool:
    text = " ".join((topic.name, topic.about, *topic.keywords)).casefold()
    return all(word in text for word in words)


def _counts(config: Config, found: Sequence[_Topic]) -> tuple[Mapping[str, int], int]:
    """How many of the papers seen lately each topic brings, and of how many; none without any."""
    from watcher import app, past
    from watcher.errors import RuleError, StoreError
    from watcher.store import papers

    now = app.utc_now()
    try:
        with app.reading(config) as database, database.read() as connection:
            recent = papers.seen_since(connection, now - COUNTED_FOR, COUNTED_AT_MOST)
        keywords = {topic.name: topic.keywords for topic in found}
        return past.brought_by(keywords, (each.paper for each in recent), now), len(recent)
    except (RuleError, StoreError):
        return {}, 0


def _report(
    found: Sequence[_Topic], counts: Mapping[str, int], total: int, *, is_named: bool
) -> None:
    from watcher.cli.tables import count, line, table

    seen = f"{count(total, 'paper')} first seen in the last {COUNTED_FOR.days} days"

    if is_named:
        for topic in found:
            line(f"{topic.name}: {topic.about or topic.origin}")
            if topic.name in counts:
                line(f"brings {counts[topic.name]} of {seen}")
            for keyword in topic.keywords:
                line(f"- {keyword}")
        return
    table(
        ("topic", "papers", "about"),
        [
            (topic.name, str(counts.get(topic.name, "")), topic.about or topic.origin)
            for topic in found
        ],
    )
    if counts:
        print(f"\nOf {seen}.")
    print("`watcher topics NAME` shows a topic's keywords.")
