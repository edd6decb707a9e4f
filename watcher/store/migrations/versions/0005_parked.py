"""Mails that are parked, and mails sent again on purpose."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_STATES = "state IN ('queued', 'sending', 'delivered', 'dead', 'expired', 'cancelled', 'parked')"


def upgrade() -> None:
    """Go forward."""
    connection = op.get_bind()
    bounces = sa.Table("bounces", sa.MetaData(), autoload_with=connection)
    put_aside = connection.execute(sa.select(bounces)).mappings().all()
    # On SQLite the table is made anew, which may not be while rows refer to it.
    connection.execute(bounces.delete())
    with op.batch_alter_table("deliveries") as batch_op:
        batch_op.add_column(
            sa.Column("resend_number", sa.Integer(), server_default="0", nullable=False)
        )
        for columns in (["message_id"], ["digest_id", "recipient"]):
            old = f"uq_deliveries_{'_'.join(columns)}"
            batch_op.drop_constraint(batch_op.f(old), type_="unique")
            batch_op.create_unique_constraint(
                batch_op.f(f"{old}_resend_number"), [*columns, "resend_number"]
            )
        batch_op.drop_constraint(batch_op.f("ck_deliveries_state"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_deliveries_state"), sa.text(_STATES))
    if put_aside:
        connection.execute(bounces.insert(), [dict(row) for row in put_aside])
