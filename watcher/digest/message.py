"""A mail's bytes (RFC 5322, 2045, 2046): the same arguments give the same ones.

The headers are written here, not by the standard library's EmailMessage. That one reads an encoded
word out of any text it is given (so a title can smuggle one in), encodes long List-Unsubscribe and
Message-ID headers, which no reader expects, and folds differently from version to version.
"""

from __future__ import annotations

import binascii
import datetime as dt
import re
from collections.abc import Mapping
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr

from email_validator import EmailNotValidError, validate_email

from watcher.digest.text import clean, clean_line
from watcher.errors import RenderError
from watcher.models import Rendered

_OWN_HEADERS = frozenset(
    (
        *(
            "from",
            "to",
            "cc",
            "bcc",
            "sender",
            "reply-to",
            "subject",
            "date",
            "message-id",
            "mime-version",
        ),
        *("content-type", "content-transfer-encoding"),
    )
)
_HEADER_NAME = re.compile(r"[!-9;-~]{1,70}")
_LINE_LIMIT = 900
"""Characters in a header line, below the 998 of RFC 5322 even with its name."""

_TOO_LONG = re.compile(
    rf"(?=.{{{_LINE_LIMIT + 1}}})(?:(\S.{{0,{_LINE_LIMIT - 1}}}) |(.{{{_LINE_LIMIT}}}))"
)
"""What comes before a fold: at white space, as between two URLs, else inside a word.

White space inside angle brackets is to be ignored (RFC 2369, 2), so that a URL survives it.
"""

_WORD_LIMIT = 60
"""Characters in a word that fits a header's first line beside its name, so that none is empty."""

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[A-Za-z0-9:.]+\]")
_ANGLE = re.compile(r".*<([^<>]*)>\s*", re.DOTALL)
_BOUNDARY = re.compile(r"=_[A-Za-z0-9_]{1,60}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_NEWLINES = re.compile(r"\r\n?|\n")
_FROM_LINE = re.compile(rb"(^|\r\n)From ")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Letter:
    """A mail to one recipient or to ten thousand: what is the same for all is written once.

    `sender` and `reply_to` may have a display name. `headers` come after the usual ones and are
    taken as they are, in ASCII, folded only beyond 900 characters. Raises RenderError for addresses
    and headers that no mail can carry.
    """

    def __init__(
        self,
        rendered: Rendered,
        *,
        sender: str,
        sent_at: dt.datetime,
        boundary: str,
        reply_to: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise RenderError(f"{boundary!r} cannot be a boundary: it begins with =_")
        reply = [f"Reply-To: {_mailbox(reply_to, 'Reply-To')}"] if reply_to else []
        self._before = _joined(f"From: {_mailbox(sender, 'From')}", "To: ")
        self._between = _joined(
            "",
            f"Subject: {_encoded(clean_line(rendered.subject), 'Subject')}",
            f"Date: {format_datetime(sent_at.astimezone(dt.UTC))}",
            *reply,
            "Message-ID: ",
        )
        self._after = _joined("", *_further(headers), "MIME-Version: 1.0", "")
        self._after += _body(rendered, boundary)

    def addressed(
        self, recipient: str, message_id: str, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The whole mail with CRLF line ends, in 7-bit characters, text before HTML.

        `recipient` is an address alone. `headers` are this mail's own, before those of all.
        """
        if not _MESSAGE_ID.fullmatch(message_id):
            raise RenderError(f"{message_id!r} cannot be a Message-ID")
        address = ascii_address(recipient).encode("ascii")
        own = _joined(message_id, *_further(headers))
        return b"".join((self._before, address, self._between, own, self._after))


def ascii_address(address: str) -> str:
    """The address with its domain in ASCII form. Raises RenderError where there is none."""
    local, at, domain = address.rpartition("@")
    if at and not domain.isascii():
        try:
            found = validate_email(address, check_deliverability=False).ascii_email
        except EmailNotValidError as error:
            raise RenderError(f"{clean(address)!r} is not an address: {error}") from error
        local, _, domain = (found or f"{local}@").rpartition("@")
    if not local.isascii():
        raise RenderError(
            f"{clean(address)!r} has letters before the @ that only SMTPUTF8 carries; "
            "use an address in ASCII"
        )
    is_whole = _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain) and len(address) <= 254
    if not is_whole or "=?" in local:  # begins an encoded word, which some readers would decode
        raise RenderError(f"{clean(address)!r} is not an address; write it as name@example.org")
    return f"{local}@{domain}"


def _mailbox(sender: str, header: str) -> str:
    name, address = parseaddr(sender)
    # What can be read in two ways would be, by the one who sends and the one who receives.
    if address != _ANGLE.sub(r"\1", sender).strip():
        raise RenderError(
            f"{clean(sender)!r} is not a sender; write it as Name <name@example.org>, "
            "with double quotes around a name that has other than letters in it"
        )
    name, address = clean(name), ascii_address(address)
    if not name:
        return address
    if name.isascii() and "=?" not in name and len(name) < _LINE_LIMIT:
        return formataddr((name, address))
    return f"{_encoded(name, header)} <{address}>"


def _encoded(text: str, header: str) -> str:
    """Unstructured text for a header, folded; all of it in encoded words unless it is plain."""
    longest = max(map(len, text.split()), default=0)
    is_plain = text.isascii() and "=?" not in text and longest <= _WORD_LIMIT
    charset = "us-ascii" if is_plain else "utf-8"
    return Header(text, charset, maxlinelen=76, header_name=header).encode(
        splitchars=" ", linesep="\r\n"
    )


def _further(headers: Mapping[str, str] | None) -> list[str]:
    return [_header(name, value) for name, value in headers.items()] if headers else []


def _header(name: str, value: str) -> str:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
        raise RenderError(f"{name!r} cannot be the name of a further header")
    if not value.strip() or not value.isascii() or not value.isprintable():
        raise RenderError(f"header {name} must be one line of ASCII, not {value[:80]!r}")
    folded = value.strip()
    if len(folded) > _LINE_LIMIT:
        folded = _TOO_LONG.sub(r"\1\2\r\n ", folded)
    return f"{name}: {folded}"


def _joined(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("ascii")


def _body(rendered: Rendered, boundary: str) -> bytes:
    """The header that names the boundary, and the parts."""
    if not rendered.attachments:
        return _alternatives(rendered, boundary)
    # RFC 2046, 5.1.2: no boundary may begin with that of the parts around it.
    outer, inner = f"{boundary}.mixed", f"{boundary}.body"
    body = b"\r\n" + _alternatives(rendered, inner).removesuffix(b"\r\n")
    attached = [_part(one.subtype, one.text, one.name) for one in rendered.attachments]
    return _multipart("mixed", outer, body, *attached)


def _alternatives(rendered: Rendered, boundary: str) -> bytes:
    parts = (_part("plain", rendered.text), _part("html", rendered.html))
    return _multipart("alternative", boundary, *parts)


def _multipart(subtype: str, boundary: str, *parts: bytes) -> bytes:
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n'.encode("ascii")
    delimiter = f"\r\n--{boundary}".encode("ascii")
    return b"".join((head, *(delimiter + part for part in parts), delimiter, b"--\r\n"))


def _part(subtype: str, text: str, filename: str = "") -> bytes:
    text = _CONTROLS.sub("", _SURROGATES.sub("\ufffd", text))
    lines = _NEWLINES.sub("\r\n", text.rstrip() + "\n").encode()
    body = binascii.b2a_qp(lines, istext=True)
    # Mailboxes in mbox form would write `>From`.
    body = _FROM_LINE.sub(rb"\1=46rom =\r\n", body)
    head = (
        f'\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
    )
    if filename:
        head += f'Content-Disposition: attachment; filename="{filename}"\r\n'
    return f"{head}\r\n".encode("ascii") + body.removesuffix(b"\r\n")
