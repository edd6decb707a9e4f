"""Mails and settings for the transports."""

from __future__ import annotations

from tests.smtpserver import SmtpServer
from watcher.models import Envelope
from watcher.settings import SmtpSettings

MESSAGE = (
    b"From: papers@example.org\r\nTo: ada@example.org\r\nMessage-ID: <1@example.org>\r\n"
    b"Date: Mon, 16 Feb 2026 08:00:00 +0000\r\n"
    b"\r\n.\r\n..\r\n.leading\r\nlast line\r\n.\r\n\r\n"
)


def envelope(
    recipient: str = "ada@example.org",
    *,
    sender: str = "papers@example.org",
    message: bytes = MESSAGE,
    message_id: str = "<1@example.org>",
) -> Envelope:
    return Envelope(1, message_id, sender, recipient, message)


def settings(server: SmtpServer, **changes: object) -> SmtpSettings:
    keys: dict[str, object] = {
        "host": server.host,
        "port": server.port,
        "security": "none",
        "helo": "client.example.org",
        "timeout": 20,
    }
    return SmtpSettings.model_validate(keys | changes)
