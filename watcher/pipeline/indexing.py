"""Bringing the index of words up to date: behind everything else, and of no concern to it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
import structlog

from watcher.finding import words_of
from watcher.pipeline.context import Context
from watcher.store import papers, searching
from watcher.store.searching import Words

log = structlog.get_logger(__name__)

PART = 250
"""Papers in one transaction: a tenth of a second."""

MOST_PARTS = 20
"""Of one pass; what a database of before has more, the next passes do."""


async def index(context: Context) -> None:
    """Index the papers that are new or say something else, so many of them at most."""
    for _ in range(MOST_PARTS):
        try:
            is_all = await _index_part(context)
        except Exception as error:  # noqa: BLE001  # nothing of the index may end a pass
            log.warning("the index for searching was not brought up to date", error=str(error))
            return
        if is_all:
            return


async def _index_part(context: Context) -> bool:
    """Whether there is no more to do."""
    seen = await context.read(lambda connection: searching.to_index(connection, PART))
    if not seen:
        return True
    # Nobody has to wait while their words are found.
    words = await context.read(lambda connection: _words(connection, list(seen)))

    def put(connection: sa.Connection) -> bool:
        if not searching.is_there(connection):
            if not searching.is_possible(connection):
                return False
            searching.make_anew(connection)
        searching.put(connection, words, seen, context.clock())
        return True

    return not await context.write(put) or len(seen) < PART


def _words(connection: sa.Connection, ids: Sequence[str]) -> list[Words]:
    """The words of these papers; none of one that cannot be read, or it would keep the rest out."""
    try:
        return [words_of(stored.paper) for stored in papers.load(connection, ids).values()]
    except msgspec.DecodeError as error:
        if len(ids) == 1:
            log.warning("a paper cannot be searched", paper=ids[0], error=str(error))
            return [Words(ids[0], (), (), (), ())]
        return [words for each in ids for words in _words(connection, [each])]
