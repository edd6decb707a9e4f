"""What the pipeline asks of a transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from watcher.errors import LeaseLostError
from watcher.models import Envelope

MayGo = Callable[[], Awaitable[bool]]
"""Whether a mail is still this process's to send."""


async def always() -> bool:
    """Nobody else sends mails here."""
    return True


async def ask(may_go: MayGo) -> None:
    """Raise LeaseLostError where it may not."""
    if not await may_go():
        raise LeaseLostError


class Session(Protocol):
    """One worker's way to the mail system, used for one mail after another."""

    async def send(self, envelope: Envelope, may_go: MayGo = always) -> str:
        """Hand over one mail and return the answer, one line. Raises DeliveryError.

        `may_go` is asked at the last moment before the mail's bytes go; where they may not, raises
        LeaseLostError. After an error the session can be used for the next mail.
        """
        ...


class Mailer(Protocol):
    """A transport. Nothing is opened before it is needed."""

    @property
    def session_count(self) -> int:
        """How many sessions are worth opening at once."""
        ...

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A session for one worker; leaving it never raises."""
        ...

    async def probe(self) -> None:
        """Open a session and close it again.

        Raises DeliveryError (`session` true, no recipient) with the reason where none opens.
        """
        ...

    def describe(self) -> str:
        """Where mail goes, for people: never with the password."""
        ...
