"""Configuration written for people: what `init` and `add` put into files."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from watcher.errors import ConfigError

EVERY_PAPER = "# no rule: every paper"


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """One rule; what is empty is left out."""

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    min_upvotes: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing, and so is met by every paper."""
        return self == RuleDraft()

    def lines(self) -> Iterator[str]:
        """The table of a rule."""
        if self.is_empty:
            yield EVERY_PAPER
            return
        yield "[[subscriptions.rules]]"
        for key in ("any", "all", "none", "topics", "authors", "organizations"):
            words = getattr(self, key)
            if words:
                yield _pair(key, words)
        if self.min_upvotes:
            yield _pair("min_upvotes", self.min_upvotes)


@dataclass(frozen=True, slots=True)
class SubscriptionDraft:
    """One subscription with one rule; what is empty is left out."""

    to: tuple[str, ...]
    rule: RuleDraft
    name: str = ""
    digest: str = ""
    timezone: str = ""
    language: str = ""
    sources: tuple[str, ...] = ()
    max_age_days: int | None = None

    def lines(self) -> Iterator[str]:
        """The tables of the subscription."""
        yield "[[subscriptions]]"
        if self.name:
            yield _pair("name", self.name)
        yield _pair("to", self.to)
        if self.digest:
            yield _pair("digest", self.digest)
        if self.timezone:
            yield _pair("timezone", self.timezone)
        if self.language:
            yield _pair("language", self.language)
        if self.sources:
            yield _pair("sources", self.sources)
        if self.max_age_days is not None:
            yield _pair("max_age_days", self.max_age_days, "older papers are no news; 0: no limit")
        yield ""
        yield from self.rule.lines()


@dataclass(frozen=True, slots=True)
class MailDraft:
    """How mail leaves; without a `host` it goes into a Maildir."""

    sender: str
    host: str = ""
    port: int = 587
    security: str = "starttls"
    username: str = ""
    password_file: Path | None = None

    def lines(self) -> Iterator[str]:
        """The tables [mail] and, where there is a server, [smtp]."""
        yield "[mail]"
        if not self.host:
            yield _pair("transport", "maildir", "no mail server: mails become files")
            yield _pair("maildir", "outbox", "in the state directory")
        yield _pair("from", self.sender, "who hears of trouble is `operator`; by default this one")
        if not self.host:
            return
        yield ""
        yield "[smtp]"
        yield _pair("host", self.host)
        yield _pair("port", self.port)
        yield _pair("security", self.security)
        if self.username:
            yield _pair("username", self.username)
        if self.password_file:
            yield _pair("password_file", str(self.password_file))


def config_text(
    subscription: SubscriptionDraft, mail: MailDraft, *, timezone: str, made_on: dt.date
) -> str:
    """A whole configuration."""
    return _text(
        f"# Paper watcher, set up by `watcher init` on {made_on}.",
        "# All that can be said here, with defaults: config.example.toml, which comes with it.",
        "# `watcher check-config` tries a change; a running daemon takes it up at its next check.",
        "",
        "[schedule]",
        _pair("timezone", timezone),
        "",
        *mail.lines(),
        "",
        "# A paper is mailed when one of the rules holds. For another rule, repeat the block",
        "# [[subscriptions.rules]]; for another person: `watcher add ADDRESS`.",
        *subscription.lines(),
    )


def subscription_text(subscription: SubscriptionDraft, *, made_on: dt.date) -> str:
    """A file of `subscriptions.d`."""
    return _text(f"# Made by `watcher add` on {made_on}.", "", *subscription.lines())


def stem_of(address: str) -> str:
    """A file's stem for the person at an address: letters, digits, `-`, `_` and dots inside."""
    local = unicodedata.normalize("NFKC", address.partition("@")[0]).casefold()
    return re.sub(r"[^\w-]+", "-", local).strip("-_") or "papers"


def split(written: str) -> tuple[str, ...]:
    """The parts between commas, but for commas inside double quotes."""
    parts = re.findall(r'(?:"[^"]*"|[^,])+', written)
    return tuple(part.strip() for part in parts if part.strip())


def _pair(key: str, value: str | int | Iterable[str], comment: str = "") -> str:
    shown = tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string()
    return f"{key} = {shown}" + (f"  # {comment}" if comment else "")


def _text(*lines: str) -> str:
    text = "\n".join(lines) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError("a flag holds bytes that are no UTF-8 text") from error
    return text
