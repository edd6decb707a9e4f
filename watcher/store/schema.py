"""The tables, the same on SQLite and PostgreSQL.

Lists and records inside a row are JSON text written by msgspec; the newest facts of a paper are one
such record, because they are always read and merged whole.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
)

from watcher.store.column_types import RowId, StoredText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

papers = Table(
    "papers",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("title", StoredText, nullable=False),
    Column("facts", StoredText, nullable=False),
    Column("first_facts", StoredText, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("facts_at", UtcDateTime, nullable=False),
    Column("asked_at", UtcDateTime),  # when the API was last asked for this one paper
    Column("pruned_at", UtcDateTime),
    Column("indexed_at", UtcDateTime),  # null: the index of words does not have it as it is now
    Index(None, "first_seen_at"),
)

sightings = Table(
    "sightings",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("paper_id", StoredText, ForeignKey("papers.id"), nullable=False),
    Column("source", StoredText, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("upvotes", Integer),
    Column("comment_count", Integer),
    Column("star_count", Integer),
    Index(None, "paper_id", "source", "seen_at"),
    Index(None, "seen_at"),
)

checks = Table(
    "checks",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("source", StoredText, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),  # null: under way, or cut short by the process's end
    Column("outcome", StoredText),
    Column("paper_count", Integer, nullable=False, server_default="0"),
    Column("new_count", Integer, nullable=False, server_default="0"),
    Column("error", StoredText),
    Column("slot_at", UtcDateTime),  # when it was due; null: it was asked for, or of one process
    Index(None, "source", "started_at"),
    Index(None, "source", "slot_at", unique=True),
)

listings = Table(
    "listings",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("check_id", RowId, ForeignKey("checks.id"), nullable=False),
    Column("source", StoredText, nullable=False),
    Column("period", StoredText, nullable=False),  # '' where the source is not dated
    Column("observed_at", UtcDateTime, nullable=False),
    Column("outcome", StoredText, nullable=False),
    Column("is_whole", Boolean, nullable=False),  # its period had ended, so its count is a measure
    Column("coverage", StoredText, nullable=False),
    Column("matched_at", UtcDateTime),
    Index(None, "source", "period", "id"),
    Index(None, "matched_at"),
)

listing_papers = Table(
    "listing_papers",
    metadata,
    Column("listing_id", RowId, ForeignKey("listings.id", ondelete="CASCADE"), primary_key=True),
    Column("paper_id", StoredText, ForeignKey("papers.id"), primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "paper_id"),
)

pages = Table(
    "pages",
    metadata,
    Column("url", StoredText, primary_key=True),
    Column("source", StoredText, nullable=False),
    Column("etag", StoredText),
    Column("last_modified", StoredText),
    Column("body_hash", StoredText, nullable=False),
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("paper_count", Integer, nullable=False),
    Column("outcome", StoredText, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("name", StoredText, primary_key=True),
    Column("last_good_at", UtcDateTime),
    Column("read_at", UtcDateTime),  # when all pages that were due gave papers, good or degraded
    Column("trouble_at", UtcDateTime),  # since when no check was good
    Column("trouble_count", Integer, nullable=False, server_default="0"),
    Column("degraded_count", Integer, nullable=False, server_default="0"),
    Column("told_at", UtcDateTime),  # the operator was told of the trouble, not yet of its end
    Column("not_before_at", UtcDateTime),  # the site asked to be left alone until then
)

outages = Table(
    "outages",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("source", StoredText, nullable=False),
    Column("since_at", UtcDateTime, nullable=False),
    Column("until_at", UtcDateTime, nullable=False),
    Column("unit", StoredText),  # of what was caught up: day, week, month
    Column("caught_up_count", Integer, nullable=False),
    Index(None, "source", "until_at"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("definition", StoredText, nullable=False),
    Column("fingerprint", StoredText, nullable=False),
    Column("known_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("paused_at", UtcDateTime),
    Column(
        "renamed_from", StoredText
    ),  # looks like that one renamed: waits for a word of the operator
    Column("bucket", Integer, nullable=False, server_default="0"),  # which shards it is of
    Column("renamed_to", StoredText),  # which list the links in its mails mean now
    Index(None, "bucket"),
)

stored_subscriptions = Table(
    "stored_subscriptions",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("definition", StoredText, nullable=False),  # as given; that of `subscriptions` is whole
    Column("stored_at", UtcDateTime, nullable=False),
)

first_runs = Table(
    "first_runs",
    metadata,
    Column("subscription_id", StoredText, ForeignKey("subscriptions.id"), primary_key=True),
    Column("source", StoredText, primary_key=True),
    Column("check_id", RowId, nullable=False),
)

backfills = Table(
    "backfills",
    metadata,
    Column("subscription_id", StoredText, ForeignKey("subscriptions.id"), primary_key=True),
    Column("wording", StoredText, primary_key=True),  # a hash of the rule that looked back
    Column("done_at", UtcDateTime, nullable=False),
)

digests = Table(
    "digests",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("subscription_id", StoredText, ForeignKey("subscriptions.id"), nullable=False),
    Column("slot_key", StoredText, nullable=False),
    Column("composed_at", UtcDateTime, nullable=False),
    Column("subject", StoredText, nullable=False),
    Column("html", StoredText, nullable=False),
    Column("paper_count", Integer, nullable=False),
    UniqueConstraint("subscription_id", "slot_key"),
    Index(None, "composed_at"),
)

slots = Table(
    "slots",
    metadata,
    Column("subscription_id", StoredText, ForeignKey("subscriptions.id"), primary_key=True),
    Column("slot_key", StoredText, primary_key=True),
    Column("scheduled_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("digest_id", RowId, ForeignKey("digests.id")),  # null: there was nothing to mail
    Index(None, "subscription_id", "scheduled_at"),
)

matches = Table(
    "matches",
    metadata,
    Column("subscription_id", StoredText, ForeignKey("subscriptions.id"), primary_key=True),
    Column("paper_id", StoredText, ForeignKey("papers.id"), primary_key=True),
    Column("state", StoredText, nullable=False),
    Column("is_baseline", Boolean, nullable=False),
    Column("source", StoredText, nullable=False),
    Column("matched_at", UtcDateTime, nullable=False),
    Column("reasons", StoredText, nullable=False),
    Column("digest_id", RowId, ForeignKey("digests.id")),
    Column("votes_per_day", Float),  # when it matched
    Column("backfill_days", Integer),  # how far was looked back for it
    CheckConstraint(
        "state IN ('undecided', 'pending', 'baseline', 'composed', 'withdrawn')", name="state"
    ),
    Index(None, "state", "subscription_id"),
    Index(None, "digest_id"),
    Index(None, "paper_id"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("key", StoredText, nullable=False, unique=True),  # one trouble, one mail
    Column("kind", StoredText, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("subject", StoredText, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("digest_id", RowId, ForeignKey("digests.id")),
    Column("notice_id", RowId, ForeignKey("notices.id")),
    Column("sender", StoredText, nullable=False),
    Column("recipient", StoredText, nullable=False),
    Column("message_id", StoredText, nullable=False),
    Column("message", LargeBinary),  # of what `messages` does not hold; null once pruned
    Column("state", StoredText, nullable=False),
    Column("attempt_count", Integer, nullable=False, server_default="0"),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("attempted_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("answer", StoredText),
    Column("is_session_trouble", Boolean, nullable=False, server_default=false()),
    Column("lease_token", StoredText),  # who alone may send it, until leased_until
    Column("leased_until", UtcDateTime),
    Column("bounce_token", StoredText),  # in the envelope sender: what names it in a bounce
    Column("resend_number", Integer, nullable=False, server_default="0"),  # 0: as composed
    UniqueConstraint("message_id", "resend_number"),
    UniqueConstraint("digest_id", "recipient", "resend_number"),
    CheckConstraint("(digest_id IS NULL) <> (notice_id IS NULL)", name="one_origin"),
    CheckConstraint(
        "state IN ('queued', 'sending', 'delivered', 'dead', 'expired', 'cancelled', 'parked')",
        name="state",
    ),
    Index(None, "state", "next_attempt_at"),
    Index(None, "bounce_token", unique=True),
    Index(None, "recipient"),
)

messages = Table(
    "messages",
    metadata,
    Column("delivery_id", RowId, ForeignKey("deliveries.id"), primary_key=True),
    Column("message", LargeBinary, nullable=False),
)

bounces = Table(
    "bounces",
    metadata,
    Column("delivery_id", RowId, ForeignKey("deliveries.id"), primary_key=True),
    Column("is_final", Boolean, nullable=False),  # false: put off on the way, may arrive yet
    Column("status", StoredText, nullable=False),  # as in RFC 3463; '' where none was given
    Column("text", StoredText, nullable=False),
    Column("reported_at", UtcDateTime, nullable=False),
)

paused_recipients = Table(
    "paused_recipients",
    metadata,
    Column("address", StoredText, primary_key=True),
    Column("paused_at", UtcDateTime, nullable=False),
    Column("reason", StoredText, nullable=False),
    Column("resumed_at", UtcDateTime),  # null: paused now
)

suppressed_addresses = Table(
    "suppressed_addresses",
    metadata,
    Column("address", StoredText, primary_key=True),  # in small letters
    Column("suppressed_at", UtcDateTime, nullable=False),
)

left_recipients = Table(
    "left_recipients",
    metadata,
    Column("subscription_id", StoredText, ForeignKey("subscriptions.id"), primary_key=True),
    Column("address", StoredText, primary_key=True),  # in small letters
    Column("left_at", UtcDateTime, nullable=False),
    Index(None, "address"),
)

spent_links = Table(
    "spent_links",
    metadata,
    Column("digest", StoredText, primary_key=True),  # of a link that works once
    Column("spent_at", UtcDateTime, nullable=False),
)

letters = Table(
    "letters",
    metadata,
    Column("message_id", StoredText, primary_key=True),
    Column("kind", StoredText, nullable=False),
    Column("sender", StoredText, nullable=False),
    Column("recipient", StoredText),  # null: to nobody, who costs as much as somebody
    Column("message", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("attempt_count", Integer, nullable=False, server_default="0"),
    Column("attempted_at", UtcDateTime),
    Column("answer", StoredText),  # the last one, without links
    Column("is_session_trouble", Boolean, nullable=False, server_default=false()),
    Column("lease_token", StoredText),  # who alone may send it, until leased_until
    Column("leased_until", UtcDateTime),
    Index(None, "next_attempt_at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("subscription_id", StoredText, ForeignKey("subscriptions.id"), primary_key=True),
    Column("paper_id", StoredText, ForeignKey("papers.id"), primary_key=True),
    Column("is_wanted", Boolean, nullable=False),  # "more like this"; false: "not this"
    Column("said_at", UtcDateTime, nullable=False),
    Index(None, "paper_id"),
)

ticks = Table(
    "ticks",
    metadata,
    Column("job", StoredText, primary_key=True),
    Column("slot_at", UtcDateTime, primary_key=True),
    Column("ticked_at", UtcDateTime, nullable=False),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("role", StoredText, nullable=False),
    Column("host", StoredText, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", StoredText, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
)

shards = Table(
    "shards",
    metadata,
    Column("task", StoredText, primary_key=True),
    Column("subject", StoredText, primary_key=True),  # the listing or slot it is done for
    Column("number", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("planned_at", UtcDateTime, nullable=False),
)

buckets = Table(
    "buckets",
    metadata,
    Column("key", StoredText, primary_key=True),  # what is limited: a relay, a domain, a site
    Column("level", Float, nullable=False),
    Column("filled_at", UtcDateTime, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("key", StoredText, primary_key=True),
    Column("value", StoredText, nullable=False),
)
