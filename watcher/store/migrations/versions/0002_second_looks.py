"""Rules that look back, and the votes a day of what matched."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "backfills",
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_backfills_subscription_id")
        ),
        sa.PrimaryKeyConstraint("subscription_id", "wording", name=op.f("pk_backfills")),
    )
    op.add_column("matches", sa.Column("votes_per_day", sa.Float(), nullable=True))
    op.add_column("matches", sa.Column("backfill_days", sa.Integer(), nullable=True))
