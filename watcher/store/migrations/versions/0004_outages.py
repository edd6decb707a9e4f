"""Outages by their facts: a digest tells them in its reader's language."""

import datetime as dt
import re

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SENTENCE = re.compile(
    r"(?:caught up (?P<count>\d+) (?P<unit>day|week|month)s? after an outage since"
    r"|could not be read from) \w{3} (?P<since>\d\d \w{3} \d\d:\d\d)"
)


def upgrade() -> None:
    """Go forward."""
    outages = op.create_table(
        "outages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("caught_up_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
    )
    op.create_index(op.f("ix_outages_source_until_at"), "outages", ["source", "until_at"])
    remarks = sa.table(
        "remarks",
        sa.column("source", sa.Text()),
        sa.column("made_at", sa.DateTime(timezone=True)),
        sa.column("text", sa.Text()),
    )
    connection = op.get_bind()
    for source, made_at, text in connection.execute(sa.select(*remarks.c)).all():
        if found := _SENTENCE.search(text):
            row = {
                "source": source,
                "since_at": _since(found["since"], made_at),
                "until_at": made_at,
                "unit": found["unit"],
                "caught_up_count": int(found["count"] or 0),
            }
            connection.execute(outages.insert().values(row))
    op.drop_table("remarks")


def _since(told: str, made_at: dt.datetime) -> dt.datetime:
    """The instant, which was told without its year."""
    for year in (made_at.year, made_at.year - 1):
        at = dt.datetime.strptime(f"{year} {told}", "%Y %d %b %H:%M").replace(tzinfo=made_at.tzinfo)
        if at <= made_at:
            return at
    return made_at
