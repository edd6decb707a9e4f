"""What servers wrote into a mail's header: who vouches for it, where it went, whether it is spam.

Pure. Each of these fields can be forged by whoever handed the mail on; the topmost was written by
the last server.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_METHOD = re.compile(r"([A-Za-z][\w-]*)(?:\s*/\s*\d+)?\s*=\s*([A-Za-z][\w-]*)")
_PROPERTY = re.compile(r"\b(?:smtp|header|policy|body)\.([\w-]+)\s*=\s*\"?([^\s\"]+)")
_BY = re.compile(r"\bby\s+([^\s;()]+)", re.IGNORECASE)
_FROM = re.compile(r"from\s+([^\s;()]+)", re.IGNORECASE)
_SCL = re.compile(r"(?:^|;)\s*SCL:(-?\d{1,2})(?=;|\s|$)")
_JUNK_LEVEL = 5
"""The spam confidence level from which Microsoft 365 delivers into the junk folder.

https://learn.microsoft.com/training/modules/m365-messaging-manage-hygiene/spam-confidence-levels
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A method of RFC 8601 with its result, both in lower case, and the domain it is about."""

    method: str
    result: str
    domain: str


@dataclass(frozen=True, slots=True)
class Results:
    """What one server found out; `by` is empty where it does not name itself."""

    by: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """A server that took the mail, from whom and when; None where that cannot be read."""

    by: str
    sender: str
    at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a spam filter said, in the field of that name."""

    name: str
    is_spam: bool
    text: str


def authentication(value: str) -> Results:
    """Read an Authentication-Results field (RFC 8601, 2.2), also without the server's name.

    Microsoft's servers leave that out.
    """
    first, *others = _split(value)
    by = ""
    if _METHOD.match(first):
        others.insert(0, first)
    else:
        by = first.partition(" ")[0]
    verdicts = []
    for each in others:
        found = _METHOD.match(each)
        if found is not None:
            domain = _about(found[1].lower(), dict(_PROPERTY.findall(each)))
            verdicts.append(Verdict(found[1].lower(), found[2].lower(), domain))
    return Results(by, tuple(verdicts))


def signed_fields(value: str) -> frozenset[str]:
    """The names, in lower case, that a DKIM-Signature field covers (RFC 6376, 3.5)."""
    tags = dict(re.findall(r"([a-z]+)=([^;]*)", "".join(value.split()).lower()))
    return frozenset(tags.get("h", "").split(":"))


def _about(method: str, properties: dict[str, str]) -> str:
    names = {"spf": ("mailfrom", "helo"), "dkim": ("d", "i"), "dmarc": ("from",)}
    found = (properties.get(name) for name in names.get(method, ()))
    return next((each for each in found if each), "").rpartition("@")[2]


def _split(value: str) -> list[str]:
    """The parts between semicolons, without comments; neither counts inside a quoted string."""
    parts, depth, is_quoted, is_escaped = [""], 0, False, False
    for character in value:
        kept = depth == 0
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif character == '"' and depth == 0:
            is_quoted = not is_quoted
        elif is_quoted:
            pass
        elif character == "(":
            depth, kept = depth + 1, False
        elif character == ")" and depth:
            depth -= 1
        elif character == ";" and depth == 0:
            parts.append("")
            kept = False
        if kept:
            parts[-1] += character
    return [part.strip() for part in parts]


def hop(value: str) -> Hop:
    """Read a Received field (RFC 5321, 4.4)."""
    before, _, date = value.rpartition(";")
    by, sender = _BY.search(before), _FROM.match(before)
    return Hop(by[1] if by else "", sender[1] if sender else "", moment(date))


def moment(text: str) -> dt.datetime | None:
    """A date of RFC 5322, as UTC; None where it is none."""
    try:
        at = parsedate_to_datetime(text)
        return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def filters(fields: tuple[tuple[str, str], ...]) -> Iterator[Filter]:
    """What spam filters said: SpamAssassin, Rspamd (`X-Spam`), and those of Microsoft 365."""
    for name, value in fields:
        match name.lower():
            case "x-spam-status" | "x-spam-flag" | "x-spam":
                yield Filter(name, value.lower().startswith("yes"), value)
            case "x-forefront-antispam-report":
                found = _SCL.search(value)
                if found is not None:
                    yield _level(name, int(found[1]))
            case "x-ms-exchange-organization-scl" if re.fullmatch(r"-?\d{1,2}", value):
                yield _level(name, int(value))
            case _:
                pass


def _level(name: str, level: int) -> Filter:
    return Filter(name, level >= _JUNK_LEVEL, f"SCL {level}; {_JUNK_LEVEL} and more is junk")
