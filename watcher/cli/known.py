"""What the store tells those who list subscriptions: how each stands, who is paused, who left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from watcher.cli.common import say
from watcher.errors import NoDatabaseError, StoreError

if TYPE_CHECKING:
    from watcher.settings import Config
    from watcher.store.bounces import PausedRecipient
    from watcher.store.leaving import Left
    from watcher.store.subscriptions import KnownSubscription


class Standing(NamedTuple):
    """Whether digests are made: in a word (`active`, `paused`, `held`, `new`) and a sentence."""

    word: str
    text: str


class Known(NamedTuple):
    """What the store tells: how a subscription stands, by its id; who is paused; who has left."""

    standing_of: Callable[[str], Standing]
    paused: Mapping[str, PausedRecipient]
    left: Left

    def paused_of(self, recipients: Iterable[str]) -> list[PausedRecipient]:
        """Those of these recipients that no digest is sent to."""
        from watcher.store.bounces import among

        return among(self.paused, recipients)

    def recipient(self, subscription_id: str, address: str) -> str:
        """A recipient of that subscription, and whether it is sent there."""
        if self.left.among(subscription_id, [address]):
            return f"{address} (left)"
        return f"{address} (paused)" if self.paused_of([address]) else address


def known_of(config: Config) -> Known:
    """What the store tells, as far as it can be read."""
    from watcher import app
    from watcher.store import bounces, leaving, subscriptions

    try:
        with app.reading(config) as database, database.read() as connection:
            known, paused = subscriptions.known(connection), bounces.paused(connection)
            left = leaving.left(connection)
    except NoDatabaseError:
        known, paused, left = {}, {}, leaving.NOBODY
    except StoreError as error:
        say(f"warning: {error}")
        unknown = Standing("unknown", "unknown: the store cannot be read")
        return Known(lambda _: unknown, {}, leaving.NOBODY)
    return Known(
        lambda subscription_id: _standing(subscription_id, known.get(subscription_id)), paused, left
    )


def _standing(subscription_id: str, row: KnownSubscription | None) -> Standing:
    resume = f"`watcher subscriptions resume {subscription_id}`"
    if row is None or row.removed_at is not None:
        return Standing("new", "new: taken up at the next check")
    if row.renamed_from is not None:
        text = (
            f"held: it looks like {row.renamed_from} under a new name."
            f" `watcher rename {row.renamed_from} {subscription_id}` keeps the history,"
            f" {resume} starts anew"
        )
        return Standing("held", text)
    if row.paused_at is not None:
        text = f"paused since {row.paused_at:%Y-%m-%d %H:%M} UTC; {resume} goes on"
        return Standing("paused", text)
    return Standing("active", "active")
