"""`status`: whether all is well, and if not, what is the matter."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import typer

from watcher.cli.common import (
    DONE,
    NOT_WELL,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    guarded,
    print_json,
)

if TYPE_CHECKING:
    import datetime as dt

    from watcher.overview import Overview, SourceOverview, SubscriptionOverview
    from watcher.settings import Config

NO_DAEMON = 1


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("status")(status)


@guarded
def status(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whether all is well: exit code 0 well, 3 in trouble, 1 no daemon alive."""
    from watcher import app
    from watcher.errors import NoDatabaseError, StoreError
    from watcher.overview import Verdict, as_contract
    from watcher.store.database import name_of

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load_whole("warning")
    database = name_of(loaded.store_url)
    try:
        overview = _look(loaded, app.utc_now())
    except StoreError as error:
        is_new = isinstance(error, NoDatabaseError)
        summary = f"No daemon alive: {error}." if is_new else f"In trouble: {error}."
        if options.as_json:
            verdict = Verdict.STOPPED if is_new else Verdict.TROUBLE
            head = {"verdict": verdict.value, "summary": summary, "error": str(error)}
            print_json({**head, "config": str(loaded.path), "database": database})
        else:
            print(f"{summary}\nconfig {loaded.path}, database {database}")
        raise typer.Exit(NO_DAEMON if is_new else NOT_WELL) from error
    if options.as_json:
        print_json(as_contract(loaded, overview, database))
    else:
        _report(loaded, overview, database)
    codes = {Verdict.WELL: DONE, Verdict.TROUBLE: NOT_WELL, Verdict.STOPPED: NO_DAEMON}
    raise typer.Exit(codes[overview.verdict])


def _look(config: Config, now: dt.datetime) -> Overview:
    from watcher import app
    from watcher.overview import look

    with app.reading(config) as database:
        return look(config, database, now, host=socket.gethostname())


def _report(config: Config, overview: Overview, database: str) -> None:
    from watcher.cli.tables import count, line, table
    from watcher.overview import headline
    from watcher.when import moment

    line(headline(overview))
    if len(overview.problems) > 1:
        for problem in overview.problems:
            line(f"- {problem.kind}: {problem.text}")
    line(f"config {config.path}, database {database}, {count(overview.paper_count, 'paper')} known")
    if overview.daemon and overview.next_check_at:
        beat = overview.daemon.heartbeat
        line(
            f"daemon {beat.version}, process {beat.pid} on {beat.host}, since"
            f" {moment(beat.started_at, overview.zone)}; next check"
            f" {moment(overview.next_check_at, overview.zone)}"
        )
    for replica in overview.replicas:
        since = moment(replica.started_at, overview.zone)
        line(
            f"{replica.role} {replica.version}, process {replica.pid} on {replica.host},"
            f" since {since}"
        )
    print()
    table(
        ("source", "last check", "next", "outcome", "papers", "new", "last good", ""),
        [_source_row(overview, source) for source in overview.sources],
    )
    print()
    table(
        ("subscription", "digest", "next", "waiting", "undecided", "last run", "last digest", ""),
        [_subscription_row(overview, each) for each in overview.subscriptions],
    )
    print()
    _report_mail(overview)


def _source_row(overview: Overview, source: SourceOverview) -> tuple[str, ...]:
    from watcher.overview import OUTCOME_WORDS
    from watcher.when import ago

    last, good_at = source.last, source.state.last_good_at
    good = ago(good_at, overview.now) if good_at else "never"
    coming = ago(source.next_check_at, overview.now) if source.next_check_at else ""
    if last is None or last.outcome is None:
        return (source.name, "never", coming, "not checked yet", "", "", good, "")
    return (
        source.name,
        ago(last.started_at, overview.now),
        coming,
        OUTCOME_WORDS[last.outcome],
        str(last.paper_count),
        str(last.new_count),
        good,
        last.error or "",
    )


def _subscription_row(overview: Overview, subscription: SubscriptionOverview) -> tuple[str, ...]:
    from zoneinfo import ZoneInfo

    from watcher.cli.tables import count
    from watcher.when import ago, moment

    digest, at = subscription.last_digest, subscription.next_slot_at
    run = subscription.last_run
    standing = {
        "active": _why_none_is_made(subscription),
        "paused": f"paused; `watcher subscriptions resume {subscription.id}`",
        "held": f"held: looks like {subscription.renamed_from} renamed",
        "new": "new: taken over at the next check",
    }[subscription.standing]
    if subscription.paused:
        count_paused = f"{len(subscription.paused)} of {len(subscription.recipients)}"
        standing = f"{standing}; " * bool(standing) + f"{count_paused} recipients paused"
    if subscription.left and not subscription.is_left_by_all:
        told = f"{len(subscription.left)} of {len(subscription.recipients)} recipients have left"
        standing = f"{standing}; " * bool(standing) + f"{told} by a click"
    for name, until in subscription.snoozed:
        standing = f"{standing}; " * bool(standing) + f"{name} snoozed until {until}"
    zone = ZoneInfo(subscription.timezone)
    return (
        subscription.id,
        subscription.digest,
        "paused"
        if subscription.standing == "paused"
        else moment(at, zone)
        if at
        else "with the next check",
        count(subscription.pending_count, "paper") if subscription.pending_count else "nothing new",
        str(subscription.undecided_count),
        f"{ago(run.scheduled_at, overview.now)}, "
        + (count(run.paper_count, "paper") if run.paper_count else "nothing new")
        if run
        else "never",
        f"{ago(digest.composed_at, overview.now)}, {count(digest.paper_count, 'paper')}"
        if digest
        else "none yet",
        standing,
    )


def _why_none_is_made(subscription: SubscriptionOverview) -> str:
    if subscription.is_left_by_all:
        return "no digest is made: nobody is left"
    return "no digest is made" if subscription.has_nobody else ""


def _report_mail(overview: Overview) -> None:
    from watcher.cli.tables import line, table
    from watcher.when import ago, moment

    mail = overview.mail
    line("mails: " + ", ".join(f"{count} {state}" for state, count in mail.counts.items()))
    if mail.oldest:
        waiting = f"the oldest waits since {moment(mail.oldest.queued_at, overview.zone)}"
        if mail.next_attempt_at:
            waiting += f", next attempt {ago(mail.next_attempt_at, overview.now)}"
        line(waiting)
    letters = mail.letters
    if letters.oldest_at:
        waiting = f"mails of the pages: {letters.count} waiting, the oldest since"
        waiting += f" {moment(letters.oldest_at, overview.zone)}"
        if letters.next_attempt_at:
            waiting += f", next attempt {ago(letters.next_attempt_at, overview.now)}"
        line(waiting + (f": {letters.error}" if letters.error else ""))
    table(
        ("mail to", "of", "state", "when", "answer"),
        [
            (
                failed.delivery.recipient,
                failed.subscription_id or "a notice",
                f"{failed.delivery.state}{', later ones arrived' if failed.is_past else ''}",
                ago(failed.delivery.finished_at or failed.delivery.queued_at, overview.now),
                failed.delivery.answer or "",
            )
            for failed in mail.failed
        ],
    )
