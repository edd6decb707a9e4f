"""What a digest says, and the mail that it becomes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from watcher.models.matches import Reason
from watcher.models.pages import Failure, Outage
from watcher.models.papers import Paper, VoteCount


@dataclass(frozen=True, slots=True)
class DigestPaper:
    """A paper in a digest with everything that brought it there.

    `votes`, oldest first, has the last count that was seen on each day lately. `backfill_days`: how
    far back it was looked for, off the pages. `more_url` and `not_url` are pages on which to say
    "more like this" and "not this", or empty.
    """

    paper: Paper
    reasons: tuple[Reason, ...]
    matched_at: dt.datetime
    votes: tuple[VoteCount, ...] = ()
    backfill_days: int | None = None
    more_url: str = ""
    not_url: str = ""


@dataclass(frozen=True, slots=True)
class DigestContent:
    """What a digest says, before it is written out: `outages` on top, `failures` at its foot.

    `manage_url` is the page on which its one recipient changes it, `archive_url` the one with all
    its digests so far; each may be empty.
    """

    subscription: str
    papers: tuple[DigestPaper, ...]
    composed_at: dt.datetime
    timezone: str
    max_papers: int
    next_slot_at: dt.datetime | None = None
    outages: tuple[Outage, ...] = ()
    failures: tuple[Failure, ...] = ()
    unsubscribe: str = ""
    manage_url: str = ""
    archive_url: str = ""
    hub_url: str = "https://huggingface.co"
    wants_bibtex: bool = False
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of text that goes with a mail: `name` is plain ASCII, `subtype` that of text/*."""

    name: str
    subtype: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's parts: `subject` is one line of plain text.

    `complaint`: what was wrong with the operator's own templates, so that the built-in ones stood
    in for them.
    """

    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a transport needs: addresses in ASCII form, and the frozen bytes with CRLF line ends.

    `is_notice`: a mail to the operator, which no count of digests takes in.
    """

    delivery_id: int
    message_id: str
    sender: str
    recipient: str
    message: bytes
    is_notice: bool = False


class DeliveryState(StrEnum):
    """Where a mail to one recipient stands; `parked` waits for a word of the operator."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PARKED = "parked"
