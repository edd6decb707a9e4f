"""`resend`: a digest once more, on purpose, the same bytes."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from watcher.cli.common import (
    NOT_WELL,
    USAGE,
    Common,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    is_interactive,
    print_json,
    say,
)
from watcher.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from watcher.pipeline.resend import Candidate
    from watcher.settings import Config
    from watcher.store.outbox import Delivery


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("resend")(resend)


@guarded
def resend(
    context: typer.Context,
    digest: Annotated[int, typer.Argument(metavar="DIGEST", help="Its number in `history`.")],
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="ADDRESS", help="Only to this one; may be repeated."),
    ] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Of the parked mails: let go, do not send.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a digest once more, the same bytes; or let go of what is parked.

    It goes at once; where the daemon is at work, that sends it within the minute.
    """
    from watcher import app, effective
    from watcher.cli.asking import consent
    from watcher.cli.owner import act_as_owner, past_the_lock
    from watcher.pipeline.resend import hold, let_go, send_again
    from watcher.settings import require_mail

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load_whole("warning")
    if not drop and not is_interactive():
        require_mail(loaded)
    act_as_owner(loaded.state_dir)
    with app.reading(loaded) as database:
        in_force, _ = effective.compile_rules(loaded, effective.last_good_of(database))
        configured = {each.id: each.to for each in in_force.settings.subscriptions}
        with database.read() as connection:
            chosen = _chosen(connection, digest, to, configured)
    agreed = {
        each.delivery.recipient: each.delivery.id for each in chosen if _is_open(each, is_drop=drop)
    }
    if drop and not agreed:
        fail(f"nothing of digest {digest} is parked", USAGE)
    if agreed:
        question = f"Let go of digest {digest} to" if drop else f"Send digest {digest} again to"
        consent(f"{question} {', '.join(agreed)}?", is_given=yes)
    now = app.utc_now()
    with past_the_lock(loaded) as database, database.write() as connection:
        hold(connection, digest)
        chosen = _chosen(connection, digest, to, configured)  # as it stands by now
        meant = [
            each.delivery
            for each in chosen
            if _is_open(each, is_drop=drop)
            and agreed.get(each.delivery.recipient) == each.delivery.id
        ]
        if drop:
            for delivery in meant:
                let_go(connection, delivery, now)
            concerned = [delivery.id for delivery in meant]
        else:
            mail = loaded.settings.mail
            concerned = [send_again(mail, connection, delivery, now) for delivery in meant]
    left = _left(chosen, meant, agreed, is_drop=drop)
    busy = _deliver(loaded) if concerned and not drop else None
    with app.reading(loaded) as database, database.read() as connection:
        shown = _shown(connection, concerned)
    _report(options, digest, shown, left, busy, is_drop=drop)


def _chosen(
    connection: sa.Connection,
    digest: int,
    to: Iterable[str] | None,
    configured: Mapping[str, Collection[str]],
) -> tuple[Candidate, ...]:
    """The mails of the digest to these, else to all; where it cannot be the command ends with 2."""
    from watcher.pipeline.resend import candidates

    found = candidates(connection, digest, configured)
    if not found:
        fail(f"there is no digest {digest}; `watcher history` lists them", USAGE)
    if not to:
        return found
    by_address = {each.delivery.recipient.casefold(): each for each in found}
    for word in to:
        if word.casefold() not in by_address:
            went = ", ".join(each.delivery.recipient for each in found)
            fail(f"digest {digest} went not to {word}, but to {went}", USAGE)
    return tuple(by_address[each] for each in dict.fromkeys(word.casefold() for word in to))


def _is_open(candidate: Candidate, *, is_drop: bool) -> bool:
    """Whether what is asked for can be done with it."""
    return candidate.is_parked if is_drop else candidate.obstacle is None


def _left(
    chosen: Iterable[Candidate],
    meant: Collection[Delivery],
    agreed: Collection[str],
    *,
    is_drop: bool,
) -> dict[str, str]:
    """Why the others are left as they are, by recipient.

    Between the question and its answer others send, decide, and hear from servers.
    """
    left = {}
    for each in chosen:
        who = each.delivery.recipient
        if each.delivery in meant:
            continue
        if each.obstacle and not is_drop:
            left[who] = each.obstacle
        elif who in agreed or _is_open(each, is_drop=is_drop):
            left[who] = f"is {each.delivery.state} by now, which was not asked about"
    return left


def _deliver(config: Config) -> str | None:
    """Send what is due; who does it instead where another instance is at work."""
    from watcher import app
    from watcher.pipeline.deliver import deliver

    async def send() -> None:
        with app.writing(config, "resend", app.utc_now()) as database:
            async with app.running(config, database) as engine:
                loop = asyncio.get_running_loop()
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, engine.stopping.set)
                await deliver(engine.context, engine.stopping)

    try:
        asyncio.run(send())
    except BusyError as error:
        return str(error).removesuffix("; nothing was done")
    return None


def _shown(connection: sa.Connection, delivery_ids: Sequence[int]) -> list[Delivery]:
    from watcher.store import outbox

    return [found for each in delivery_ids if (found := outbox.get(connection, each)) is not None]


def _report(
    options: Common,
    digest: int,
    shown: Sequence[Delivery],
    left: Mapping[str, str],
    busy: str | None,
    *,
    is_drop: bool,
) -> NoReturn:
    from watcher.cli.history import as_contract
    from watcher.cli.tables import line
    from watcher.models import DeliveryState
    from watcher.store.outbox import WAITING

    if options.as_json:
        reasons = [{"recipient": who, "reason": why} for who, why in left.items()]
        print_json(
            {
                "digest": digest,
                "mails": [as_contract(each) for each in shown],
                "not_sent": [] if is_drop else reasons,
                "not_dropped": reasons if is_drop else [],
                "busy": busy,
            }
        )
    else:
        for each in shown:
            answer = f": {each.answer}" if each.answer else ""
            line(f"digest {digest} to {each.recipient} {each.state}{answer}")
        if busy:
            line(f"{busy}: it sends what is queued within the minute, else the next pass does")
    for who, why in left.items():
        say(f"{'not let go' if is_drop else 'not sent again'}: {who} {why}")
    if is_drop:
        good = {DeliveryState.CANCELLED}
    else:
        good = {DeliveryState.DELIVERED, *(WAITING if busy else ())}
    is_good = all(each.state in good for each in shown)
    raise typer.Exit(NOT_WELL if left or not is_good else 0)
