"""`subscriptions suppressed|suppress|unsuppress`: who is never to be written to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from watcher.cli.asking import consent
from watcher.cli.common import (
    USAGE,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
)
from watcher.cli.owner import past_the_lock
from watcher.errors import NoDatabaseError, StoreError

if TYPE_CHECKING:
    from watcher.settings import Config

AddressArgument = Annotated[str, typer.Argument(help="The address.", show_default=False)]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@guarded
def suppressed(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """The addresses that are never written to, and since when."""
    from watcher import app
    from watcher.cli.tables import table
    from watcher.store import links

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning", is_warned_of=False)
    found: list[links.Suppressed] = []
    try:
        with app.reading(loaded) as database, database.read() as connection:
            found = links.suppressed(connection)
    except NoDatabaseError:
        pass  # nobody has asked for anything yet
    if options.as_json:
        print_json(
            [{"address": each.address, "since": each.suppressed_at.isoformat()} for each in found]
        )
        return
    table(
        ("address", "since"),
        [(each.address, f"{each.suppressed_at:%Y-%m-%d %H:%M} UTC") for each in found],
    )
    if not found:
        print("There is no address that is never written to.")


@guarded
def suppress(
    context: typer.Context,
    address: AddressArgument,
    yes: YesOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Never write to that address again, whatever subscribes it: no digest, no confirmation."""
    from watcher import app
    from watcher.store import links

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning", is_warned_of=False)
    wanted = _checked(address)
    consent(f"Never write to {wanted} again? It is for good.", is_given=yes)
    with past_the_lock(loaded) as database, database.write() as connection:
        is_new = links.suppress(connection, wanted, app.utc_now())
    if options.as_json:
        print_json({"address": wanted, "suppressed": True, "changed": is_new})
    else:
        before = "" if is_new else ", as before"
        print(f"{wanted} is never written to{before}: no digest, no mail of the pages")


@guarded
def unsuppress(
    context: typer.Context,
    address: AddressArgument,
    yes: YesOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take it back that an address is never written to: only if its owner wants that."""
    from watcher import app
    from watcher.store import links

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning", is_warned_of=False)
    wanted = _checked(address)
    consent(
        f"{wanted} was promised never to be written to again. Did its owner ask you to take that"
        " back?",
        is_given=yes,
    )
    with past_the_lock(loaded) as database, database.write() as connection:
        is_changed = links.unsuppress(connection, wanted, app.utc_now())
    if options.as_json:
        print_json({"address": wanted, "suppressed": False, "changed": is_changed})
    elif is_changed:
        print(f"{wanted} may be written to again; what subscribes it sends it digests")
    else:
        print(f"{wanted} was not suppressed")


def suppressed_among(config: Config, addresses: Iterable[str]) -> list[str]:
    """Those of these that are never written to, as far as the store can be read."""
    from watcher import app
    from watcher.store import links

    try:
        with app.reading(config) as database, database.read() as connection:
            return links.suppressed_of(connection, addresses)
    except StoreError:  # what needs the store says so itself
        return []


def told_of(address: str) -> str:
    """That it is never written to, and what could be done."""
    return (
        f"{address} asked never to be written to again, so no digest goes there; only if its owner"
        f" wants it back, `watcher subscriptions unsuppress {address}`"
    )


def refuse_to_resume(address: str) -> NoReturn:
    """End with 2, and say what would have to come first."""
    from watcher.store.links import NEVER

    fail(
        f"{address} {NEVER}; only its owner could want that, and then"
        f" `watcher subscriptions unsuppress {address}` comes first",
        USAGE,
    )


def _checked(address: str) -> str:
    from watcher.settings import values

    try:
        return values.address(address).lower()
    except ValueError as error:
        fail(str(error), USAGE)
