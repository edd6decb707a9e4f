"""What is known of a paper."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, fields, replace


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

    @property
    def texts(self) -> tuple[object, ...]:
        """What of it is searched."""
        return self.title, self.abstract, self.summary, self.keywords, self.authors

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
class FieldCoverage:
    """For one listing: the share (0 to 1) of its papers in which each field is present."""

    paper_count: int
    shares: dict[str, float] = field(default_factory=dict)
