"""What the arrays of rules are shown of papers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from watcher.rules.bounds import BOUNDS
from watcher.rules.facts import FIELD_MASKS, Facts
from watcher.rules.segment import UNBOUND, Evidence
from watcher.rules.terms import TermTable


def gather(papers: Sequence[Facts], table: TermTable, *, as_it_stands: bool) -> Evidence:
    """The evidence of papers, their texts searched together.

    `as_it_stands` takes what is not known for absent.
    """
    texts = [text.exact for facts in papers for _, text in facts.texts]
    found = table.search(texts)
    owners = np.repeat(np.arange(len(papers)), [len(facts.texts) for facts in papers])
    masks = np.array([FIELD_MASKS[name] for facts in papers for name, _ in facts.texts], np.uint8)
    names = [(at, *pair) for at, facts in enumerate(papers) for pair in facts.names().items()]
    at, terms, fields = zip(*names, strict=True) if names else ((), (), ())
    places = np.concatenate((owners[found.texts], np.array(at, np.int64)))
    order = np.argsort(places, kind="stable")
    return Evidence(
        papers=places[order],
        terms=np.concatenate((found.phrases, np.array(terms, np.int32)))[order],
        masks=np.concatenate((masks[found.texts], np.array(fields, np.uint8)))[order],
        unknown=np.array([0 if as_it_stands else facts.unknown for facts in papers], np.uint8),
        values=tuple(
            np.array(
                [
                    (UNBOUND if as_it_stands else np.nan) if value is None else value
                    for value in map(bound.reached, papers)
                ],
                np.float64,
            )
            for bound in BOUNDS
        ),
    )
