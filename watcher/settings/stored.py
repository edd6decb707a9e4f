"""Subscriptions that stand in the store beside those of files: what is kept of one, and read."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from watcher.errors import RuleError
from watcher.settings import together
from watcher.settings.config import NOBODY, Config, FromStore
from watcher.settings.loading import uncollected
from watcher.settings.tables import SubscriptionSettings


def definition_of(subscription: SubscriptionSettings) -> str:
    """What is kept of a subscription: what was given, so that defaults are those of the day."""
    given = set(subscription.model_fields_set)
    if not subscription.topics:  # as most of a file have none beside them
        given.discard("topics")
    return subscription.model_dump_json(include=given, exclude_unset=True)


def with_stored(config: Config, definitions: Mapping[str, str], version: str | None) -> Config:
    """`config` with the subscriptions of the store, JSON by id, beside those of its files.

    A file wins on its ids, a broken one on all that begin with its name: what it said last goes
    on. What cannot be used as it stands joins `broken`.
    """
    own = [each for each in config.settings.subscriptions if not config.is_stored(each.id)]
    taken, stems = {each.id for each in own}, config.broken_stems
    hidden = {
        each
        for each in definitions
        if each in taken or ("/" in each and each.partition("/")[0] in stems)
    }
    sound, broken = _judged({k: v for k, v in definitions.items() if k not in hidden}, config)
    of_store = config.broken_ids
    still = [
        each
        for each in config.broken
        if not (isinstance(each, RuleError) and each.subscription_id in of_store)
    ]
    return replace(
        config,
        settings=config.settings.model_copy(update={"subscriptions": (*own, *sound)}),
        broken=(*still, *broken),
        warnings=tuple(each for each in config.warnings if each != NOBODY or not definitions),
        from_store=FromStore(version, frozenset(definitions) - hidden, frozenset(hidden)),
    )


def changed_alone(
    config: Config,
    definitions: Mapping[str, str],
    gone: Collection[str],
    version: str | None,
    marks: Mapping[int, int],
) -> Config:
    """`config`, none of whose files is broken, with these of the store alone, as they are now.

    Of them the same as `with_stored` makes of all that there are. `from_store` is of all; of what
    is `gone` nothing is left there.
    """
    asked = {*definitions, *gone}
    hidden = {each for each in definitions if each in config.origins}
    there = {k: v for k, v in definitions.items() if k not in hidden}
    sound, broken = _judged(there, config)
    before = config.from_store
    return replace(
        config.with_subscriptions(tuple(sound)),
        broken=tuple(broken),
        from_store=FromStore(
            version,
            (before.ids - asked) | there.keys(),
            (before.hidden - asked) | hidden,
            marks,
        ),
    )


def _judged(
    definitions: Mapping[str, str], config: Config
) -> tuple[list[SubscriptionSettings], list[RuleError]]:
    """Those that can be used as they stand, and what is wrong with the others."""
    chosen, broken = read_definitions(definitions)
    names = {source.name for source in config.settings.sources}
    for subscription in [each for each in chosen if not names.issuperset(each.sources)]:
        for problem in together.subscription_problems([subscription], config.settings.sources):
            key = f"sources[{problem.path[-1]}]"
            broken.append(FromStore.fault(problem.message, subscription.id, key))
    faulty = {error.subscription_id for error in broken}
    return [each for each in chosen if each.id not in faulty], broken


def read_definitions(
    definitions: Mapping[str, str],
) -> tuple[list[SubscriptionSettings], list[RuleError]]:
    """Subscriptions from JSON by id, and what is wrong with those that cannot be read."""
    try:  # all at once, which takes a third of the time
        with uncollected():
            return _layout().validate_json(f"[{','.join(definitions.values())}]"), []
    except ValidationError:
        return _read_singly(definitions.items())


@functools.cache
def _layout() -> TypeAdapter[list[SubscriptionSettings]]:
    return TypeAdapter(list[SubscriptionSettings])


def _read_singly(
    definitions: Iterable[tuple[str, str]],
) -> tuple[list[SubscriptionSettings], list[RuleError]]:
    chosen, broken = [], []
    for subscription_id, definition in definitions:
        try:
            chosen.append(SubscriptionSettings.model_validate_json(definition))
        except ValidationError:  # another version stored it
            message = "this version cannot read it; import it anew"
            broken.append(FromStore.fault(message, subscription_id))
    return chosen, broken
