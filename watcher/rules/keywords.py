"""Keywords as written, checked and folded into phrases; author and organization names too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple

import numpy as np

from watcher.errors import RuleError
from watcher.rules.arrays import Flags, Letters, Positions
from watcher.rules.fold import Text, fold_word, forms, readable, same_word


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a keyword looks for: words in sequence, folded unless `is_exact`.

    With `is_prefix` the last word stands for every word that begins with it.
    """

    words: tuple[str, ...]
    is_exact: bool = False
    is_prefix: bool = False


_CURLY = re.compile("[“”„‟«»]|^[\u2018\u201a].*[\u2018\u2019]$", re.DOTALL)
_QUOTE = re.compile(r'(?<!\\)"')
_COMMA = re.compile(r"(?<!\d)[,;]|[,;](?!\d)")
_OPERATOR = re.compile(r"(?:^|(?<=[\s(]))(AND|OR|NOT)(?=[\s)]|$)|(?<=\s)\|(?=\s)|\|\||&&")
_CONSONANT_Y = re.compile("[^aeiou]y$")
_CHOICES = {
    "AND": "for both of two keywords write `all = ["
    '"first", "second"]`; for words in sequence leave the AND out',
    "OR": 'alternatives are strings of their own: `any = ["first", "second"]`',
    "NOT": 'what must not occur goes into `none = ["…"]`',
}
_CHOICES |= {"|": _CHOICES["OR"], "||": _CHOICES["OR"], "&&": _CHOICES["AND"]}


_PLAIN = re.compile("[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*")
_SHOUTED = re.compile("AND|OR|NOT")

_LOWER, _CAPITAL, _GAP, _END, _ODD = range(5)
_NEWLINE, _QUOTED, _STAR = map(ord, '\n"*')


def _kind(letter: str) -> int:
    if letter in digits + ascii_lowercase:
        return _LOWER
    if letter in ascii_uppercase:
        return _CAPITAL
    return {" ": _GAP, "-": _GAP, "\n": _END}.get(letter, _ODD)


_KINDS = bytes(_kind(chr(code)) for code in range(256))


def is_plain(keyword: str) -> bool:
    """Whether it is what most keywords are: ASCII words, about which nothing can be wrong."""
    if _PLAIN.fullmatch(keyword) is None:
        return False
    return keyword.islower() or not _SHOUTED.search(keyword)


def plain_words(keyword: str) -> tuple[str, ...]:
    """The words of a plain keyword."""
    return tuple(keyword.replace("-", " ").split())


class Written(NamedTuple):
    """Many keywords by how they are written; `order` has their positions, simple ones first.

    Simple are ASCII words, alone, within quotes or before a star. Of these `letters` has the words,
    those of each keyword ended by a newline; of all others there is the phrase.
    """

    letters: Letters
    are_exact: Flags
    are_prefixes: Flags
    others: list[Phrase]
    order: Positions

    @classmethod
    def of(cls, keywords: Sequence[str]) -> Written:
        """What `parse_keyword` would find, many times faster. Raises RuleError where it does."""
        text = "\n".join(keywords) + "\n" if keywords else ""
        if text.count("\n") > len(keywords):
            text = "\n".join((*(each.replace("\n", "\0") for each in keywords), ""))
        letters = np.frombuffer(text.encode(errors="replace"), np.uint8)
        ends = np.flatnonzero(letters == _NEWLINE)
        letters, ends, are_exact, are_prefixes = _unframed(letters, ends)
        are_simple = _are_simple(letters, ends)
        simple, others = np.flatnonzero(are_simple), np.flatnonzero(~are_simple)
        return cls(
            letters=letters.compress(np.repeat(are_simple, np.diff(ends, prepend=-1))),
            are_exact=are_exact.take(simple),
            are_prefixes=are_prefixes.take(simple),
            others=[parse_keyword(keywords[at]) for at in others.tolist()],
            order=np.concatenate((simple, others)),
        )


def _unframed(letters: Letters, ends: Positions) -> tuple[Letters, Positions, Flags, Flags]:
    """Lines without the quotes around them and the stars at their ends; which had these."""
    starts = np.append(0, ends + 1)[:-1]
    has_inside = ends - starts > 2
    last = letters.take(ends - 1, mode="clip")
    are_exact = has_inside & (letters.take(starts) == _QUOTED) & (last == _QUOTED)
    # All that begins with one letter is too much, as `parse_keyword` will say.
    are_prefixes = has_inside & (last == _STAR)
    is_inside = np.ones(len(letters), np.bool_)
    is_inside[starts.compress(are_exact)] = False
    is_inside[ends.compress(are_exact | are_prefixes) - 1] = False
    ends = ends - np.cumsum(2 * are_exact + are_prefixes)
    return letters.compress(is_inside), ends, are_exact, are_prefixes


def _are_simple(letters: Letters, ends: Positions) -> Flags:
    """Which lines are nothing but words."""
    raw = letters.tobytes()
    kinds = np.frombuffer(raw.translate(_KINDS), np.uint8)
    is_gap = (kinds == _GAP) | (kinds == _END)
    is_odd = kinds == _ODD
    is_odd[1:] |= is_gap[1:] & is_gap[:-1]
    is_odd[:1] |= is_gap[:1]
    are_simple = np.ones(len(ends), np.bool_)
    are_simple[np.searchsorted(ends, np.flatnonzero(is_odd))] = False
    for at in np.unique(np.searchsorted(ends, np.flatnonzero(kinds == _CAPITAL))).tolist():
        line = raw[ends[at - 1] + 1 if at else 0 : ends[at]]
        are_simple[at] &= not _SHOUTED.search(line.decode(errors="replace"))
    return are_simple


@lru_cache(maxsize=65_536)
def parse_keyword(keyword: str) -> Phrase:
    """The phrase a keyword looks for; RuleError where it is not what its writer can have meant."""
    if is_plain(keyword):
        return Phrase(plain_words(keyword.lower()))
    inner = keyword[1:-1]
    if keyword[0:1] == '"' == keyword[-1:] and _PLAIN.fullmatch(inner):
        return Phrase(plain_words(inner), is_exact=True)
    written = keyword.strip()
    if not written:
        raise RuleError("the keyword is empty; write a word or leave it out")
    if _CURLY.search(written):
        raise RuleError(
            f"{_shown(written)} has curly quotes; an exact keyword stands in straight ones: "
            f"{_toml_exact(written)}"
        )
    quotes = len(_QUOTE.findall(written))
    if quotes:
        return _parse_exact(written, quotes)
    _refuse_operators(written)
    stem, star, rest = written.partition("*")
    text = Text.of(stem)
    if star:
        _check_prefix(written, rest, text)
    if not text.words:
        raise _nothing_left(written)
    return Phrase(text.words, is_prefix=bool(star))


def _parse_exact(written: str, quotes: int) -> Phrase:
    if quotes != 2 or not (written[0] == written[-1] == '"') or len(written) < 3:
        raise RuleError(
            f"{_shown(written)}: double quotes make a keyword exact and stand around the whole "
            f"of it: {_toml_exact(written)}; otherwise leave them out"
        )
    inside = written[1:-1]
    if "*" in inside:
        raise RuleError(
            f"{_shown(written)}: `*` and double quotes exclude each other; write "
            f"{_toml(inside)} for a prefix or {_toml_exact(inside.replace('*', ''))} for the word"
        )
    words = Text.of(inside).exact
    if not words:
        raise _nothing_left(written)
    return Phrase(words, is_exact=True)


def _refuse_operators(written: str) -> None:
    text = readable(written)
    minus = re.search(r"(?:^\s*-\s*|\s-(?=[^\W\d]))(?P<excluded>\w.*)", text)
    if minus:
        raise RuleError(
            f"{_shown(written)}: a minus sign does not exclude; write "
            f"`none = [{_toml(minus['excluded'])}]`"
        )
    operator = _OPERATOR.search(text)
    if operator:
        raise RuleError(
            f"{_shown(written)}: {operator[0]} is not an operator inside a keyword; "
            f"{_CHOICES[operator[0]]}. If the word itself is meant: {_toml_exact(text)}"
        )
    if _COMMA.search(text):
        parts = [part.strip() for part in re.split("[,;]", text) if part.strip()]
        raise RuleError(
            f"{_shown(written)} is one keyword with a comma or semicolon in it; alternatives are "
            f"strings of their own: [{', '.join(map(_toml, parts))}]"
        )


def _check_prefix(written: str, rest: str, text: Text) -> None:
    last = text.readable[-1:]
    if rest or not (last.isalnum() or (last and last in "+#")):
        words = " ".join(Text.of(written).words) or "word"
        raise RuleError(
            f"{_shown(written)}: `*` stands only at the end of a keyword, right after a letter or "
            f"digit, for all words that begin so: {_toml(words + '*')}; else leave it out"
        )
    if len(text.words) == 1 and len(text.words[0]) == 1 and text.words[0].isascii():
        raise RuleError(
            f"{_shown(written)}: nearly every paper has a word that begins with "
            f"{text.words[0]}; write more letters of it"
        )


def _nothing_left(written: str) -> RuleError:
    return RuleError(f"{_shown(written)} has no letter or digit, so no paper can have it")


def _shown(written: str) -> str:
    return f"`{written if len(written) <= 80 else written[:79] + '…'}`"


def _toml(text: str) -> str:
    return f'"{text}"' if '"' not in text and "\\" not in text else f"'{text}'"


def _toml_exact(text: str) -> str:
    bare = re.sub('[“”„‟«»"\u2018\u201a]|\u2019$', "", text).strip()
    return f"""'"{bare or "word"}"'"""


def parse_author(name: str) -> tuple[str, ...]:
    """The folded words of a person's name; `Ha, David` is David Ha."""
    family, comma, given = readable(name).partition(",")
    many = len(Text.of(family).words) > 1 and len(Text.of(given).words) > 1
    if comma and ("," in given or many):
        raise RuleError(
            f"{_shown(name)} looks like several names; each is a string of its own: "
            '["David Ha", "Ada Lovelace"], as it stands on the paper'
        )
    return _parse_name(f"{given} {family}")


def parse_organization(name: str) -> tuple[str, ...]:
    """The folded words of an organization's slug or full name."""
    return _parse_name(name)


def _parse_name(name: str) -> tuple[str, ...]:
    words = Text.of(name).words
    if not words:
        raise RuleError(f"{_shown(name.strip())} has no letter or digit; write a name")
    return words


def contains(whole: Phrase, part: Phrase) -> bool:
    """Whether every text that has `whole` has `part` too."""
    if part.is_exact and not whole.is_exact:
        return False
    last = len(part.words) - 1
    return any(
        all(_implies(whole, start + i, part, i) for i in range(last + 1))
        for start in range(len(whole.words) - last)
    )


def _implies(whole: Phrase, at: int, part: Phrase, i: int) -> bool:
    """Whether every word that word `at` of `whole` stands for, word `i` of `part` stands for."""
    word, wanted = whole.words[at], part.words[i]
    if part.is_exact:
        return word == wanted
    if whole.is_exact:
        word = fold_word(word)
    wants_prefix = part.is_prefix and i == len(part.words) - 1
    if whole.is_prefix and at == len(whole.words) - 1:
        return wants_prefix and word.startswith(wanted)
    if not wants_prefix:
        return same_word(word, wanted)
    if whole.is_exact:
        return word.startswith(wanted)
    return all(spelling.startswith(wanted) for spelling in _spellings(word))


def _spellings(word: str) -> frozenset[str]:
    """The words of the language that `same_word` takes for `word`."""
    singulars = forms(word)
    plurals = {singular + ending for singular in singulars for ending in ("s", "es")}
    plurals |= {f"{one[:-1]}ies" for one in singulars if _CONSONANT_Y.search(one)}
    return singulars | {plural for plural in plurals if same_word(plural, word)}
