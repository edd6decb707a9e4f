"""Subscriptions in shards, and which of them are yet to be worked through."""

from zlib import crc32

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

AT_ONCE = 10_000


def upgrade() -> None:
    """Go forward."""
    op.add_column(
        "subscriptions", sa.Column("bucket", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_index(op.f("ix_subscriptions_bucket"), "subscriptions", ["bucket"])
    op.create_table(
        "shards",
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("task", "subject", "number", name=op.f("pk_shards")),
    )
    connection = op.get_bind()
    table = sa.table("subscriptions", sa.column("id", sa.Text), sa.column("bucket", sa.Integer))
    ids = connection.scalars(sa.select(table.c.id)).all()
    fill = table.update().where(table.c.id == sa.bindparam("of"))
    fill = fill.values(bucket=sa.bindparam("its"))
    for start in range(0, len(ids), AT_ONCE):
        rows = [
            {"of": each, "its": crc32(each.encode()) % 1024}
            for each in ids[start : start + AT_ONCE]
        ]
        connection.execute(fill, rows)
