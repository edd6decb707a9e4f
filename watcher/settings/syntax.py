"""What is wrong with a text that is no TOML, told to one who does not know TOML.

tomllib names the place and the grammar's rule; the usual slips are recognised by the line. A
message never quotes a value: it may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from watcher.settings.locating import locate
from watcher.settings.paths import KeyPath, dotted

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_ASSIGNMENT = re.compile(r"\s*([\w.-]+)\s*=\s*(.*?)\s*(?:#[^\"']*)?$")
_CURLY = "“”„‟‘’‚‛«»"  # noqa: RUF001  # they are what is looked for
_HEADER = re.compile(r"\s*\[\[?\s*([\w.-]+)")
_UNCLOSED = "the bracket opened here is not closed, or a comma is missing between two values"
_BY_REASON: Mapping[str, str] = {
    "Unescaped|Invalid hex value|Escaped character": (
        "a backslash in double quotes begins an escape; use single quotes: "
        r"'C:\path', or double every backslash"
    ),
    r"Illegal character '\\n'": "the quote opened in this line is not closed",
    "Illegal character": "an invisible control character; take it out",
    "Expected .* at the end of a": (
        "the header is not closed: write [table], or [[table]] for one of several"
    ),
    "Expected '='": 'expected key = value, as in: host = "smtp.example.org"',
    "Unclosed": _UNCLOSED,
}
_ONE_OF_MANY = re.compile(r"""("[^"]*"|'[^']*')\s*[,;]""")


@dataclass(frozen=True, slots=True)
class Fault:
    """A place (from 1), the key that stands there, and what to do about it."""

    line: int
    column: int | None
    key: str | None
    message: str


def fault_in(text: str, complaint: str) -> Fault:
    """Explain tomllib's `complaint` about `text`."""
    found = _AT.search(complaint)
    lines = text.split("\n")
    column: int | None
    if found and found[1]:
        number, column = int(found[1]), int(found[2])
    else:
        number = max((at for at, line in enumerate(lines, 1) if line.strip()), default=1)
        column = len(lines[number - 1]) + 1
    reason = _AT.sub("", complaint)
    before = locate("\n".join(lines[:number]))
    if reason.startswith("Cannot ") and before.repeated:
        path, first, second = before.repeated[-1]
        return Fault(second, None, dotted(path), _about_repetition(path, first, second, lines))
    is_at_end = not (found and found[1]) and reason == "Invalid value"
    if before.stopped_at and (is_at_end or re.match(r"Unterminated|Expected \"'|Unclosed", reason)):
        number, column = before.stopped_at, None
    line = lines[number - 1]
    assignment = _ASSIGNMENT.match(line)
    if column is not None:
        message = _advice(line, column, reason, assignment)
    elif assignment and not assignment[2]:
        message = _about_value(assignment[1], "")
    elif is_at_end or reason.startswith("Unclosed"):
        message = _UNCLOSED
    else:
        message = "the quote opened here is not closed"
    return Fault(number, column, _key(lines, number, assignment), message)


def _key(lines: list[str], number: int, assignment: re.Match[str] | None) -> str | None:
    """The key assigned to, below the header it stands under."""
    if not assignment:
        return None
    above = (_HEADER.match(line) for line in reversed(lines[: number - 1]))
    header = next((match[1] for match in above if match), None)
    return f"{header}.{assignment[1]}" if header else assignment[1]


def _about_repetition(path: KeyPath, first: int, second: int, lines: list[str]) -> str:
    if {lines[at - 1].lstrip()[:2] == "[[" for at in (first, second)} == {True, False}:
        return (
            f"is a single table in one place and one of several in the other (line {first}); "
            f"write [[{dotted(path)}]] in both"
        )
    return f"is given twice, in line {first} and again here; keep one"


def _advice(line: str, column: int, reason: str, assignment: re.Match[str] | None) -> str:
    if line[column - 1 : column] in set(_CURLY):
        return 'curly quotes; TOML takes only the straight ones: "…"'
    for pattern, message in _BY_REASON.items():
        if re.match(pattern, reason):
            return message
    if assignment:
        return _about_value(assignment[1], assignment[2])
    if reason == "Invalid value":
        return 'text must stand in quotes: "…"'
    return f"this is not TOML: {reason[:1].lower()}{reason[1:]}"


def _about_value(key: str, value: str) -> str:  # noqa: PLR0911  # one line for each slip
    if not value:
        return f'a value is missing: {key} = "…"'
    if value.lower() in {"true", "false"}:
        return f"true and false are written in lower case: {key} = {value.lower()}"
    if value.lower() in {"yes", "no", "on", "off"}:
        truth = "true" if value.lower() in {"yes", "on"} else "false"
        return f'write {key} = {truth}, or text in quotes: {key} = "…"'
    if value.lower() in {"none", "null", "nil"}:
        return "TOML has no such value; leave the key out instead"
    if value[0] == "{":
        return 'text must stand in quotes: "…"'
    if value[0] == "[":
        return f'in a list, text must stand in quotes: {key} = ["…", "…"]'
    if _ONE_OF_MANY.match(value):
        return f'several values need brackets: {key} = ["…", "…"]'
    if value[0] in "\"'":
        return (
            "something follows the closing quote; a quote within the text needs "
            "the other kind around it: '…\"…'"
        )
    return f'text must stand in quotes: {key} = "…"'
