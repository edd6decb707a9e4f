"""The records that travel through the program: frozen, plain, without behaviour beyond themselves.

`_at` is an aware UTC datetime, `_on` a date, `_count` an int, `_url` an absolute URL; None is
"not known".
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Literal

PageKind = Literal["daily", "weekly", "monthly", "trending", "search"]


class Outcome(StrEnum):
    """What became of a check of a source."""

    OK = "ok"
    UNCHANGED = "unchanged"
    EMPTY = "empty"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate-limited"
    FAILED = "failed"
    DEGRADED = "degraded"

    @property
    def is_good(self) -> bool:
        """Whether the source said all it has to say."""
        return self in {Outcome.OK, Outcome.UNCHANGED, Outcome.EMPTY}


@dataclass(frozen=True, slots=True)
class Author:
    """One author; `user` is the Hub account that claimed the paper, `status` how far that got."""

    name: str
    user: str | None = None
    status: str | None = None
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Organization:
    """A Hub organization: `name` is its slug, `fullname` what people read."""

    name: str
    fullname: str | None = None


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who put the paper on the daily page."""

    name: str | None = None
    fullname: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper as one source showed it, or as all of them together know it.

    `id` is the arXiv id without its version. `is_full` says the facts came from a full record
    (hydration JSON or API), so a field that is None is absent at the site too, and not just from
    the page's markup. `author_count` may exceed `len(authors)`: cards name five at most.
    """

    id: str
    title: str
    abstract: str | None = None
    summary: str | None = None
    keywords: tuple[str, ...] | None = None
    authors: tuple[Author, ...] | None = None
    author_count: int | None = None
    organization: Organization | None = None
    published_at: dt.datetime | None = None
    submitted_at: dt.datetime | None = None
    submitted_by: Submitter | None = None
    upvotes: int | None = None
    comment_count: int | None = None
    star_count: int | None = None
    code_url: str | None = None
    project_url: str | None = None
    thumbnail_url: str | None = None
    media_urls: tuple[str, ...] | None = None
    discussion_id: str | None = None
    is_author_participating: bool | None = None
    is_full: bool = False

    def merged_with(self, newer: Paper) -> Paper:
        """These facts brought up to date by `newer`: None never overwrites.

        Markup only fills gaps beside a full record (its authors are cut off, its dates lack the
        hour, its stars are rounded), except for what drifts: votes and comments.
        """
        drifting = {"upvotes", "comment_count"}
        changes: dict[str, object] = {}
        for name in (f.name for f in fields(self)):
            value = getattr(newer, name)
            if value is None or name in {"id", "is_full"}:
                continue
            if (
                self.is_full
                and not newer.is_full
                and name not in drifting
                and getattr(self, name) is not None
            ):
                continue
            changes[name] = value
        return replace(self, **changes, is_full=self.is_full or newer.is_full)  # type: ignore[arg-type]  # names come from fields()


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """What drifts, as it stood when the paper was first stored."""

    upvotes: int | None = None
    stars: int | None = None
    has_code: bool | None = None


@dataclass(frozen=True, slots=True)
class VoteCount:
    """How many votes a paper had when it was seen."""

    count: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class StoredPaper:
    """A paper with what the store knows besides its facts."""

    paper: Paper
    first_seen: FirstSeen
    first_seen_at: dt.datetime
    facts_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Period:
    """A day, ISO week or month of the site's calendar (UTC); `start_on` is its first day."""

    kind: Literal["day", "week", "month"]
    start_on: dt.date

    @property
    def key(self) -> str:
        """As in the site's paths: `2026-02-19`, `2026-W08`, `2026-02`."""
        if self.kind == "day":
            return self.start_on.isoformat()
        if self.kind == "week":
            year, week, _ = self.start_on.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.start_on:%Y-%m}"

    @property
    def next(self) -> Period:
        """The period after this one."""
        if self.kind == "day":
            return Period("day", self.start_on + dt.timedelta(days=1))
        if self.kind == "week":
            return Period("week", self.start_on + dt.timedelta(days=7))
        return Period(
            "month", (self.start_on.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        )

    @property
    def start_at(self) -> dt.datetime:
        """The first instant."""
        return dt.datetime.combine(self.start_on, dt.time(), dt.UTC)

    @property
    def end_at(self) -> dt.datetime:
        """The first instant after it."""
        return self.next.start_at

    @classmethod
    def containing(cls, kind: Literal["day", "week", "month"], at: dt.datetime) -> Period:
        """The period of that kind in which `at` (aware) falls."""
        on = at.astimezone(dt.UTC).date()
        if kind == "week":
            on -= dt.timedelta(days=on.weekday())
        elif kind == "month":
            on = on.replace(day=1)
        return cls(kind, on)

    @classmethod
    def parse(cls, key: str) -> Period:
        """The period a `key` names; ValueError where it names none."""
        if "-W" in key:
            year, week = key.split("-W")
            return cls("week", dt.date.fromisocalendar(int(year), int(week), 1))
        if len(key) == 7:
            return cls("month", dt.date.fromisoformat(f"{key}-01"))
        return cls("day", dt.date.fromisoformat(key))


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One GET. `period` is what was asked of a dated source; the validators make it conditional."""

    source: str
    url: str
    form: Literal["page", "api", "paper"] = "page"
    period: Period | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One HTTP answer, whole and decompressed. 304 has an empty body; `url` is the final one."""

    request: PageRequest
    url: str
    status: int
    body: bytes
    fetched_at: dt.datetime
    etag: str | None = None
    last_modified: str | None = None
    next_url: str | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether the site said that what was seen last still stands."""
        return self.status == 304


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that could not become a Paper: `position` in its page (from 0), and why."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The papers one answer held, in its order.

    `origin` is the layer they were read from. `period` is the one the answer itself names (a
    weekend page answers with another day's), None for trending and search. `says_empty`: it
    states that it has no papers. `has_marks`: it bears the page's own marks. `notes` are
    oddities worth a line to the operator.
    """

    source: str
    url: str
    papers: tuple[Paper, ...]
    observed_at: dt.datetime
    origin: Literal["json", "dom", "api"] = "json"
    period: Period | None = None
    skipped: tuple[Skipped, ...] = ()
    has_marks: bool = True
    says_empty: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One condition of a rule that a paper satisfies, and the very words that did.

    `condition` is the rule's key; `wanted` the keyword, topic keyword, name or bound as written;
    `field` where it was found; `words` the distinct spellings in the text; `topic` the topic
    that brought `wanted`. For votes a day, `words` tell how many they are.
    """

    condition: Literal[
        "any",
        "all",
        "topics",
        "authors",
        "organizations",
        "min_upvotes",
        "min_upvotes_per_day",
        "min_stars",
        "has_code",
    ]
    wanted: str
    field: str
    words: tuple[str, ...] = ()
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a paper matched: one rule, its hits, and what has changed since the paper was first seen.

    `crossed` are sentences like "reached 20 votes"; `is_incomplete`: judged without a field it
    wanted.
    """

    rule: str
    hits: tuple[Hit, ...] = ()
    crossed: tuple[str, ...] = ()
    is_incomplete: bool = False


class MatchState(StrEnum):
    """Where a (subscription, paper) pair stands.

    `undecided` waits for a field, `pending` for its slot; `baseline` was there before the
    subscription; `composed` is in a digest; `withdrawn` no longer held when its slot came.
    """

    UNDECIDED = "undecided"
    PENDING = "pending"
    BASELINE = "baseline"
    COMPOSED = "composed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Match:
    """One (subscription, paper) pair and why it is one.

    `votes_per_day` as it matched; `backfill_days`: how far back it was looked for, off the pages.
    """

    subscription_id: str
    paper_id: str
    state: MatchState
    source: str
    matched_at: dt.datetime
    reasons: tuple[Reason, ...] = ()
    is_baseline: bool = False
    digest_id: int | None = None
    votes_per_day: float | None = None
    backfill_days: int | None = None


@dataclass(frozen=True, slots=True)
class DigestPaper:
    """A paper in a digest with everything that brought it there; `remark` is a few words on how.

    `votes`, oldest first, has the last count that was seen on each day lately.
    """

    paper: Paper
    reasons: tuple[Reason, ...]
    matched_at: dt.datetime
    remark: str = ""
    votes: tuple[VoteCount, ...] = ()


@dataclass(frozen=True, slots=True)
class DigestContent:
    """What a digest says, before it is written out. `notes` are sentences on catch-ups and gaps."""

    subscription: str
    papers: tuple[DigestPaper, ...]
    composed_at: dt.datetime
    timezone: str
    max_papers: int
    next_slot_at: dt.datetime | None = None
    notes: tuple[str, ...] = ()
    unsubscribe: str = ""
    hub_url: str = "https://huggingface.co"
    wants_bibtex: bool = False


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
    """Where a mail to one recipient stands."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class FieldCoverage:
    """For one listing: the share (0 to 1) of its papers in which each field is present."""

    paper_count: int
    shares: dict[str, float] = field(default_factory=dict)
