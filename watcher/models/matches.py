"""Why a paper is news to a subscription."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Hit:
    """One condition of a rule that a paper satisfies, and the very words that did.

    `condition` is the rule's key; `wanted` the keyword, topic keyword, name or bound as written;
    `field` where it was found; `words` the distinct spellings in the text; `topic` the topic
    that brought `wanted`. For votes a day, the one of `words` is how many they are.
    """

    condition: Literal[
        "any",
        "all",
        "topics",
        "authors",
        "organizations",
        "min_upvotes",
        "min_upvotes_per_day",
        "min_stars",
        "has_code",
    ]
    wanted: str
    field: str
    words: tuple[str, ...] = ()
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a paper matched: one rule, its hits, and what has changed since the paper was first seen.

    `crossed` are the keys of the conditions that did not hold then; `is_incomplete`: judged without
    a field it wanted. `slept`: the rule was snoozed, so this is why nothing came of it, and
    `known_as` is what tells it from all others.
    """

    rule: str
    hits: tuple[Hit, ...] = ()
    crossed: tuple[str, ...] = ()
    is_incomplete: bool = False
    slept: bool = False
    known_as: str = ""


def known_as(reasons: Iterable[Reason]) -> frozenset[str]:
    """What the rules of these reasons are known as."""
    return frozenset(reason.known_as or reason.rule for reason in reasons)


class MatchState(StrEnum):
    """Where a (subscription, paper) pair stands.

    `undecided` waits for a field, `pending` for its slot; `baseline` was there before the
    subscription; `composed` is in a digest; `withdrawn` no longer held when its slot came, or
    only rules that were snoozed asked for it.
    """

    UNDECIDED = "undecided"
    PENDING = "pending"
    BASELINE = "baseline"
    COMPOSED = "composed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Match:
    """One (subscription, paper) pair and why it is one.

    `votes_per_day` as it matched; `backfill_days`: how far back it was looked for, off the pages.
    """

    subscription_id: str
    paper_id: str
    state: MatchState
    source: str
    matched_at: dt.datetime
    reasons: tuple[Reason, ...] = ()
    is_baseline: bool = False
    digest_id: int | None = None
    votes_per_day: float | None = None
    backfill_days: int | None = None
