"""Which papers on the current listings are news to whom: one transaction, safe to repeat."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import sqlalchemy as sa

from watcher.models import Match, MatchState, Reason, StoredPaper, known_as
from watcher.pipeline import momentum
from watcher.pipeline.backfill import backfill
from watcher.pipeline.context import Context
from watcher.rules import Judgement, Opinion
from watcher.sources import TAIL
from watcher.store import checks, matches, papers, subscriptions
from watcher.store.papers import CurrentListing

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
    met = matches.met_sources(connection, context.shard)
    stored = papers.load(connection, {i for listing in listings for i in listing.paper_ids})
    states = matches.states_of(connection, stored, context.shard)
    slept = matches.slept(connection, stored, context.shard)
    readers = _readers(context)
    sources: dict[str, list[str]] = {}
    for listing in listings:
        for paper_id in listing.paper_ids:
            sources.setdefault(paper_id, []).append(listing.source)
    new: list[Match] = []
    gained = momentum.votes_per_day(connection, stored.values(), now)
    opinions = context.ruleset.opinions(
        (found.paper for found in stored.values()),
        now=now,
        votes_per_day=(gained[paper_id] for paper_id in stored),
    )
    for (paper_id, found), opinion in zip(stored.items(), opinions, strict=True):
        matched, undecided = opinion.verdict.matched, opinion.verdict.undecided
        waiting = frozenset(undecided)
        for subscription_id in (*matched, *undecided):
            state = states.get((subscription_id, paper_id), MatchState.WITHDRAWN)
            if state is not MatchState.WITHDRAWN:
                continue
            reads = readers[subscription_id]
            through = [source for source in sources[paper_id] if source in reads]
            if not through:
                continue
            before = slept.get((subscription_id, paper_id), ())
            judgement = (
                Judgement(subscription_id, "undecided", slept=before)
                if subscription_id in waiting
                else opinion.judgement(subscription_id, found.first_seen, known_as(before))
            )
            if judgement is None or _is_known(judgement, before):
                continue
            # What is news through a source known for long is news, though another meets it now.
            known = [source for source in through if (subscription_id, source) in met]
            is_first = not known
            is_baseline = (
                is_first and context.subscriptions[subscription_id].first_run == "baseline"
            )
            source = (known or through)[0]
            match_ = _match(judgement, paper_id, source, now, is_baseline=is_baseline)
            new.append(replace(match_, votes_per_day=gained[paper_id]))
    new = _of_those_there(context, connection, new)
    matches.put(connection, *(m for m in new if (m.subscription_id, m.paper_id) in states))
    matches.add(connection, (m for m in new if (m.subscription_id, m.paper_id) not in states))
    new_count += sum(match.state is MatchState.PENDING for match in new)
    # A good check that found the page unchanged vouches for the listing of one that was cut short.
    well = set() if leftover_only else checks.well(connection)
    _meet(context, connection, listings, readers, met, well)
    if context.shard is None:  # else the other shards are yet to come
        papers.mark_matched(connection, (listing.id for listing in listings), now)
    settled = settle(context, connection, now)
    return Matched(new_count + settled.new_count, settled.undecided)


def _meet(
    context: Context,
    connection: sa.Connection,
    listings: Collection[CurrentListing],
    readers: Mapping[str, Collection[str]],
    met: Collection[tuple[str, str]],
    well: Collection[str],
) -> None:
    """Note for whom these listings were the first of their source; `met` are those before."""
    known = set(met)
    good = checks.good(connection, {listing.check_id for listing in listings})
    for listing in listings:
        if listing.check_id in good or listing.source in well:
            fresh = {
                (name, listing.source) for name, reads in readers.items() if listing.source in reads
            } - known
            there = _those_there(context, connection, {name for name, _ in fresh})
            those = sorted(pair for pair in fresh if pair[0] in there)
            matches.mark_met(connection, those, listing.check_id)
            known |= fresh


def settle(context: Context, connection: sa.Connection, now: dt.datetime) -> Matched:
    """Judge again what was undecided; past PATIENCE it is judged as it stands."""
    waiting = [
        pair
        for pair in matches.in_state(connection, MatchState.UNDECIDED, shard=context.shard)
        if pair.subscription_id in context.subscriptions
    ]
    stored = papers.load(connection, {pair.paper_id for pair in waiting})
    gained = momentum.votes_per_day(connection, stored.values(), now)
    settled: list[Match] = []
    gone: list[tuple[str, str]] = []
    undecided: set[str] = set()
    for as_it_stands in (False, True):
        ripe = [
            (pair, (pair.paper_id, momentum.of_pair(pair, gained[pair.paper_id])))
            for pair in waiting
            if (pair.matched_at + PATIENCE <= now) is as_it_stands
        ]
        asked = {key for _, key in ripe}
        told = _opinions(context, stored, asked, now, as_it_stands=as_it_stands)
        for pair, key in ripe:
            opinion, matched, waits = told[key]
            if pair.subscription_id in waits:
                undecided.add(pair.paper_id)
                continue
            first_seen = stored[pair.paper_id].first_seen
            before = tuple(reason for reason in pair.reasons if reason.slept)
            judgement = (
                opinion.judgement(pair.subscription_id, first_seen, known_as(before))
                if pair.subscription_id in matched
                else None
            )
            if judgement is None:
                if before:  # that rules slept through it stays so
                    settled.append(replace(pair, state=MatchState.WITHDRAWN, reasons=before))
                else:
                    gone.append((pair.subscription_id, pair.paper_id))
                continue
            if judgement.verdict == "undecided":  # what matched is snoozed, another rule waits
                undecided.add(pair.paper_id)
                continue
            new = _match(judgement, pair.paper_id, pair.source, now, is_baseline=pair.is_baseline)
            settled.append(replace(new, votes_per_day=key[1]))
    matches.forget(connection, gone)
    settled = _of_those_there(context, connection, settled)
    matches.put(connection, *settled)
    new_count = sum(match.state is MatchState.PENDING for match in settled)
    return Matched(new_count, frozenset(undecided))


def _opinions(
    context: Context,
    stored: Mapping[str, StoredPaper],
    asked: Collection[tuple[str, float | None]],
    now: dt.datetime,
    *,
    as_it_stands: bool,
) -> dict[tuple[str, float | None], tuple[Opinion, frozenset[str], frozenset[str]]]:
    """By paper and votes a day what the rules say, with the ids that match and those that wait."""
    opinions = context.ruleset.opinions(
        (stored[paper_id].paper for paper_id, _ in asked),
        now=now,
        votes_per_day=(votes for _, votes in asked),
        as_it_stands=as_it_stands,
    )
    return {
        key: (
            opinion,
            frozenset(opinion.verdict.matched),
            frozenset(opinion.verdict.undecided),
        )
        for key, opinion in zip(asked, opinions, strict=True)
    }


def _match(
    judgement: Judgement, paper_id: str, source: str, now: dt.datetime, *, is_baseline: bool
) -> Match:
    reasons = judgement.reasons
    if judgement.verdict == "match":
        state = MatchState.BASELINE if is_baseline else MatchState.PENDING
    else:  # which rules slept through it is remembered: it is no news to them once they are awake
        is_snoozed = judgement.verdict == "snoozed"
        state = MatchState.WITHDRAWN if is_snoozed else MatchState.UNDECIDED
        reasons = judgement.slept
    return Match(
        subscription_id=judgement.subscription_id,
        paper_id=paper_id,
        state=state,
        source=source,
        matched_at=now,
        reasons=reasons,
        is_baseline=is_baseline,
    )


def _of_those_there(context: Context, connection: sa.Connection, found: list[Match]) -> list[Match]:
    there = _those_there(context, connection, {each.subscription_id for each in found})
    return [each for each in found if each.subscription_id in there]


def _those_there(
    context: Context, connection: sa.Connection, subscription_ids: AbstractSet[str]
) -> AbstractSet[str]:
    """Without those that a page has ended since the rules were read, or changed before they were
    taken over, which is left to the next time.
    """
    if context.shard is not None:  # nobody can meanwhile: see `hold_rules`
        return subscription_ids
    return subscriptions.there_among(connection, subscription_ids)


def _is_known(judgement: Judgement, slept: Collection[Reason]) -> bool:
    """Whether all there is to tell is which rules slept through it, and that is stored."""
    return judgement.verdict == "snoozed" and known_as(judgement.slept) <= known_as(slept)


def _readers(context: Context) -> dict[str, tuple[str, ...]]:
    """The sources of each subscription."""
    return {
        subscription.id: context.sources_of(subscription)
        for subscription in context.config.settings.subscriptions
    }
