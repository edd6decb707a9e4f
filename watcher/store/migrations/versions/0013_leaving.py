"""Who has left which subscription; until now a click paused an address for all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

CLICKED = "unsubscribed at a click from "


def upgrade() -> None:
    """Go forward; who is paused by a click stays so, and has left that one besides."""
    op.create_table(
        "left_recipients",
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscription_id", "address", name=op.f("pk_left_recipients")),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_left_recipients_subscription_id"),
        ),
    )
    op.create_index(op.f("ix_left_recipients_address"), "left_recipients", ["address"])
    op.add_column("subscriptions", sa.Column("renamed_to", sa.Text()))
    connection = op.get_bind()
    # One that was removed may go on under another name, which nothing tells: the pause alone stays.
    present = set(
        connection.scalars(sa.text("SELECT id FROM subscriptions WHERE removed_at IS NULL"))
    )
    paused = connection.execute(
        sa.text("SELECT address, paused_at, reason FROM paused_recipients WHERE resumed_at IS NULL")
    )
    left = {
        (of, row.address.lower()): row.paused_at
        for row in paused
        if row.reason.startswith(CLICKED) and (of := row.reason.removeprefix(CLICKED)) in present
    }
    for (of, address), at in left.items():
        connection.execute(
            sa.text("INSERT INTO left_recipients VALUES (:of, :address, :at)"),
            {"of": of, "address": address, "at": at},
        )
