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
    from collections.abc import Sequence

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
    from watcher import app
    from watcher.cli.asking import consent
    from watcher.cli.owner import act_as_owner, past_the_lock
    from watcher.pipeline.resend import let_go, send_again
    from watcher.settings import require_mail

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning")
    if not drop and not is_interactive():
        require_mail(loaded)
    act_as_owner(loaded.state_dir)
    with app.reading(loaded) as database, database.read() as connection:
        chosen = _chosen(connection, digest, to, is_drop=drop)
    who = ", ".join(each.delivery.recipient for each in chosen if drop or not each.obstacle)
    if who:
        question = f"Let go of digest {digest} to" if drop else f"Send digest {digest} again to"
        consent(f"{question} {who}?", is_given=yes)
    now = app.utc_now()
    with past_the_lock(loaded) as database, database.write() as connection:
        chosen = _chosen(connection, digest, to, is_drop=drop)  # as it stands by now
        if drop:
            for each in chosen:
                let_go(connection, each.delivery, now)
            queued = []
        else:
            queued = [
                send_again(loaded.settings.mail, connection, each.delivery, now)
                for each in chosen
                if not each.obstacle
            ]
    busy = _deliver(loaded) if queued else None
    with app.reading(loaded) as database, database.read() as connection:
        shown = _shown(connection, queued or [each.delivery.id for each in chosen if drop])
    _report(options, digest, chosen if not drop else (), shown, busy)


def _chosen(
    connection: sa.Connection, digest: int, to: list[str] | None, *, is_drop: bool
) -> tuple[Candidate, ...]:
    """The mails that are meant; else the command ends with 2."""
    from watcher.pipeline.resend import candidates

    found = candidates(connection, digest)
    if not found:
        fail(f"there is no digest {digest}; `watcher history` lists them", USAGE)
    if to:
        by_address = {each.delivery.recipient.casefold(): each for each in found}
        for word in to:
            if word.casefold() not in by_address:
                went = ", ".join(each.delivery.recipient for each in found)
                fail(f"digest {digest} went not to {word}, but to {went}", USAGE)
        found = tuple(by_address[word.casefold()] for word in dict.fromkeys(to))
    if is_drop:
        found = tuple(each for each in found if each.is_parked)
        if not found:
            fail(f"nothing of digest {digest} is parked", USAGE)
    return found


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
    chosen: Sequence[Candidate],
    shown: Sequence[Delivery],
    busy: str | None,
) -> NoReturn:
    from watcher.cli.history import as_contract
    from watcher.cli.tables import line
    from watcher.models import DeliveryState

    obstacles = {each.delivery.recipient: each.obstacle for each in chosen if each.obstacle}
    if options.as_json:
        print_json(
            {
                "digest": digest,
                "mails": [as_contract(each) for each in shown],
                "not_sent": [{"recipient": who, "reason": why} for who, why in obstacles.items()],
                "busy": busy,
            }
        )
    else:
        for each in shown:
            answer = f": {each.answer}" if each.answer else ""
            line(f"digest {digest} to {each.recipient} {each.state}{answer}")
        if busy:
            line(f"{busy}: it sends what is queued within the minute, else the next pass does")
    for who, why in obstacles.items():
        say(f"not sent again: {who} {why}")
    good = {DeliveryState.DELIVERED, DeliveryState.CANCELLED}
    is_good = busy is not None or all(each.state in good for each in shown)
    raise typer.Exit(NOT_WELL if obstacles or not is_good else 0)
