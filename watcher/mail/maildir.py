"""Delivery into a Maildir (https://cr.yp.to/proto/maildir.html).

A mail's file is named by its Message-ID and recipient, so that the same delivery twice is one
file, even after a mail program has moved it to `cur` and put flags behind its name.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from watcher.errors import DeliveryError
from watcher.mail.base import MayGo, Session, always, ask
from watcher.models import Envelope


class MaildirMailer:
    """Puts every recipient's mail into one Maildir, which is made where it is missing."""

    session_count = 1

    def __init__(self, path: Path) -> None:
        self.path = path

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A session without state."""
        return self._session()

    async def probe(self) -> None:
        """See that a file can be written. Raises DeliveryError."""
        await asyncio.to_thread(self._probe)

    def describe(self) -> str:
        """The path."""
        return f"the Maildir {self.path}"

    async def send(self, envelope: Envelope, may_go: MayGo = always) -> str:
        """Write the mail's bytes as they are, and return the file's path. Raises DeliveryError."""
        await ask(may_go)
        return await asyncio.to_thread(self._deliver, envelope)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        yield self

    def _probe(self) -> None:
        try:
            self._make()
            _write(self.path / "tmp" / f"{secrets.token_hex(8)}.probe", b"").unlink()
        except OSError as error:
            raise self._refused(error, "") from error

    def _deliver(self, envelope: Envelope) -> str:
        name = file_name(envelope)
        try:
            self._make()
            if found := self._find(name):
                return f"already in {found}"
            draft = _write(self.path / "tmp" / f"{name}.{secrets.token_hex(4)}", envelope.message)
            target = self.path / "new" / name
            # Renaming onto a file of this name would replace it by the same bytes.
            draft.replace(target)
            _sync(target.parent)
        except OSError as error:
            raise self._refused(error, envelope.recipient) from error
        return f"written to {target}"

    def _make(self) -> None:
        for name in ("tmp", "new", "cur"):
            (self.path / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def _find(self, name: str) -> Path | None:
        for folder in ("new", "cur"):
            for path in (self.path / folder).iterdir():
                if path.name.startswith(name):
                    return path
        return None

    def _refused(self, error: OSError, recipient: str) -> DeliveryError:
        return DeliveryError(
            f"cannot write to {self.path}: {error.strerror or error}; see [mail] maildir",
            recipient=recipient,
            retryable=True,
            session=True,
        )


def file_name(envelope: Envelope) -> str:
    """The part of a mail's file name that no mail program changes."""
    identity = f"{envelope.message_id}\0{envelope.recipient}".encode("utf-8", "surrogatepass")
    return f"{hashlib.sha256(identity).hexdigest()[:32]}.paper-watcher"


def _write(path: Path, content: bytes) -> Path:
    """Write and sync a new file; nothing of it stays where that fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return path


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
