"""Which language a page speaks: its subscription's own, else what the browser asks for."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request

from watcher.digest import language as digests
from watcher.digest.language import ENGLISH, TAGS, Language

CATALOGUES = Path(__file__).parent / "locale"
"""The words of the pages and of their mails; those of digests stand in for what is not here."""

LONGEST_HEADER = 500
"""Characters. Browsers send fifty, with ten languages a hundred and fifty."""

_RANGE = re.compile(
    r"[ \t]*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*[ \t]*"
    r"(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)
_CHOSEN = "watcher.language"


@lru_cache
def tongue(code: str) -> Language:
    """The language of that code as the pages speak it. Raises RenderError."""
    return ENGLISH if code == "en" else Language(code, (CATALOGUES, digests.CATALOGUES))


def phrase(text: str) -> str:
    """A phrase of the catalogues, to be said later, once it is known in which language."""
    return text


@lru_cache(maxsize=256)
def wanted(header: str) -> str:
    """The code of the language that an `Accept-Language` wants most; empty: none that there is.

    As in RFC 9110, 12.5.4, and of a tag the language alone: who asks for `de-AT` can read German.
    """
    found: dict[str, float] = {}
    for part in header.split(",") if len(header) <= LONGEST_HEADER else ():
        asked = _RANGE.fullmatch(part)
        if asked and (code := asked[1].lower()) in TAGS:
            found[code] = max(float(asked[2] or 1), found.get(code, 0))
    best = max(found, key=lambda code: found[code], default="")
    return best if found.get(best) else ""


def choose(request: Request, code: str) -> None:
    """Have all that is answered to this request speak that language; none where it is empty."""
    if code in TAGS:
        request.scope[_CHOSEN] = code


def is_chosen(request: Request) -> bool:
    """Whether it is known what it is answered in, whatever the browser asks for."""
    return _CHOSEN in request.scope


def spoken(request: Request, default: str) -> Language:
    """What the request is answered in; `default` where nothing else says."""
    chosen: str = request.scope.get(_CHOSEN, "")
    return tongue(chosen or wanted(request.headers.get("accept-language", "")) or default)
