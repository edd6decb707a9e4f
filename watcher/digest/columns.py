"""Plain text in a column: Chinese and Japanese characters take two places, and break anywhere."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator

_WIDTH = 76

# What no line begins or ends with: closing and opening marks, and small kana.
_CLOSING = frozenset(("Pe", "Pf", "Po", "Lm"))
_OPENING = frozenset(("Ps", "Pi"))
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょァィゥェォッャュョ")


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """The text in lines of 76 places at most; longer words, URLs above all, stay whole."""
    first = indent if first is None else first
    if places(text) == len(text):
        return textwrap.fill(
            text,
            _WIDTH,
            initial_indent=first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    lines, line, taken = [], first, places(first)
    is_begun = False
    for chunk, has_space in _chunks(text):
        width = places(chunk) + has_space
        if is_begun and taken + width > _WIDTH:
            lines.append(line)
            line, taken, is_begun = indent, places(indent), False
        if has_space and is_begun:
            chunk = f" {chunk}"  # noqa: PLW2901
        line += chunk
        taken += places(chunk)
        is_begun = True
    return "\n".join([*lines, line])


def padded(text: str, width: int) -> str:
    """The text and as many spaces as fill so many places."""
    return text + " " * (width - places(text))


def places(text: str) -> int:
    """How many columns of a fixed-width font the text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_places, text))


def _places(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 1 + (unicodedata.east_asian_width(character) in "WF")


def _chunks(text: str) -> Iterator[tuple[str, bool]]:
    """What is not broken, in order, and whether a space stands before it."""
    for word in text.split():
        start = 0
        for position in range(1, len(word)):
            before, after = word[position - 1], word[position]
            is_wide = _places(before) == 2 or _places(after) == 2
            if is_wide and not _is_tied(before, after):
                yield word[start:position], start == 0
                start = position
        yield word[start:], start == 0


def _is_tied(before: str, after: str) -> bool:
    category = unicodedata.category
    is_closed = category(after) in _CLOSING or after in _SMALL_KANA or unicodedata.combining(after)
    return bool(is_closed) or category(before) in _OPENING
