"""What a page's button does in the store: each deed one transaction, past the daemon's lock.

As `watcher subscriptions import` and `pause` do, and for the same reasons.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Iterator
from enum import Enum, auto

import sqlalchemy as sa

from watcher.links import BY_PAGES
from watcher.settings import (
    Config,
    RuleSettings,
    SubscriptionSettings,
    definition_of,
    read_definitions,
)
from watcher.store import (
    bounces,
    feedback,
    forgetting,
    leaving,
    links,
    outbox,
    renaming,
    stored,
    subscriptions,
)
from watcher.store.database import Database
from watcher.store.lock import change_rules, take_turn


class Confirmed(Enum):
    """What became of a confirmation."""

    DONE = auto()
    AGAIN = auto()  # by a second press of the button
    ALREADY = auto()  # by another link, to the very same
    USED = auto()  # and ended since
    SUPPRESSED = auto()


@contextlib.contextmanager
def _turn(database: Database, *, may_end: bool = False) -> Iterator[sa.Connection]:
    """A transaction beside which no other changes what is subscribed to.

    `may_end`: nor goes by the rules in force, as a subscription may end at once.
    """
    with database.write() as connection:
        if database.path is None:  # SQLite has one writer at a time anyhow
            take_turn(connection)
            if may_end:
                change_rules(connection)
        yield connection


def find(connection: sa.Connection, subscription_id: str) -> SubscriptionSettings | None:
    """The stored subscription of that id, where it can be read."""
    definition = stored.definition(connection, subscription_id)
    if definition is None:
        return None
    chosen, _ = read_definitions({subscription_id: definition})
    return chosen[0] if chosen else None


def confirm(
    database: Database, subscription: SubscriptionSettings, token: str, now: dt.datetime
) -> tuple[Confirmed, str]:
    """Store what its recipient has agreed to; a token works once.

    What became of it, and the id to go on with: that of one that brings the very same, if there is.
    """
    [address] = subscription.to
    with _turn(database) as connection:
        if not links.may_be_asked(connection, address):
            return Confirmed.SUPPRESSED, subscription.id
        if not links.spend(connection, hashlib.sha256(token.encode()).hexdigest(), now):
            is_there = stored.definition(connection, subscription.id) is not None
            return Confirmed.AGAIN if is_there else Confirmed.USED, subscription.id
        same = _same_as(connection, subscription)
        if same is None:
            stored.put(connection, {subscription.id: definition_of(subscription)}, now)
        for each in {address, address.lower()}:  # a pause in small letters counts for all
            held = bounces.paused(connection, each).get(each)
            if held and _may_end(connection, held):
                bounces.resume(connection, each, now)  # mail arrives there, as was just shown
    return (Confirmed.ALREADY, same) if same else (Confirmed.DONE, subscription.id)


def _may_end(connection: sa.Connection, held: bounces.PausedRecipient) -> bool:
    """Whether a pause may end because its owner wants other mail: what was left stays left."""
    if held.reason.startswith(leaving.PAUSED_BY_CLICK):  # of an older version; of which list?
        return bool(leaving.lists_left_by(connection, held.address))
    return held.reason != links.NEVER


def _same_as(connection: sa.Connection, subscription: SubscriptionSettings) -> str | None:
    """The id of another one, made on the pages, that sends the same address the same papers.

    Whatever its language is, which those made by older versions do not have.
    """
    [address] = subscription.to
    chosen, _ = read_definitions(stored.of_address(connection, BY_PAGES, address))
    other = {"id": "", "language": ""}
    bare = subscription.model_copy(update=other)
    same = (each.id for each in chosen if each.model_copy(update=other) == bare)
    return next(same, None)


def change(database: Database, subscription: SubscriptionSettings, now: dt.datetime) -> bool:
    """Store it as it is now; False where it has ended meanwhile."""
    with _turn(database) as connection:
        if stored.definition(connection, subscription.id) is None:
            return False
        stored.put(connection, {subscription.id: definition_of(subscription)}, now)
    return True


def snooze(
    database: Database,
    subscription_id: str,
    rule: RuleSettings,
    until: dt.date | None,
    now: dt.datetime,
) -> SubscriptionSettings | None:
    """Let one rule of it sleep until that day, or wake it; None where it has that rule no more."""
    with _turn(database) as connection:
        found = find(connection, subscription_id)
        present = found and (found.rules or (RuleSettings(),))  # without one, every paper
        if not found or not present or rule not in present:
            return None
        at = present.index(rule)
        rules = (*present[:at], rule.until(until), *present[at + 1 :])
        changed = found.model_copy(update={"rules": rules})
        stored.put(connection, {subscription_id: definition_of(changed)}, now)
    return changed


def is_paused(connection: sa.Connection, subscription_id: str) -> bool | None:
    """Whether no digests are made for it; None where the daemon has not taken it up yet."""
    row = subscriptions.get(connection, subscription_id)
    return None if row is None or row.removed_at else row.paused_at is not None


def pause(database: Database, subscription_id: str, now: dt.datetime, *, is_on: bool) -> None:
    """Make no digests for it, or go on."""
    with database.write() as connection:
        if is_paused(connection, subscription_id) is not None:
            subscriptions.pause(connection, subscription_id, now if is_on else None)


def forget(
    database: Database, subscription_id: str, address: str, now: dt.datetime, *, for_good: bool
) -> None:
    """End it and delete what was kept of it; `for_good`: and never write to its address again."""
    with _turn(database, may_end=True) as connection:
        stored.remove(connection, [subscription_id])
        subscriptions.end(connection, subscription_id, now)
        forgetting.forget(connection, subscription_id)
        if for_good:
            links.suppress(connection, address, now)
        forgetting.forget_address(connection, address)


def never(database: Database, address: str, now: dt.datetime) -> None:
    """Never write to that address again."""
    with _turn(database) as connection:
        links.suppress(connection, address, now)


def is_sent(connection: sa.Connection, config: Config, subscription_id: str, address: str) -> bool:
    """Whether that subscription is sent to that address, which `stop` would end."""
    own = None if subscription_id in config.origins else find(connection, subscription_id)
    if own is not None and address.lower() in {each.lower() for each in own.to}:
        return True
    if _is_of_pages(connection, config, subscription_id):
        return False
    now_called = renaming.now_called(connection, subscription_id)
    if now_called is None:
        return False
    return not leaving.left_of(connection, [now_called]).among(now_called, [address])


def _is_of_pages(connection: sa.Connection, config: Config, subscription_id: str) -> bool:
    """Whether somebody made it on a page: once it has ended, it cannot come back.

    One that counts and is not stored stands in a file, which `config` may be too old to know.
    """
    if not subscription_id.startswith(BY_PAGES) or subscription_id in config.origins:
        return False
    if stored.definition(connection, subscription_id) is not None:
        return True
    known = subscriptions.get(connection, subscription_id)
    return known is None or known.removed_at is not None


def stop(
    database: Database, config: Config, subscription_id: str, address: str, now: dt.datetime
) -> None:
    """Send that subscription to that address no more, for good.

    What the operator wrote may come back as it was, from a file or an import: so it is kept who has
    left, which `status` tells. A subscription made on a page ends, and nothing of it is kept.
    """
    with _turn(database, may_end=True) as connection:
        own = None if subscription_id in config.origins else find(connection, subscription_id)
        now_called = renaming.now_called(connection, subscription_id)
        if now_called is not None and not _is_of_pages(connection, config, subscription_id):
            subscriptions.hold(connection, now_called)
            leaving.leave(connection, now_called, address, now)
        if own is None:
            return
        others = tuple(each for each in own.to if each.lower() != address.lower())
        if len(others) == len(own.to):
            return
        if others:
            left = own.model_copy(update={"to": others})
            stored.put(connection, {own.id: definition_of(left)}, now)
            subscriptions.take_out(connection, own.id, address)
            outbox.cancel(connection, {own.id: others}, now)
        else:
            stored.remove(connection, [own.id])
            subscriptions.end(connection, own.id, now)
            if own.id.startswith(BY_PAGES):  # its page is gone, where it could be deleted
                forgetting.forget(connection, own.id)
                forgetting.forget_address(connection, address)


def say(
    database: Database,
    subscription_id: str,
    paper_id: str,
    now: dt.datetime,
    *,
    is_wanted: bool | None,
) -> bool:
    """Keep whether it wants more like that stored paper; None takes back what was said of it.

    False where it has ended meanwhile: nothing is kept of it then.
    """
    with _turn(database) as connection:
        known = subscriptions.get(connection, subscription_id)
        if known is None or known.removed_at:
            return False
        if is_wanted is None:
            feedback.take_back(connection, subscription_id, paper_id)
        else:
            feedback.put(connection, subscription_id, paper_id, now, is_wanted=is_wanted)
    return True
