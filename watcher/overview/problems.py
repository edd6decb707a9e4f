"""What of an overview wants looking after, and everything in one line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from watcher.engine import GREYLISTING
from watcher.errors import ConfigError
from watcher.models import DeliveryState, Outcome
from watcher.overview.records import (
    MailOverview,
    Overview,
    Problem,
    SourceOverview,
    SubscriptionOverview,
    Verdict,
)
from watcher.store.bounces import PausedRecipient
from watcher.store.leaving import LeftRecipient
from watcher.store.links import NEVER
from watcher.store.outbox import WAITING
from watcher.when import ago, moment

OVERDUE_AFTER = dt.timedelta(minutes=20)
"""A check or a digest this late no longer just waits for what is under way."""

OUTCOME_WORDS = {
    Outcome.OK: "ok",
    Outcome.UNCHANGED: "ok, unchanged",
    Outcome.EMPTY: "ok, says it has no papers",
    Outcome.BLOCKED: "refused by the site's firewall",
    Outcome.RATE_LIMITED: "put off by the site's rate limit",
    Outcome.FAILED: "could not be read",
    Outcome.DEGRADED: "the page has changed",
}


def find(
    overview: Overview, due_check_at: dt.datetime, broken: Iterable[ConfigError]
) -> tuple[Problem, ...]:
    """Everything that is not as it should be, the gravest first.

    `due_check_at` is when the check after the last one was due. What is overdue counts only while
    a daemon is alive: without one everything is.
    """
    return (
        *_replicas(overview),
        *_mail(overview),
        *_letters(overview),
        *_check(overview, due_check_at),
        *(problem for source in overview.sources for problem in _source(overview, source)),
        *(problem for each in overview.subscriptions for problem in _held(overview, each)),
        *(problem for each in overview.subscriptions for problem in _left(each)),
        *_paused(overview),
        *_failed(overview),
        *(Problem("config", f"left as it was last good: {error}") for error in broken),
    )


def headline(overview: Overview) -> str:
    """The verdict as a sentence."""
    if overview.verdict is Verdict.WELL:
        last = overview.last_check_at
        checked = f"last check {ago(last, overview.now)}" if last else "the first check is due"
        return f"All is well: the daemon watches, {checked}."
    rest = len(overview.problems) - 1
    more = f" (and {rest} more)" if rest > 0 else ""
    first = f"{overview.problems[0].text}{more}" if overview.problems else ""
    if overview.verdict is Verdict.TROUBLE:
        return f"In trouble: {first}."
    return f"No daemon alive{_absence(overview)}." + (f" Besides: {first}." if first else "")


def _absence(overview: Overview) -> str:
    parts = []
    daemon = overview.daemon
    if daemon is not None:
        since = ago(daemon.heartbeat.beat_at, overview.now)
        if daemon.is_process:
            parts.append(f"process {daemon.heartbeat.pid} is there, but its last sign was {since}")
        else:
            parts.append(f"it ended without a word, its last sign was {since}")
    last = overview.last_check_at
    parts.append(f"last check {ago(last, overview.now)}" if last else "nothing was ever checked")
    return "; " + "; ".join(parts)


def _replicas(overview: Overview) -> Iterator[Problem]:
    """A clock without workers says what is due, and nobody does it."""
    roles = {replica.role for replica in overview.replicas}
    if roles == {"clock"}:
        text = "no worker alive: nothing is read or mailed; start `watcher run --role worker`"
        yield Problem("replica", text)


def _mail(overview: Overview) -> Iterator[Problem]:
    mail = overview.mail
    if mail.trouble_at is not None:
        since = moment(mail.trouble_at, overview.zone)
        yield Problem("mail", f"mail is stuck since {since}: {mail.trouble}; {_waiting(overview)}")
    elif mail.oldest is not None and overview.now - mail.oldest.queued_at > GREYLISTING:
        since = moment(mail.oldest.queued_at, overview.zone)
        answer = f": {mail.oldest.answer}" if mail.oldest.answer else ""
        yield Problem("recipient", f"a mail to {mail.oldest.recipient} waits since {since}{answer}")


def _letters(overview: Overview) -> Iterator[Problem]:
    letters = overview.mail.letters
    if letters.oldest_at is None or overview.now - letters.oldest_at <= GREYLISTING:
        return
    since = moment(letters.oldest_at, overview.zone)
    many = f"{letters.count} mails of the pages wait, the oldest" if letters.count > 1 else ""
    why = letters.error or "no attempt has ended; `watcher run` or `watcher serve` sends them"
    yield Problem("mail", f"{many or 'a mail of the pages waits'} since {since}: {why}")


def _waiting(overview: Overview) -> str:
    mails = waiting_count(overview.mail)
    told = [f"{mails} mail{'s' * (mails != 1)}"]
    if overview.is_whole:
        matches = sum(subscription.pending_count for subscription in overview.subscriptions)
        told.append(f"{matches} paper{'s' * (matches != 1)}")
    return f"{' and '.join(told)} wait"


def waiting_count(mail: MailOverview) -> int:
    """Mails that are neither taken nor given up."""
    return sum(mail.counts.get(state, 0) for state in WAITING)


def _check(overview: Overview, due_at: dt.datetime) -> Iterator[Problem]:
    if overview.is_daemon_alive and due_at + OVERDUE_AFTER < overview.now:
        due = moment(due_at, overview.zone)
        yield Problem("check", f"the check that was due {due} was not made; see the daemon's log")


def _source(overview: Overview, source: SourceOverview) -> Iterator[Problem]:
    last = source.last
    if last is None or last.outcome is None or last.outcome.is_good:
        return
    since_at = source.state.trouble_at or last.started_at
    text = f"{source.name}: {OUTCOME_WORDS[last.outcome]} since {moment(since_at, overview.zone)}"
    if last.error:
        text += f" ({last.error})"
    yield Problem("page" if last.outcome is Outcome.DEGRADED else "site", text)


def _held(overview: Overview, subscription: SubscriptionOverview) -> Iterator[Problem]:
    if subscription.standing == "held":
        yield Problem(
            "subscription",
            f"{subscription.id} looks like {subscription.renamed_from} under a new name and gets"
            f" no digests until that is settled: `watcher rename {subscription.renamed_from}"
            f" {subscription.id}` keeps the history, `watcher subscriptions resume"
            f" {subscription.id}` starts anew",
        )
    due_at = subscription.overdue_at
    if overview.is_daemon_alive and due_at and due_at + OVERDUE_AFTER < overview.now:
        due = moment(due_at, overview.zone)
        yield Problem("digest", f"{subscription.id}: the digest of {due} was not made")


def _left(subscription: SubscriptionOverview) -> Iterator[Problem]:
    """That somebody unsubscribes is as it should be; a list without anybody is worth a look."""
    if not subscription.is_left_by_all:
        return
    last = max(subscription.left, key=lambda each: each.left_at)
    count = len(subscription.left)
    yield Problem(
        "subscription",
        f"nobody is left of {subscription.id}, and no digest is made: {left_by_click(last)}"
        f"{f', the last of {count}' if count > 1 else ''}; take it out of the configuration, or put"
        f" others in `to`; {way_to_return(last)}",
    )


def left_by_click(left: LeftRecipient) -> str:
    """That somebody has left a subscription, and when."""
    return f"{left.address} left {left.subscription_id} on {left.left_at:%Y-%m-%d} by a click"


def way_to_return(left: LeftRecipient) -> str:
    """What sends it there again."""
    return (
        "only if its owner wants it back,"
        f" `watcher subscriptions resume {left.subscription_id} --for {left.address}`"
    )


def _paused(overview: Overview) -> Iterator[Problem]:
    for address, each in paused_recipients(overview).items():
        since = moment(each.paused_at, overview.zone)
        yield Problem("recipient", f"{address} is paused since {since}: {way_back(each)}")


def way_back(paused: PausedRecipient) -> str:
    """Why somebody is paused, and what sends digests there again."""
    if paused.reason == NEVER:
        return (
            f"{paused.reason}; take it out of what it is subscribed to. Only if its owner wants it"
            f" back, `watcher subscriptions unsuppress {paused.address}`"
        )
    return (
        f"{paused.reason}; `watcher subscriptions resume {paused.address}` sends digests there"
        " again"
    )


def paused_recipients(overview: Overview) -> dict[str, PausedRecipient]:
    """Who is paused, of those that are subscribed, by address."""
    return {
        paused.address: paused
        for subscription in overview.subscriptions
        for paused in subscription.paused
    }


def _failed(overview: Overview) -> Iterator[Problem]:
    paused = paused_recipients(overview)
    for failed in overview.mail.failed:
        delivery = failed.delivery
        if delivery.state is DeliveryState.PARKED:
            again = f"`watcher resend {delivery.digest_id} --to {delivery.recipient}`"
            yield Problem(
                "recipient",
                f"a mail to {delivery.recipient} is parked: {delivery.answer}; {again} sends it"
                " again, with --drop it is let go",
            )
            continue
        if failed.is_past or (failed.subscription_id and delivery.recipient in paused):
            continue
        at = moment(delivery.finished_at or delivery.queued_at, overview.zone)
        how = "refused for good" if delivery.state is DeliveryState.DEAD else "given up"
        yield Problem("recipient", f"mail to {delivery.recipient} {how} {at}: {delivery.answer}")
