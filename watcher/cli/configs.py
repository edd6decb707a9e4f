"""The options of a group of commands, a configuration's file, and its faults one by one."""

from __future__ import annotations

from pathlib import Path

import typer

from watcher.cli.common import ConfigOption, JsonOption, StateOption, common
from watcher.errors import ConfigError, InvalidConfigError
from watcher.settings import Config


def before(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the options that stand between a group's name and its command."""
    context.obj = common(context, config, state_dir, as_json=as_json)


def faults_in(error: ConfigError) -> tuple[ConfigError, ...]:
    """Each of them, where an error stands for several."""
    return error.problems if isinstance(error, InvalidConfigError) else (error,)


def fault_contract(fault: ConfigError) -> dict[str, object]:
    """One of them for machines."""
    return {
        "file": str(fault.path) if fault.path else None,
        "line": fault.line,
        "key": fault.key,
        "message": fault.message,
    }


def path_of(config: Config) -> Path:
    """The file, beside which others can stand. Raises ConfigError where there is none."""
    if config.path is None:
        raise ConfigError("this configuration has no file; `watcher init` makes one")
    return config.path
