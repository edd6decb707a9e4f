"""Every error this program raises on purpose.

WatcherError
├── ConfigError            a file, a line, a key: what the user can put right
│   ├── InvalidConfigError several of them at once
│   └── RuleError          a rule that is not valid or can never match
├── SourceError            a page that did not give its papers
│   ├── FetchError         no usable answer (status, whether to try again)
│   ├── BlockedError       the site's firewall asked for proof of a browser
│   └── ParseError         an answer that does not hold what it should
├── StoreError             the database
│   ├── BusyError          another instance holds the lock
│   ├── NoDatabaseError    nothing was ever stored
│   └── LostDatabaseError  something was, and it is gone
├── RenderError            a template or a message that cannot be made
├── DrawingError           a browser that made no picture of a mail
└── DeliveryError          one recipient, one answer (whether to try again)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class WatcherError(Exception):
    """The root: its text is fit to be shown to a user, with what to do next."""


class ConfigError(WatcherError):
    """Configuration that cannot be used.

    `path` is the file (None: the environment or a flag), `key` the dotted key, `line` counts
    from 1.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        key: str | None = None,
        line: int | None = None,
    ) -> None:
        self.message, self.path, self.key, self.line = message, path, key, line
        super().__init__(message)

    def __str__(self) -> str:
        where = [_shown(self.path)] if self.path else []
        if self.line is not None:
            where.append(f"line {self.line}")
        if self.key:
            where.append(self.key)
        return f"{', '.join(where)}: {self.message}" if where else self.message


def _shown(path: Path) -> str:
    """The path as any log, mail and database takes it: bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


class InvalidConfigError(ConfigError):
    """Several of them at once, each on a line of its own; the first stands for all."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.message, path=first.path, key=first.key, line=first.line)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class RuleError(ConfigError):
    """A rule that is not valid, or that no paper can ever satisfy.

    With a `subscription_id`, `key` is relative to that subscription (`rules[1].any[2]`); without
    one, to the configuration.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        key: str | None = None,
        line: int | None = None,
        subscription_id: str | None = None,
    ) -> None:
        self.subscription_id = subscription_id
        super().__init__(message, path=path, key=key, line=line)


class SourceError(WatcherError):
    """A page that did not give its papers; `source` is its name in the configuration."""

    def __init__(self, message: str, *, source: str, url: str) -> None:
        self.source, self.url = source, url
        super().__init__(message)


class FetchError(SourceError):
    """No usable HTTP answer.

    `status` is None where none came; `retry_after` is seconds, where the server named them.
    """

    def __init__(
        self,
        message: str,
        *,
        source: str,
        url: str,
        status: int | None = None,
        retryable: bool = True,
        retry_after: float | None = None,
    ) -> None:
        self.status, self.retryable, self.retry_after = status, retryable, retry_after
        super().__init__(message, source=source, url=url)


class BlockedError(SourceError):
    """The site's web application firewall answered with a challenge."""


class ParseError(SourceError):
    """An answer arrived whole, but it is not the page that was asked for."""


class StoreError(WatcherError):
    """The database cannot be used as it is."""


class BusyError(StoreError):
    """Another instance is writing; the text names it."""


class NoDatabaseError(StoreError):
    """There is no database yet: nothing was ever checked with this configuration."""


class LostDatabaseError(StoreError):
    """There was a database, and it is gone: a new one would mail everything again."""


class RenderError(WatcherError):
    """A template or a message that cannot be made."""


class DrawingError(WatcherError):
    """No picture: there is no browser that can be started, or it failed or was not done in time."""


class LeaseLostError(WatcherError):
    """Another process has this mail to send by now; nothing of it was handed over."""

    def __init__(self) -> None:
        super().__init__("another process has this mail to send by now")


class DeliveryError(WatcherError):
    """One recipient's mail was not accepted.

    `retryable` False means dead: a 5xx to RCPT, DATA or the dot. `session` True means the
    trouble was before RCPT (connect, STARTTLS, AUTH, MAIL), and so not this recipient's own.
    `code` is the SMTP code. `is_ambiguous`: all was handed over and no answer came, so that the
    mail may have been taken.
    """

    def __init__(
        self,
        message: str,
        *,
        recipient: str,
        retryable: bool,
        session: bool = False,
        code: int | None = None,
        is_ambiguous: bool = False,
    ) -> None:
        self.recipient, self.retryable, self.session, self.code, self.is_ambiguous = (
            recipient,
            retryable,
            session,
            code,
            is_ambiguous,
        )
        super().__init__(message)
