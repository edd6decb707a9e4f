"""An index of the words of papers, and which of them are in it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Go forward; papers are indexed bit by bit by who goes on."""
    op.add_column("papers", sa.Column("indexed_at", sa.DateTime(timezone=True)))
    op.execute("CREATE INDEX ix_papers_to_index ON papers (first_seen_at) WHERE indexed_at IS NULL")
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("CREATE TABLE paper_words (paper_id text PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_paper_words_words ON paper_words USING gin (words)")
    elif connection.scalar(sa.text("SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'")):
        op.execute("""
            CREATE VIRTUAL TABLE paper_words USING fts5(title, keywords, people, content,
            tokenize = "ascii tokenchars '+#'")
        """)
        op.execute(
            "CREATE TABLE indexed_papers (id INTEGER PRIMARY KEY, paper_id TEXT NOT NULL UNIQUE)"
        )
