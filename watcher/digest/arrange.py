"""Which papers stand where: the best reason first, grouped by the rule that brought them."""

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
    """The strongest reason first; of equals the most votes, then the newest match.

    What is first stays in full where not all papers can, and is named in the subject.
    """

    def key(paper: DigestPaper) -> tuple[tuple[int, ...], int, float, str]:
        weakness = tuple(-int(part) for part in strength(primary(paper)))
        return weakness, -(paper.paper.upvotes or 0), -paper.matched_at.timestamp(), paper.paper.id

    return tuple(sorted(papers, key=key))


def grouped(papers: Sequence[DigestPaper]) -> tuple[Group, ...]:
    """The papers by their primary rule; groups and papers keep the order given."""
    groups: dict[str, list[DigestPaper]] = {}
    for paper in papers:
        groups.setdefault(primary(paper).rule, []).append(paper)
    return tuple(Group(rule, tuple(members)) for rule, members in groups.items())
