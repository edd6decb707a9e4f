"""The version after this one, as an upgrade may be: it adds a column, a table and an index."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import watcher
from watcher.store import versions

VERSION = "9.9.0"
REVISION = "9999"

_SCHEMA = """

deliveries.append_column(Column("colour", StoredText))
Index("ix_deliveries_queued_at", deliveries.c.queued_at)

crayons = Table(
    "crayons",
    metadata,
    Column("delivery_id", RowId, ForeignKey("deliveries.id"), primary_key=True),
    Column("colour", StoredText, nullable=False),
)
"""

_MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision = "{REVISION}"
down_revision = "{versions.REVISIONS[-1]}"


def upgrade():
    op.add_column("deliveries", sa.Column("colour", sa.Text(), nullable=True))
    op.create_index("ix_deliveries_queued_at", "deliveries", ["queued_at"])
    op.create_table(
        "crayons",
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"]),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
"""


def make_next_version(directory: Path) -> Path:
    """Put its program there; where it is to be run."""
    package = directory / "watcher"
    here = Path(watcher.__file__).parent
    shutil.copytree(here, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(here.parent / "templates", directory / "templates")
    _edit(package / "__init__.py", r'(__version__ = )".*"', rf'\1"{VERSION}"')
    _edit(package / "store/versions.py", r"(REVISIONS = \([^)]*\d\"),?\s*\)", rf'\1, "{REVISION}")')
    with (package / "store/schema.py").open("a") as schema:
        schema.write(_SCHEMA)
    (package / f"store/migrations/versions/{REVISION}_crayons.py").write_text(_MIGRATION)
    return directory


def _edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count == 1, f"{path} is not as it was"
    path.write_text(text)
