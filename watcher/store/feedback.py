"""What people say of papers that were mailed to them: more like this, or not this.

Kept for each subscription, whoever of its recipients said it; the last word counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from watcher.models import StoredPaper
from watcher.store import papers as stored
from watcher.store.papers import chunks
from watcher.store.rows import insert, scalar
from watcher.store.schema import feedback, papers


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a paper; `is_whole`: its abstract is kept still, so rules can be asked."""

    stored: StoredPaper
    is_wanted: bool
    said_at: dt.datetime
    is_whole: bool


def put(
    connection: sa.Connection,
    subscription_id: str,
    paper_id: str,
    now: dt.datetime,
    *,
    is_wanted: bool,
) -> None:
    """Keep that it wants more like this paper, or nothing like it, whatever was said before."""
    row = insert(connection, feedback).values(
        subscription_id=subscription_id, paper_id=paper_id, is_wanted=is_wanted, said_at=now
    )
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[feedback.c.subscription_id, feedback.c.paper_id],
            set_={"is_wanted": row.excluded.is_wanted, "said_at": row.excluded.said_at},
        )
    )


def take_back(connection: sa.Connection, subscription_id: str, paper_id: str) -> None:
    """Forget what was said of that paper."""
    connection.execute(
        feedback.delete().where(
            feedback.c.subscription_id == subscription_id, feedback.c.paper_id == paper_id
        )
    )


def of_paper(connection: sa.Connection, subscription_id: str, paper_id: str) -> bool | None:
    """Whether it wants more like that paper; None where nothing was said."""
    query = sa.select(feedback.c.is_wanted).where(
        feedback.c.subscription_id == subscription_id, feedback.c.paper_id == paper_id
    )
    return scalar(connection, query, bool)


def of_everybody(connection: sa.Connection, paper_id: str) -> dict[str, bool]:
    """Whether each subscription for which something was said of that paper wants more like it."""
    query = sa.select(feedback.c.subscription_id, feedback.c.is_wanted)
    rows = connection.execute(query.where(feedback.c.paper_id == paper_id))
    return {row.subscription_id: row.is_wanted for row in rows}


def of_subscriptions(
    connection: sa.Connection, subscription_ids: Iterable[str], limit: int | None = None
) -> dict[str, list[Said]]:
    """What was said for these, by their ids, the latest first; those without it are left out.

    At most `limit`, of one alone its latest.
    """
    rows = [
        row
        for chunk in chunks(sorted(set(subscription_ids)))
        for row in connection.execute(
            sa.select(feedback, papers.c.pruned_at)
            .join(papers, papers.c.id == feedback.c.paper_id)
            .where(feedback.c.subscription_id.in_(chunk))
            .order_by(feedback.c.said_at.desc(), feedback.c.paper_id)
            .limit(limit)
        )
    ]
    known = stored.load(connection, {row.paper_id for row in rows})
    found: dict[str, list[Said]] = {}
    for row in rows:
        said = Said(known[row.paper_id], row.is_wanted, row.said_at, row.pruned_at is None)
        found.setdefault(row.subscription_id, []).append(said)
    return found
