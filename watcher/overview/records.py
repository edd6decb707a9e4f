"""What an overview holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from watcher.models import DeliveryState
from watcher.store.bounces import PausedRecipient
from watcher.store.checks import Check, SourceState
from watcher.store.heartbeat import Heartbeat
from watcher.store.leaving import LeftRecipient
from watcher.store.letters import WaitingLetters
from watcher.store.outbox import Delivery, PastDigest
from watcher.store.replicas import Replica
from watcher.store.slots import Run

Standing = Literal["active", "paused", "held", "new"]


class Verdict(StrEnum):
    """The one word for everything."""

    WELL = "well"
    TROUBLE = "trouble"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that wants looking after: `text` says what, and what to do where that helps.

    `site`: a source did not answer as it should. `page`: it answered, but the page has changed.
    `check`, `digest`: what was due was not done. `mail`: no mail leaves the house. `recipient`:
    one recipient's mail waits or was given up, or it is paused. `subscription`: one is held, or
    nobody is left who has not unsubscribed.
    `config`: a file was not taken over. `replica`: of several processes, some are missing.
    """

    kind: Literal[
        "site", "page", "check", "digest", "mail", "recipient", "subscription", "config", "replica"
    ]
    text: str


@dataclass(frozen=True, slots=True)
class DaemonOverview:
    """The daemon that last gave a sign of life; `is_process` None: on another host."""

    heartbeat: Heartbeat
    is_alive: bool
    is_process: bool | None


@dataclass(frozen=True, slots=True)
class SourceOverview:
    """A source: its last check that ended (None: there was none), and how it fares.

    `next_check_at` is None while no daemon is alive, and not before the site wants to be asked.
    `recent` are its last checks, newest first.
    """

    name: str
    page: str
    last: Check | None
    state: SourceState
    next_check_at: dt.datetime | None = None
    recent: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionOverview:
    """A subscription: `new` until the store has taken it over, `held` as an apparent rename.

    `digest` is its cadence in words; `next_slot_at` None: with each check, or not while it is
    paused. `overdue_at` is a slot that has come and is not closed. `last_run` is the last slot that
    was closed, whether anything was mailed or not. `paused` are those of its recipients to whom
    mail came back, `left` those who unsubscribed by a click. `snoozed` are the names of the rules
    that are, and the days they wake up on.
    """

    id: str
    name: str
    recipients: tuple[str, ...]
    digest: str
    timezone: str
    standing: Standing
    renamed_from: str | None
    next_slot_at: dt.datetime | None
    overdue_at: dt.datetime | None
    pending_count: int
    undecided_count: int
    last_run: Run | None
    last_digest: PastDigest | None
    paused: tuple[PausedRecipient, ...] = ()
    snoozed: tuple[tuple[str, dt.date], ...] = ()
    left: tuple[LeftRecipient, ...] = ()

    @property
    def has_nobody(self) -> bool:
        """Whether all recipients are paused or have left, so that no digest is made."""
        unreached = {each.address for each in self.paused} | {each.address for each in self.left}
        return unreached >= set(self.recipients)

    @property
    def is_left_by_all(self) -> bool:
        """Whether all recipients have left, so that none is made for good."""
        return {each.address for each in self.left} >= set(self.recipients)


@dataclass(frozen=True, slots=True)
class Failed:
    """A mail that was given up or is parked. `is_past`: that recipient got a later one."""

    delivery: Delivery
    subscription_id: str | None
    is_past: bool


@dataclass(frozen=True, slots=True)
class MailOverview:
    """The outbox: how many mails stand in each state, and what holds them up.

    `letters` are the mails of the pages, which stand in none of these states.
    """

    counts: Mapping[DeliveryState, int]
    oldest: Delivery | None
    next_attempt_at: dt.datetime | None
    trouble_at: dt.datetime | None
    trouble: str | None
    failed: tuple[Failed, ...]
    letters: WaitingLetters = field(default_factory=WaitingLetters)


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at `now`; `next_check_at` is None while no daemon is alive.

    `replicas` are the processes alive where several work on one database; nobody otherwise.
    Unless `is_whole`, no subscription was looked at by itself, and `subscriptions` is empty.
    """

    now: dt.datetime
    zone: ZoneInfo
    daemon: DaemonOverview | None
    last_check_at: dt.datetime | None
    next_check_at: dt.datetime | None
    paper_count: int
    sources: tuple[SourceOverview, ...]
    subscriptions: tuple[SubscriptionOverview, ...]
    mail: MailOverview
    replicas: tuple[Replica, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_whole: bool = True

    @property
    def is_daemon_alive(self) -> bool:
        """Whether somebody watches."""
        return self.daemon is not None and self.daemon.is_alive

    @property
    def verdict(self) -> Verdict:
        """Well, in trouble, or nobody there."""
        if not self.is_daemon_alive:
            return Verdict.STOPPED
        return Verdict.TROUBLE if self.problems else Verdict.WELL
