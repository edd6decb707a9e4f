"""A digest of 20 papers for 10,000 recipients: against the standard library, and afresh for each.

Sides that would take minutes do a part of the recipients, which is scaled and said.
"""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import EmailMessage
from email.utils import format_datetime

from benchmarks import corpus
from benchmarks.measuring import Bound, in_turns
from watcher.digest import (
    Letter,
    OneClick,
    boundary_for,
    list_headers,
    message_id,
    render_digest,
    unsubscribe_url,
)
from watcher.models import Author, DigestContent, DigestPaper, Hit, Paper, Reason, Rendered

PAPERS = 20
RECIPIENTS = 10_000
BUILT, RENDERED = 100, 20
"""Recipients of the sides that are scaled."""

ROUNDS = 5

NOW = dt.datetime(2026, 2, 19, 7, tzinfo=dt.UTC)
SENDER = "Papers <papers@example.org>"
DOMAIN = "example.org"
HEADERS = list_headers("weights", DOMAIN, "")
ONE_CLICK = OneClick(
    "https://example.org/stop?of={subscription}&who={recipient}&token={token}",
    "a secret that has many characters",
    subscription_id="weights",
    otherwise=unsubscribe_url("stop@example.org", "weights"),
)
BOUNDARY = boundary_for("weights", NOW.isoformat())

Addressed = tuple[str, str]
"""A recipient and the Message-ID of the mail to them."""


def recipients(count: int) -> Iterator[Addressed]:
    """So many of them."""
    for number in range(count):
        recipient = f"reader-{number}@example.org"
        yield recipient, message_id("weights", NOW.isoformat(), recipient, domain=DOMAIN)


def digest() -> DigestContent:
    """Papers with all that is shown of them, each brought by a word of its abstract."""
    return DigestContent(
        subscription="weights",
        papers=tuple(map(_chosen, itertools.islice(corpus.read(corpus.found()), PAPERS))),
        composed_at=NOW,
        timezone="Europe/Paris",
        max_papers=30,
        next_slot_at=NOW + dt.timedelta(days=1),
        unsubscribe="stop@example.org",
    )


def _chosen(paper: Paper) -> DigestPaper:
    word = max((paper.abstract or "").split()[:20], key=len, default="paper").strip(".,")
    full = replace(
        paper,
        authors=(Author("Ada Lovelace"), Author("Charles Babbage")),
        published_at=NOW - dt.timedelta(days=1),
        code_url=f"https://github.com/example/{paper.id}",
        star_count=7,
    )
    return DigestPaper(
        full, (Reason("weights as data", (Hit("any", word, "abstract", (word,)),)),), NOW
    )


def once(rendered: Rendered, to: Sequence[Addressed]) -> Iterator[bytes]:
    """As the program does it: all but what is a recipient's own is written once."""
    letter = Letter(rendered, sender=SENDER, sent_at=NOW, boundary=BOUNDARY, headers=HEADERS)
    for recipient, mail_id in to:
        yield letter.addressed(recipient, mail_id, ONE_CLICK.headers(recipient))


def afresh(content: DigestContent, to: Sequence[Addressed]) -> Iterator[bytes]:
    """Each mail rendered by itself, from templates that are compiled already."""
    for one in to:
        yield from once(render_digest(content), [one])


def by_the_library(rendered: Rendered, to: Sequence[Addressed]) -> Iterator[bytes]:
    """Each mail an EmailMessage."""
    for recipient, mail_id in to:
        mail = EmailMessage(policy=email.policy.SMTP)
        mail["From"] = SENDER
        mail["To"] = recipient
        mail["Subject"] = rendered.subject
        mail["Date"] = format_datetime(NOW)
        mail["Message-ID"] = mail_id
        for name, value in (ONE_CLICK.headers(recipient) | HEADERS).items():
            mail[name] = value
        mail.set_content(rendered.text, cte="quoted-printable")
        mail.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
        mail.set_boundary(BOUNDARY)
        yield mail.as_bytes()


def read(message: bytes) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The headers and the parts, as the standard library reads them."""
    mail = email.message_from_bytes(message, policy=email.policy.default)
    if not isinstance(mail, EmailMessage):
        raise TypeError("not an EmailMessage")
    headers = {name: str(value) for name, value in mail.items() if name != "Content-Type"}
    # The library ends parts with a newline more.
    parts = [
        (part.get_content_type(), str(part.get_content()).rstrip()) for part in mail.iter_parts()
    ]
    return headers, parts


def measure() -> list[Bound]:
    """Both bounds on composing; first, that all sides write the same mail."""
    content = digest()
    rendered = render_digest(content)
    [one] = recipients(1)
    ours, library, fresh = (
        read(next(mails))
        for mails in (
            once(rendered, [one]),
            by_the_library(rendered, [one]),
            afresh(content, [one]),
        )
    )
    if not ours == library == fresh:
        raise AssertionError("the mails do not say the same")

    def all_of(mails: Iterator[bytes]) -> int:
        return sum(map(len, mails))

    took = in_turns(
        ROUNDS,
        {
            "once": lambda: all_of(once(rendered, [*recipients(RECIPIENTS)])),
            "library": lambda: all_of(by_the_library(rendered, [*recipients(BUILT)])),
            "afresh": lambda: all_of(afresh(content, [*recipients(RENDERED)])),
        },
    )
    name = f"compose {PAPERS} papers, {RECIPIENTS:,} mails"
    return [
        Bound(
            name,
            f"{what} ({count} mails, scaled), faster",
            took["once"],
            took[side] * RECIPIENTS / count,
            least=least,
        )
        for side, what, count, least in (
            ("library", "EmailMessage for each", BUILT, 100),
            ("afresh", "rendering each afresh", RENDERED, 20),
        )
    ]
