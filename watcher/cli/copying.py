"""`copy`: a whole database into another one, of SQLite or PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from watcher.cli.common import (
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
from watcher.cli.owner import act_as_owner
from watcher.errors import StoreError
from watcher.settings import Config
from watcher.settings.values import store_url

IN_CONFIG = "config"
_IN_ENVIRONMENT = "env:"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("copy")(copy)


@guarded
def copy(
    context: typer.Context,
    origin: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            help="sqlite:///… or postgresql://…, env:NAME for a URL in the environment, or config"
            " for that of [store] url.",
        ),
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The same; it must be empty or not there yet.")
    ],
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a database into another one, SQLite or PostgreSQL, and compare them row by row."""
    from watcher import app
    from watcher.cli.tables import count
    from watcher.store import copying, known

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning")
    first, second = _url("FROM", origin, loaded), _url("TO", target, loaded)
    if copying.are_same(first, second):
        fail("FROM and TO are the same database", USAGE)
    _see_its_directory(second, loaded.state_dir)
    act_as_owner(loaded.state_dir)
    now = app.utc_now()

    def tell(what: str, table: str, row_count: int) -> None:
        say(f"{what} {table} …" if row_count == 0 else f"{what} {table}: {row_count:,} rows …")

    is_shown = sys.stderr.isatty() and not options.as_json
    done = copying.copy(first, second, now, **({"told": tell} if is_shown else {}))
    with contextlib.suppress(StoreError):  # a server's database can do without a state directory
        known.remember(loaded.state_dir, second, now)
    if options.as_json:
        print_json({"from": done.origin, "to": done.target, "rows": dict(done.rows)})
    else:
        rows = f"{sum(done.rows.values()):,} rows of {count(len(done.rows), 'table')}"
        print(f"{done.origin} is copied to {done.target}: {rows}, each compared")
    if copying.are_same(second, loaded.store_url):
        say("[store] url names the copy already: start the watcher, and it goes on there.")
    else:
        say("Write its URL in [store] url, then start the watcher: it goes on there.")
    say(
        f"Do not use {done.origin} any more: it will not know what is mailed from now on, and would"
        " mail it again."
    )


def _url(argument: str, written: str, config: Config) -> str:
    """The URL that an argument names, to be opened. Ends the command where it is none."""
    if written == IN_CONFIG:
        return config.store_url
    url = written
    if written.startswith(_IN_ENVIRONMENT):
        name = written.removeprefix(_IN_ENVIRONMENT)
        url = os.environ.get(name, "")
        if not url:
            fail(f"{argument}: there is no {name} in the environment, or it is empty", USAGE)
    try:
        checked = store_url(url)
    except ValueError as error:
        fail(f"{argument}: {error}", USAGE)
    if url is written and urlsplit(checked).password is not None:
        say(
            f"warning: {argument} holds a password, which everybody on this machine can read while"
            " this runs; env:NAME, config or ~/.pgpass keep it hidden",
            "warning",
        )
    return config.resolved(checked)


def _see_its_directory(url: str, state_dir: Path) -> None:
    """End the command where a file could only be made in a directory that somebody mistyped."""
    from watcher.store.database import name_of

    if not url.startswith("sqlite"):
        return
    directory = Path(name_of(url)).parent
    if directory != state_dir and not os.path.isdir(directory):  # noqa: PTH112  # never raises
        fail(f"there is no directory {directory}; make it, or name another", USAGE)
