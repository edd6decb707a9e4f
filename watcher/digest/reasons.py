"""Why a paper is in a digest, in the reader's words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from watcher.digest.language import Language
from watcher.digest.text import clean, isolated, shorten
from watcher.models import Hit, Reason

NAME_LIMIT = 60
WORDS_SHOWN = 8

_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Why:
    """One rule that holds, and what made it hold."""

    rule: str
    words: tuple[str, ...]


def why(reason: Reason, language: Language) -> Why:
    """What a reason says, but for its news."""
    told: dict[str, str] = {}
    # A word found in a text says more than the same one among the keywords.
    for hit in sorted(reason.hits, key=lambda hit: hit.field == "keywords"):
        for text in _told(hit, reason, language):
            told.setdefault(text.casefold(), text)
        for word in _words(hit) if _is_of_content(hit) else ():
            quoted = language.say("“%(word)s”", word=word)
            is_keyword = hit.field == "keywords"
            shown = language.say("%(word)s (keyword)", word=quoted) if is_keyword else quoted
            told.setdefault(quoted.casefold(), shown)
    words = list(told.values())
    if len(words) > WORDS_SHOWN:
        more = len(words) - WORDS_SHOWN
        words[WORDS_SHOWN:] = [language.counted("%(count)s more", "%(count)s more", more)]
    if not reason.hits:
        words = [language.say("every paper")]
    return Why(isolated(shorten(clean(reason.rule), NAME_LIMIT)), tuple(words))


def news(reason: Reason, language: Language) -> Iterator[str]:
    """A sentence for each condition that did not hold when the paper was first seen."""
    for hit in reason.hits:
        if hit.condition not in reason.crossed:
            continue
        match hit.condition:
            case "min_upvotes":
                yield language.counted(
                    "reached %(count)s vote",
                    "reached %(count)s votes",
                    *_amount(hit.wanted, language),
                )
            case "min_upvotes_per_day":
                yield language.counted(
                    "reached %(count)s vote a day",
                    "reached %(count)s votes a day",
                    *_amount(hit.wanted, language),
                )
            case "min_stars":
                yield language.counted(
                    "reached %(count)s star",
                    "reached %(count)s stars",
                    *_amount(hit.wanted, language),
                )
            case "has_code":
                yield language.say("code released")
            case _:
                pass


def matched_words(reason: Reason) -> Iterator[str]:
    """The words that a reader can find in the paper."""
    for hit in reason.hits:
        if _is_of_content(hit) or hit.condition in {"authors", "organizations"}:
            yield from hit.words


def _is_of_content(hit: Hit) -> bool:
    return hit.condition in {"any", "all", "topics"}


def _words(hit: Hit) -> dict[str, None]:
    return dict.fromkeys(isolated(shorten(clean(word), NAME_LIMIT)) for word in hit.words)


def _told(hit: Hit, reason: Reason, language: Language) -> Iterator[str]:
    """What a hit adds to the reasons: nothing where a sentence of the news says it."""
    is_news = hit.condition in reason.crossed
    match hit.condition:
        case "authors":
            yield from (language.say("by %(name)s", name=name) for name in _words(hit))
        case "organizations":
            yield from (language.say("from %(name)s", name=name) for name in _words(hit))
        case "min_upvotes_per_day":
            yield from (
                language.counted(
                    "%(count)s vote a day", "%(count)s votes a day", *_amount(w, language)
                )
                for w in hit.words
            )
        case "min_upvotes" if not is_news:
            yield language.counted(
                "at least %(count)s vote",
                "at least %(count)s votes",
                *_amount(hit.wanted, language),
            )
        case "min_stars" if not is_news:
            yield language.counted(
                "at least %(count)s star",
                "at least %(count)s stars",
                *_amount(hit.wanted, language),
            )
        case "has_code" if not is_news:
            yield language.say("has code")
        case _:
            pass


def _amount(written: str, language: Language) -> tuple[int, str]:
    """How many that is, rounded up, and how the language writes it."""
    if not _NUMBER.fullmatch(written):
        return 2, shorten(clean(written), NAME_LIMIT)
    number = Decimal(written)
    return math.ceil(number), language.number(number)
