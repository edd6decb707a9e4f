"""What the pipeline asks of a transport."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from watcher.models import Envelope


class Session(Protocol):
    """One worker's way to the mail system, used for one mail after another."""

    async def send(self, envelope: Envelope) -> str:
        """Hand over one mail and return the answer, one line. Raises DeliveryError.

        After an error the session can be used for the next mail.
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
