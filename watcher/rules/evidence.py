"""What the arrays of rules are shown of papers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from watcher.rules.bounds import BOUNDS
from watcher.rules.facts import FIELD_MASKS, Facts
from watcher.rules.segment import UNBOUND, Evidence
from watcher.rules.terms import TermTable


def gather(papers: Sequence[Facts], table: TermTable, *, as_it_stands: bool) -> Iterator[Evidence]:
    """The evidence of each paper, their texts searched together."""
    texts = [text.exact for facts in papers for _, text in facts.texts]
    masks = [FIELD_MASKS[name] for facts in papers for name, _ in facts.texts]
    owners = np.repeat(np.arange(len(papers)), [len(facts.texts) for facts in papers])
    found = table.search(texts)
    found_masks = np.array(masks, np.uint8)[found.texts]
    # One row for each paper and term, whatever number of texts it stands in.
    keys = (owners[found.texts].astype(np.int64) << 32) | found.phrases
    order = np.argsort(keys, kind="stable")
    distinct, firsts = np.unique(keys[order], return_index=True)
    if len(distinct):
        found_masks = np.bitwise_or.reduceat(found_masks[order], firsts)
    terms = (distinct & 0xFFFFFFFF).astype(np.int32)
    ends = np.searchsorted(distinct >> 32, np.arange(len(papers)), side="right")
    start = 0
    for facts, end in zip(papers, ends.tolist(), strict=True):
        names = facts.names()
        values = tuple(bound.reached(facts) for bound in BOUNDS)
        if as_it_stands:
            values = tuple(UNBOUND if value is None else value for value in values)
        yield Evidence(
            np.concatenate((terms[start:end], np.fromiter(names, np.int32, len(names)))),
            np.concatenate(
                (found_masks[start:end], np.fromiter(names.values(), np.uint8, len(names)))
            ),
            0 if as_it_stands else facts.unknown,
            values,
        )
        start = end
