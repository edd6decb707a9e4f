"""The index by which stored papers are found by their words; what a word is, others say.

It is FTS5 on SQLite and `tsvector` on PostgreSQL, stands beside the schema's tables, and is made
of the papers alone: no copy of all rows has it, and `papers.indexed_at` says what is in it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from watcher.errors import StoreError
from watcher.store.papers import chunks
from watcher.store.rows import scalar, scalars
from watcher.store.schema import papers

BREAK = "·"
"""Stands between words of which no phrase has both: of two authors, of two keywords."""

LONGEST = 64
"""Characters of a word; PostgreSQL takes 2,046 bytes."""

MOST_BYTES = 400_000
"""Of a paper's words; PostgreSQL takes a megabyte, with the places where they stand."""

MOST_WORDS = 15_000
"""Of a paper; PostgreSQL counts no places beyond 16,383."""

MOST_COUNTED = 1000
"""Papers that a search finds at most: nobody reads on to the last of more."""

WITHIN = 5.0
"""Seconds that a search may take."""

_HAS_FTS5 = "SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'"
_FTS5 = """
CREATE VIRTUAL TABLE paper_words USING fts5(title, keywords, people, content,
tokenize = "ascii tokenchars '+#'")
"""
_FTS5_IDS = "CREATE TABLE indexed_papers (id INTEGER PRIMARY KEY, paper_id TEXT NOT NULL UNIQUE)"
_PUT_ID = "INSERT OR IGNORE INTO indexed_papers (paper_id) VALUES (?)"
_TAKE_OUT = """
DELETE FROM paper_words WHERE rowid = (SELECT id FROM indexed_papers WHERE paper_id = ?)
"""
_PUT_FTS5 = """
INSERT INTO paper_words (rowid, title, keywords, people, content)
VALUES ((SELECT id FROM indexed_papers WHERE paper_id = ?), ?, ?, ?, ?)
"""
_COUNT_FTS5 = """
SELECT count(*) FROM (SELECT 1 FROM paper_words WHERE paper_words MATCH :terms LIMIT :most)
"""
_NEWEST_FTS5 = """
SELECT p.id FROM paper_words JOIN indexed_papers AS i ON i.id = paper_words.rowid
JOIN papers AS p ON p.id = i.paper_id WHERE paper_words MATCH :terms
ORDER BY p.first_seen_at DESC, p.id DESC LIMIT :limit OFFSET :skip
"""
_RELEVANT_FTS5 = """
SELECT p.id FROM paper_words JOIN indexed_papers AS i ON i.id = paper_words.rowid
JOIN papers AS p ON p.id = i.paper_id WHERE paper_words MATCH :terms
ORDER BY bm25(paper_words, 10.0, 4.0, 4.0, 1.0), p.first_seen_at DESC, p.id DESC
LIMIT :limit OFFSET :skip
"""

_TSVECTOR = "CREATE TABLE paper_words (paper_id text PRIMARY KEY, words tsvector NOT NULL)"
_TSVECTOR_INDEX = "CREATE INDEX ix_paper_words_words ON paper_words USING gin (words)"
_PUT_TSVECTOR = """
INSERT INTO paper_words (paper_id, words) VALUES (:id, CAST(:words AS tsvector))
ON CONFLICT (paper_id) DO UPDATE SET words = excluded.words
"""
_COUNT_TSVECTOR = """
SELECT count(*) FROM (
    SELECT 1 FROM paper_words WHERE words @@ CAST(:terms AS tsquery) LIMIT :most
) AS found
"""
_NEWEST_TSVECTOR = """
SELECT p.id FROM paper_words AS w JOIN papers AS p ON p.id = w.paper_id
WHERE w.words @@ CAST(:terms AS tsquery)
ORDER BY p.first_seen_at DESC, p.id DESC LIMIT :limit OFFSET :skip
"""
_RELEVANT_TSVECTOR = """
SELECT p.id FROM paper_words AS w JOIN papers AS p ON p.id = w.paper_id
WHERE w.words @@ CAST(:terms AS tsquery)
ORDER BY
ts_rank(CAST('{0.1, 0.4, 0.4, 1.0}' AS float4[]), w.words, CAST(:terms AS tsquery), 1) DESC,
p.first_seen_at DESC, p.id DESC LIMIT :limit OFFSET :skip
"""

_WITHIN = "SELECT set_config('statement_timeout', :milliseconds, true)"

_TO_INDEX = """
CREATE INDEX IF NOT EXISTS ix_papers_to_index ON papers (first_seen_at) WHERE indexed_at IS NULL
"""
# Not in the schema: what SQLAlchemy has to know for it takes a tenth of a second to import.

_WEIGHTS = "ABCD"
"""Of title, keywords, people and content, as PostgreSQL names them."""


class SearchTimeoutError(StoreError):
    """A search that took too long; rarer words take less."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a paper's fields, each in its order, with `BREAK` where no phrase goes on."""

    paper_id: str
    title: Sequence[str]
    keywords: Sequence[str]
    people: Sequence[str]
    content: Sequence[str]


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one behind the other: `before`, then any of `last`.

    `is_prefix`: the last one begins so. `is_excluded`: no paper has it.
    """

    before: tuple[str, ...]
    last: tuple[str, ...]
    is_prefix: bool = False
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of a page of papers in their order, and of how many in all: `MOST_COUNTED` at most.

    `is_more`: there are more than that.
    """

    ids: tuple[str, ...]
    count: int
    is_more: bool


def create(connection: sa.Connection) -> None:
    """Make the index, with nothing in it; not on a SQLite that was built without FTS5."""
    connection.exec_driver_sql(_TO_INDEX)
    if not is_possible(connection):
        return
    connection.exec_driver_sql(_FTS5 if _is_file(connection) else _TSVECTOR)
    connection.exec_driver_sql(_FTS5_IDS if _is_file(connection) else _TSVECTOR_INDEX)


def make_anew(connection: sa.Connection) -> None:
    """Make the index where it is not there, and have every paper indexed."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS indexed_papers")
    create(connection)
    forget_all(connection)


def is_there(connection: sa.Connection) -> bool:
    """Whether there is an index; a SQLite without FTS5 cannot use one that is there."""
    return is_possible(connection) and sa.inspect(connection).has_table("paper_words")


def to_index(connection: sa.Connection, limit: int) -> dict[str, dt.datetime]:
    """The papers that are not in the index as they are now, the newest first: of when they are."""
    query = sa.select(papers.c.id, papers.c.facts_at).where(papers.c.indexed_at.is_(None))
    rows = connection.execute(query.order_by(papers.c.first_seen_at.desc()).limit(limit))
    return {row.id: row.facts_at for row in rows}


def count_left(connection: sa.Connection) -> int:
    """How many papers are not in the index as they are now."""
    query = sa.select(sa.func.count()).where(papers.c.indexed_at.is_(None))
    return scalar(connection, query.select_from(papers), int) or 0


def look_again(connection: sa.Connection, since: dt.datetime) -> None:
    """Index again what was seen since then: an older version beside this one does not say what it
    has changed.
    """
    connection.execute(
        papers.update()
        .where(papers.c.facts_at >= since, papers.c.indexed_at < papers.c.facts_at)
        .values(indexed_at=None)
    )


def forget_all(connection: sa.Connection) -> None:
    """Have every paper indexed anew."""
    connection.execute(papers.update().values(indexed_at=None))


def put(
    connection: sa.Connection,
    found: Sequence[Words],
    seen: Mapping[str, dt.datetime],
    now: dt.datetime,
) -> None:
    """Have these in the index, in place of what it had of them. The caller writes alone.

    But for those that are newer by now than what was `seen` of them: they are left to be indexed.
    """
    same: set[str] = set()
    for chunk in chunks([each.paper_id for each in found]):
        query = sa.select(papers.c.id, papers.c.facts_at).where(papers.c.id.in_(chunk))
        same.update(row.id for row in connection.execute(query) if seen[row.id] == row.facts_at)
    indexed = [each for each in found if each.paper_id in same]
    if not indexed:
        return
    if _is_file(connection):
        _put_fts5(connection, indexed)
    else:
        connection.execute(
            sa.text(_PUT_TSVECTOR),
            [{"id": each.paper_id, "words": _tsvector(each)} for each in indexed],
        )
    for chunk in chunks([each.paper_id for each in indexed]):
        connection.execute(papers.update().where(papers.c.id.in_(chunk)).values(indexed_at=now))


def search(
    connection: sa.Connection,
    terms: Sequence[Term],
    *,
    is_newest_first: bool = False,
    skip: int = 0,
    limit: int = 20,
    within: float = WITHIN,
) -> Found:
    """The papers that have all the terms, the most relevant or the newest first.

    One term at least is not excluded; `within` is in seconds. Raises SearchTimeoutError and
    StoreError.
    """
    if not is_there(connection):
        raise StoreError("there is no index: this SQLite was built without FTS5")
    is_file = _is_file(connection)
    asked = {"terms": _fts5_query(terms) if is_file else _tsquery(terms)}
    counting = sa.text(_COUNT_FTS5 if is_file else _COUNT_TSVECTOR)
    if is_newest_first:
        choosing = sa.text(_NEWEST_FTS5 if is_file else _NEWEST_TSVECTOR)
    else:
        choosing = sa.text(_RELEVANT_FTS5 if is_file else _RELEVANT_TSVECTOR)
    with _within(connection, within):
        count = int(connection.scalar(counting, asked | {"most": MOST_COUNTED + 1}) or 0)
        left = max(min(limit, MOST_COUNTED - skip), 0)
        ids = scalars(connection, choosing.bindparams(**asked, limit=left, skip=skip), str)
    return Found(tuple(ids), min(count, MOST_COUNTED), count > MOST_COUNTED)


def _is_file(connection: sa.Connection) -> bool:
    return connection.dialect.name == "sqlite"


def is_possible(connection: sa.Connection) -> bool:
    """Whether there can be an index."""
    return not _is_file(connection) or bool(connection.exec_driver_sql(_HAS_FTS5).scalar())


def _put_fts5(connection: sa.Connection, indexed: Sequence[Words]) -> None:
    ids = [(each.paper_id,) for each in indexed]
    connection.exec_driver_sql(_PUT_ID, ids)
    connection.exec_driver_sql(_TAKE_OUT, ids)
    rows = [(each.paper_id, *map(" ".join, _bounded(each))) for each in indexed]
    connection.exec_driver_sql(_PUT_FTS5, rows)


def _bounded(words: Words) -> tuple[Sequence[str], ...]:
    """The fields in the order of `_WEIGHTS`, as far as every database takes their words."""
    fields = (words.title, words.keywords, words.people, words.content)
    count, length = sum(map(len, fields)), sum(len(word) for field in fields for word in field)
    is_small = count <= MOST_WORDS and 4 * length <= MOST_BYTES
    if is_small and all(len(word) <= LONGEST for field in fields for word in field):
        return fields  # as nearly always
    left, room, bounded = MOST_BYTES, MOST_WORDS, []
    for field in fields:
        taken = []
        for word in field[:room]:
            cut = word[:LONGEST]
            left -= len(cut.encode())
            if left < 0:
                break
            taken.append(cut)
        room = room - len(taken) if left >= 0 else 0
        bounded.append(taken)
    return tuple(bounded)


def _tsvector(words: Words) -> str:
    places: dict[str, list[str]] = {}
    place = 0
    for weight, field in zip(_WEIGHTS, _bounded(words), strict=True):
        for word in field:
            place += 1
            if word != BREAK:
                places.setdefault(word, []).append(f"{place}{weight}")
        place += 1  # no phrase goes on in another field
    return " ".join(f"{_quoted(word)}:{','.join(at)}" for word, at in places.items())


def _tsquery(terms: Iterable[Term]) -> str:
    return " & ".join(sorted(map(_tsquery_term, terms)))


def _tsquery_term(term: Term) -> str:
    end = ":*" if term.is_prefix else ""
    last = " | ".join(f"{_quoted(word[:LONGEST])}{end}" for word in term.last)
    phrase = " <-> ".join([*(_quoted(word[:LONGEST]) for word in term.before), f"({last})"])
    return f"{'!' if term.is_excluded else ''}({phrase})"


def _quoted(word: str) -> str:
    """A word as PostgreSQL's text form of `tsvector` and `tsquery` has it."""
    return "'{}'".format(word.replace("\\", "\\\\").replace("'", "''"))


def _fts5_query(terms: Iterable[Term]) -> str:
    wanted: list[str] = []
    excluded: list[str] = []
    for term in terms:
        (excluded if term.is_excluded else wanted).append(_fts5_term(term))
    query = f"({' AND '.join(wanted)})"
    return f"{query} NOT ({' OR '.join(excluded)})" if excluded else query


def _fts5_term(term: Term) -> str:
    end = " *" if term.is_prefix else ""
    phrases = (" ".join(word[:LONGEST] for word in (*term.before, last)) for last in term.last)
    return "({})".format(" OR ".join(f'"{_doubled(phrase)}"{end}' for phrase in phrases))


def _doubled(phrase: str) -> str:
    return phrase.replace('"', '""')


@contextlib.contextmanager
def _within(connection: sa.Connection, seconds: float) -> Iterator[None]:
    """Have what is asked for in here end after so many seconds. Raises SearchTimeoutError."""
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        end = time.monotonic() + seconds
        raw.set_progress_handler(lambda: time.monotonic() > end, 1000)
    else:
        bound = {"milliseconds": str(max(int(seconds * 1000), 1))}  # to the transaction's end
        connection.execute(sa.text(_WITHIN), bound)
    try:
        yield
    except sa.exc.OperationalError as error:
        said = str(error.orig)
        if "interrupted" in said or "statement timeout" in said:
            raise SearchTimeoutError(f"the search took more than {seconds:g} s") from error
        raise
    finally:
        if isinstance(raw, sqlite3.Connection):
            raw.set_progress_handler(None, 0)
