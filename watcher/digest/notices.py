"""Mails to the operator: what happened, since when, what it means, and what to do next."""

from __future__ import annotations

import datetime as dt
import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from typing_extensions import override

from watcher.digest.dates import counted, instant
from watcher.digest.latex import readable
from watcher.digest.templating import render
from watcher.digest.text import clean, isolated, shorten, web_url
from watcher.models import Outcome, Rendered, Skipped

_LINES_SHOWN = 20
_LINE_LIMIT = 400
_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Explanation:
    """A notice in words: `facts` are label and text, `lines` the single findings."""

    subject: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    meaning: str
    action: str
    command: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice(ABC):
    """Something the operator should know. `kind` names it in the store and in logs."""

    kind: ClassVar[str]

    @abstractmethod
    def explained(self) -> Explanation:
        """The notice in words."""


@dataclass(frozen=True, slots=True)
class SourceDegraded(Notice):
    """A source that has not said all it has to say, in `check_count` checks since `since_at`.

    `samples` are counts worth a look, as in `papers: 3, usually 50`.
    """

    kind: ClassVar[str] = "source-degraded"
    source: str
    outcome: Outcome
    since_at: dt.datetime
    reasons: tuple[str, ...]
    check_count: int
    url: str = ""
    samples: tuple[str, ...] = ()

    @override
    def explained(self) -> Explanation:
        name, page = _name(self.source), web_url(self.url)
        told = _OUTCOMES.get(self.outcome, f"is {self.outcome.value}")
        meaning = (
            "Its valid new papers still go into the digests; others may be missing."
            if self.outcome is Outcome.DEGRADED
            else "No new papers come from it until it answers again. What the pages of past days "
            "hold is read then; what was on trending and search pages meanwhile is not."
        )
        return Explanation(
            subject=f"{name} {told}",
            headline=f"The source “{name}” {told}",
            facts=(
                ("Since", f"{instant(self.since_at)}, {counted(self.check_count, 'check')} so far"),
                *([("Page", page)] if page else []),
            ),
            lines=(*self.reasons, *self.samples),
            meaning=meaning,
            action="Look at the page in a browser. If it is well there, check it once more:",
            command=f"watcher check-now --dry-run --source {_argument(self.source)}",
        )


_OUTCOMES = {
    Outcome.BLOCKED: "is blocked by the site's firewall",
    Outcome.RATE_LIMITED: "is limited by the site",
    Outcome.FAILED: "cannot be read",
    Outcome.DEGRADED: "looks different from usual",
}


@dataclass(frozen=True, slots=True)
class SourceRecovered(Notice):
    """A source that is well again."""

    kind: ClassVar[str] = "source-recovered"
    source: str
    since_at: dt.datetime
    recovered_at: dt.datetime

    @override
    def explained(self) -> Explanation:
        name = _name(self.source)
        return Explanation(
            subject=f"{name} is well again",
            headline=f"The source “{name}” is well again",
            facts=(
                ("Trouble from", instant(self.since_at)),
                ("until", instant(self.recovered_at)),
            ),
            meaning="The next digests have its papers again, and say what was caught up.",
            action="Nothing is to be done. To see what was read:",
            command="watcher status",
        )


@dataclass(frozen=True, slots=True)
class RecipientDead(Notice):
    """A mail server refused one recipient for good."""

    kind: ClassVar[str] = "recipient-dead"
    subscription: str
    recipient: str
    answer: str

    @override
    def explained(self) -> Explanation:
        recipient = _name(self.recipient)
        return Explanation(
            subject=f"{recipient} was refused",
            headline=f"The mail server refused {recipient} for good",
            facts=(("Subscription", _name(self.subscription)), ("Answer", _line(self.answer))),
            meaning="This digest will not be sent to this address again. The next one will be "
            "tried as usual; other recipients are not affected.",
            action="If the address is wrong or gone, correct it in the subscription's `to`, then:",
            command="watcher check-config",
        )


@dataclass(frozen=True, slots=True)
class DeliveryExpired(Notice):
    """A mail that was tried for days and has been given up."""

    kind: ClassVar[str] = "delivery-expired"
    subscription: str
    recipient: str
    queued_at: dt.datetime
    attempt_count: int
    answer: str

    @override
    def explained(self) -> Explanation:
        recipient = _name(self.recipient)
        return Explanation(
            subject=f"a digest to {recipient} was given up",
            headline=f"A digest to {recipient} was given up",
            facts=(
                ("Subscription", _name(self.subscription)),
                ("Waiting since", instant(self.queued_at)),
                ("Tried", "once" if self.attempt_count == 1 else f"{self.attempt_count} times"),
                ("Last answer", _line(self.answer)),
            ),
            meaning="This digest will not reach this address. Later ones will be tried as usual.",
            action="See what else waits, and what the mail server says:",
            command="watcher status",
        )


@dataclass(frozen=True, slots=True)
class MailStuck(Notice):
    """No mail session can be opened; this reaches the operator once one can."""

    kind: ClassVar[str] = "mail-stuck"
    since_at: dt.datetime
    error: str
    waiting_count: int

    @override
    def explained(self) -> Explanation:
        return Explanation(
            subject="mail is stuck",
            headline="No mail can be sent",
            facts=(
                ("Since", instant(self.since_at)),
                ("Error", _line(self.error)),
                ("Waiting", counted(self.waiting_count, "mail")),
            ),
            meaning="Nothing is lost. While this lasts no digest is composed; afterwards the "
            "waiting mails go first, then one digest of all that is new.",
            action="Check the [smtp] settings and try a mail:",
            command="watcher send-test",
        )


@dataclass(frozen=True, slots=True)
class ConfigBroken(Notice):
    """Configuration that was not taken over; each of `problems` names file, line and key."""

    kind: ClassVar[str] = "config-broken"
    problems: tuple[str, ...]

    @override
    def explained(self) -> Explanation:
        return Explanation(
            subject="the configuration has mistakes",
            headline="The configuration was not taken over as it stands",
            facts=(),
            lines=self.problems,
            meaning="The last good rules stay in force for what is named here. "
            "All other subscriptions go on as they are.",
            action="Put it right; the next check takes it up by itself. To see whether it is good:",
            command="watcher check-config",
        )


@dataclass(frozen=True, slots=True)
class PapersSkipped(Notice):
    """Records on a page that could not become papers."""

    kind: ClassVar[str] = "papers-skipped"
    source: str
    url: str
    skipped: tuple[Skipped, ...]

    @override
    def explained(self) -> Explanation:
        name, page = _name(self.source), web_url(self.url)
        told = f"{counted(len(self.skipped), 'record')} of {name} could not be read"
        return Explanation(
            subject=told,
            headline=told,
            facts=(("Page", page),) if page else (),
            lines=tuple(f"no. {skip.position + 1}: {skip.reason}" for skip in self.skipped),
            meaning="These papers are missing from the digests; the page's other papers are not "
            "affected. The site may have changed how it writes them.",
            action="See whether it still happens:",
            command=f"watcher check-now --dry-run --source {_argument(self.source)}",
        )


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A paper that one condition kept out; `lacked` says which, as in `3 of 20 votes`."""

    subscription_id: str
    paper_id: str
    title: str
    lacked: str


@dataclass(frozen=True, slots=True)
class Quiet(Notice):
    """Nothing was mailed for `days` days although `seen_count` papers were seen."""

    kind: ClassVar[str] = "quiet"
    days: int
    seen_count: int
    near_misses: tuple[NearMiss, ...] = ()

    @override
    def explained(self) -> Explanation:
        seen = counted(self.seen_count, "paper") if self.seen_count else "no papers"
        lines = [
            f"{subscription}: {shorten(clean(readable(miss.title)), 120)} "
            f"({clean(miss.paper_id)}): {miss.lacked}"
            for subscription, misses in groupby(self.near_misses, lambda m: m.subscription_id)
            for miss in misses
        ]
        misses = "; the nearest misses are below" if lines else ", and none was near to a rule"
        first = self.near_misses[0].paper_id if self.near_misses else "PAPER"
        return Explanation(
            subject=f"still watching: {seen} seen, none matched",
            headline=f"Still watching: {seen} seen, none matched",
            facts=(("Quiet for", counted(self.days, "day")),),
            lines=tuple(lines),
            meaning=f"All is well. No paper satisfied a rule{misses}."
            if self.seen_count
            else "No source had anything new, which is unusual for more than a weekend.",
            action="If one of them should have come, see why it did not:"
            if self.seen_count
            else "See when each source was last read:",
            command=f"watcher explain {_argument(first)}" if self.seen_count else "watcher status",
        )


@dataclass(frozen=True, slots=True)
class RenameSuspected(Notice):
    """A subscription is gone and a new one looks like it; both are ids."""

    kind: ClassVar[str] = "rename-suspected"
    old: str
    new: str

    @override
    def explained(self) -> Explanation:
        old, new = _name(self.old), _name(self.new)
        return Explanation(
            subject=f"was {old} renamed to {new}?",
            headline=f"Was the subscription “{old}” renamed to “{new}”?",
            facts=(),
            meaning=f"“{new}” waits and mails nothing until this is settled, because a new "
            f"subscription would mail again what “{old}” has already sent.",
            action="If it was renamed, keep its history with this command; "
            f"if “{new}” is a new one, `watcher subscriptions resume {_argument(self.new)}`:",
            command=f"watcher rename {_argument(self.old)} {_argument(self.new)}",
        )


@dataclass(frozen=True, slots=True)
class Gap(Notice):
    """A stretch of time of which a source's papers cannot be had any more."""

    kind: ClassVar[str] = "gap"
    source: str
    from_at: dt.datetime
    to_at: dt.datetime

    @override
    def explained(self) -> Explanation:
        name = _name(self.source)
        return Explanation(
            subject=f"a gap in {name}",
            headline=f"Nobody saw the source “{name}” for a while",
            facts=(("From", instant(self.from_at)), ("until", instant(self.to_at))),
            meaning="Papers that stood there only in between were not seen and will not be "
            "mailed, unless another source has them.",
            action="Nothing can be read back. To see all sources:",
            command="watcher status",
        )


def render_notice(notice: Notice) -> Rendered:
    """Write a notice out as a mail. Raises RenderError when a template is not usable."""
    words = notice.explained()
    lines = [isolated(_line(line)) for line in words.lines if clean(line)]
    if len(lines) > _LINES_SHOWN:
        lines[_LINES_SHOWN:] = [f"and {len(lines) - _LINES_SHOWN} more"]
    subject = f"paper-watcher: {shorten(words.subject, 110)}"
    context: dict[str, object] = {
        "subject": subject,
        "preheader": words.meaning,
        "headline": words.headline,
        "facts": words.facts,
        "lines": lines,
        "meaning": words.meaning,
        "action": words.action,
        "command": words.command,
    }
    return Rendered(subject, render("notice.txt.j2", context), render("notice.html.j2", context))


def _name(text: str) -> str:
    return isolated(shorten(clean(text), _NAME_LIMIT))


def _line(text: str) -> str:
    return shorten(clean(text), _LINE_LIMIT)


def _argument(text: str) -> str:
    """A name as a shell takes it."""
    return shlex.quote(shorten(clean(text), _NAME_LIMIT))
