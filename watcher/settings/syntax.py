"""What is wrong with a text that is no TOML, told to one who does not know TOML.

tomllib names the place and the grammar's rule; the usual slips are recognised by the line. A
message never quotes a value: it may be a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from watcher.settings.locating import locate
from watcher.settings.paths import dotted

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_ASSIGNMENT = re.compile(r"\s*([\w.-]+)\s*=\s*(.*?)\s*(?:#[^\"']*)?$")
_CURLY = "“”„‟‘’‚‛«»"  # noqa: RUF001  # they are what is looked for
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
    if found and found[1]:
        number, column = int(found[1]), int(found[2])
    else:
        number = max((at for at, line in enumerate(lines, 1) if line.strip()), default=1)
        column = len(lines[number - 1]) + 1
    reason = _AT.sub("", complaint)
    before = locate("\n".join(lines[:number]))
    if reason.startswith("Cannot ") and before.repeated:
        path, first, second = before.repeated[-1]
        again = f"is given twice, in line {first} and again here; keep one"
        return Fault(second, None, dotted(path), again)
    if before.stopped_at and re.match(r"Unterminated|Expected \"'|Unclosed", reason):
        return _unclosed(before.stopped_at, lines, reason)
    line = lines[number - 1]
    assignment = _ASSIGNMENT.match(line)
    key = assignment[1] if assignment else None
    return Fault(number, column, key, _advice(line, column, reason, assignment))


def _unclosed(number: int, lines: list[str], reason: str) -> Fault:
    assignment = _ASSIGNMENT.match(lines[number - 1])
    key = assignment[1] if assignment else None
    if reason.startswith("Unclosed"):
        message = "the bracket opened here is not closed, or a comma is missing between two values"
    else:
        message = "the quote opened here is not closed"
    return Fault(number, None, key, message)


def _advice(line: str, column: int, reason: str, assignment: re.Match[str] | None) -> str:  # noqa: PLR0911  # one line for each slip
    if line[column - 1 : column] in set(_CURLY):
        return 'curly quotes; TOML takes only the straight ones: "…"'
    if "Unescaped" in reason or "hex value" in reason or "Unicode scalar" in reason:
        return (
            "a backslash in double quotes begins an escape; use single quotes: "
            r"'C:\path', or double every backslash"
        )
    if reason.startswith("Illegal character '\\n'"):
        return "the quote opened in this line is not closed"
    if "at the end of a" in reason:
        return "the header is not closed: write [table], or [[table]] for one of several"
    if reason.startswith("Expected '='"):
        return 'expected key = value, as in: host = "smtp.example.org"'
    if assignment:
        return _about_value(assignment[1], assignment[2], reason)
    if reason.startswith("Unclosed"):
        return "a bracket is not closed, or a comma is missing between two values"
    if reason == "Invalid value":
        return 'text must stand in quotes: "…"'
    return f"this is not TOML: {reason[:1].lower()}{reason[1:]}"


def _about_value(key: str, value: str, reason: str) -> str:  # noqa: PLR0911  # one line for each slip
    if not value:
        return f'a value is missing: {key} = "…"'
    if value.lower() in {"true", "false"}:
        return f"true and false are written in lower case: {key} = {value.lower()}"
    if value.lower() in {"yes", "no", "on", "off"}:
        truth = "true" if value.lower() in {"yes", "on"} else "false"
        return f'write {key} = {truth}, or text in quotes: {key} = "…"'
    if value.lower() in {"none", "null", "nil"}:
        return "TOML has no such value; leave the key out instead"
    if value[0] in "[{":
        if reason.startswith("Unclosed"):
            return "a bracket is not closed, or a comma is missing between two values"
        return f'in a list, text must stand in quotes: {key} = ["…", "…"]'
    if _ONE_OF_MANY.match(value):
        return f'several values need brackets: {key} = ["…", "…"]'
    if value[0] in "\"'":
        return (
            "something follows the closing quote; a quote within the text needs "
            "the other kind around it: '…\"…'"
        )
    return f'text must stand in quotes: {key} = "…"'
