"""A digest of made-up papers that has all that a digest can have: to try templates on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from watcher.digest.render import render_digest
from watcher.models import (
    Author,
    DigestContent,
    DigestPaper,
    Failure,
    Hit,
    Organization,
    Outage,
    Paper,
    Reason,
    VoteCount,
)

_NOW = dt.datetime(2026, 2, 19, 8, tzinfo=dt.UTC)
_DAY = dt.timedelta(days=1)


def complaint_of(templates: Path) -> str:
    """Why the templates in this directory cannot be used; empty where they can."""
    return render_digest(_everything(), templates).complaint


def _everything() -> DigestContent:
    full = Paper(
        id="2602.00001",
        title="A title",
        abstract="An abstract with a word in it. " * 20,
        authors=tuple(Author(f"Name {number}") for number in range(9)),
        organization=Organization("org", "An organization"),
        published_at=_NOW - _DAY,
        upvotes=20,
        star_count=7,
        code_url="https://example.org/code",
        project_url="https://example.org/project",
        is_full=True,
    )
    hit = Hit("any", "word", "abstract", ("word",))
    votes = Hit("min_upvotes", "20", "upvotes")
    rich = DigestPaper(
        full,
        (Reason("a rule", (hit, votes), ("min_upvotes",)), Reason("another")),
        _NOW,
        votes=(VoteCount(1, _NOW - _DAY), VoteCount(20, _NOW)),
        backfill_days=3,
        more_url="https://example.org/more",
        not_url="https://example.org/not",
    )
    bare = (
        DigestPaper(Paper(f"2602.0001{number}", "Bare"), (Reason("", is_incomplete=True),), _NOW)
        for number in range(3)
    )
    return DigestContent(
        subscription="a subscription",
        papers=(rich, *bare),
        composed_at=_NOW,
        timezone="UTC",
        max_papers=2,
        next_slot_at=_NOW + _DAY,
        outages=(Outage("a source", _NOW - _DAY, _NOW),),
        failures=(Failure("a source", _NOW - _DAY),),
        unsubscribe="papers@example.org",
    )
