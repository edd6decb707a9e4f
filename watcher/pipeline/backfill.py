"""A rule that is new, or was edited, looks back once over the papers that are stored."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from watcher.models import Match, MatchState, Reason, StoredPaper, known_as
from watcher.pipeline.context import Context
from watcher.pipeline.momentum import votes_per_day
from watcher.rules import Ruleset
from watcher.settings import RuleSettings, SubscriptionSettings
from watcher.store import backfills, matches, papers, subscriptions
from watcher.store.papers import CurrentListing

AT_ONCE = 500
"""Papers judged together, so that a long look back does not hold them all."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A rule that has yet to look back from `since` on, over what its `sources` showed.

    It finds nothing that it slept through.
    """

    subscription: SubscriptionSettings
    rule: RuleSettings
    sources: tuple[str, ...]
    since: dt.datetime

    def source_of(self, stored: StoredPaper, seen_on: Collection[str]) -> str | None:
        """The page that showed it a paper; None where it did not see it, or too long ago.

        Sightings are not kept for ever: without any, whoever reads every page has seen it.
        """
        if stored.first_seen_at < self.since:
            return None
        if not seen_on and not self.subscription.sources:
            return self.sources[0]
        return next((source for source in self.sources if source in seen_on), None)


def backfill(
    context: Context,
    connection: sa.Connection,
    listings: Iterable[CurrentListing],
    now: dt.datetime,
) -> int:
    """Make pending what the rules with `backfill_days` find by looking back; how many it is.

    Each looks back once for as long as it is worded as it is, and not before it is awake. What
    lacks a field and stands on one of `listings` is left to the matching, which has it completed;
    all else is judged as it stands.
    """
    looks = _yet_to_look(context, connection, now)
    if not looks:
        return 0
    shown = {(listing.source, paper_id) for listing in listings for paper_id in listing.paper_ids}
    ruleset = Ruleset.compile(
        (
            look.subscription.model_copy(update={"id": key, "rules": (look.rule,)})
            for key, look in looks.items()
        ),
        context.config.settings.topics,
    )
    seen = iter(backfills.ids_since(connection, min(look.since for look in looks.values())))
    count = 0
    while ids := list(islice(seen, AT_ONCE)):
        found = _found(context, connection, ruleset, looks, ids, shown, now)
        matches.put(connection, *found)
        count += len(found)
    return count


def wording(rule: RuleSettings) -> str:
    """A hash of all that a rule says but its name and whether it is snoozed: 32 hex digits.

    Keys left at their defaults do not count, so that one which comes in later edits no rule.
    """
    said = rule.model_dump(mode="json", exclude={"name", "snoozed_until"}, exclude_defaults=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def _yet_to_look(context: Context, connection: sa.Connection, now: dt.datetime) -> dict[str, _Look]:
    """The rules, each by a key of its own; that they have looked is noted already."""
    asked: dict[tuple[str, str], _Look] = {}
    configured = context.subscriptions
    for subscription in configured.values():
        for rule in subscription.rules:
            if rule.backfill_days:
                since = now - dt.timedelta(days=rule.backfill_days)
                look = _Look(subscription, rule, context.sources_of(subscription), since)
                pair = (subscription.id, wording(rule))
                if pair not in asked or asked[pair].rule.is_asleep(now):
                    asked[pair] = look
    done = backfills.done(connection, context.shard)
    if not asked and not done:
        return {}
    # One that may be another under a new name, which has looked, waits until that is settled.
    settled = {
        row.id
        for row in subscriptions.known(connection, context.shard).values()
        if row.id in configured and row.renamed_from is None and row.removed_at is None
    }
    backfills.forget(connection, (pair for pair in done - asked.keys() if pair[0] in settled))
    yet = {
        pair: look
        for pair, look in asked.items()
        if pair not in done and pair[0] in settled and not look.rule.is_asleep(now)
    }
    backfills.mark_done(connection, yet, now)
    return {f"{worded} {name}": look for (name, worded), look in yet.items()}


def _found(
    context: Context,
    connection: sa.Connection,
    ruleset: Ruleset,
    looks: Mapping[str, _Look],
    ids: Collection[str],
    shown: Collection[tuple[str, str]],
    now: dt.datetime,
) -> list[Match]:
    """The pairs that are new among these papers."""
    stored = papers.load(connection, ids)
    seen_on = backfills.seen_on(connection, ids)
    states = matches.states_of(connection, ids, context.shard)
    slept = matches.slept(connection, ids, context.shard)
    gained = votes_per_day(connection, stored.values(), now)
    found: dict[tuple[str, str], Match] = {}
    for paper_id, one in stored.items():
        for judgement in ruleset.judge(
            one.paper,
            now=now,
            first_seen=one.first_seen,
            as_it_stands=True,
            votes_per_day=gained[paper_id],
        ):
            look = looks[judgement.subscription_id]
            pair = (look.subscription.id, paper_id)
            source = look.source_of(one, seen_on.get(paper_id, ()))
            if source is None or states.get(pair, MatchState.WITHDRAWN) is not MatchState.WITHDRAWN:
                continue
            if pair in slept and _slept_through(context, look, slept[pair]):
                continue
            is_shown = any((source, paper_id) in shown for source in look.sources)
            if is_shown and any(reason.is_incomplete for reason in judgement.reasons):
                continue
            before = found.get(pair)
            found[pair] = Match(
                *pair,
                state=MatchState.PENDING,
                source=source,
                matched_at=now,
                reasons=(*(before.reasons if before else ()), *judgement.reasons),
                votes_per_day=gained[paper_id],
                backfill_days=None if is_shown else look.rule.backfill_days,
            )
    return list(found.values())


def _slept_through(context: Context, look: _Look, slept: Iterable[Reason]) -> bool:
    compiled = context.ruleset.compiled(look.subscription.id)
    rule = compiled.rules[look.subscription.rules.index(look.rule)]
    return compiled.known_as(rule) in known_as(slept)
