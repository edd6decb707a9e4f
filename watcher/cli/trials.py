"""Which subscriptions a backtest tries, as they are and as an edit makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from watcher import effective
from watcher.cli.common import USAGE, fail, say
from watcher.cli.configs import faults_in
from watcher.cli.names import pick_subscription
from watcher.errors import ConfigError
from watcher.rules import Ruleset
from watcher.settings import (
    Config,
    SubscriptionSettings,
    TopicSettings,
    load_edited,
    parse_rule,
)

ALONE = "--rule"


@dataclass(frozen=True, slots=True)
class Trials:
    """The subscriptions to be tried, and how those of them that are edited are before that.

    Both sides of an edit have the id they have now. `new`, `missing` and `unchanged` are ids: of
    those only in an edited file, only outside of it, and of those that mean the same in both.
    """

    edited: Sequence[SubscriptionSettings]
    topics: Mapping[str, TopicSettings]
    before: Sequence[SubscriptionSettings] = ()
    topics_before: Mapping[str, TopicSettings] = field(default_factory=dict)
    new: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


def choose(config: Config, name: str | None, rules: Sequence[str], against: Path | None) -> Trials:
    """What the options ask for, checked; what is wrong with `rules` ends the command with 2.

    Raises ConfigError.
    """
    config, ruleset = effective.compile_rules(config, {})
    topics, present = config.settings.topics, config.settings.subscriptions
    if name:
        picked = pick_subscription(config, name)
        present = tuple(each for each in present if each.id == picked)
    else:
        for problem in config.broken:
            say(f"warning: {problem}")
    if rules:
        written = _of_flags(rules, present[0] if name else None, topics)
        return Trials([written], topics, present if name else (), topics)
    if against is None:
        return Trials(present, topics)
    edited, edited_ruleset = _load(against, config)
    pairs = _pairs(present, edited.settings.subscriptions, against, is_picked=name is not None)
    changed, unchanged = {}, []
    for now, then in pairs:
        is_same = (
            ruleset.fingerprint(now.id) == edited_ruleset.fingerprint(then.id)
            and now.sources == then.sources
        )
        if is_same:
            unchanged.append(now.id)
        else:
            changed[now.id] = (now, then.model_copy(update={"id": now.id}))
    kept = {then.id for _, then in pairs}
    new = () if name else [s for s in edited.settings.subscriptions if s.id not in kept]
    known = {now.id for now, _ in pairs}
    return Trials(
        [*(then for _, then in changed.values()), *new],
        edited.settings.topics,
        [now for now, _ in changed.values()],
        topics,
        new=tuple(each.id for each in new),
        missing=tuple(
            each.id
            for each in _of_same_file(present, edited.settings.subscriptions)
            if each.id not in known and not config.is_stored(each.id)
        ),
        unchanged=tuple(unchanged),
    )


def _of_flags(
    rules: Sequence[str], whose: SubscriptionSettings | None, topics: Mapping[str, TopicSettings]
) -> SubscriptionSettings:
    """The subscription with these rules in place of its own, or one that reads everything."""
    whose = whose or SubscriptionSettings(id=ALONE, name=ALONE, to=("nobody@example.org",))
    try:
        parsed = [parse_rule(written) for written in rules]
        edited = whose.model_copy(update={"rules": tuple(parsed)})
        Ruleset.compile([edited], topics)
    except ConfigError as error:
        faults = [(fault.key or "", fault.message) for fault in faults_in(error)]
        told = [f"{key.removeprefix('rules[0].')}: {text}" if key else text for key, text in faults]
        fail("\n".join(f"--rule: {each}" for each in told), USAGE)
    return edited


def _load(path: Path, config: Config) -> tuple[Config, Ruleset]:
    """An edited file, compiled. Raises ConfigError."""
    edited, ruleset = effective.compile_rules(load_edited(path.expanduser().absolute(), config), {})
    for problem in edited.broken:
        raise problem
    return edited, ruleset


def _pairs(
    present: Sequence[SubscriptionSettings],
    edited: Sequence[SubscriptionSettings],
    path: Path,
    *,
    is_picked: bool,
) -> list[tuple[SubscriptionSettings, SubscriptionSettings]]:
    """Those that belong together: by id, else by a name that only one has."""
    if is_picked and len(edited) == 1:
        return [(present[0], edited[0])]
    by_id = {each.id: each for each in edited}
    pairs = [(now, by_id[now.id]) for now in present if now.id in by_id]
    taken = {now.id for now, _ in pairs}
    for then in edited:
        named = [now for now in present if now.name == then.name and now.id not in taken]
        if then.id not in taken and len(named) == 1:
            pairs.append((named[0], then))
            taken.add(named[0].id)
    if is_picked and not pairs:
        listed = ", ".join(by_id) or "none"
        fail(f"{path} has no subscription {present[0].name}; it has: {listed}", USAGE)
    return pairs


def _of_same_file(
    present: Sequence[SubscriptionSettings], edited: Sequence[SubscriptionSettings]
) -> list[SubscriptionSettings]:
    """Those that would be gone with an edited file that does not have them."""
    files = {each.id.rpartition("/")[0] for each in edited} or {""}
    return [each for each in present if each.id.rpartition("/")[0] in files]
