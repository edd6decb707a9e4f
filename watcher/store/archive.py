"""What a subscription was mailed: its digests, newest first, and the papers in them.

The rows of digests, pairs and papers stay for ever. What `keep_days` lets go is how a digest
looked, and what its papers were about.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from watcher.models import MatchState, Paper, Reason
from watcher.store.matches import REASONS
from watcher.store.outbox import PastDigest
from watcher.store.rows import columns, record, records, scalar
from watcher.store.schema import digests, matches, papers

_PAPER = msgspec.json.Decoder(Paper)
_PAIRS = sa.select(matches.c.paper_id, matches.c.reasons, matches.c.digest_id).where(
    matches.c.state == MatchState.COMPOSED
)


@dataclass(frozen=True, slots=True)
class MailedPaper:
    """A paper as it is known now, and why it was mailed in that digest."""

    paper: Paper
    reasons: tuple[Reason, ...]
    digest_id: int


def page(
    connection: sa.Connection, subscription_id: str, *, before: int | None, limit: int
) -> list[PastDigest]:
    """Its digests with ids below `before` (None: the newest), newest first, without their HTML."""
    query = sa.select(*columns(digests, PastDigest)).where(
        digests.c.subscription_id == subscription_id
    )
    if before is not None:
        query = query.where(digests.c.id < before)
    return records(connection, query.order_by(digests.c.id.desc()).limit(limit), PastDigest)


def digest(connection: sa.Connection, subscription_id: str, digest_id: int) -> PastDigest | None:
    """That digest; None where it is not of that subscription."""
    query = sa.select(*columns(digests, PastDigest)).where(
        digests.c.id == digest_id, digests.c.subscription_id == subscription_id
    )
    return record(connection, query, PastDigest)


def html(connection: sa.Connection, digest_id: int) -> str:
    """How it looked; empty once that is not kept any more."""
    query = sa.select(digests.c.html).where(digests.c.id == digest_id)
    return scalar(connection, query, str) or ""


def papers_of(
    connection: sa.Connection, digest_id: int, *, after: str, limit: int
) -> list[MailedPaper]:
    """The papers of a digest whose ids come after that one, in the order of their ids."""
    query = _PAIRS.where(matches.c.digest_id == digest_id, matches.c.paper_id > after)
    pairs = query.order_by(matches.c.paper_id).limit(limit).subquery()
    return _mailed(connection, pairs, pairs.c.paper_id)


def mailed(
    connection: sa.Connection, subscription_id: str, limit: int
) -> list[tuple[dt.datetime, MailedPaper]]:
    """The papers that it was mailed last, the newest digest's first, with when that was made."""
    # Each of its digests has a paper, so that no more of them are needed.
    last = {each.id: each for each in page(connection, subscription_id, before=None, limit=limit)}
    query = _PAIRS.where(matches.c.digest_id.in_(list(last)))
    query = query.order_by(matches.c.digest_id.desc(), matches.c.paper_id.desc())
    pairs = query.limit(limit).subquery()
    found = _mailed(connection, pairs, pairs.c.digest_id.desc(), pairs.c.paper_id.desc())
    return [(last[each.digest_id].composed_at, each) for each in found]


def _mailed(
    connection: sa.Connection, pairs: sa.Subquery, *order: sa.ColumnElement[object]
) -> list[MailedPaper]:
    """The papers of these pairs, which are few by now: what is known of a paper is long."""
    query = sa.select(papers.c.facts, pairs.c.reasons, pairs.c.digest_id)
    query = query.join_from(pairs, papers, papers.c.id == pairs.c.paper_id).order_by(*order)
    return [
        MailedPaper(_PAPER.decode(row.facts), REASONS.decode(row.reasons), row.digest_id)
        for row in connection.execute(query)
    ]
