"""The bytes of mails in a table of their own, where a row is written anew with all that is in it.

Mails that are there stay where they are: both places are looked at.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "messages",
        sa.Column(
            "delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_messages_delivery_id")
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_messages")),
    )
