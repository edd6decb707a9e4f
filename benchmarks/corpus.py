"""Papers to match: real ones where there are any, else made-up ones.

A file of real papers is a gzip of JSON lines with `id`, `title`, `abstract`, `upvotes` and more.
It is looked for where `CORPUS` says (`make bench CORPUS=papers.jsonl.gz`), else beside the
checkout, in `../shared/corpus/`.

Made-up papers have as many words as real ones, of 20,000 that are as unevenly common as those of
a language, and a third of them in expressions that come again and again.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from watcher.models import Paper

PAPERS = 6_000
"""Papers that are made up."""

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "corpus"
_SYLLABLES = [c + v for c in "bdfgklmnprtvz" for v in ("a", "e", "i", "o", "u", "en", "or")]


def found(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file of real papers, if there is one; FileNotFoundError where `CORPUS` names none."""
    named = environ.get("CORPUS")
    if named:
        return Path(named).resolve(strict=True)
    return next(iter(sorted(_BESIDE.glob("*.jsonl.gz"))), None)


def read(path: Path | None) -> Iterator[Paper]:
    """The papers of a file; of none, made-up ones. Those without votes are given some."""
    rng = random.Random(0)
    for paper_id, title, abstract, upvotes in _written(path) if path else _made_up():
        drawn = int(rng.paretovariate(0.8) * 3) % 400
        known = drawn if upvotes is None else upvotes
        yield Paper(paper_id, title, abstract, upvotes=known, is_full=True)


def write(path: Path, papers: Iterable[Paper]) -> None:
    """Write them as `read` takes them."""
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as lines:
        for paper in papers:
            told = {"id": paper.id, "title": paper.title, "abstract": paper.abstract}
            print(json.dumps(told | {"upvotes": paper.upvotes}), file=lines)


def _written(path: Path) -> Iterator[tuple[str, str, str, int | None]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            yield told["id"], told["title"], told["abstract"], told["upvotes"]


def _made_up() -> Iterator[tuple[str, str, str, int | None]]:
    rng = random.Random(1)
    words = list(
        dict.fromkeys(
            "".join(rng.choices(_SYLLABLES, k=rng.choice((1, 2, 2, 3, 3, 3, 4))))
            for _ in range(30_000)
        )
    )[:20_000]
    commonness = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))
    expressions = [
        rng.choices(words, cum_weights=commonness, k=rng.choice((2, 2, 3))) for _ in range(20_000)
    ]
    usage = list(itertools.accumulate(1 / (rank + 20) for rank in range(len(expressions))))

    def text(length: int) -> str:
        written: list[str] = []
        while len(written) < length:
            if rng.random() < 0.15:
                written += rng.choices(expressions, cum_weights=usage)[0]
            else:
                written += rng.choices(words, cum_weights=commonness)
        return " ".join(written).capitalize()

    for number in range(PAPERS):
        sentences = [text(rng.randint(14, 28)) for _ in range(rng.randint(6, 11))]
        yield f"2601.{number:05}", text(rng.randint(5, 14)), ". ".join(sentences) + ".", None
