"""`subscriptions import|export`, and the end of one in the store.

They go past the daemon's lock, as `pause` does, and for the same reasons: what is imported is one
short transaction, and the daemon takes it up at its next check.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import names
from watcher.cli.asking import consent
from watcher.cli.common import (
    NOT_WELL,
    USAGE,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
    say,
)
from watcher.cli.configs import fault_contract
from watcher.cli.owner import act_as_owner, past_the_lock
from watcher.errors import ConfigError, InvalidConfigError, NoDatabaseError, RuleError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from watcher.settings import Config, SubscriptionSettings
    from watcher.settings.importing import Import
    from watcher.store.database import Database

_NAMED_AT_MOST = 5

StoredOption = Annotated[
    bool, typer.Option("--stored", help="Of the store alone, even where a file has the same one.")
]


@guarded
def import_(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH", help="Files of [[subscriptions]], directories of them, or - (stdin)."
        ),
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put them in the place of those of the same names.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out and name what cannot be imported.")
    ] = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put subscriptions into the store: all of them, or where one cannot be, none."""
    from watcher import app
    from watcher.settings import definition_of
    from watcher.store import stored

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("error", is_warned_of=False)  # that nobody is subscribed may change
    found = _read(paths, loaded)
    broken = found.broken
    if broken and not keep_going:
        raise broken[0] if len(broken) == 1 else InvalidConfigError(broken)
    new = {each.id: definition_of(each) for each in found.subscriptions.values()}
    with _opened(loaded) as database, database.write() as connection:
        _take_turn(database, connection)
        before = stored.definitions(connection)
        changed = {each: text for each, text in new.items() if before.get(each) != text}
        present = [] if replace else [each for each in changed if each in before]
        if present and not keep_going:
            fail(
                f"in the store already, as something else: {_listed(present)}. --replace puts these"
                " in their place, --keep-going leaves them out",
                USAGE,
            )
        for each in present:
            del changed[each]
        stored.put(connection, changed, app.utc_now())
    replaced = [each for each in changed if each in before]
    added = [each for each in changed if each not in before]
    hidden = [each for each in new if each in loaded.origins]
    if options.as_json:
        print_json(
            {
                "added": added,
                "replaced": replaced,
                "unchanged": [each for each in new if before.get(each) == new[each]],
                "present": present,
                "in_files": hidden,
                "problems": [fault_contract(each) for each in broken],
            }
        )
    else:
        _report(loaded, added, replaced, len(new) - len(changed) - len(present))
        for problem in broken:
            say(f"left out: {problem}")
        for each in present:
            say(f"left out: {each} is in the store already, as something else (--replace)")
    if hidden:
        say(f"warning: a file has these, too, and wins: {_listed(hidden)}", "warning")
    _warn_of_unwanted(loaded, found.subscriptions.values())
    if broken or present:
        raise typer.Exit(NOT_WELL)


def _warn_of_unwanted(config: Config, imported: Collection[SubscriptionSettings]) -> None:
    """Say who of those that stand there gets nothing of it, because they said so."""
    from watcher.cli import leaving
    from watcher.cli.suppressing import suppressed_among, told_of

    addresses = dict.fromkeys(to for each in imported for to in each.to)
    for address in suppressed_among(config, addresses):
        say(f"warning: {told_of(address)}", "warning")
    for gone in leaving.left_among(config, imported):
        say(f"warning: {leaving.told_of(gone)}", "warning")


def _read(paths: Iterable[str], config: Config) -> Import:
    """What stands there, tried as the daemon would. Raises RuleError for a topic of `config`."""
    from watcher.rules import Ruleset
    from watcher.settings.documents import read, read_content
    from watcher.settings.importing import Import
    from watcher.settings.loading import uncollected

    found = Import(config)
    with uncollected():
        for path in paths:
            if path == "-":
                found.read(Path("stdin"), lambda name: read_content(name, sys.stdin.buffer.read()))
                continue
            for file in _files(Path(path)):
                found.read(file, read)
        topics = config.settings.topics
        try:
            faults = Ruleset.faults(found.subscriptions.values(), topics)
        except RuleError as error:
            raise config.fault(error.message, "", error.key or "") from error
        found.leave_out(faults)
    return found


def _files(path: Path) -> Sequence[Path]:
    from watcher.settings.config import toml_files

    if not path.exists():
        raise ConfigError("there is no such file or directory", path=path)
    if not path.is_dir():
        return [path]
    found = toml_files(path)
    if not found:
        raise ConfigError("holds no file that ends in .toml", path=path)
    return found


@contextlib.contextmanager
def _opened(config: Config) -> Iterator[Database]:
    """The database beside a daemon's, or where there was none yet, a new one."""
    from watcher import app

    act_as_owner(config.state_dir)
    try:
        with app.reading(config):
            pass
    except NoDatabaseError:
        with app.writing(config, "subscriptions import", app.utc_now()) as database:
            yield database
        return
    with past_the_lock(config) as database:
        yield database


def _take_turn(database: Database, connection: sa.Connection) -> None:
    """Let no two of them judge by the same state; SQLite sees to that itself."""
    from watcher.store.lock import take_turn

    if database.path is None:
        take_turn(connection)


def _listed(ids: Sequence[str]) -> str:
    more = len(ids) - _NAMED_AT_MOST
    return ", ".join(ids[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _report(config: Config, added: Sequence[str], replaced: Sequence[str], same: int) -> None:
    from watcher import app, schedule
    from watcher.cli.tables import count
    from watcher.when import moment

    print(
        f"{count(len(added), 'subscription')} imported, {len(replaced)} replaced,"
        f" {same} already there as they are."
    )
    if added or replaced:
        check = config.settings.schedule.check
        at = moment(schedule.next_check(check, config.zone(), app.utc_now()), config.zone())
        print(
            f"A running daemon takes that up at its next check, {at}; SIGHUP (`systemctl reload"
            " watcher`) makes it do so now."
        )


@guarded
def export(
    context: typer.Context,
    subscriptions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]", help="Ids, or names that only one has. [default: all]"),
    ] = None,
    stored: StoredOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print subscriptions, of files and of the store, as TOML that `import` takes back."""
    from watcher.settings import definition_of
    from watcher.settings.exporting import as_toml

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("error", is_whole=True, is_warned_of=False)
    if stored:
        loaded = _only_stored(loaded)
    known = {each.id: each for each in loaded.settings.subscriptions}
    ids = {each.id: each.name for each in known.values()}
    chosen = [known[names.pick("subscription", name, ids)] for name in subscriptions or ()]
    chosen = chosen or list(known.values())
    if not chosen:
        say("Nobody is subscribed.")
    if options.as_json:
        print_json([json.loads(definition_of(each)) for each in chosen])
    else:
        sys.stdout.writelines(as_toml(chosen))
    for problem in loaded.broken:
        say(f"left out: {problem}")


def _only_stored(config: Config) -> Config:
    """`config` with the subscriptions of the store alone. Raises StoreError."""
    from dataclasses import replace

    from watcher import app, effective
    from watcher.settings.config import FromStore

    with app.reading(config) as database, database.read() as connection:
        none = config.settings.model_copy(update={"subscriptions": ()})
        of_files = replace(
            config, settings=none, origins={}, broken=(), from_store=FromStore("none of it")
        )
        return effective.whole(of_files, connection)


def is_of_store(config: Config, name: str) -> bool:
    """Whether that is the id or name of what stands in the store alone."""
    found = [each.id for each in config.settings.subscriptions if name in {each.id, each.name}]
    found = [name] if name in {*found, *config.broken_ids} else found
    return bool(found) and all(map(config.is_stored, found))


def remove_stored(config: Config, name: str, *, is_given: bool) -> str:
    """Take one out of the store, once the person agrees; its id."""
    from watcher.store import stored

    chosen = names.pick("stored subscription", name, _ids(_only_stored(config)))
    consent(
        f"Remove {chosen} from the store? (`watcher subscriptions export --stored {chosen}` prints"
        " it.)",
        is_given=is_given,
    )
    with past_the_lock(config) as database, database.write() as connection:
        _take_turn(database, connection)
        stored.remove(connection, [chosen])
    return chosen


def _ids(config: Config) -> Mapping[str, str]:
    """The names of all in the store, those that cannot be used as well, by id."""
    names_of = {each.id: each.name for each in config.settings.subscriptions}
    return {each: each for each in config.broken_ids} | names_of
