"""The kinds of mail to the operator."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from watcher.digest.dates import instant
from watcher.digest.latex import readable
from watcher.digest.notice import Explanation, Notice, argument, counted, line, name
from watcher.digest.text import clean, shorten, web_url
from watcher.models import Outcome, Skipped


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
        source, page = name(self.source), web_url(self.url)
        told = _OUTCOMES.get(self.outcome, f"is {self.outcome.value}")
        meaning = (
            "Its valid new papers still go into the digests; others may be missing."
            if self.outcome is Outcome.DEGRADED
            else "No new papers come from it until it answers again. What the pages of past days "
            "hold is read then; what was on trending and search pages meanwhile is not."
        )
        return Explanation(
            subject=f"{source} {told}",
            headline=f"The source “{source}” {told}",
            facts=(
                ("Since", f"{instant(self.since_at)}, {counted(self.check_count, 'check')} so far"),
                *([("Page", page)] if page else []),
            ),
            lines=(*self.reasons, *self.samples),
            meaning=meaning,
            action="Look at the page in a browser. If it is well there, check it once more:",
            command=f"watcher check-now --dry-run --source {argument(self.source)}",
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
        source = name(self.source)
        return Explanation(
            subject=f"{source} is well again",
            headline=f"The source “{source}” is well again",
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
        recipient = name(self.recipient)
        return Explanation(
            subject=f"{recipient} was refused",
            headline=f"The mail server refused {recipient} for good",
            facts=(("Subscription", name(self.subscription)), ("Answer", line(self.answer))),
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
        recipient = name(self.recipient)
        return Explanation(
            subject=f"a digest to {recipient} was given up",
            headline=f"A digest to {recipient} was given up",
            facts=(
                ("Subscription", name(self.subscription)),
                ("Waiting since", instant(self.queued_at)),
                ("Tried", "once" if self.attempt_count == 1 else f"{self.attempt_count} times"),
                ("Last answer", line(self.answer)),
            ),
            meaning="This digest will not reach this address. Later ones will be tried as usual.",
            action="See what else waits, and what the mail server says:",
            command="watcher status",
        )


@dataclass(frozen=True, slots=True)
class MailParked(Notice):
    """A mail that was handed over and may or may not have been taken."""

    kind: ClassVar[str] = "mail-parked"
    subscription: str
    recipient: str
    digest_id: int
    answer: str

    @override
    def explained(self) -> Explanation:
        recipient = name(self.recipient)
        return Explanation(
            subject=f"did a digest reach {recipient}?",
            headline=f"Nobody knows whether a digest reached {recipient}",
            facts=(
                ("Subscription", name(self.subscription)),
                ("Digest", str(self.digest_id)),
                ("What happened", line(self.answer)),
            ),
            meaning="The mail server may have taken it or not. As the configuration asks, it is "
            "kept and not sent again by itself. Later digests are sent as usual.",
            action="Look into the mail server's log, or ask the reader. If it is there, put --drop "
            "behind this command; if not, it sends the very same mail again:",
            command=f"watcher resend {self.digest_id} --to {argument(self.recipient)}",
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
                ("Error", line(self.error)),
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
class TemplatesBroken(Notice):
    """The operator's own templates could not be used for a digest; `problem` says why."""

    kind: ClassVar[str] = "templates-broken"
    problem: str

    @override
    def explained(self) -> Explanation:
        return Explanation(
            subject="your templates cannot be used",
            headline="Your own templates cannot be used",
            facts=(),
            lines=(self.problem,),
            meaning="The built-in ones stand in for them: digests go out, and nothing is lost.",
            action="Put it right; the next digest takes it up by itself. To see one now:",
            command="watcher preview SUBSCRIPTION",
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
        source, page = name(self.source), web_url(self.url)
        told = f"{counted(len(self.skipped), 'record')} of {source} could not be read"
        return Explanation(
            subject=told,
            headline=told,
            facts=(("Page", page),) if page else (),
            lines=tuple(f"no. {skip.position + 1}: {skip.reason}" for skip in self.skipped),
            meaning="These papers are missing from the digests; the page's other papers are not "
            "affected. The site may have changed how it writes them.",
            action="See whether it still happens:",
            command=f"watcher check-now --dry-run --source {argument(self.source)}",
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
            f"{miss.subscription_id}: {shorten(clean(readable(miss.title)), 120)} "
            f"({clean(miss.paper_id)}): {miss.lacked}"
            for miss in self.near_misses
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
            command=f"watcher explain {argument(first)}" if self.seen_count else "watcher status",
        )


@dataclass(frozen=True, slots=True)
class RenameSuspected(Notice):
    """A subscription is gone and a new one looks like it; both are ids."""

    kind: ClassVar[str] = "rename-suspected"
    old: str
    new: str

    @override
    def explained(self) -> Explanation:
        old, new = name(self.old), name(self.new)
        return Explanation(
            subject=f"was {old} renamed to {new}?",
            headline=f"Was the subscription “{old}” renamed to “{new}”?",
            facts=(),
            meaning=f"“{new}” waits and mails nothing until this is settled, because a new "
            f"subscription would mail again what “{old}” has already sent.",
            action="If it was renamed, keep its history with this command; "
            f"if “{new}” is a new one, `watcher subscriptions resume {argument(self.new)}`:",
            command=f"watcher rename {argument(self.old)} {argument(self.new)}",
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
        source = name(self.source)
        return Explanation(
            subject=f"a gap in {source}",
            headline=f"Nobody saw the source “{source}” for a while",
            facts=(("From", instant(self.from_at)), ("until", instant(self.to_at))),
            meaning="Papers that stood there only in between were not seen and will not be "
            "mailed, unless another source has them.",
            action="Nothing can be read back. To see all sources:",
            command="watcher status",
        )
