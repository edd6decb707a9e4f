"""What `init` asks: each answer is checked at once, and each is also a flag."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from watcher.cli.asking import Asker, read
from watcher.cli.common import USAGE, fail
from watcher.cli.drafts import MailDraft, RuleDraft, SubscriptionDraft, split
from watcher.errors import RuleError
from watcher.rules import Ruleset, builtin_topics
from watcher.settings import RuleSettings, SubscriptionSettings, parse_cadence, values
from watcher.settings.loading import machine_zone

T = TypeVar("T")

PASSWORD = "WATCHER_SMTP__PASSWORD"  # noqa: S105  # the name of the variable
SECURITIES = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True)
class Given:
    """The flags; None where one is absent."""

    to: str | None = None
    any: str | None = None
    topics: str | None = None
    is_every_paper: bool = False
    digest: str | None = None
    timezone: str | None = None
    is_maildir: bool = False
    host: str | None = None
    port: int | None = None
    security: str | None = None
    username: str | None = None
    password_file: Path | None = None
    sender: str | None = None
    max_age_days: int = 30

    @property
    def is_about_smtp(self) -> bool:
        """Whether a flag says something of a mail server."""
        told = (self.host, self.port, self.security, self.username, self.password_file)
        return any(each is not None for each in told)

    def missing(self, *, is_system: bool) -> list[str]:
        """What has no default, and so must be said where nobody can be asked."""
        found = [] if self.to else ["--to ADDRESS"]
        if not (self.any or self.topics or self.is_every_paper):
            found.append("--any KEYWORD or --topic TOPIC (or --every-paper)")
        if not (self.is_maildir or self.host or is_system):
            found.append("--smtp-host HOST (or --maildir)")
        if self.username and not self.password_file and not os.environ.get(PASSWORD):
            found.append(f"--smtp-password-file FILE (or {PASSWORD} in the environment)")
        return found


@dataclass(frozen=True, slots=True)
class Mail:
    """The answers on mail; `password` is what was typed, to be kept in a file of its own."""

    draft: MailDraft
    password: str = ""


def ask_subscription(asker: Asker, given: Given) -> SubscriptionDraft:
    """To whom, what, when."""
    to = asker.answer(
        "--to", "Mail the digests to", _addresses, given=given.to, hint="Whose papers are these?"
    )
    rule = _ask_rule(asker, given)
    digest = asker.answer(
        "--digest",
        "When",
        lambda text: parse_cadence(text).text,
        given=given.digest,
        default="daily 08:00",
        hint="\nA digest comes when there is news: daily 08:00, weekdays 08:00, weekly mon 08:00,\n"
        "hourly, each-check, or a cron line.",
    )
    return SubscriptionDraft(
        to=to, rule=rule, name="papers", digest=digest, max_age_days=given.max_age_days
    )


def ask_timezone(asker: Asker, given: Given) -> str:
    """In which zone these hours are."""
    return asker.answer(
        "--timezone",
        "Time zone",
        values.zone,
        given=given.timezone,
        default=machine_zone(os.environ, []),
    )


def _ask_rule(asker: Asker, given: Given) -> RuleDraft:
    if given.is_every_paper:
        return RuleDraft()
    is_given = given.any is not None or given.topics is not None
    while True:
        keywords = asker.answer(
            "--any",
            "Keywords",
            _keywords,
            given=(given.any or "") if is_given else None,
            hint="\nA paper is mailed when its title, abstract or keywords mention one of these."
            '\nBetween commas: hypernetwork*, model zoo, "LoRA" (a star for any ending, quotes for'
            "\nexactly that spelling).",
        )
        topics = asker.answer(
            "--topic",
            "Topics (? lists them)",
            _topics,
            given=(given.topics or "") if is_given else None,
            hint="Ready-made sets of keywords do the same; empty for none.",
        )
        rule = RuleDraft(any=keywords, topics=topics)
        if not rule.is_empty or asker.agreed(
            "Neither keyword nor topic: mail every paper?", default=False
        ):
            return rule
        if not asker.is_asking:
            fail("--any and --topic are empty; --every-paper says so", USAGE)


def ask_mail(asker: Asker, given: Given, first_to: str, *, is_system: bool) -> Mail:
    """How mail leaves."""
    host = ""
    if not given.is_maildir:
        host = asker.answer(
            "--smtp-host",
            "Mail server",
            values.host,
            given=given.host,
            default="localhost" if is_system else "",
            hint="\nMail leaves through an SMTP server, such as smtp.example.org. Without one"
            "\n(empty), mails are put into a folder.",
        )
    if not host:
        return Mail(MailDraft(_ask_sender(asker, given, first_to)))
    is_here = values.is_loopback(host)
    port = asker.answer(
        "--smtp-port",
        "Port",
        _port,
        given=None if given.port is None else str(given.port),
        default="25" if is_here else "587",
    )
    has_password = bool(given.password_file or os.environ.get(PASSWORD))
    security = _ask_security(asker, given, port, is_here=is_here)
    username = asker.answer(
        "--smtp-username",
        "User name there (- for none)",
        _username,
        given=given.username,
        default="" if is_here or not (asker.is_asking or has_password) else first_to,
    )
    password = ""
    if username and not has_password:
        password = _ask_password()
    return Mail(
        MailDraft(
            sender=_ask_sender(asker, given, username if "@" in username else first_to),
            host=host,
            port=port,
            security=security,
            username=username,
            password_file=given.password_file and given.password_file.expanduser().absolute(),
        ),
        password,
    )


def mail_again(given: Given, mail: Mail) -> Given:
    """The flags when the mail is asked for once more: only the rest still counts."""
    return replace(
        given,
        is_maildir=False,
        host=None,
        port=None,
        security=None,
        username=None,
        password_file=None if mail.password else given.password_file,
    )


def _ask_security(asker: Asker, given: Given, port: int, *, is_here: bool) -> str:
    implied = {465: "tls", 587: "starttls"}.get(port)
    if implied and given.security is None:
        return implied
    return asker.answer(
        "--smtp-security",
        f"Encryption ({', '.join(SECURITIES)})",
        _security,
        given=given.security,
        default=implied or ("none" if is_here else "starttls"),
    )


def _ask_password() -> str:
    print("Many providers want an app password here, made in the account's security settings.")
    while True:
        if password := read("Password there (not shown): ", is_hidden=True).strip():
            return password
        print("  it is empty")


def _ask_sender(asker: Asker, given: Given, default: str) -> str:
    return asker.answer(
        "--from", "Mails come from", values.sender, given=given.sender, default=default
    )


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(values.address(part) for part in split(text))
    if not found:
        raise ValueError("an e-mail address is needed: ada@example.org")
    return found


def _keywords(text: str) -> tuple[str, ...]:
    return _tried(split(text), lambda words: RuleSettings(any=words))


def _topics(text: str) -> tuple[str, ...]:
    if text.strip() == "?":
        raise ValueError(", ".join(builtin_topics()))
    return _tried(split(text), lambda words: RuleSettings(topics=words))


def _tried(
    words: tuple[str, ...], rule: Callable[[tuple[str, ...]], RuleSettings]
) -> tuple[str, ...]:
    alone = SubscriptionSettings(id="tried", to=("tried@example.org",), rules=(rule(words),))
    try:
        Ruleset.compile([alone], {})
    except RuleError as error:
        raise ValueError(error.message) from error
    return words


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise ValueError("a port is a number from 1 to 65535; mail servers have 587, 465 or 25")
    return int(text)


def _security(text: str) -> str:
    if text.lower() not in SECURITIES:
        raise ValueError(f"possible are {', '.join(SECURITIES)}")
    return text.lower()


def _username(text: str) -> str:
    return "" if text.strip() == "-" else text.strip()
