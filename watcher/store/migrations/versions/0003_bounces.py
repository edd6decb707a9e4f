"""Mails that come back, and the recipients that are paused for it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Go forward."""
    op.add_column("deliveries", sa.Column("bounce_token", sa.Text(), nullable=True))
    op.create_index(op.f("ix_deliveries_bounce_token"), "deliveries", ["bounce_token"], unique=True)
    op.create_index(op.f("ix_deliveries_recipient"), "deliveries", ["recipient"])
    op.create_table(
        "bounces",
        sa.Column(
            "delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_bounces_delivery_id")
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_bounces")),
    )
    op.create_table(
        "paused_recipients",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_paused_recipients")),
    )
