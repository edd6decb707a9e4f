"""Text cut into words that can be compared: the one place that says what a word is.

A word is a run of letters and digits with its trailing `+` or `#` (`C++`, `C#`); a single `+` or
`#` right before a letter or digit separates (`SFT+RL`). Each character of Han, Hiragana, Katakana
and Hangul is a word of its own. Everything else separates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from unicodedata import combining, normalize

from watcher.rules.latex import GREEK_NAMES, drop_latex

_HAN = "\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_HANGUL = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
_CJK = _HAN + _KANA + _HANGUL
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]++(?:(?![+#][^\W_])[+#]++)?")

_SPACED = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})

# Soft hyphen, zero-width (non-)joiner, word joiner, byte order mark: invisible inside a word.
_INVISIBLE = re.compile("[\u00ad\u200c\u200d\u2060\ufeff]+")
# Normalization takes quadratic time on long runs of combining marks; real text has three or four.
_MARK_RUN = re.compile(r"[^\w\s\x00-\x7f]{31,}")
_LETTERS = str.maketrans(
    GREEK_NAMES
    | {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "\u0131": "i", "ȷ": "j", "æ": "ae", "œ": "oe"}
    | {"ð": "d", "þ": "th"}
)
_PLURAL = re.compile(r"[a-z]{3,}s")
_LONGEST = 64  # letters of a word whose forms are remembered: a page cannot fill the memory
_SIBILANT_PLURALS = ("ses", "xes", "zes", "ches", "shes")


def readable(text: str) -> str:
    """The text as it is compared and shown: without LaTeX, in NFKC, no stray combining marks."""
    text = drop_latex(text)
    if text.isascii():
        return text
    text = _MARK_RUN.sub(lambda run: run[0][:30] + " ", _INVISIBLE.sub("", text))
    text = normalize("NFKC", text)
    stray = {ord(character): None for character in set(text) if combining(character)}
    return text.translate(stray) if stray else text


def fold_word(word: str) -> str:
    """A word without case and accents; Greek letters become their names."""
    if word.isascii():
        return word.lower()
    if len(word) == 1 and word >= "\u3005":
        return word
    letters = normalize("NFKD", word.casefold())
    plain = "".join(character for character in letters if not combining(character))
    return normalize("NFC", plain.translate(_LETTERS)) or word


@dataclass(frozen=True)
class Text:
    """One text, cut into words: `exact` holds them with case and accents, `words` without."""

    readable: str
    exact: tuple[str, ...]

    @classmethod
    def of(cls, raw: str) -> Text:
        """Cut up a raw title, abstract, name or keyword. Takes time linear in its length."""
        text = readable(raw)
        if text.isascii() and "+" not in text and "#" not in text:
            # The same, several times faster; most texts are like that.
            return cls(text, tuple(text.translate(_SPACED).split()))
        return cls(text, tuple(_WORD.findall(text)))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words folded."""
        return tuple(map(fold_word, self.exact))

    @cached_property
    def _spans(self) -> tuple[tuple[int, int], ...]:
        return tuple(match.span() for match in _WORD.finditer(self.readable))

    def spelling(self, start: int, stop: int) -> str:
        """How words `start` to `stop` (exclusive) are written here, white space made single.

        Cut off after 200 characters.
        """
        written = self.readable[self._spans[start][0] : self._spans[stop - 1][1]]
        return " ".join(written[:200].split())


def forms(word: str) -> frozenset[str]:
    """A folded word itself and every singular it may be the plural of.

    Only words of 4 to 64 ASCII letters are plurals: `ies` of `y` or `ie`; `ses`, `xes`, `zes`,
    `ches`, `shes` of what stands before `es` or before `s`; any other `s` but `ss` of what stands
    before it.
    """
    return _forms(word) if len(word) <= _LONGEST else frozenset((word,))


def same_word(one: str, other: str) -> bool:
    """Whether two folded words are equal but for being plural or singular."""
    return one == other or not forms(one).isdisjoint(forms(other))


def stem(word: str) -> str:
    """A key that all words equal under `same_word` share; others may share it too."""
    return _stem(word) if len(word) <= _LONGEST else word


@lru_cache(maxsize=65_536)
def _forms(word: str) -> frozenset[str]:
    if not _PLURAL.fullmatch(word) or word.endswith("ss"):
        return frozenset((word,))
    if word.endswith("ies"):
        return frozenset((word, word[:-3] + "y", word[:-1]))
    if word.endswith(_SIBILANT_PLURALS):
        return frozenset((word, word[:-2], word[:-1]))
    return frozenset((word, word[:-1]))


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    if not (word.isascii() and word.isalpha()):
        return word
    bare = word.rstrip("es")
    return f"{bare[:-1]}y" if bare.endswith("i") else bare
