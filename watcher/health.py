"""Whether a listing can be believed: its page's marks, its number of papers, their fields."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from watcher.models import FieldCoverage, Listing, Outcome, PageKind, Paper, Period

ENOUGH_LISTINGS = 3
"""Good listings that make a habit."""

ALWAYS = 0.9
"""The share of papers in which a field that is always there may be found."""

FEWEST_TRENDING = 5
FEWEST_FOR_VOTES = 5
"""Early in the day a page may hold a few papers nobody has voted for yet."""

_FIELDS: dict[str, tuple[str, Callable[[Paper], bool]]] = {
    "title": ("a title", lambda paper: bool(paper.title)),
    "abstract": ("an abstract", lambda paper: paper.abstract is not None),
    "summary": ("a summary", lambda paper: paper.summary is not None),
    "keywords": ("keywords", lambda paper: paper.keywords is not None),
    "authors": ("authors", lambda paper: paper.authors is not None),
    "organization": ("an organization", lambda paper: paper.organization is not None),
    "published_at": ("a date", lambda paper: paper.published_at is not None),
    "submitted_at": ("a day of submission", lambda paper: paper.submitted_at is not None),
    "upvotes": ("votes", lambda paper: bool(paper.upvotes)),
    "comment_count": ("a number of comments", lambda paper: paper.comment_count is not None),
    "code_url": ("a link to code", lambda paper: paper.code_url is not None),
    "star_count": ("stars", lambda paper: paper.star_count is not None),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a listing is worth, why, and which fields of its papers are not to be believed.

    `outcome` is ok, empty or degraded; `reasons` are sentences for the operator; `suspect` are
    names of Paper's fields that hold something but say nothing.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    suspect: tuple[str, ...] = ()


def coverage(listing: Listing) -> FieldCoverage:
    """In which share of the papers each field is present; votes of 0 count as absent."""
    count = len(listing.papers)
    if not count:
        return FieldCoverage(0)
    return FieldCoverage(
        count,
        {
            name: sum(map(is_present, listing.papers)) / count
            for name, (_, is_present) in _FIELDS.items()
        },
    )


def judge(
    listing: Listing,
    *,
    page: PageKind,
    requested: Period | None,
    now: dt.datetime,
    baseline: Sequence[FieldCoverage],
) -> Judged:
    """What a listing is worth.

    `requested` is the period that was asked for (None: not a dated page). `baseline` are the
    coverages of the source's recent good listings; for an ended period, those of ended periods.
    """
    if not listing.has_marks:
        return _degraded("the page has none of the marks of a papers page")
    if requested is not None and listing.period != requested:
        return _of_another_period(listing.period, requested)
    if not listing.papers:
        return _without_papers(listing, page, now)
    usual = [known for known in baseline if known.paper_count]
    has_habits = len(usual) >= ENOUGH_LISTINGS
    reasons = list(_few(listing, page, usual if has_habits else (), now))
    missing = list(_missing(listing, usual)) if has_habits else []
    reasons += (reason for _, reason in missing)
    if len(listing.skipped) >= len(listing.papers):
        reasons.append(
            f"{len(listing.skipped)} of {len(listing.skipped) + len(listing.papers)} records"
            f" cannot be read ({listing.skipped[0].reason})"
        )
    if not reasons:
        return Judged(Outcome.OK)
    suspect = tuple(name for name, _ in missing if name == "upvotes")
    return Judged(Outcome.DEGRADED, tuple(reasons), suspect)


def _degraded(reason: str) -> Judged:
    return Judged(Outcome.DEGRADED, (reason,))


def _of_another_period(shown: Period | None, requested: Period) -> Judged:
    if shown is None or shown.kind != requested.kind:
        return _degraded(f"asked for {requested.key}, the page does not say which it shows")
    if shown.start_on > requested.start_on:
        return _degraded(f"asked for {requested.key}, the page shows {shown.key}")
    return Judged(Outcome.EMPTY)


def _without_papers(listing: Listing, page: PageKind, now: dt.datetime) -> Judged:
    if listing.skipped:
        return _degraded(
            f"none of {len(listing.skipped)} records can be read ({listing.skipped[0].reason})"
        )
    if not listing.says_empty:
        return _degraded("the page holds no papers, and does not say that there are none")
    if page == "trending":
        return _degraded("the trending page says that it has no papers, which it always has")
    period = listing.period
    if period is not None and period.kind != "day" and period.end_at <= now:
        return _degraded(f"the page says that {period.key} had no papers at all")
    return Judged(Outcome.EMPTY)


def _few(
    listing: Listing, page: PageKind, usual: Sequence[FieldCoverage], now: dt.datetime
) -> Iterator[str]:
    count = len(listing.papers)
    papers = "1 paper" if count == 1 else f"{count} papers"
    is_whole = listing.period is not None and listing.period.end_at <= now
    if usual and (page == "trending" or is_whole):
        median = statistics.median(known.paper_count for known in usual)
        if count < median / 2:
            yield f"the page holds only {papers}; the usual number is {median:g}"
            return
    if page == "trending" and count < FEWEST_TRENDING:
        yield f"a trending page of only {papers}"


def _missing(listing: Listing, usual: Sequence[FieldCoverage]) -> Iterator[tuple[str, str]]:
    shares = coverage(listing).shares
    for name, (what, _) in _FIELDS.items():
        lowest = min(known.shares.get(name, 0.0) for known in usual)
        if shares[name] > 0 or lowest < ALWAYS:
            continue
        if name == "upvotes" and len(listing.papers) < FEWEST_FOR_VOTES:
            continue
        so_far = "all" if lowest == 1 else "nearly all"
        yield name, f"no paper has {what}; until now {so_far} had"
