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
_HAS_CJK = re.compile(f"[{_CJK}]")

# The same where a text has none of those: to compile all their ranges takes milliseconds.
_IN_PLAIN_WORD = r"[^\W_]"


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
        self._wanted = wanted[:_WORDS_LIMIT]
        self._patterns: dict[str, re.Pattern[str]] = {}

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
        if not self._wanted:
            return
        if text.isascii():
            for match in self._pattern(_IN_PLAIN_WORD).finditer(text, start):
                yield match.span()
            return
        # Words are compared in compatibility form (`π₀` is `π0`), and marked as they are shown.
        folded = [normalize("NFKC", character) for character in text]
        origin = [i for i, characters in enumerate(folded) for _ in characters]
        whole = "".join(folded)
        in_word = _IN_WORD if _HAS_CJK.search(whole) else _IN_PLAIN_WORD
        for match in self._pattern(in_word).finditer(whole):
            span = origin[match.start()], origin[match.end() - 1] + 1
            if span[0] >= start:
                yield span

    def _pattern(self, in_word: str) -> re.Pattern[str]:
        if in_word not in self._patterns:
            alternatives = (_alternative(word, in_word) for word in self._wanted)
            self._patterns[in_word] = re.compile("|".join(alternatives))
        return self._patterns[in_word]


def _longest_first(word: str) -> tuple[int, str]:
    return -len(word), word


def _alternative(word: str, in_word: str) -> str:
    body = r"\s+".join(map(re.escape, word.split(" ")))
    before = f"(?<!{in_word})" if _LETTER.match(word) else ""
    after = f"(?!{in_word})" if _LETTER.match(word[-1]) else ""
    return f"{before}{body}{after}"
