"""Many subscriptions' rules as arrays, and what they all say of one paper at once.

A rule is a conjunction of clauses and bounds. A clause is a set of terms (phrases, names) of which
one must stand in one of its fields (`any` with `topics`; each keyword of `all`; `authors`;
`organizations`), or none may (`none`). A bound is a number that the paper must reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from watcher.rules.arrays import (
    Flags,
    Floats,
    Masks,
    Numbers,
    Positions,
    are_first,
    distinct,
    ranges,
)
from watcher.rules.ids import Ids

UNBOUND = float("-inf")

_CELLS = 40_000_000
"""Papers times clauses (or rules) that are looked at together at most: a bound on memory."""

_EXCLUDED = np.int32(1 << 30)
"""What a clause that must not be met counts, so that a rule is met more often than it needs."""


class Evidence(NamedTuple):
    """Papers as the arrays see them.

    A row for each term that stands in a field of a paper: `papers` are positions, ascending;
    `masks` have the bit of the field. By paper, `unknown` is the mask of the fields of which
    nothing is known, and `values` has for each bound what it reaches, NaN where that is not known.
    """

    papers: Positions
    terms: Numbers
    masks: Masks
    unknown: Masks
    values: tuple[Floats, ...]


class Columns(NamedTuple):
    """Rules in the order of their subscriptions, clauses in that of their rules, and so on.

    `rule_places` are places in `ids`, `clause_rules` numbers of
    rules, `term_clauses` those of clauses. `needs` counts a rule's clauses that are no `none`.
    `bounds` has a column for each bound, UNBOUND where a rule has none.
    """

    ids: Ids
    rule_places: Numbers
    needs: Numbers
    bounds: tuple[Floats, ...]
    clause_rules: Numbers
    clause_masks: Masks
    are_nones: Flags
    terms: Numbers
    term_clauses: Numbers


class Pairs(NamedTuple):
    """Pairs of a paper (its position) and a subscription (its place), ascending."""

    papers: Positions
    places: Numbers

    def of(self, paper: int) -> Numbers:
        """The places that stand with a paper."""
        start, stop = np.searchsorted(self.papers, (paper, paper + 1))
        return self.places[start:stop]


class Decided(NamedTuple):
    """Which subscriptions match which papers, and which wait for a field of them."""

    matched: Pairs
    undecided: Pairs


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Columns made ready: clauses filed by term. `bounds` that no rule has are None.

    `filed` has by term its position in `keys`, -1 where it is not there; None where the keys are
    so few that searching for them takes less.
    """

    ids: Ids
    rule_places: Numbers
    needs: Numbers
    bounds: tuple[Floats | None, ...]
    clause_rules: Numbers
    clause_masks: Masks
    are_nones: Flags
    keys: Numbers
    starts: Numbers
    postings: Numbers
    posting_masks: Masks
    filed: Numbers | None
    free_rules: Numbers
    used_fields: int

    @classmethod
    def of(cls, columns: Columns) -> Segment:
        """File the clauses."""
        filed = np.sort(columns.terms.astype(np.int64) << 32 | columns.term_clauses)
        terms, postings = (filed >> 32).astype(np.int32), filed.astype(np.int32)
        starts = np.flatnonzero(are_first(terms))
        keys = terms[starts]
        return cls(
            ids=columns.ids,
            rule_places=columns.rule_places,
            needs=columns.needs,
            bounds=tuple(column if (column > UNBOUND).any() else None for column in columns.bounds),
            clause_rules=columns.clause_rules,
            clause_masks=columns.clause_masks,
            are_nones=columns.are_nones,
            keys=keys,
            starts=np.append(starts, len(terms)).astype(np.int32),
            postings=postings,
            posting_masks=columns.clause_masks[postings],
            filed=_filed(keys),
            free_rules=_positions(columns.needs == 0),
            used_fields=int(np.bitwise_or.reduce(columns.clause_masks)),
        )

    def decide(self, evidence: Evidence, is_alive: Flags) -> Decided:
        """Which of the subscriptions that are alive match, and which cannot be told yet."""
        count = len(evidence.unknown)
        at_once = max(1, _CELLS // max(1, len(self.clause_rules), len(self.needs)))
        is_open = (evidence.unknown & self.used_fields) != 0
        for column, values in zip(self.bounds, evidence.values, strict=True):
            if column is not None:
                is_open |= np.isnan(values)
        matched: list[tuple[Positions, Numbers]] = []
        undecided: list[tuple[Positions, Numbers]] = []
        for first in range(0, count, at_once):
            last = min(first + at_once, count)
            papers, clauses = self._met(evidence, first, last)
            is_known = ~is_open[papers]
            met = self._where_all_is_known(
                papers.compress(is_known),
                clauses.compress(is_known),
                _where(~is_open, first, last),
                evidence.values,
            )
            matched.append(self._owners(*met, is_alive))
            for paper in _where(is_open, first, last).tolist():
                held, waiting = self._where_some_is_not(clauses[papers == paper], evidence, paper)
                match = self._owners(np.full(len(held), paper), held, is_alive)
                matched.append(match)
                may = self._owners(np.full(len(waiting), paper), waiting, is_alive)
                undecided.append(_without(may, match[1]))
        return Decided(_pairs(matched), _pairs(undecided))

    def _met(self, evidence: Evidence, first: int, last: int) -> tuple[Positions, Numbers]:
        """The clauses of which a term stands in one of their fields, by paper, ascending."""
        start, stop = np.searchsorted(evidence.papers, (first, last))
        if not len(self.keys):
            return _NOWHERE, _NOBODY
        here, at = self._filed(evidence.terms[start:stop])
        starts = self.starts.take(at)
        counts = self.starts.take(at + 1) - starts
        which, where = ranges(starts, counts)
        masks = evidence.masks[start:stop].take(here).take(which) & self.posting_masks.take(where)
        width = len(self.clause_rules)
        rows = ((evidence.papers[start:stop].take(here) - first) * width).astype(np.int32)
        cells = (rows.take(which) + self.postings.take(where)).compress(masks != 0)
        cells = _distinct(cells, (last - first) * width)
        papers = cells // width
        return papers.astype(np.int64) + first, cells - papers * width

    def _filed(self, terms: Numbers) -> tuple[Positions, Numbers]:
        """Which of the terms are in `keys`, and where."""
        if self.filed is not None:
            filed = self.filed.take(terms, mode="clip")
            here = np.flatnonzero(filed >= 0)
            return here, filed.take(here)
        filed = np.searchsorted(self.keys, terms).astype(np.int32)
        here = np.flatnonzero(self.keys.take(filed, mode="clip") == terms)
        return here, filed.take(here)

    def _where_all_is_known(
        self, papers: Positions, clauses: Numbers, asked: Positions, values: tuple[Floats, ...]
    ) -> tuple[Positions, Numbers]:
        """The rules that hold, by paper; `asked` are all the papers."""
        rules = self.clause_rules.take(clauses)
        firsts = _run_starts(papers, rules)
        met = np.where(self.are_nones.take(clauses), _EXCLUDED, np.int32(1))
        met = np.add.reduceat(met, firsts) if len(firsts) else met
        papers, rules = papers.take(firsts), rules.take(firsts)
        is_held = met == self.needs.take(rules)
        if len(self.free_rules):
            papers, rules = self._with_free(papers, rules, is_held, asked)
        else:
            papers, rules = papers.compress(is_held), rules.compress(is_held)
        for column, reached in zip(self.bounds, values, strict=True):
            if column is not None:
                is_kept = column.take(rules) <= reached.take(papers)
                papers, rules = papers.compress(is_kept), rules.compress(is_kept)
        return papers, rules

    def _with_free(
        self, papers: Positions, rules: Numbers, is_held: Flags, asked: Positions
    ) -> tuple[Positions, Numbers]:
        """The pairs that hold, and those of rules that hold where nothing excludes them."""
        is_out = np.zeros((len(asked), len(self.free_rules)), np.bool_)
        is_free = self.needs[rules] == 0
        is_out[
            np.searchsorted(asked, papers[is_free]),
            np.searchsorted(self.free_rules, rules[is_free]),
        ] = True
        rows, columns = np.nonzero(~is_out)
        papers = np.concatenate((papers[is_held], asked[rows]))
        rules = np.concatenate((rules[is_held], self.free_rules[columns]))
        order = np.lexsort((rules, papers))
        return papers[order], rules[order]

    def _where_some_is_not(
        self, clauses: Numbers, evidence: Evidence, paper: int
    ) -> tuple[Numbers, Numbers]:
        """The rules that hold for a paper of which something is unknown, and those that may."""
        count = len(self.needs)
        rules = self.clause_rules[clauses]
        are_nones = self.are_nones[clauses]
        is_open = (self.clause_masks & evidence.unknown[paper]) != 0
        is_open[clauses] = False
        holding = np.bincount(rules[~are_nones], minlength=count)
        may_hold = np.bincount(self.clause_rules[is_open & ~self.are_nones], minlength=count)
        is_false = holding + may_hold < self.needs
        is_unknown = holding < self.needs
        is_false[rules[are_nones]] = True
        is_unknown[self.clause_rules[is_open & self.are_nones]] = True
        for column, values in zip(self.bounds, evidence.values, strict=True):
            if column is None:
                continue
            if np.isnan(values[paper]):
                is_unknown |= column > UNBOUND
            else:
                is_false |= column > values[paper]
        return _positions(~is_false & ~is_unknown), _positions(~is_false & is_unknown)

    def _owners(
        self, papers: Positions, rules: Numbers, is_alive: Flags
    ) -> tuple[Positions, Numbers]:
        places = self.rule_places.take(rules)
        firsts = _run_starts(papers, places)
        papers, places = papers.take(firsts), places.take(firsts)
        is_kept = is_alive.take(places)
        return papers.compress(is_kept), places.compress(is_kept)


def merge(segments: Sequence[tuple[Segment, Flags]]) -> Columns:
    """Segments as one, without the subscriptions that are not alive."""
    parts = []
    rules_before = clauses_before = places_before = 0
    for segment, is_alive in segments:
        is_kept = is_alive[segment.rule_places]
        is_clause_kept = is_kept[segment.clause_rules]
        is_term_kept = is_clause_kept[segment.postings]
        new_places = _renumbered(is_alive, places_before)
        new_rules = _renumbered(is_kept, rules_before)
        new_clauses = _renumbered(is_clause_kept, clauses_before)
        terms = np.repeat(segment.keys, np.diff(segment.starts))
        columns = Columns(
            ids=segment.ids.kept(is_alive),
            rule_places=new_places[segment.rule_places[is_kept]],
            needs=segment.needs[is_kept],
            bounds=tuple(
                np.full(int(is_kept.sum()), UNBOUND) if column is None else column[is_kept]
                for column in segment.bounds
            ),
            clause_rules=new_rules[segment.clause_rules[is_clause_kept]],
            clause_masks=segment.clause_masks[is_clause_kept],
            are_nones=segment.are_nones[is_clause_kept],
            terms=terms[is_term_kept],
            term_clauses=new_clauses[segment.postings[is_term_kept]],
        )
        places_before += len(columns.ids)
        rules_before += len(columns.needs)
        clauses_before += len(columns.clause_rules)
        parts.append(columns)
    return Columns(
        ids=Ids.joined([part.ids for part in parts]),
        rule_places=np.concatenate([part.rule_places for part in parts]),
        needs=np.concatenate([part.needs for part in parts]),
        bounds=tuple(map(np.concatenate, zip(*(part.bounds for part in parts), strict=True))),
        clause_rules=np.concatenate([part.clause_rules for part in parts]),
        clause_masks=np.concatenate([part.clause_masks for part in parts]),
        are_nones=np.concatenate([part.are_nones for part in parts]),
        terms=np.concatenate([part.terms for part in parts]),
        term_clauses=np.concatenate([part.term_clauses for part in parts]),
    )


_NOBODY: Numbers = np.zeros(0, np.int32)
_NOWHERE: Positions = np.zeros(0, np.int64)


def _positions(flags: Flags) -> Numbers:
    return np.flatnonzero(flags).astype(np.int32)


def _where(flags: Flags, first: int, last: int) -> Positions:
    return np.flatnonzero(flags[first:last]) + first


def _filed(keys: Numbers) -> Numbers | None:
    """Where each key is, by key."""
    if not len(keys) or len(keys) * 20 < int(keys[-1]):
        return None
    filed = np.full(int(keys[-1]) + 2, -1, np.int32)
    filed[keys] = np.arange(len(keys), dtype=np.int32)
    return filed


def _distinct(numbers: Numbers, end: int) -> Numbers:
    """The distinct ones, ascending; all are below `end`."""
    if len(numbers) * 60 < end:  # else sorting takes longer than to mark and to look at all
        return distinct(numbers)
    is_there = np.zeros(end, np.bool_)
    is_there[numbers] = True
    return _positions(is_there)


def _run_starts(papers: Positions, numbers: Numbers) -> Positions:
    """Where pairs that ascend are there for the first time."""
    is_first = are_first(numbers)
    is_first[1:] |= papers[1:] != papers[:-1]
    return np.flatnonzero(is_first)


def _without(pairs: tuple[Positions, Numbers], places: Numbers) -> tuple[Positions, Numbers]:
    """The pairs of one paper, but for some places."""
    is_kept = ~np.isin(pairs[1], places)
    return pairs[0][is_kept], pairs[1][is_kept]


def _pairs(parts: Sequence[tuple[Positions, Numbers]]) -> Pairs:
    papers = np.concatenate([_NOWHERE, *(part[0] for part in parts)])
    places = np.concatenate([_NOBODY, *(part[1] for part in parts)])
    order = np.argsort(papers, kind="stable")
    return Pairs(papers[order], places[order])


def _renumbered(is_kept: Flags, start: int) -> Numbers:
    return (np.cumsum(is_kept) - 1 + start).astype(np.int32)
