"""The rule language once more, slowly and from its description alone: an oracle for tests.

Shares no code with the rules. Knows no LaTeX.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from watcher.models import Paper
from watcher.settings import RuleSettings

_OWN_WORDS = ("CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA LETTER", "HANGUL SYLLABLE")
_SPELLED = {"α": "alpha", "β": "beta", "π": "pi", "μ": "mu", "ł": "l"}


def words(text: str) -> list[str]:
    """The text's words, case and accents kept."""
    text = unicodedata.normalize("NFKC", text)
    found: list[str] = []
    current = ""
    position = 0
    while position < len(text):
        character = text[position]
        following = text[position + 1] if position + 1 < len(text) else ""
        if unicodedata.name(character, "").startswith(_OWN_WORDS):
            found += [current, character]
            current = ""
        elif character.isalnum():
            current += character
        elif character in "+#" and current and not following.isalnum():
            end = position
            while end < len(text) and text[end] in "+#":
                end += 1
            found.append(current + text[position:end])
            current, position = "", end - 1
        else:
            found.append(current)
            current = ""
        position += 1
    return [word for word in [*found, current] if word]


def folded(word: str) -> str:
    if unicodedata.name(word[0], "").startswith(_OWN_WORDS):
        return word
    out = ""
    for character in unicodedata.normalize("NFD", word.casefold()):
        if unicodedata.category(character) != "Mn":
            out += _SPELLED.get(character, character)
    return unicodedata.normalize("NFC", out)


def is_plural_of(plural: str, singular: str) -> bool:
    if len(plural) < 4 or not plural.isascii() or not plural.isalpha() or plural.endswith("ss"):
        return False
    return (
        plural == singular + "s"
        or (plural == singular + "es" and singular.endswith(("s", "x", "z", "ch", "sh")))
        or (singular.endswith("y") and plural == singular[:-1] + "ies")
    )


def equal(one: str, other: str) -> bool:
    if one == other or is_plural_of(one, other) or is_plural_of(other, one):
        return True
    singulars = [one[:-1], one[:-2], one[:-3] + "y"]
    return any(is_plural_of(one, word) and is_plural_of(other, word) for word in singulars)


def occurs(keyword: str, text: str) -> bool:
    keyword = keyword.strip()
    is_exact = keyword.startswith('"')
    is_prefix = keyword.endswith("*")
    wanted = words(keyword.strip('"*'))
    having = words(text)
    if not is_exact:
        wanted, having = [folded(word) for word in wanted], [folded(word) for word in having]
    for start in range(len(having) - len(wanted) + 1):
        ok = True
        for offset, word in enumerate(wanted):
            found = having[start + offset]
            if is_exact:
                ok = ok and found == word
            elif is_prefix and offset == len(wanted) - 1:
                ok = ok and found.startswith(word)
            else:
                ok = ok and equal(found, word)
        if ok:
            return True
    return False


def _mentions(keywords: Iterable[str], rule: RuleSettings, paper: Paper) -> bool | None:
    is_unknown = False
    for field in rule.fields:
        value: str | tuple[str, ...] | None = getattr(paper, field)
        if value is None:
            is_unknown = is_unknown or field == "abstract" or not paper.is_full
            continue
        texts = (value,) if isinstance(value, str) else value
        if any(occurs(keyword, text) for keyword in keywords for text in texts):
            return True
    return None if is_unknown else False


def _at_least(least: int, count: int | None, paper: Paper) -> bool | None:
    if count is None:
        return False if paper.is_full else None
    return count >= least


def verdict(
    rule: RuleSettings,
    paper: Paper,
    *,
    as_it_stands: bool = False,
    votes_per_day: float | None = None,
) -> bool | None:
    """Whether the rule holds: Kleene's three values."""
    parts: list[bool | None] = []
    if rule.any:
        parts.append(_mentions(rule.any, rule, paper))
    parts += [_mentions([keyword], rule, paper) for keyword in rule.all]
    if rule.authors:
        names = [[folded(word) for word in words(author.name)] for author in paper.authors or ()]
        wanted = [[folded(word) for word in words(name)] for name in rule.authors]
        is_by = any(name[-len(want) :] == want for name in names for want in wanted)
        is_cut = len(names) < (paper.author_count or 0) or paper.authors is None
        parts.append(True if is_by else None if is_cut and not paper.is_full else False)
    if rule.min_upvotes:
        parts.append(_at_least(rule.min_upvotes, paper.upvotes, paper))
    if rule.min_upvotes_per_day:
        is_known = paper.upvotes is not None or paper.is_full
        gains = votes_per_day is not None and votes_per_day >= rule.min_upvotes_per_day
        parts.append(gains if is_known else None)
    if rule.min_stars:
        parts.append(_at_least(rule.min_stars, paper.star_count, paper))
    if rule.has_code:
        parts.append(True if paper.code_url else False if paper.is_full else None)
    if as_it_stands:
        parts = [part is True for part in parts]
    if rule.none:
        excluded = _mentions(rule.none, rule, paper)
        absent = None if excluded is None else not excluded
        parts.append(True if as_it_stands and absent is None else absent)
    if False in parts:
        return False
    return None if None in parts else True
