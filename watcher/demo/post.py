"""A mail server on loopback that puts every mail it takes into one Maildir."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Post:
    """Speaks SMTP and keeps a Maildir; `claim` is told of each file before it is made."""

    def __init__(self, maildir: Path, claim: Callable[[Path], None]) -> None:
        self._maildir, self._claim = maildir, claim
        self._numbers = itertools.count(1)
        self.port = 0

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a mail: one file for each recipient, as a mail host would."""
        for recipient in envelope.rcpt_tos:
            stamp = f"Return-Path: <{envelope.mail_from}>\nDelivered-To: {recipient}\n"
            content = (envelope.original_content or b"").replace(b"\r\n", b"\n")
            name = f"{next(self._numbers):04}.demo.localhost"
            self._claim(self._maildir / "new" / name)
            draft = self._maildir / "tmp" / name
            draft.write_bytes(stamp.encode() + content)
            draft.rename(self._maildir / "new" / name)
        return "250 2.0.0 taken"

    def mails(self) -> list[EmailMessage]:
        """All mails taken, in their order."""
        paths = sorted((self._maildir / "new").iterdir())
        return [message_from_bytes(path.read_bytes(), policy=default) for path in paths]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Take mail on a free port of 127.0.0.1; sets `port`."""
        for name in ("tmp", "new", "cur"):
            (self._maildir / name).mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(self, hostname="localhost", ident="demo", loop=loop), "127.0.0.1", 0
        )
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            yield
