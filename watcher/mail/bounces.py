"""What a mail that came to the bounce address says of the mail it is about; pure, never raises.

A delivery status notification (RFC 3464) is read here, because what follows from it depends on its
status code (RFC 3463). The many other kinds are known to flufl.bounce, which tells addresses alone.
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from typing import Literal, cast

from flufl.bounce import all_failures

from watcher.mail.text import one_line

LIMIT = 128 * 1024
"""Bytes of a message that are looked at: what a server has to say stands at the beginning."""

Fate = Literal["failed", "delayed", "other"]

_MILDEST_FIRST: tuple[Fate, ...] = ("other", "delayed", "failed")
_ENVELOPE_HEADERS = ("x-original-to", "delivered-to", "envelope-to", "to")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_FOREIGN = re.compile(rb"[\x00\x80-\xff]")
_OTHER_REPORTS = {
    "disposition-notification": "it says that a mail was read",
    "feedback-report": "it is a complaint",
}
# What the standard library and flufl.bounce 6.0 stumble over in hostile messages.
_STUMBLES = (
    *(ValueError, LookupError, AttributeError, TypeError, RuntimeError, AssertionError),
    MessageError,
)

# It logs a traceback of what it stumbles over; that goes on here as "not a bounce".
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a mail, as a server tells it.

    `other`: it was delivered, or this is no bounce at all. `status` is an enhanced status code
    (RFC 3463), empty where there is none; `text` is one line in the server's words, or ours.
    """

    fate: Fate
    status: str
    text: str


def envelope_recipients(raw: bytes) -> tuple[str, ...]:
    """Whom the message came to, by the headers that mail servers write, the surest first."""
    try:
        head = BytesHeaderParser().parsebytes(_plain(raw))
        return tuple(str(value) for name in _ENVELOPE_HEADERS for value in head.get_all(name, []))
    except _STUMBLES:
        return ()


def read_report(raw: bytes, recipient: str) -> Report:
    """What the message says of a mail to `recipient`."""
    try:
        return _read(email.message_from_bytes(_plain(raw)), recipient.lower())
    except _STUMBLES as error:
        return Report("other", "", f"it cannot be read as a mail ({type(error).__name__})")


def _plain(raw: bytes) -> bytes:
    # Fields that servers write are ASCII; of others the library makes objects that are no text.
    return _FOREIGN.sub(b"?", raw[:LIMIT])


def _read(message: Message, recipient: str) -> Report:
    blocks = list(_blocks(message))
    if blocks:
        return _of_blocks(blocks, recipient)
    if message.get_content_type() == "multipart/report":
        kind = str(message.get_param("report-type", "")).lower()
        if kind in _OTHER_REPORTS:
            return Report("other", "", _OTHER_REPORTS[kind])
    if _is_auto_reply(message):
        return Report("other", "", "it is an automatic reply")
    return _of_heuristics(message, recipient)


def _blocks(message: Message) -> Iterator[Message]:
    """What is said of each recipient (RFC 3464, 2.3), anywhere in the message."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status" or not part.is_multipart():
            continue
        for block in cast("list[Message]", part.get_payload()):
            if "action" in block:
                yield block


def _of_blocks(blocks: Sequence[Message], recipient: str) -> Report:
    """The mildest of what is said of the recipient; of all, where none is named like that.

    An address may be a list of others: that one of these is gone does not make it a dead one. It
    may be forwarded: then the only one named is another.
    """
    ours = [block for block in blocks if recipient in _recipients(block)] or blocks
    reports = [_of_block(block) for block in ours]
    return min(reports, key=lambda report: _MILDEST_FIRST.index(report.fate))


def _recipients(block: Message) -> set[str]:
    """The addresses that a block names: `rfc822; ada@example.org`, or what servers make of it."""
    values = (str(block.get(name, "")) for name in ("original-recipient", "final-recipient"))
    return {value.rpartition(";")[2].strip().strip("<>").lower() for value in values}


def _of_block(block: Message) -> Report:
    action = one_line(str(block.get("action", ""))).lower()
    diagnostic = one_line(str(block.get("diagnostic-code", "")))
    diagnostic = re.sub(r"^[\w-]+\s*;\s*", "", diagnostic)
    status = _status(str(block.get("status", "")), diagnostic)
    text = diagnostic if status in diagnostic else f"{status} {diagnostic}".strip()
    if action.startswith("delay"):
        return Report("delayed", status, text or "delayed")
    if action.startswith(("fail", "error")):  # the latter is OpenSMTPD's
        return Report("failed", status, text or "no reason was given")
    return Report("other", status, f"it says that the mail was {action}")


def _status(status: str, diagnostic: str) -> str:
    """The code; that of the remote server's own words where the field says as good as nothing."""
    told, meant = _STATUS.search(status), _STATUS.search(diagnostic)
    if meant and (told is None or told[1].endswith(".0.0")):
        return meant[1]
    return told[1] if told else ""


def _is_auto_reply(message: Message) -> bool:
    """Whether a person's program answered (RFC 3834); servers mark their bounces like that, too."""
    senders = getaddresses([str(message.get("from", ""))])
    local_parts = {address.rpartition("@")[0].lower() for _, address in senders}
    if "x-failed-recipients" in message or local_parts & {"mailer-daemon", "postmaster"}:
        return False
    submitted = str(message.get("auto-submitted", "no")).strip().lower()
    precedence = str(message.get("precedence", "")).strip().lower()
    return (
        not submitted.startswith("no")
        or precedence == "auto_reply"
        or any(name in message for name in ("x-autoreply", "x-autorespond", "x-autoresponse"))
    )


def _of_heuristics(message: Message, recipient: str) -> Report:
    if not any(address for _, address in getaddresses([str(message.get("from", ""))])):
        del message["from"]
        message["From"] = "MAILER-DAEMON"  # without one, flufl.bounce 6.0 raises IndexError
    delayed, failed = (
        {address.decode("ascii", "replace").lower() for address in found}
        for found in all_failures(message)
    )
    subject = one_line(str(message.get("subject", ""))) or "no subject"
    text = f"reported without a status code ({subject})"
    if recipient in failed or (len(failed) == 1 and not delayed):
        return Report("failed", "", text)
    if delayed:
        return Report("delayed", "", text)
    return Report("other", "", f"it is not a bounce ({subject})")
