"""Statements are compiled once for all engines of a kind."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from watcher.store.compiled import Statements

WORDS = sa.table("words", sa.column("word", sa.String), sa.column("count", sa.Integer))


def engine(url: str, statements: Statements) -> sa.Engine:
    return sa.create_engine(url, execution_options={"compiled_cache": statements})


def word(of: sa.Engine, count: int) -> str | None:
    """A query with a value in it, on a table of its own."""
    with of.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE words (word TEXT, count INTEGER)")
        connection.execute(WORDS.insert(), [{"word": of.url.database, "count": 3}])
        return connection.scalar(sa.select(WORDS.c.word).where(WORDS.c.count == count))


def test_two_engines_of_a_kind_share_them_and_nothing_else(
    tmp_path: Path, postgres_url: str
) -> None:
    statements = Statements()
    urls = [f"sqlite:///{tmp_path / name}" for name in ("one", "two")]
    found = [word(engine(url, statements), 3) for url in urls]
    assert found == [str(tmp_path / "one"), str(tmp_path / "two")]
    assert len(statements) == 2
    server = sa.make_url(postgres_url).set(drivername="postgresql+psycopg")
    of_server = engine(server.render_as_string(), statements)
    assert word(of_server, 3) == server.database
    of_server.dispose()
    assert len(statements) == 4
    third = engine(f"sqlite:///{tmp_path / 'three'}", statements)
    assert word(third, 4) is None
    assert len(statements) == 4


def test_they_do_not_fill_the_memory() -> None:
    statements = Statements(most=5)
    with engine("sqlite://", statements).connect() as connection:
        for count in range(20):
            named = sa.literal(1).label(f"n{count}")
            assert connection.scalar(sa.select(named)) == 1
            assert len(statements) <= 5
