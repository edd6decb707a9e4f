"""`check-config`: whether the configuration is good, and what it means in words."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.common import (
    BAD_CONFIG,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    guarded,
    print_json,
    say,
)
from watcher.cli.configs import fault_contract, faults_in
from watcher.errors import ConfigError

if TYPE_CHECKING:
    from watcher.cli.checking import Counted, Report, SubscriptionReport
    from watcher.settings import Config

OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Ask no server anything, so count stored papers only.")
]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("check-config")(check_config)


@guarded
def check_config(
    context: typer.Context,
    offline: OfflineOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong, with file and line, and what each rule means and matches."""
    options = common(context, config, state_dir, as_json=as_json)
    try:
        loaded = options.load_whole("error")
    except ConfigError as error:
        _refuse(faults_in(error), as_json=options.as_json)
    report = examine(loaded, is_offline=offline)
    if options.as_json:
        print_json(as_contract(report))
    else:
        show(report)
    if report.problems:
        raise typer.Exit(BAD_CONFIG)


def examine(config: Config, *, is_offline: bool) -> Report:
    """Try the configuration; on a terminal say first that pages are about to be read."""
    from watcher import app
    from watcher.cli import checking

    def tell() -> None:
        if sys.stderr.isatty():
            say("reading the pages to count what fits…")

    return asyncio.run(
        checking.examine(config, app.utc_now(), is_offline=is_offline, on_reading=tell)
    )


def show(report: Report) -> None:
    """Print it: what is wrong and what looks wrong on stderr, all else on stdout."""
    from watcher.store.database import name_of

    settings = report.config.settings
    row("config", str(report.config.path), indent="")
    row("database", name_of(report.config.store_url), indent="")
    row("mail", _mail(report.config), indent="")
    sources = ", ".join(_source(s.name, s.page, s.query) for s in settings.sources)
    row("sources", sources, indent="")
    for subscription in report.subscriptions:
        print()
        show_subscription(subscription, report.counted)
    for fault in report.problems:
        say(f"watcher: {fault}")
    for warning in (*_of_counting(report.counted), *report.warnings):
        say(f"warning: {warning}")
    if report.problems:
        count = len(report.problems)
        say(f"watcher: {count} thing{'' if count == 1 else 's'} to put right")
    else:
        print("\nThe configuration is good.")


def show_subscription(subscription: SubscriptionReport, counted: Counted | None) -> None:
    """Print one subscription, its rules as sentences."""
    from watcher.cli.tables import line

    line(subscription.id)
    row("to", ", ".join(subscription.recipients))
    row("digest", f"{subscription.digest}; {_next(subscription)}")
    row("sources", ", ".join(subscription.sources))
    for rule in subscription.rules:
        row("rule", f"{sentence(rule.sentence)}{_age(subscription.max_age_days)}")
        if counted is not None and rule.match_count is not None:
            row("", _fits(rule.match_count, counted))
        if rule.snoozed_until is not None:
            row("", f"snoozed until {rule.snoozed_until}")


def row(label: str, text: str, indent: str = "  ") -> None:
    """Print one fact behind its label; what others wrote in it is made harmless."""
    from watcher.digest.text import clean

    print(f"{indent}{label:<10}{clean(text)}")


def _refuse(faults: Iterable[ConfigError], *, as_json: bool) -> None:
    """End on a configuration that cannot be loaded at all."""
    listed = list(faults)
    for fault in listed:
        say(f"watcher: {fault}")
    if as_json:
        print_json({"ok": False, "problems": [fault_contract(fault) for fault in listed]})
    raise typer.Exit(BAD_CONFIG)


def as_contract(report: Report) -> dict[str, object]:
    """What `check-config --json` prints; scripts rely on these names."""
    from watcher.store.database import name_of

    config, counted = report.config, report.counted
    return {
        "ok": not report.problems,
        "problems": [fault_contract(fault) for fault in report.problems],
        "warnings": [*config.warnings, *_of_counting(counted), *report.warnings],
        "config": str(config.path),
        "database": name_of(config.store_url),
        "mail": _mail(config),
        "sources": [source.name for source in config.settings.sources],
        "papers": counted.paper_count if counted.origin else None,
        "papers_from": counted.origin,
        "subscriptions": [subscription_contract(each) for each in report.subscriptions],
    }


def subscription_contract(subscription: SubscriptionReport) -> dict[str, object]:
    """A subscription for machines."""
    at = subscription.next_slot_at
    return {
        "id": subscription.id,
        "name": subscription.name,
        "to": list(subscription.recipients),
        "digest": subscription.digest,
        "timezone": subscription.timezone,
        "next_slot_at": at.isoformat() if at else None,
        "sources": list(subscription.sources),
        "max_age_days": subscription.max_age_days,
        "file": str(subscription.path) if subscription.path else None,
        "line": subscription.line,
        "rules": [
            {
                "name": rule.name,
                "sentence": rule.sentence,
                "matches": rule.match_count,
                "snoozed_until": rule.snoozed_until.isoformat() if rule.snoozed_until else None,
            }
            for rule in subscription.rules
        ],
    }


def _mail(config: Config) -> str:
    from watcher.mail import make_mailer

    sender, dkim = config.settings.mail.from_, config.settings.dkim
    parts = [make_mailer(config.settings, config.state_dir).describe()]
    parts += [f"from {sender}"] if sender else []
    parts += [f"signed for {dkim.domain}"] if dkim.is_on else []
    return ", ".join(parts)


def _source(name: str, page: str, query: str) -> str:
    what = f"{page}: {query}" if query else page
    return name if name == what else f"{name} ({what})"


def _next(subscription: SubscriptionReport) -> str:
    from zoneinfo import ZoneInfo

    from watcher.when import moment

    at = subscription.next_slot_at
    return f"next {moment(at, ZoneInfo(subscription.timezone))}" if at else "next with a check"


def sentence(described: str) -> str:
    """A rule's sentence where no subject stands before it."""
    from watcher.rules.describe import EVERY_PAPER

    return described.replace("is any paper", EVERY_PAPER, 1)


def _age(days: int) -> str:
    return f", published in the last {days} days" if days else ""


def _fits(match_count: int, counted: Counted) -> str:
    where = (
        "seen in the last 30 days" if counted.origin == "stored" else "on the pages at this moment"
    )
    return f"fits {match_count} of {counted.paper_count} papers {where}"


def _of_counting(counted: Counted) -> tuple[str, ...]:
    return (f"not all papers could be counted: {counted.trouble}",) if counted.trouble else ()
