"""Finding the words that matched in a text as it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import normalize

_WORDS_LIMIT = 60
_LENGTH_LIMIT = 120

# Each of these is a word of its own, for the rules as for the eye.
_CJK = "\u3005-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af"
_IN_WORD = f"[^\\W_{_CJK}]"
_LETTER = re.compile(_IN_WORD)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, and whether it is one of the words that matched."""

    text: str
    is_marked: bool = False


class Marker:
    """Splits texts at the words given, which are spelled as they stand in the raw text."""

    def __init__(self, words: Iterable[str]) -> None:
        spellings = {" ".join(normalize("NFKC", word).split()) for word in words}
        wanted = sorted((w for w in spellings if 0 < len(w) <= _LENGTH_LIMIT), key=_longest_first)
        self._pattern = (
            re.compile("|".join(map(_pattern, wanted[:_WORDS_LIMIT]))) if wanted else None
        )

    def find(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """Where the first marked word from `start` on stands."""
        return next(iter(self._spans(text, start)), None)

    def pieces(self, text: str) -> tuple[Piece, ...]:
        """The whole text in order."""
        found: list[Piece] = []
        position = 0
        for start, stop in self._spans(text):
            found += (Piece(text[position:start]), Piece(text[start:stop], is_marked=True))
            position = stop
        found.append(Piece(text[position:]))
        return tuple(piece for piece in found if piece.text)

    def _spans(self, text: str, start: int = 0) -> Iterable[tuple[int, int]]:
        if self._pattern is None:
            return
        if text.isascii():
            for match in self._pattern.finditer(text, start):
                yield match.span()
            return
        # Words are compared in compatibility form (`π₀` is `π0`), and marked as they are shown.
        folded = [normalize("NFKC", character) for character in text]
        origin = [i for i, characters in enumerate(folded) for _ in characters]
        for match in self._pattern.finditer("".join(folded)):
            span = origin[match.start()], origin[match.end() - 1] + 1
            if span[0] >= start:
                yield span


def _longest_first(word: str) -> tuple[int, str]:
    return -len(word), word


def _pattern(word: str) -> str:
    body = r"\s+".join(map(re.escape, word.split(" ")))
    before = f"(?<!{_IN_WORD})" if _LETTER.match(word) else ""
    after = f"(?!{_IN_WORD})" if _LETTER.match(word[-1]) else ""
    return f"{before}{body}{after}"
