"""Many subscriptions' rules as arrays, and what they all say of one paper at once.

A rule is a conjunction of clauses and bounds. A clause is a set of terms (phrases, names) of which
one must stand in one of its fields (`any` with `topics`; each keyword of `all`; `authors`;
`organizations`), or none may (`none`). A bound is a number that the paper must reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.int32]
Masks: TypeAlias = npt.NDArray[np.uint8]
Flags: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

UNBOUND = float("-inf")


class Evidence(NamedTuple):
    """A paper as the arrays see it.

    `terms` are there once each, with a mask of the fields it stands in; `unknown` is the mask of
    the fields of which nothing is known. `values` has a number for each bound, None where it is
    not known.
    """

    terms: Numbers
    masks: Masks
    unknown: int
    values: tuple[float | None, ...]


class Columns(NamedTuple):
    """Rules in the order of their subscriptions, clauses in that of their rules, and so on.

    `places` numbers subscriptions by id; `rule_places` are such places, `clause_rules` numbers of
    rules, `term_clauses` those of clauses. `needs` counts a rule's clauses that are no `none`.
    `bounds` has a column for each bound, UNBOUND where a rule has none.
    """

    places: dict[str, int]
    rule_places: Numbers
    needs: Numbers
    bounds: tuple[Floats, ...]
    clause_rules: Numbers
    clause_masks: Masks
    are_nones: Flags
    terms: Numbers
    term_clauses: Numbers


class Decided(NamedTuple):
    """Places of subscriptions, ascending: those that match, those that wait for a field."""

    matched: Numbers
    undecided: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Columns made ready: clauses filed by term. `bounds` that no rule has are None."""

    ids: tuple[str, ...]
    places: dict[str, int]
    rule_places: Numbers
    needs: Numbers
    bounds: tuple[Floats | None, ...]
    clause_rules: Numbers
    clause_masks: Masks
    are_nones: Flags
    keys: Numbers
    starts: Numbers
    postings: Numbers
    free_rules: Numbers
    used_fields: int

    @classmethod
    def of(cls, columns: Columns) -> Segment:
        """File the clauses."""
        order = np.argsort(columns.terms, kind="stable")
        keys, starts = np.unique(columns.terms[order], return_index=True)
        return cls(
            ids=tuple(columns.places),
            places=columns.places,
            rule_places=columns.rule_places,
            needs=columns.needs,
            bounds=tuple(column if (column > UNBOUND).any() else None for column in columns.bounds),
            clause_rules=columns.clause_rules,
            clause_masks=columns.clause_masks,
            are_nones=columns.are_nones,
            keys=keys,
            starts=np.append(starts, len(order)).astype(np.int32),
            postings=columns.term_clauses[order],
            free_rules=_positions(columns.needs == 0),
            used_fields=int(np.bitwise_or.reduce(columns.clause_masks)),
        )

    def decide(self, evidence: Evidence, is_alive: Flags) -> Decided:
        """Which of the subscriptions that are alive match, and which cannot be told yet."""
        clauses = self._met(evidence)
        rules = self.clause_rules[clauses]
        are_nones = self.are_nones[clauses]
        excluded, held = rules[are_nones], rules[~are_nones]
        is_known = not evidence.unknown & self.used_fields and not any(
            value is None and column is not None
            for column, value in zip(self.bounds, evidence.values, strict=True)
        )
        if is_known:
            matched = self._where_all_is_known(held, excluded, evidence.values)
            return Decided(self._owners(matched, is_alive), _NOBODY)
        matched, undecided = self._where_some_is_not(clauses, held, excluded, evidence)
        owners = self._owners(matched, is_alive)
        waiting = self._owners(undecided, is_alive)
        return Decided(owners, np.setdiff1d(waiting, owners, assume_unique=True))

    def _met(self, evidence: Evidence) -> Numbers:
        """The clauses of which a term stands in one of their fields, ascending."""
        if not len(self.keys):
            return _NOBODY
        at = np.searchsorted(self.keys, evidence.terms)
        at[at == len(self.keys)] = 0
        is_here = self.keys[at] == evidence.terms
        at, masks = at[is_here], evidence.masks[is_here]
        starts = self.starts[at]
        counts = self.starts[at + 1] - starts
        offsets = np.cumsum(counts)
        total = int(offsets[-1]) if len(offsets) else 0
        where = np.arange(total, dtype=np.int32) + np.repeat(starts - offsets + counts, counts)
        found = self.postings[where]
        found = found[(self.clause_masks[found] & np.repeat(masks, counts)) != 0]
        if len(found) * 30 < len(self.clause_rules):
            return np.unique(found)
        is_met = np.zeros(len(self.clause_rules), np.bool_)
        is_met[found] = True
        return _positions(is_met)

    def _where_all_is_known(
        self, held: Numbers, excluded: Numbers, values: tuple[float | None, ...]
    ) -> Numbers:
        rules, counts = _runs(held)
        rules = rules[counts == self.needs[rules]]
        if len(self.free_rules):
            rules = np.sort(np.concatenate((rules, self.free_rules)))
        if len(excluded):
            is_out = np.zeros(len(self.needs), np.bool_)
            is_out[excluded] = True
            rules = rules[~is_out[rules]]
        for column, value in zip(self.bounds, values, strict=True):
            if column is not None and value is not None:
                rules = rules[column[rules] <= value]
        return rules

    def _where_some_is_not(
        self, clauses: Numbers, held: Numbers, excluded: Numbers, evidence: Evidence
    ) -> tuple[Numbers, Numbers]:
        count = len(self.needs)
        is_open = (self.clause_masks & evidence.unknown) != 0
        is_open[clauses] = False
        holding = np.bincount(held, minlength=count)
        may_hold = np.bincount(self.clause_rules[is_open & ~self.are_nones], minlength=count)
        is_false = holding + may_hold < self.needs
        is_unknown = holding < self.needs
        is_false[excluded] = True
        is_unknown[self.clause_rules[is_open & self.are_nones]] = True
        for column, value in zip(self.bounds, evidence.values, strict=True):
            if column is None:
                continue
            if value is None:
                is_unknown |= column > UNBOUND
            else:
                is_false |= column > value
        return _positions(~is_false & ~is_unknown), _positions(~is_false & is_unknown)

    def _owners(self, rules: Numbers, is_alive: Flags) -> Numbers:
        owners, _ = _runs(self.rule_places[rules])
        return owners[is_alive[owners]]


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
        ids = [segment.ids[place] for place in _positions(is_alive).tolist()]
        terms = np.repeat(segment.keys, np.diff(segment.starts))
        columns = Columns(
            places=dict.fromkeys(ids, 0),
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
        places_before += len(ids)
        rules_before += len(columns.needs)
        clauses_before += len(columns.clause_rules)
        parts.append(columns)
    return Columns(
        places={name: place for place, name in enumerate(n for part in parts for n in part.places)},
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


def _positions(flags: Flags) -> Numbers:
    return np.flatnonzero(flags).astype(np.int32)


def _runs(ascending: Numbers) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """The distinct numbers, and how often each is there."""
    if not len(ascending):
        return _NOBODY, np.zeros(0, np.int64)
    is_first = np.empty(len(ascending), np.bool_)
    is_first[0] = True
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    firsts = np.flatnonzero(is_first)
    return ascending[firsts], np.diff(firsts, append=len(ascending))


def _renumbered(is_kept: Flags, start: int) -> Numbers:
    return (np.cumsum(is_kept) - 1 + start).astype(np.int32)
