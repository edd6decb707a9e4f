"""A mail as it was delivered: its header fields in their order, and the parts of its body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser

_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:(.*)", re.DOTALL)
_VALUE_LIMIT = 20_000
"""Characters of a field that are read; ours end below 1,000."""


@dataclass(frozen=True, slots=True)
class Mail:
    """`fields` are name and value, unfolded, the topmost first; lines of `body` end in LF.

    `text` and `html` are None where the body has no such part.
    """

    fields: tuple[tuple[str, str], ...]
    body: bytes
    text: str | None
    html: str | None

    @classmethod
    def read(cls, raw: bytes) -> Mail:
        """Read a mail, or an mbox with one. Raises ValueError for what is none."""
        lines = raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = lines.lstrip(b"\n")
        if lines.startswith(b"From "):
            lines = lines.partition(b"\n")[2]
        head, _, body = lines.partition(b"\n\n")
        fields = tuple(_fields(head))
        if not any(name.lower() == "from" for name, _ in fields):
            raise ValueError("is no mail: it does not begin with its header (From, To, Subject …)")
        try:
            message = BytesParser().parsebytes(lines)
            text, html = _part(message, "text/plain"), _part(message, "text/html")
        except RecursionError as error:
            raise ValueError(
                "is no mail that can be read: its parts are nested too deep"
            ) from error
        return cls(fields, body.rstrip(b"\n"), text, html)

    def values(self, name: str) -> list[str]:
        """The values of all fields of that name, the topmost first."""
        return [value for each, value in self.fields if each.lower() == name.lower()]

    def value(self, name: str) -> str:
        """The value of the topmost field of that name; empty where there is none."""
        return next(iter(self.values(name)), "")


def _fields(head: bytes) -> Iterator[tuple[str, str]]:
    # A line that begins with white space goes on with the one before (RFC 5322, 2.2.3).
    for line in re.split(rb"\n(?![ \t])", head):
        found = _FIELD.fullmatch(line)
        if found is None:
            return  # what comes after is no header any more
        value = found[2][:_VALUE_LIMIT].decode("utf-8", "replace")
        yield found[1].decode("ascii"), " ".join(value.split())


def _part(message: Message, kind: str) -> str | None:
    for part in message.walk():
        if part.get_content_type() != kind or part.get_content_disposition() == "attachment":
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        try:
            text = content.decode(part.get_content_charset("utf-8"), "replace")
        except (LookupError, ValueError):  # a charset that nobody knows
            text = content.decode("utf-8", "replace")
        return "\n".join(line.rstrip() for line in text.splitlines()).strip()
    return None
