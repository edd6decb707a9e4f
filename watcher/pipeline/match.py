"""Which papers on the current listings are news to whom: one transaction, safe to repeat."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

import sqlalchemy as sa

from watcher.models import Match, MatchState, StoredPaper
from watcher.pipeline import momentum
from watcher.pipeline.backfill import backfill
from watcher.pipeline.context import Context
from watcher.rules import Judgement
from watcher.sources import TAIL
from watcher.store import checks, matches, papers

PATIENCE = dt.timedelta(hours=24)
"""How long a paper is held for a field that the API may still give."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What a matching did: pairs that are news now, papers that still want a field."""

    new_count: int
    undecided: frozenset[str]


def match(
    context: Context, connection: sa.Connection, now: dt.datetime, *, leftover_only: bool = False
) -> Matched:
    """Match the unmatched listings and, because facts and rules change, the current ones again.

    `leftover_only`: just what an ended process observed and did not come to match.
    """
    listings = papers.listings_to_match(connection, now, TAIL, leftover_only=leftover_only)
    # First, because what a rule was told to look for is no baseline.
    new_count = 0 if leftover_only else backfill(context, connection, listings, now)
    met = matches.met_sources(connection)
    stored = papers.load(connection, {i for listing in listings for i in listing.paper_ids})
    states = matches.states_of(connection, stored)
    gained = momentum.votes_per_day(connection, stored.values(), now)
    judged = {
        paper_id: context.ruleset.judge(
            paper.paper, now=now, first_seen=paper.first_seen, votes_per_day=gained[paper_id]
        )
        for paper_id, paper in stored.items()
    }
    readers = _readers(context)
    # What is news through a source known for long is news, though another meets it just now.
    for is_first in (False, True):
        for listing in listings:
            for paper_id in listing.paper_ids:
                for judgement in judged[paper_id]:
                    pair = (judgement.subscription_id, listing.source)
                    if pair not in readers or (pair not in met) is not is_first:
                        continue
                    key = (judgement.subscription_id, paper_id)
                    if states.get(key, MatchState.WITHDRAWN) is not MatchState.WITHDRAWN:
                        continue
                    subscription = context.subscriptions[judgement.subscription_id]
                    is_baseline = is_first and subscription.first_run == "baseline"
                    new = _match(judgement, paper_id, listing.source, now, is_baseline=is_baseline)
                    new = replace(new, votes_per_day=gained[paper_id])
                    matches.put(connection, new)
                    states[key] = new.state
                    new_count += new.state is MatchState.PENDING
    good = checks.good(connection, {listing.check_id for listing in listings})
    # A good check that found the page unchanged vouches for the listing of one that was cut short.
    well = set() if leftover_only else checks.well(connection)
    for listing in listings:
        if listing.check_id in good or listing.source in well:
            fresh = {pair for pair in readers if pair[1] == listing.source} - met
            matches.mark_met(connection, sorted(fresh), listing.check_id)
            met |= fresh
    papers.mark_matched(connection, (listing.id for listing in listings), now)
    settled = settle(context, connection, now)
    return Matched(new_count + settled.new_count, settled.undecided)


def settle(context: Context, connection: sa.Connection, now: dt.datetime) -> Matched:
    """Judge again what was undecided; past PATIENCE it is judged as it stands."""
    waiting = [
        pair
        for pair in matches.in_state(connection, MatchState.UNDECIDED)
        if pair.subscription_id in context.subscriptions
    ]
    stored = papers.load(connection, {pair.paper_id for pair in waiting})
    gained = momentum.votes_per_day(connection, stored.values(), now)
    new_count, undecided = 0, set()
    for pair in waiting:
        votes = momentum.of_pair(pair, gained[pair.paper_id])
        judgement = _judge_one(context, stored[pair.paper_id], pair, now, votes)
        if judgement is None:
            matches.forget(connection, pair.subscription_id, pair.paper_id)
        elif judgement.verdict == "undecided":
            undecided.add(pair.paper_id)
        else:
            new = _match(judgement, pair.paper_id, pair.source, now, is_baseline=pair.is_baseline)
            new = replace(new, votes_per_day=votes)
            matches.put(connection, new)
            new_count += new.state is MatchState.PENDING
    return Matched(new_count, frozenset(undecided))


def _judge_one(
    context: Context, stored: StoredPaper, pair: Match, now: dt.datetime, votes: float | None
) -> Judgement | None:
    judgements = context.ruleset.judge(
        stored.paper,
        now=now,
        first_seen=stored.first_seen,
        as_it_stands=pair.matched_at + PATIENCE <= now,
        only={pair.subscription_id},
        votes_per_day=votes,
    )
    return judgements[0] if judgements else None


def _match(
    judgement: Judgement, paper_id: str, source: str, now: dt.datetime, *, is_baseline: bool
) -> Match:
    if judgement.verdict == "undecided":
        state = MatchState.UNDECIDED
    else:
        state = MatchState.BASELINE if is_baseline else MatchState.PENDING
    return Match(
        subscription_id=judgement.subscription_id,
        paper_id=paper_id,
        state=state,
        source=source,
        matched_at=now,
        reasons=judgement.reasons,
        is_baseline=is_baseline,
    )


def _readers(context: Context) -> frozenset[tuple[str, str]]:
    pairs: Iterable[tuple[str, str]] = (
        (subscription.id, name)
        for subscription in context.subscriptions.values()
        for name in context.sources_of(subscription)
    )
    return frozenset(pairs)
