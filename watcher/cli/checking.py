"""What a configuration means, and what is wrong with it: all of it, not just the first fault."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from watcher import app, schedule
from watcher.cli.configs import faults_in
from watcher.cli.leaving import left_among
from watcher.cli.leaving import told_of as told_of_left
from watcher.cli.suppressing import suppressed_among, told_of
from watcher.digest.trial import complaint_of
from watcher.errors import ConfigError, NoDatabaseError, RuleError, StoreError, WatcherError
from watcher.mail import make_signer
from watcher.models import Paper, StoredPaper
from watcher.pipeline.momentum import votes_per_day
from watcher.rules import Ruleset, describe
from watcher.rules.describe import display_name
from watcher.settings import (
    Config,
    RuleSettings,
    SubscriptionSettings,
    require_mail,
)
from watcher.sources import TAIL
from watcher.store import papers
from watcher.store.leaving import LeftRecipient

WINDOW = dt.timedelta(days=30)
MOST_PAPERS = 20_000
_NOT_ASKED = {"name", "fields", "backfill_days", "snoozed_until"}
_OPEN = RuleSettings().model_dump(exclude=_NOT_ASKED)
_Found = Sequence[tuple[Paper, float | None]]
"""Papers with the votes that each gains a day."""


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule: `is_open` asks for nothing; `match_count` None where nothing could be counted.

    `is_momentary`: what fits it now is no measure of what it will bring. `snoozed_until` is told
    while it is snoozed.
    """

    name: str
    sentence: str
    is_open: bool
    is_momentary: bool = False
    match_count: int | None = None
    snoozed_until: dt.date | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionReport:
    """One subscription; `next_slot_at` None means with each check, `line` None the whole file."""

    id: str
    name: str
    recipients: tuple[str, ...]
    digest: str
    timezone: str
    next_slot_at: dt.datetime | None
    sources: tuple[str, ...]
    max_age_days: int
    rules: tuple[RuleReport, ...]
    path: Path | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """The papers that the rules were tried on; `trouble` says why there are none."""

    origin: Literal["stored", "live"] | None = None
    paper_count: int = 0
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A configuration that could be loaded: faults that remain, and what each part means."""

    config: Config
    problems: tuple[ConfigError, ...]
    subscriptions: tuple[SubscriptionReport, ...]
    counted: Counted
    suppressed: tuple[str, ...] = ()
    left: tuple[LeftRecipient, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and still looks wrong."""
        found = [told_of(address) for address in self.suppressed]
        found += [told_of_left(each) for each in self.left]
        total = self.counted.paper_count
        for subscription in self.subscriptions:
            for rule in subscription.rules:
                where = f"{subscription.id}, rule `{rule.name}`"
                if total and rule.match_count == 0 and not rule.is_momentary:
                    found.append(f"{where}: none of {total} papers fits; is a word misspelt?")
                elif rule.match_count == total > 1 and not rule.is_open:
                    found.append(f"{where}: every one of {total} papers fits; is that meant?")
        return tuple(found)


async def examine(
    config: Config,
    now: dt.datetime,
    *,
    is_offline: bool,
    on_reading: Callable[[], None] = lambda: None,
) -> Report:
    """Try everything; without papers in the store the pages are read, unless `is_offline`.

    Writes nothing, sends nothing. `on_reading` is called before pages are read.
    """
    faults = problems(config)
    faulty = {fault.subscription_id for fault in faults if isinstance(fault, RuleError)}
    sound = [s for s in config.settings.subscriptions if s.id not in faulty]
    found, counted = _stored(config, now)
    if not found and not counted.trouble and not is_offline and not faults:
        on_reading()
        found, counted = await _live(config, now)
    counts = _count(config, sound, found, now) if found else Counter[str]()
    reports = tuple(
        describe_subscription(config, subscription, now, counts if found else None)
        for subscription in sound
    )
    addresses = dict.fromkeys(to for each in config.settings.subscriptions for to in each.to)
    return Report(
        config,
        faults,
        reports,
        counted,
        tuple(suppressed_among(config, addresses)),
        tuple(left_among(config, config.settings.subscriptions)),
    )


def problems(config: Config) -> tuple[ConfigError, ...]:
    """What is wrong in files of `subscriptions.d`, in every single rule, and around the mail."""
    found = [fault for error in config.broken for fault in faults_in(error)]
    settings = config.settings
    for need in (require_mail, make_signer):
        try:
            need(config)
        except ConfigError as error:
            found += faults_in(error)
    templates = settings.digest.templates
    if templates is not None and (complaint := complaint_of(templates)):
        path, line = config.locate("", "digest.templates")
        found.append(ConfigError(complaint, path=path, line=line, key="digest.templates"))
    try:
        Ruleset.compile((), settings.topics)
    except RuleError as error:
        return (*found, _located(config, error, ""))
    for subscription in settings.subscriptions:
        for position, rule in enumerate(subscription.rules or (RuleSettings(),)):
            try:
                Ruleset.compile([_alone(subscription, rule)], settings.topics)
            except RuleError as error:
                key = (error.key or "").replace("rules[0]", f"rules[{position}]", 1)
                found.append(_located(config, error, subscription.id, key))
    return tuple({str(error): error for error in found}.values())


def _alone(subscription: SubscriptionSettings, rule: RuleSettings) -> SubscriptionSettings:
    return subscription.model_copy(update={"rules": (rule.awake,)})


def _located(
    config: Config, error: RuleError, subscription_id: str, key: str | None = None
) -> RuleError:
    return config.fault(error.message, subscription_id, key or error.key or "")


def _stored(config: Config, now: dt.datetime) -> tuple[_Found, Counted]:
    try:
        with app.reading(config) as database, database.read() as connection:
            stored = papers.seen_since(connection, now - WINDOW, MOST_PAPERS)
            found = _with_momentum(connection, stored, now)
    except NoDatabaseError:
        return [], Counted()
    except StoreError as error:
        return [], Counted(trouble=str(error))
    return found, Counted("stored" if found else None, len(found))


def _with_momentum(
    connection: sa.Connection, stored: Collection[StoredPaper], now: dt.datetime
) -> _Found:
    gained = votes_per_day(connection, stored, now)
    return [(one.paper, gained[one.paper.id]) for one in stored]


async def _live(config: Config, now: dt.datetime) -> tuple[_Found, Counted]:
    """What the pages hold at this moment, read into a store that is thrown away."""
    try:
        with app.rehearsing(config, now) as database:
            async with app.running(config, database, is_rehearsal=True) as engine:
                result = await engine.run_pass()
            with database.read() as connection:
                current = papers.listings_to_match(connection, now, TAIL)
                shown = {paper_id for listing in current for paper_id in listing.paper_ids}
                stored = papers.load(connection, shown).values()
                found = _with_momentum(connection, stored, now)
    except WatcherError as error:
        return [], Counted(trouble=str(error))
    troubles = [f"{s.source}: {s.error}" for s in result.sources if s.error]
    return found, Counted("live", len(found), "; ".join(troubles) or None)


def _count(
    config: Config,
    subscriptions: Iterable[SubscriptionSettings],
    found: _Found,
    now: dt.datetime,
) -> Counter[str]:
    """How many papers fit each rule, by the rule's key (see `_key`)."""
    apart = [
        _alone(subscription, rule).model_copy(update={"id": _key(subscription, position)})
        for subscription in subscriptions
        for position, rule in enumerate(subscription.rules or (RuleSettings(),))
    ]
    ruleset = Ruleset.compile(apart, config.settings.topics)
    return Counter(
        judgement.subscription_id
        for paper, gained in found
        for judgement in ruleset.judge(paper, now=now, as_it_stands=True, votes_per_day=gained)
    )


def _key(subscription: SubscriptionSettings, position: int) -> str:
    return f"{position} {subscription.id}"


def describe_subscription(
    config: Config,
    subscription: SubscriptionSettings,
    now: dt.datetime,
    counts: Counter[str] | None = None,
) -> SubscriptionReport:
    """What a subscription means; `counts` as `_count` makes them."""
    zone = config.zone(subscription)
    cadence = schedule.parse_cadence(subscription.digest)
    path, line = config.locate(subscription.id, "")
    rules = tuple(
        RuleReport(
            name=display_name(rule),
            sentence=describe(rule),
            is_open=rule.model_dump(exclude=_NOT_ASKED) == _OPEN,
            is_momentary=rule.min_upvotes_per_day > 0,
            match_count=None if counts is None else counts[_key(subscription, position)],
            snoozed_until=rule.snoozed_until if rule.is_asleep(now) else None,
        )
        for position, rule in enumerate(subscription.rules or (RuleSettings(),))
    )
    return SubscriptionReport(
        id=subscription.id,
        name=subscription.name,
        recipients=subscription.to,
        digest=schedule.describe(cadence, zone),
        timezone=zone.key,
        next_slot_at=schedule.next_slot(cadence, zone, after=now),
        sources=subscription.sources or tuple(source.name for source in config.settings.sources),
        max_age_days=subscription.max_age_days,
        rules=rules,
        path=path,
        line=line,
    )
