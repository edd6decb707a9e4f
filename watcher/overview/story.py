"""What became of a paper for one subscription, and why: what `explain` tells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from watcher.models import DeliveryState, Match, MatchState, StoredPaper, known_as
from watcher.overview.gathering import look_at
from watcher.overview.records import SubscriptionOverview
from watcher.pipeline import momentum
from watcher.pipeline.match import PATIENCE
from watcher.rules import Judgement, RuleExplanation, Ruleset
from watcher.settings import Config, SubscriptionSettings
from watcher.sources import TAIL
from watcher.store import bounces, leaving, matches, outbox, papers, subscriptions
from watcher.store.outbox import Delivery, PastDigest
from watcher.store.papers import CurrentListing
from watcher.when import moment

Ending = Literal[
    "no-rule-holds",
    "not-listed",
    "due",
    "undecided",
    "pending",
    "baseline",
    "withdrawn",
    "snoozed",
    "composed",
]


@dataclass(frozen=True, slots=True)
class Story:
    """One subscription's side: `sentence` says how the pair stands and what comes next.

    `not-listed`: a rule holds, but no page that the subscription reads shows the paper now.
    `due`: the next check makes it a match. `snoozed`: only rules that are, or were, ask for it. The
    other endings are states of the pair.
    """

    subscription_id: str
    name: str
    ending: Ending
    sentence: str
    rules: tuple[RuleExplanation, ...]
    match: Match | None
    digest: PastDigest | None
    deliveries: tuple[Delivery, ...]


def listed_on(
    connection: sa.Connection, paper_id: str, now: dt.datetime
) -> tuple[CurrentListing, ...]:
    """The current listings that hold the paper."""
    current = papers.listings_to_match(connection, now, TAIL)
    return tuple(listing for listing in current if paper_id in listing.paper_ids)


def tell(
    config: Config,
    ruleset: Ruleset,
    connection: sa.Connection,
    stored: StoredPaper,
    now: dt.datetime,
) -> tuple[Story, ...]:
    """The story of a paper for every subscription, those that are gone but had it included."""
    known = subscriptions.known(connection)
    pairs = {pair.subscription_id: pair for pair in matches.of_paper(connection, stored.paper.id)}
    listings = listed_on(connection, stored.paper.id, now)
    gains = momentum.votes_per_day(connection, [stored], now)[stored.paper.id]
    paused, left = bounces.paused(connection), leaving.left(connection)
    stories = []
    for subscription in config.settings.subscriptions:
        pair = pairs.pop(subscription.id, None)
        row = known.get(subscription.id)
        view = look_at(
            config, connection, subscription, row, now, counts={}, paused=paused, left=left
        )
        gained = momentum.of_pair(pair, gains)
        judged = _judged(ruleset, subscription.id, stored, pair, now, gained)
        rules = ruleset.explain(
            stored.paper, subscription_id=subscription.id, now=now, votes_per_day=gained
        )
        digest, deliveries = _mailed(connection, pair)
        zone = config.zone(subscription)
        is_past_snooze = pair is not None and pair.state is MatchState.WITHDRAWN and _slept(pair)
        if pair is None or (pair.state is MatchState.WITHDRAWN and judged):
            ending, sentence = _without_pair(config, subscription, judged, rules, listings)
        else:
            ending = "snoozed" if is_past_snooze else pair.state.value
            sentence = _of_pair(pair, view, judged, digest, deliveries, zone)
        stories.append(
            Story(
                subscription.id,
                subscription.name,
                ending,
                sentence,
                rules,
                pair,
                digest,
                deliveries,
            )
        )
    for pair in pairs.values():
        digest, deliveries = _mailed(connection, pair)
        sentence = f"the subscription is gone; {_past(pair, digest, deliveries, config.zone())}"
        gone = pair.subscription_id
        stories.append(Story(gone, gone, pair.state.value, sentence, (), pair, digest, deliveries))
    return tuple(stories)


def _judged(
    ruleset: Ruleset,
    subscription_id: str,
    stored: StoredPaper,
    pair: Match | None,
    now: dt.datetime,
    gained: float | None,
) -> Sequence[Judgement]:
    """As matching would judge it now; what is pending, as composing would."""
    is_pending = pair is not None and pair.state is MatchState.PENDING
    return ruleset.judge(
        stored.paper,
        now=pair.matched_at if pair and is_pending else now,
        as_it_stands=is_pending,
        only={subscription_id},
        votes_per_day=gained,
        slept=_slept(pair),
        with_snoozed=pair is None,
    )


def _slept(pair: Match | None) -> frozenset[str]:
    """What the rules are known as that slept through it."""
    return known_as(reason for reason in pair.reasons if reason.slept) if pair else frozenset()


def _mailed(
    connection: sa.Connection, pair: Match | None
) -> tuple[PastDigest | None, tuple[Delivery, ...]]:
    if pair is None or pair.digest_id is None:
        return None, ()
    deliveries = outbox.of_digests(connection, [pair.digest_id])
    return outbox.digest(connection, pair.digest_id), tuple(deliveries)


def _without_pair(
    config: Config,
    subscription: SubscriptionSettings,
    judged: Sequence[Judgement],
    rules: Sequence[RuleExplanation],
    listings: Sequence[CurrentListing],
) -> tuple[Ending, str]:
    if not judged:
        return "no-rule-holds", "never matched: no rule of it holds"
    if judged[0].verdict == "snoozed":
        slept = {reason.rule for reason in judged[0].slept}
        told = "; ".join(
            f'rule "{rule.rule}" is snoozed until {rule.snoozed_until}'
            for rule in rules
            if rule.rule in slept and rule.snoozed_until
        )
        return "snoozed", f"not matched: {told}, and no other holds"
    reads = subscription.sources or tuple(source.name for source in config.settings.sources)
    if any(listing.source in reads for listing in listings):
        return "due", "not matched yet; the next check makes it a match"
    sentence = (
        f"not matched: a rule holds now, but no page that it reads ({', '.join(reads)}) shows the"
        " paper; it becomes news if it comes back"
    )
    return "not-listed", sentence


def _of_pair(
    pair: Match,
    view: SubscriptionOverview,
    judged: Sequence[Judgement],
    digest: PastDigest | None,
    deliveries: Sequence[Delivery],
    zone: dt.tzinfo,
) -> str:
    if pair.state is MatchState.UNDECIDED:
        waits = ", ".join(name for one in judged for name in one.waits_for) or "its facts"
        until = moment(pair.matched_at + PATIENCE, zone)
        return f"undecided: waits for {waits}; judged as it stands from {until} on"
    if pair.state is not MatchState.PENDING:
        return _past(pair, digest, deliveries, zone)
    since = f"pending since {moment(pair.matched_at, zone)}"
    if not judged:
        return f"{since}, but the rules no longer hold: it will be withdrawn"
    if (obstacle := _obstacle(view)) is not None:
        return f"{since}; {obstacle}"
    at = view.next_slot_at
    return (
        f"{since}; goes out with {f'the digest of {moment(at, zone)}' if at else 'the next check'}"
    )


def _obstacle(view: SubscriptionOverview) -> str | None:
    """Why no digest is made of what is pending."""
    if view.standing == "paused":
        return "the subscription is paused"
    if view.standing == "held":
        return "the subscription is held as an apparent rename (`watcher status`)"
    if view.is_left_by_all:
        return "every recipient has left it by a click, so no digest is made (`watcher status`)"
    if view.has_nobody and view.left:
        return "every recipient has left it or is paused, so no digest is made (`watcher status`)"
    if view.has_nobody:
        return "mail to every recipient came back, so they are paused (`watcher status`)"
    return None


def _past(
    pair: Match, digest: PastDigest | None, deliveries: Sequence[Delivery], zone: dt.tzinfo
) -> str:
    at = moment(pair.matched_at, zone)
    if pair.state is MatchState.BASELINE:
        return (
            f"never mailed: it was on {pair.source} already when the subscription began to read it"
            f' ({at}; first_run = "baseline")'
        )
    if pair.state is MatchState.COMPOSED and digest is not None:
        composed = moment(digest.composed_at, zone)
        return f"in digest {digest.id} of {composed}: {_fates(deliveries, zone)}"
    if slept := {reason.rule for reason in pair.reasons if reason.slept}:
        names = " and ".join(f'"{name}"' for name in sorted(slept))
        return f"not mailed: of its rules only {names} asked for it {at}, and was snoozed"
    return f"withdrawn: it matched {at}, but the rules no longer held when its slot came"


def _fates(deliveries: Sequence[Delivery], zone: dt.tzinfo) -> str:
    return "; ".join(fate(delivery, zone) for delivery in deliveries) or "to nobody"


def fate(delivery: Delivery, zone: dt.tzinfo) -> str:
    """One recipient's mail in words."""
    again = " (sent again)" if delivery.resend_number else ""
    text = f"{delivery.recipient}{again} {delivery.state}"
    if delivery.finished_at is not None:
        text += f" {moment(delivery.finished_at, zone)}"
    if delivery.state is not DeliveryState.DELIVERED and delivery.answer:
        text += f" ({delivery.answer})"
    return text
