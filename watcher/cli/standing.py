"""`pause`, `resume`, `rename`: what the operator does to the row of a subscription or recipient.

They go past the daemon's lock on purpose. Each is one short transaction of its own (BEGIN IMMEDIATE
on SQLite), which the daemon's writes wait for and which waits for them; the daemon reads the row
anew whenever it composes. What takes more than a row, taking a configuration over, needs the lock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from watcher.cli import leaving, names, suppressing
from watcher.cli.common import (
    BAD_CONFIG,
    USAGE,
    Common,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
)
from watcher.cli.owner import act_as_owner, past_the_lock
from watcher.errors import BusyError, NoDatabaseError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from watcher.settings import Config
    from watcher.store.subscriptions import KnownSubscription


class _Named(msgspec.Struct):
    name: str


NameArgument = Annotated[str, typer.Argument(help="The id, or a name that only one has.")]


@guarded
def pause(
    context: typer.Context,
    name: NameArgument,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compose nothing for it until it is resumed; what matches meanwhile waits."""
    _change(common(context, config, state_dir, as_json=as_json), name, is_paused=True)


@guarded
def resume(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="The id, a name that only one has, or the address of a paused recipient."
        ),
    ],
    for_: Annotated[
        str,
        typer.Option(
            "--for", help="Send it to this address again, which has left it.", show_default=False
        ),
    ] = "",
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with it; what looked like another one renamed starts anew.

    An address is one of a recipient that was paused because mail to it came back. With --for it
    goes on for one that has left it by a click, which only its owner can want.
    """
    options = common(context, config, state_dir, as_json=as_json)
    if for_:
        leaving.take_back(options, name, for_)
    elif "@" not in name or not _resume_recipient(options, name):
        _change(options, name, is_paused=False)


def _resume_recipient(options: Common, address: str) -> bool:
    """Let digests go to that recipient again; False where nobody has this address."""
    from watcher import app
    from watcher.overview.problems import left_by_click, way_to_return
    from watcher.store import bounces, links
    from watcher.store import leaving as store

    loaded = options.load_whole("warning")
    try:
        with app.reading(loaded) as database, database.read() as connection:
            paused, left = bounces.paused(connection), store.left(connection)
    except NoDatabaseError:
        return False
    subscribed = {each for s in loaded.settings.subscriptions for each in s.to}
    known = {each.lower(): each for each in (*subscribed, *paused)}
    found = known.get(address.lower())
    if found is None:
        return False
    with past_the_lock(loaded) as database, database.write() as connection:
        if links.is_suppressed(connection, found):
            suppressing.refuse_to_resume(found)
        if found in paused:
            bounces.resume(connection, found, app.utc_now())
    if options.as_json:
        print_json({"recipient": found, "standing": "active"})
    elif found not in paused:
        print(f"{found} was not paused")
    else:
        print(f"{found} goes on: the next digest is sent there again")
    if not options.as_json:
        for each in loaded.settings.subscriptions:
            for gone in left.among(each.id, [found] if found in each.to else ()):
                print(f"  but {left_by_click(gone)}; {way_to_return(gone)}")
    return True


def _change(options: Common, name: str, *, is_paused: bool) -> None:
    from watcher import app
    from watcher.store import leaving as store
    from watcher.store import renaming, subscriptions

    loaded = options.load_whole("warning")
    configured = {s.id: s.name for s in loaded.settings.subscriptions}
    subscription_id = names.pick("subscription", name, configured)
    now = app.utc_now()
    with _taken_over(loaded, subscription_id) as connection:
        row = subscriptions.known(connection)[subscription_id]
        is_needed = (row.paused_at is None) if is_paused else not row.is_active
        carried: list[str] = []
        if is_needed:
            subscriptions.pause(connection, subscription_id, now if is_paused else None)
            if not is_paused:
                renaming.start_anew(connection, subscription_id, now)
                gone = store.left_of(connection, [subscription_id])
                carried = [address for _, address in gone.by_pair]
    if options.as_json:
        print_json({"id": subscription_id, "standing": "paused" if is_paused else "active"})
    elif not is_needed:
        print(f"{subscription_id} {'is paused already' if is_paused else 'was not paused'}")
    elif is_paused:
        print(
            f"{subscription_id} is paused: no digest is made. What was made before still goes out,"
            f" what matches meanwhile waits.\n`watcher subscriptions resume {subscription_id}`"
            " goes on."
        )
    else:
        print(f"{subscription_id} goes on: what waits is in its next digest")
        if row.renamed_from is not None:
            print(f"  as new: the history of {row.renamed_from} is not its own")
            if carried:
                print(f"  who had left it has left this one, too: {', '.join(carried)}")


@guarded
def rename(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="Its id before, no longer in the configuration.")],
    new: Annotated[str, typer.Argument(help="Its id now, as in the configuration.")],
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a renamed subscription its history, so that nothing is mailed to it twice."""
    from watcher.store import outbox, renaming, subscriptions

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load_whole("warning")
    configured = {s.id: s.name for s in loaded.settings.subscriptions}
    new_id = names.pick("subscription", new, configured)
    if old in configured:
        if loaded.is_stored(old):
            fail(
                f"{old} is still in the store; take it out there first"
                f" (`watcher subscriptions remove {old}`)",
                USAGE,
            )
        fail(f"{old} is still in the configuration; rename it there first", USAGE)
    with _taken_over(loaded, new_id) as connection:
        known = subscriptions.known(connection)
        past = {row.id: _name_of(row) for row in known.values() if row.id not in configured}
        old_id = names.pick("former subscription", old, past)
        if outbox.last_digest_at(connection, new_id) is not None:
            fail(
                f"{new_id} was sent digests of its own: two histories cannot be made one."
                f" `watcher subscriptions resume {new_id}` lets it go on with its own",
                USAGE,
            )
        renaming.rename(connection, old_id, new_id)
    if options.as_json:
        print_json({"old": old_id, "new": new_id})
    else:
        print(f"{new_id} goes on from where {old_id} was: what that one got is not mailed again")


@contextlib.contextmanager
def _taken_over(config: Config, subscription_id: str) -> Iterator[sa.Connection]:
    """A transaction on the database, in which the subscription has a row.

    Nobody goes by the rules in force meanwhile, nor leaves a list: it may get another name here.
    Raises StoreError, BusyError.
    """
    from watcher.store.lock import change_rules

    act_as_owner(config.state_dir)
    if not _has_row(config, subscription_id):
        _take_over(config, subscription_id)
    with past_the_lock(config) as database, database.write() as connection:
        if database.path is None:  # SQLite has one writer at a time anyhow
            change_rules(connection)
        yield connection


def _has_row(config: Config, subscription_id: str) -> bool:
    from watcher import app
    from watcher.store import subscriptions

    try:
        with app.reading(config) as database, database.read() as connection:
            row = subscriptions.known(connection).get(subscription_id)
    except NoDatabaseError:
        return False
    return row is not None and row.removed_at is None


def _take_over(config: Config, subscription_id: str) -> None:
    """Have the store know what is configured, as the daemon does when it starts."""
    from watcher import app

    async def take_over() -> None:
        with app.writing(config, "subscriptions", app.utc_now()) as database:
            async with app.running(config, database):
                pass

    try:
        asyncio.run(take_over())
    except BusyError as error:
        raise BusyError(
            f"{subscription_id} is new, and the daemon has not taken it up yet: it does so at its"
            f" next check, or on SIGHUP. Try again then ({error})"
        ) from error
    if not _has_row(config, subscription_id):
        fail(f"{subscription_id} is not valid; `watcher check-config` says why", BAD_CONFIG)


def _name_of(row: KnownSubscription) -> str:
    return msgspec.json.decode(row.definition, type=_Named).name
