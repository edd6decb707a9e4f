"""A million subscribers: what they ask for, drawn from the papers themselves.

A keyword is one to three words in sequence out of a paper. What more than one paper in 300 has is
nobody's keyword: with real papers, one in 530 has a keyword on the average, where one in 730 has a
keyword of the built-in topics. All else is drawn in proportion to a power of the number of papers
that have it: the power with which five keywords each, for a million subscribers, are expected to
be about 1.12 million different ones. (For fewer subscribers the power is the same.) A twentieth of
the keywords are prefixes, a twentieth exact quotes. A tenth of the rules has an `all`, a tenth a
`none` (either is one of 300 common words), a tenth `min_upvotes`; a twentieth looks at titles
only. Of real papers such a rule matches one in 125.

The subscribers are written to a file, from which each process reads as many as it wants: none has
to keep what they were drawn from.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from watcher.models import Paper
from watcher.settings import RuleSettings, SubscriptionSettings

KEYWORDS = 5
MILLION = 1_000_000
DISTINCT = 1_120_000
"""Different keywords among those of a million subscribers."""

RARITY = 300

KINDS = {"plain": 0.9, "exact": 0.05, "prefix": 0.05}

_BATCH = 1_000
_WORD = re.compile(r"[a-z0-9]+")
_SAMPLE = SubscriptionSettings(id="sample", to=("ada@example.org",))
_RULE = RuleSettings()


class Subscriber(NamedTuple):
    """What one subscriber's only rule asks for."""

    any: tuple[str, ...]
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    min_upvotes: int = 0
    is_title_only: bool = False

    def settings(self, number: int) -> SubscriptionSettings:
        """As read from a configuration, unchecked: for speed."""
        asked: dict[str, object] = {
            "any": self.any,
            "all": self.all,
            "none": self.none,
            "min_upvotes": self.min_upvotes,
        }
        if self.is_title_only:
            asked["fields"] = ("title",)
        rule = _RULE.model_copy(update=asked)
        return _SAMPLE.model_copy(update={"id": f"subscriber-{number}", "rules": (rule,)})


def draw(
    papers: Sequence[Paper],
    count: int,
    *,
    total: int = MILLION,
    distinct: int = DISTINCT,
    rarity: int = RARITY,
) -> Iterator[Subscriber]:
    """The first `count` subscribers: always the same ones for the same papers.

    `total` of them would have about `distinct` different keywords in `any`, if the papers have as
    many; one paper in `rarity` has such a keyword, at the most.
    """
    usage = _usage(papers, len(papers) / rarity)
    exponent = _exponent(Counter(usage.values()), KEYWORDS * total, distinct)
    phrases = list(usage)
    weights = list(itertools.accumulate(used**exponent for used in usage.values()))
    common = sorted((one for one in phrases if " " not in one), key=usage.__getitem__)[-300:]
    rng = random.Random(2)
    for number in range(count):
        if number % _BATCH == 0:  # one by one would take longer
            drawn = iter(rng.choices(phrases, cum_weights=weights, k=KEYWORDS * _BATCH))
            kinds = iter(rng.choices(list(KINDS), list(KINDS.values()), k=KEYWORDS * _BATCH))
        keywords = map(_written, itertools.islice(drawn, KEYWORDS), kinds)
        yield _narrowed(Subscriber(tuple(keywords)), rng, common)


def _narrowed(subscriber: Subscriber, rng: random.Random, common: Sequence[str]) -> Subscriber:
    """Now and then with more than `any`."""
    chances = [rng.random() for _ in range(4)]
    if chances[0] < 0.1:
        subscriber = subscriber._replace(all=(rng.choice(common),))
    if chances[1] < 0.1:
        word = rng.choice(common)
        # A `none` that leaves nothing of the rest is an error.
        of_all = any(word[:4] in one for one in subscriber.all)
        if not of_all and any(word[:4] not in one for one in subscriber.any):
            subscriber = subscriber._replace(none=(word,))
    if chances[2] < 0.1:
        subscriber = subscriber._replace(min_upvotes=rng.choice((1, 5, 10, 20)))
    return subscriber._replace(is_title_only=True) if chances[3] < 0.05 else subscriber


def write(path: Path, subscribers: Iterable[Subscriber]) -> int:
    """Write them, one a line; how many different keywords they have."""
    keywords: set[str] = set()
    with path.open("w", encoding="utf-8") as file:
        for one in subscribers:
            keywords.update(one.any, one.all, one.none)
            lists = ("|".join(words) for words in (one.any, one.all, one.none))
            print(*lists, one.min_upvotes, int(one.is_title_only), sep="\t", file=file)
    return len(keywords)


def read(path: Path, count: int) -> Iterator[Subscriber]:
    """The first `count` that were written."""
    with path.open(encoding="utf-8") as file:
        for line in itertools.islice(file, count):
            any_, all_, none, votes, is_title_only = line.rstrip("\n").split("\t")
            yield Subscriber(
                tuple(any_.split("|")),
                tuple(all_.split("|")) if all_ else (),
                tuple(none.split("|")) if none else (),
                int(votes),
                is_title_only == "1",
            )


def _usage(papers: Sequence[Paper], most: float) -> Mapping[str, int]:
    """How many papers have each phrase that can be a keyword."""
    usage: Counter[str] = Counter()
    for paper in papers:
        having: dict[str, None] = {}  # in order: a set's is another one in each process
        for text in (paper.title, paper.abstract or ""):
            words = _WORD.findall(text.lower())
            having |= dict.fromkeys(words)
            having |= dict.fromkeys(map(" ".join, itertools.pairwise(words)))
            having |= dict.fromkeys(map(" ".join, zip(words, words[1:], words[2:], strict=False)))
        usage.update(having.keys())
    return {one: used for one, used in usage.items() if used <= most and len(one) > 2}


def _exponent(occurring: Mapping[int, int], drawn: int, distinct: int) -> float:
    """The power; `occurring` are the phrases that so many papers have."""
    low, high = 0.0, 3.0
    for _ in range(30):
        middle = (low + high) / 2
        if _expected(occurring, drawn, middle) > distinct:
            low = middle
        else:
            high = middle
    return low


def _expected(occurring: Mapping[int, int], drawn: int, exponent: float) -> float:
    """How many different ones so many keywords are expected to be."""
    total = sum(used**exponent * phrases for used, phrases in occurring.items())
    return sum(
        -phrases * math.expm1(drawn * math.log1p(-share * used**exponent / total))
        for used, phrases in occurring.items()
        for share in KINDS.values()
    )


def _written(phrase: str, kind: str) -> str:
    if kind == "exact":
        return f'"{phrase}"'
    # Of a short last word hardly anything would be left.
    return f"{phrase[:-1]}*" if kind == "prefix" and phrase[-5:].isalpha() else phrase
