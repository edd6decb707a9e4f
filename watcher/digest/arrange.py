"""Which papers stand where: newest first, grouped by the rule that brought them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from watcher.models import DigestPaper, Reason


@dataclass(frozen=True, slots=True)
class Group:
    """The papers that stand under one rule."""

    rule: str
    papers: tuple[DigestPaper, ...]


def strength(reason: Reason) -> tuple[bool, bool, int, int]:
    """What makes one reason better than another: news, then certainty, title, number of hits."""
    in_title = sum(hit.field == "title" for hit in reason.hits)
    return bool(reason.crossed), not reason.is_incomplete, in_title, len(reason.hits)


def primary(paper: DigestPaper) -> Reason:
    """The reason under whose rule the paper stands; of equals, the subscription's first."""
    return max(paper.reasons, key=strength, default=Reason(""))


def ordered(papers: Iterable[DigestPaper]) -> tuple[DigestPaper, ...]:
    """The newest match first; of one check, the strongest reason, then the most votes."""

    def key(paper: DigestPaper) -> tuple[float, tuple[int, ...], int, str]:
        weakness = tuple(-int(part) for part in strength(primary(paper)))
        return -paper.matched_at.timestamp(), weakness, -(paper.paper.upvotes or 0), paper.paper.id

    return tuple(sorted(papers, key=key))


def grouped(papers: Sequence[DigestPaper]) -> tuple[Group, ...]:
    """The papers by their primary rule; groups and papers keep the order given."""
    groups: dict[str, list[DigestPaper]] = {}
    for paper in papers:
        groups.setdefault(primary(paper).rule, []).append(paper)
    return tuple(Group(rule, tuple(members)) for rule, members in groups.items())
