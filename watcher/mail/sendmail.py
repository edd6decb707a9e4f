"""Delivery through a local `sendmail` program (Postfix's, Exim's, msmtp's, …).

Such programs take a mail with the system's own line ends and make CRLF of them themselves: given
CRLF they may send CR CR LF. Exit codes are those of sysexits.h.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from watcher.errors import DeliveryError
from watcher.mail.base import MayGo, Session, always, ask
from watcher.mail.text import one_line
from watcher.models import Envelope

_DEAD = {65: "the mail is not valid", 67: "no such user", 68: "no such host"}
_NOT_THE_RECIPIENT = {77: "permission denied", 78: "the mail system is not configured"}
_SIGNALLED = range(129, 193)
"""What a shell ends with if a signal ended its program, whatever that had done by then."""

_KEPT = 4096  # bytes of what the program printed last


class SendmailMailer:
    """Runs the program once for each mail; `timeout` is in seconds."""

    session_count = 1

    def __init__(self, program: Path, *, timeout: float) -> None:
        self.program, self.timeout = program, timeout

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A session without state."""
        return self._session()

    async def probe(self) -> None:
        """See that the program is there. Raises DeliveryError."""
        if not os.access(self.program, os.X_OK):
            raise DeliveryError(
                f"{self.program} is not a program that can be run; see [mail] sendmail",
                recipient="",
                retryable=True,
                session=True,
            )

    def describe(self) -> str:
        """The program."""
        return f"the program {self.program}"

    async def send(self, envelope: Envelope, may_go: MayGo = always) -> str:
        """Have the program queue the mail. Raises DeliveryError."""
        await ask(may_go)
        # Files, not pipes: a child that the program leaves behind may hold a pipe open for ever.
        who, unix = envelope.recipient, envelope.message.replace(b"\r\n", b"\n")
        with _temporary(unix, who) as mail, _temporary(b"", who) as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    self.program,
                    *("-i", "-f", envelope.sender, "--", envelope.recipient),
                    stdin=mail,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise DeliveryError(
                    f"{self.program} cannot be run: {one_line(str(error))}",
                    recipient=envelope.recipient,
                    retryable=isinstance(error, OSError),
                    session=isinstance(error, OSError),
                ) from error
            try:
                async with asyncio.timeout(self.timeout):
                    code = await process.wait()
            except TimeoutError as error:
                raise DeliveryError(
                    f"{self.program} did not end within {self.timeout:g} s; it may have taken the"
                    " mail",
                    recipient=envelope.recipient,
                    retryable=True,
                    is_ambiguous=True,
                ) from error
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
            if code == 0:
                return f"taken by {self.program}"
            raise self._refused(code, _last_line(output), envelope.recipient)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        yield self

    def _refused(self, code: int, said: str, recipient: str) -> DeliveryError:
        meaning = _DEAD.get(code) or _NOT_THE_RECIPIENT.get(code)
        text = f"{self.program} ended with code {code}"
        if meaning:
            text += f" ({meaning})"
        return DeliveryError(
            f"{text}: {said}" if said else text,
            recipient=recipient,
            retryable=code not in _DEAD,
            session=code in _NOT_THE_RECIPIENT,
            is_ambiguous=code < 0 or code in _SIGNALLED,
        )


def _temporary(content: bytes, recipient: str) -> BinaryIO:
    """A file with that content that is gone once it is closed. Raises DeliveryError."""
    file = None
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115  # whoever asked for it closes it
        file.write(content)
        file.seek(0)
    except OSError as error:
        if file is not None:
            with contextlib.suppress(OSError):  # closing would write what is left
                file.close()
        raise DeliveryError(
            f"no temporary file can be written: {error.strerror}",
            recipient=recipient,
            retryable=True,
            session=True,
        ) from error
    return file


def _last_line(output: BinaryIO) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - _KEPT))
    lines = output.read().decode(errors="replace").split("\n")
    return next((line for line in map(one_line, reversed(lines)) if line), "")
