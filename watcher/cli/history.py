"""`history`: what was sent to whom, and how the checks went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.common import (
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    guarded,
    print_json,
)

if TYPE_CHECKING:
    import datetime as dt

    import sqlalchemy as sa

    from watcher.store.outbox import Delivery


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("history")(history)


@guarded
def history(
    context: typer.Context,
    subscription: Annotated[
        str | None, typer.Option("--subscription", help="Digests of this subscription only.")
    ] = None,
    checked: Annotated[
        bool, typer.Option("--checks", help="The checks of the pages in place of the digests.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many, the newest.")] = 20,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """The last digests, to whom they went and what became of each; or the last checks."""
    from watcher import app

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning")
    with app.reading(loaded) as database, database.read() as connection:
        if checked:
            shown = _checks(connection, limit, loaded.zone())
        else:
            wanted = _wanted(connection, subscription) if subscription else None
            shown = _digests(connection, wanted, limit, loaded.zone())
    if options.as_json:
        print_json(shown.contract)
    else:
        _print(shown)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The same for machines and for people; `nothing` is what people read where there is none."""

    contract: list[dict[str, object]]
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]
    nothing: str


def _print(shown: _Shown) -> None:
    from watcher.cli.tables import line, table

    if not shown.rows:
        line(shown.nothing)
    table(shown.headers, shown.rows)


def _wanted(connection: sa.Connection, word: str) -> str:
    """A subscription of the history, which may be gone from the configuration."""
    from watcher.cli.names import pick
    from watcher.store import subscriptions

    known = subscriptions.known(connection)
    return pick("subscription", word, {each: each.rpartition("/")[2] for each in known})


def _checks(connection: sa.Connection, limit: int, zone: dt.tzinfo) -> _Shown:
    from watcher.overview import OUTCOME_WORDS
    from watcher.store import checks
    from watcher.when import moment

    found = checks.recent(connection, limit=limit)
    return _Shown(
        contract=[
            {
                "source": check.source,
                "started_at": check.started_at.isoformat(),
                "finished_at": check.finished_at.isoformat() if check.finished_at else None,
                "outcome": check.outcome and check.outcome.value,
                "papers": check.paper_count,
                "new": check.new_count,
                "error": check.error,
            }
            for check in found
        ],
        headers=("source", "when", "outcome", "papers", "new", ""),
        rows=[
            (
                check.source,
                moment(check.started_at, zone),
                OUTCOME_WORDS[check.outcome] if check.outcome else "under way, or cut short",
                str(check.paper_count),
                str(check.new_count),
                check.error or "",
            )
            for check in found
        ],
        nothing="nothing was checked yet; `watcher check-now` does it once",
    )


def _digests(
    connection: sa.Connection, subscription_id: str | None, limit: int, zone: dt.tzinfo
) -> _Shown:
    from watcher.overview.story import fate
    from watcher.store import outbox
    from watcher.when import moment

    digests = outbox.past_digests(connection, subscription_id, limit)
    by_digest: dict[int | None, list[Delivery]] = {}
    for delivery in outbox.of_digests(connection, [digest.id for digest in digests]):
        by_digest.setdefault(delivery.digest_id, []).append(delivery)
    return _Shown(
        contract=[
            {
                "id": digest.id,
                "subscription": digest.subscription_id,
                "slot": digest.slot_key,
                "composed_at": digest.composed_at.isoformat(),
                "subject": digest.subject,
                "papers": digest.paper_count,
                "deliveries": [as_contract(each) for each in by_digest.get(digest.id, [])],
            }
            for digest in digests
        ],
        headers=("digest", "subscription", "made", "papers", "to"),
        rows=[
            (
                str(digest.id),
                digest.subscription_id,
                moment(digest.composed_at, zone),
                str(digest.paper_count),
                "; ".join(fate(each, zone) for each in by_digest.get(digest.id, [])),
            )
            for digest in digests
        ],
        nothing="no digest was made yet; `watcher status` shows when the next ones are due",
    )


def as_contract(delivery: Delivery) -> dict[str, object]:
    """One recipient's mail for `--json`."""
    return {
        "recipient": delivery.recipient,
        "resend": delivery.resend_number,
        "state": delivery.state.value,
        "attempts": delivery.attempt_count,
        "at": delivery.finished_at.isoformat() if delivery.finished_at else None,
        "answer": delivery.answer,
    }
