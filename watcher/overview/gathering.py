"""Looking everything up."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from watcher import effective, schedule
from watcher.errors import ConfigError
from watcher.models import DeliveryState, MatchState
from watcher.overview.problems import find
from watcher.overview.records import (
    DaemonOverview,
    Failed,
    MailOverview,
    Overview,
    SourceOverview,
    Standing,
    SubscriptionOverview,
)
from watcher.pipeline.due import due_slot
from watcher.pipeline.stuck import TROUBLE, TROUBLE_TEXT
from watcher.rules.describe import display_name
from watcher.settings import Config, SourceSettings, SubscriptionSettings, require_mail
from watcher.store import (
    bounces,
    checks,
    heartbeat,
    leaving,
    letters,
    matches,
    outbox,
    papers,
    replicas,
    sending,
    slots,
    stored,
    subscriptions,
)
from watcher.store.bounces import PausedRecipient
from watcher.store.database import Database
from watcher.store.heartbeat import Heartbeat
from watcher.store.leaving import Left
from watcher.store.outbox import Delivery
from watcher.store.subscriptions import KnownSubscription

FAILED_WITHIN = dt.timedelta(days=7)
LOOKED_THROUGH = 50
"""Checks of a source that are looked through."""


def look(
    config: Config,
    database: Database,
    now: dt.datetime,
    *,
    host: str,
    most_subscriptions: int | None = None,
) -> Overview:
    """Look at everything; `host` is this machine's name. Raises StoreError.

    Where there are more subscriptions than `most_subscriptions`, none is looked at by itself:
    however many there are, that takes no longer.
    """
    is_whole = True
    if most_subscriptions is not None:
        with database.read() as connection:
            is_whole = _are_few(config, connection, most_subscriptions)
            if is_whole:
                config = effective.whole(config, connection)
    try:
        require_mail(config)
        if is_whole:
            config, _ = effective.compile_rules(config, effective.last_good_of(database))
    except ConfigError as error:  # the daemon goes on with the rules it has
        config = replace(config, broken=(*config.broken, error))
    with database.read() as connection:
        return _gather(config, connection, now, host, is_whole=is_whole)


def _are_few(config: Config, connection: sa.Connection, most: int) -> bool:
    """Whether there are `most` subscriptions at most, of files and of the store."""
    chosen = config.settings.subscriptions
    if len(chosen) > most:
        return False
    own_count = sum(not config.is_stored(each.id) for each in chosen)
    return own_count + stored.count(connection, most + 1) <= most


def _gather(
    config: Config, connection: sa.Connection, now: dt.datetime, host: str, *, is_whole: bool
) -> Overview:
    settings = config.settings
    zone = config.zone()
    daemon = _daemon(heartbeat.read(connection), now, host)
    recent = checks.recent(connection, limit=1)
    last_check_at = recent[0].started_at if recent else None
    is_alive = daemon is not None and daemon.is_alive
    overview = Overview(
        now=now,
        zone=zone,
        daemon=daemon,
        last_check_at=last_check_at,
        next_check_at=schedule.next_check(settings.schedule.check, zone, now) if is_alive else None,
        paper_count=papers.count_since(connection),
        sources=tuple(
            _with_next(config, look_at_source(connection, source), now, is_alive=is_alive)
            for source in settings.sources
        ),
        subscriptions=_subscriptions(config, connection, now) if is_whole else (),
        mail=_mail(connection, now),
        replicas=tuple(replicas.alive(connection, now - heartbeat.SILENT_AFTER)),
        is_whole=is_whole,
    )
    # Of a daemon started just now nothing is overdue; nor after the clock was put back.
    known = [at for at in (last_check_at, daemon and daemon.heartbeat.started_at) if at]
    since = min(max(known), now) if known else now
    due_at = schedule.next_check(settings.schedule.check, zone, since)
    return replace(overview, problems=find(overview, due_at, config.broken))


def has_process(pid: int) -> bool:
    """Whether a process of that id is on this machine, whosever it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _daemon(beat: Heartbeat | None, now: dt.datetime, host: str) -> DaemonOverview | None:
    if beat is None:
        return None
    is_process = has_process(beat.pid) if beat.host == host else None
    is_recent = abs(now - beat.beat_at) <= heartbeat.SILENT_AFTER
    return DaemonOverview(beat, is_recent and is_process is not False, is_process)


def look_at_source(connection: sa.Connection, source: SourceSettings) -> SourceOverview:
    """How one source stands."""
    recent = checks.recent(connection, source.name, LOOKED_THROUGH)
    last = next((check for check in recent if check.outcome is not None), None)
    page = f"search: {source.query}" if source.page == "search" else source.page
    state = checks.state(connection, source.name)
    return SourceOverview(source.name, page, last, state, recent=tuple(recent))


def _with_next(
    config: Config, source: SourceOverview, now: dt.datetime, *, is_alive: bool
) -> SourceOverview:
    if not is_alive:
        return source
    held_until = source.state.not_before_at or now
    after = max(now, held_until - dt.timedelta.resolution)  # it may be asked at that very instant
    next_at = schedule.next_check(config.settings.schedule.check, config.zone(), after)
    return replace(source, next_check_at=next_at)


def _subscriptions(
    config: Config, connection: sa.Connection, now: dt.datetime
) -> tuple[SubscriptionOverview, ...]:
    known = subscriptions.known(connection)
    counts = matches.counts(connection, (MatchState.PENDING, MatchState.UNDECIDED))
    paused, left = bounces.paused(connection), leaving.left(connection)
    found = []
    for subscription in config.settings.subscriptions:
        ours = counts.get(subscription.id, {})
        row = known.get(subscription.id)
        found.append(
            look_at(
                config, connection, subscription, row, now, counts=ours, paused=paused, left=left
            )
        )
    return tuple(found)


def look_at(
    config: Config,
    connection: sa.Connection,
    subscription: SubscriptionSettings,
    row: KnownSubscription | None,
    now: dt.datetime,
    *,
    counts: Mapping[str, int],
    paused: Mapping[str, PausedRecipient],
    left: Left,
) -> SubscriptionOverview:
    """How one subscription stands; `row` as the store has it, `counts` of its pairs by state.

    `paused` are the paused recipients of all, by address, and `left` who has left any.
    """
    zone = config.zone(subscription)
    cadence = schedule.parse_cadence(subscription.digest)
    standing = _standing(row)
    ours = tuple(bounces.among(paused, subscription.to))
    is_timed = row is not None and standing == "active" and not cadence.is_each_check
    digests = outbox.past_digests(connection, subscription.id, 1)
    found = SubscriptionOverview(
        id=subscription.id,
        name=subscription.name,
        recipients=subscription.to,
        digest=schedule.describe(cadence),
        timezone=zone.key,
        standing=standing,
        renamed_from=row.renamed_from if row and standing == "held" else None,
        next_slot_at=None if standing == "paused" else schedule.next_slot(cadence, zone, after=now),
        overdue_at=None,
        pending_count=counts.get(MatchState.PENDING, 0),
        undecided_count=counts.get(MatchState.UNDECIDED, 0),
        last_run=slots.last_run(connection, subscription.id, now),
        last_digest=digests[0] if digests else None,
        paused=ours,
        snoozed=tuple(
            (display_name(rule), rule.snoozed_until)
            for rule in subscription.rules
            if rule.snoozed_until and rule.is_asleep(now)
        ),
        left=left.among(subscription.id, subscription.to),
    )
    if row is None or not is_timed or found.has_nobody:
        return found
    overdue_at = due_slot(connection, subscription, zone, row.known_at, now)
    return replace(found, overdue_at=overdue_at)


def _standing(row: KnownSubscription | None) -> Standing:
    if row is None or row.removed_at is not None:
        return "new"
    if row.renamed_from is not None:
        return "held"
    return "active" if row.paused_at is None else "paused"


def _mail(connection: sa.Connection, now: dt.datetime) -> MailOverview:
    trouble_at = checks.get_meta(connection, TROUBLE)
    return MailOverview(
        counts=outbox.counts(connection),
        oldest=outbox.oldest_waiting(connection),
        next_attempt_at=sending.next_due_at(connection),
        trouble_at=dt.datetime.fromisoformat(trouble_at) if trouble_at else None,
        trouble=checks.get_meta(connection, TROUBLE_TEXT),
        failed=tuple(
            _failed(connection, delivery)
            for delivery in (
                *outbox.in_state(connection, [DeliveryState.PARKED]),
                *outbox.failed_since(connection, now - FAILED_WITHIN),
            )
        ),
        letters=letters.look(connection),
    )


def _failed(connection: sa.Connection, delivery: Delivery) -> Failed:
    digest = None if delivery.digest_id is None else outbox.digest(connection, delivery.digest_id)
    later = outbox.last_delivered_at(connection, delivery.recipient)
    return Failed(
        delivery,
        digest.subscription_id if digest else None,
        is_past=bool(later and delivery.finished_at and later >= delivery.finished_at),
    )
