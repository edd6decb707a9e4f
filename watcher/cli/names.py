"""Which subscription or source a word on the command line means."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from watcher.cli.common import USAGE, fail, say
from watcher.settings import Config


def pick(kind: str, word: str, known: Mapping[str, str]) -> str:
    """The id that `word` names: an id, or the name of just one; else the command ends with 2.

    `known` maps ids to names.
    """
    if word in known:
        return word
    named = [found for found, name in known.items() if name == word]
    if len(named) == 1:
        return named[0]
    if named:
        fail(f"{word} names several: {', '.join(named)}", USAGE)
    near = difflib.get_close_matches(word, [*known, *known.values()], n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known) or 'none'}"
    fail(f"no {kind} is called {word}{hint}", USAGE)


def pick_subscription(config: Config, word: str) -> str:
    """The id of the subscription that `word` names; says first which files give none."""
    for error in config.broken:
        say(f"warning: {error}")
    return pick(
        "subscription", word, {each.id: each.name for each in config.settings.subscriptions}
    )
