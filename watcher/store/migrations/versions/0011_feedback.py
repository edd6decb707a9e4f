"""What people say of papers that were mailed to them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "feedback",
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("paper_id", sa.Text(), nullable=False),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscription_id", "paper_id", name=op.f("pk_feedback")),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_feedback_subscription_id"),
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_feedback_paper_id")),
    )
    op.create_index(op.f("ix_feedback_paper_id"), "feedback", ["paper_id"])
