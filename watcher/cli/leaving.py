"""Who has left a subscription by a click: told where that may surprise, and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from watcher.cli import names, suppressing
from watcher.cli.common import USAGE, Common, fail, print_json
from watcher.cli.owner import past_the_lock
from watcher.errors import NoDatabaseError, StoreError

if TYPE_CHECKING:
    from watcher.settings import Config, SubscriptionSettings
    from watcher.store.leaving import LeftRecipient


def left_among(
    config: Config, subscriptions: Iterable[SubscriptionSettings]
) -> list[LeftRecipient]:
    """Those of their recipients that have left them, as far as the store can be read."""
    from watcher import app
    from watcher.store import leaving

    try:
        with app.reading(config) as database, database.read() as connection:
            left = leaving.left(connection)
    except StoreError:  # what needs the store says so itself
        return []
    return [each for one in subscriptions for each in left.among(one.id, one.to)]


def told_of(left: LeftRecipient) -> str:
    """That a subscription is not sent to one of its recipients, and what could be done."""
    from watcher.overview.problems import left_by_click, way_to_return

    return (
        f"{left_by_click(left)}, so no digest of it goes there; take it out of `to`, or"
        f" {way_to_return(left)}"
    )


def take_back(options: Common, name: str, address: str) -> None:
    """Send a subscription again to who has left it: for `resume NAME --for ADDRESS`."""
    from watcher import app
    from watcher.overview.problems import way_back
    from watcher.store import bounces, leaving, links

    loaded = options.load_whole("warning")
    configured = {each.id: each for each in loaded.settings.subscriptions}
    lists: tuple[str, ...] = ()
    try:
        with app.reading(loaded) as database, database.read() as connection:
            lists = leaving.lists_left_by(connection, address)
            paused = bounces.paused_of(connection, [address]).get(address)
            is_suppressed = links.is_suppressed(connection, address)
    except NoDatabaseError:
        paused, is_suppressed = None, False
    past = {each: each for each in lists}  # who has left may have been taken out since
    chosen = names.pick("subscription", name, past | {s.id: s.name for s in configured.values()})
    if is_suppressed:
        suppressing.refuse_to_resume(address)
    to = {each.lower() for each in configured[chosen].to} if chosen in configured else set()
    is_there = address.lower() in to
    if chosen not in lists and not is_there:
        fail(f"{address} is no recipient of {chosen}, and has not left it by a click", USAGE)
    is_changed = False
    if chosen in lists:
        with past_the_lock(loaded) as database, database.write() as connection:
            is_changed = leaving.take_back(connection, chosen, address)
    if options.as_json:
        standing = "paused" if paused else "active" if is_there else "none"
        print_json({"id": chosen, "recipient": address, "standing": standing})
        return
    if not is_changed:
        print(f"{address} had not left {chosen}")
    elif is_there:
        print(f"{chosen} goes to {address} again, from the next digest on")
    else:
        print(f"{address} may be sent {chosen} again, once it stands in its `to`")
    if paused:
        print(f"  but no digest goes there: {way_back(paused)}")
