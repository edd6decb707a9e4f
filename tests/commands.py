"""Runs a command in this process, without making all the others ready as well."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from typer import Typer
from typer.testing import CliRunner, Result

from watcher.cli import app


def run(
    arguments: Sequence[str],
    stdin: bytes | str | None = None,
    env: Mapping[str, str] | None = None,
) -> Result:
    """What `watcher` makes of these arguments."""
    return CliRunner().invoke(_with_only(arguments), arguments, stdin, env)


def _with_only(names: Sequence[str]) -> Typer:
    """The program with those of its commands that are named, or with all if none is."""
    some = copy.copy(app)
    some.registered_commands = [each for each in app.registered_commands if each.name in names]
    some.registered_groups = [each for each in app.registered_groups if each.name in names]
    return some if some.registered_commands or some.registered_groups else app
