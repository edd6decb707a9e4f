"""Letters of the pages that are to be sent, kept until they are."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "letters",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text()),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True)),
        sa.Column("answer", sa.Text()),
        sa.Column("is_session_trouble", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lease_token", sa.Text()),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_letters")),
    )
    op.create_index(op.f("ix_letters_next_attempt_at"), "letters", ["next_attempt_at"])
