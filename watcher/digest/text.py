"""Foreign text made fit to be shown: one line, no invisible trickery, links to the web only."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, urlsplit

_SPACES = re.compile(r"[\s\u0085\u2028\u2029]+")

# Controls, lone surrogates, soft hyphen, bidi marks, embeddings, overrides and isolates, zero-width
# space, invisible operators, annotations, tags, noncharacters, and letters that are nothing but
# empty. Joiners stay: Persian and emoji use them.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_MARKS = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MARK_PILE = re.compile(rf"({_MARKS}{{3}}){_MARKS}+")
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_ISOLATE = re.compile(f"[{_FIRST_STRONG_ISOLATE}{_POP_ISOLATE}]")

_URL_LIMIT = 1000
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def clean(text: str) -> str:
    """The text as one line of visible characters, white space made single.

    Control, bidi and other invisible characters and lone surrogates go; of combining marks piled
    on one letter three stay.
    """
    text = _INVISIBLE.sub("", _SPACES.sub(" ", text))
    return _MARK_PILE.sub(r"\1", _SPACES.sub(" ", text)).strip()


def clean_line(text: str) -> str:
    """`clean` for a line put together of isolated parts: their isolates stay if they are paired."""
    parts = _ISOLATE.split(text)
    signs = _ISOLATE.findall(text)
    are_paired = signs == [_FIRST_STRONG_ISOLATE, _POP_ISOLATE] * (len(signs) // 2)
    if not are_paired:
        return clean(text)
    cleaned = [_SPACES.sub(" ", _INVISIBLE.sub("", _SPACES.sub(" ", part))) for part in parts]
    return "".join(
        piece for pair in zip(cleaned, [*signs, ""], strict=True) for piece in pair
    ).strip()


def isolated(text: str) -> str:
    """The text so that right-to-left parts of it cannot reorder what stands around."""
    if _RIGHT_TO_LEFT.search(text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut after a word, with `…` where something was cut."""
    if len(text) <= limit:
        return text
    end = max(limit - 1, 0)
    space = text.rfind(" ", 0, end + 1)
    if space > end * 0.6:
        end = space
    while end > 0 and (unicodedata.combining(text[end]) or "\u200d" in text[end - 1 : end + 1]):
        end -= 1
    return text[:end].rstrip(" ,;:.-\u2013\u2014") + "…"


def web_url(url: str | None) -> str | None:
    """The URL in ASCII if it is a plain http or https one; None if it is anything else.

    URLs with a user name, which make one host look like another, are not plain.
    """
    if not url or len(url) > _URL_LIMIT or _INVISIBLE.search(url) or _SPACES.search(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc):
        return None
    return quote(url, safe="%/:=&?~#+!$,;@()*[]-._")
