"""`service`: have the machine start the watcher, and keep it running."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.common import (
    DONE,
    NOT_WELL,
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
from watcher.cli.configs import before, path_of
from watcher.errors import ConfigError
from watcher.settings import Config, find_config, find_state_dir, require_mail, user_config

if TYPE_CHECKING:
    from watcher.service import Plan, Status

SystemOption = Annotated[
    bool, typer.Option("--system", help="For the whole machine, as a user of its own.")
]
CronOption = Annotated[
    bool, typer.Option("--cron", help="By cron: checks now and then, no daemon.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        help="Have the machine start the watcher: systemd, launchd or cron.",
        no_args_is_help=True,
        rich_markup_mode=None,
        callback=before,
    )
    group.command("install")(install)
    group.command("uninstall")(uninstall)
    group.command("status")(status)
    app.add_typer(group, name="service")


@guarded
def install(
    context: typer.Context,
    system: SystemOption = False,
    cron: CronOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
) -> None:
    """Install and start it; over what was installed before."""
    from watcher import effective

    loaded = common(context, config, state_dir).load("warning")
    require_mail(loaded)
    effective.compile_rules(loaded, {})  # or it would end at its start, unseen
    install_for(loaded, is_system=system, is_cron=cron)


def install_for(config: Config, *, is_system: bool = False, is_cron: bool = False) -> None:
    """Install the service of a configuration and say what there is to know. Raises WatcherError."""
    from watcher import service

    plan = _plan(
        path_of(config),
        config.state_dir,
        is_system=is_system,
        is_cron=is_cron,
        check=config.settings.schedule.check,
        read=config.files()[1:],
    )
    notes = service.install(plan)
    print("The machine checks by cron from now on." if plan.crontab else "The watcher runs.")
    for note in notes:
        print(f"  {note}")


@guarded
def uninstall(
    context: typer.Context,
    system: SystemOption = False,
    cron: CronOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
) -> None:
    """Stop and remove it; papers and configuration stay."""
    from watcher import service

    for line in service.uninstall(_plan_unread(common(context, config, state_dir), system, cron)):
        print(line)
    print("The machine does not start the watcher (any more).")


@guarded
def status(
    context: typer.Context,
    system: SystemOption = False,
    cron: CronOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether it is installed and running: exit 0 if it runs, 3 if not."""
    options = common(context, config, state_dir, as_json=as_json)
    plan = _plan_unread(options, system, cron)
    found = _stands(plan)
    if options.as_json:
        print_json(
            {
                "kind": plan.kind,
                "installed": found.installed,
                "current": found.current,
                "active": found.active,
                "text": found.text,
            }
        )
    else:
        print(f"{plan.kind}: {found.text}")
    raise typer.Exit(DONE if found.active else NOT_WELL)


def _plan_unread(options: Common, is_system: bool, is_cron: bool) -> Plan:
    """The plan of what is installed, though the configuration be gone or broken."""
    try:
        path = find_config(options.config, os.environ)
    except ConfigError:  # it is gone; what is installed need not be
        path = user_config(os.environ)
    state_dir = find_state_dir(options.state_dir, os.environ, path)
    plan = _plan(path, state_dir, is_system=is_system, is_cron=is_cron)
    if is_system or is_cron:
        return plan
    # Whoever installed it by cron need not remember that.
    both = (plan, _plan(path, state_dir, is_cron=True))
    return next((each for each in both if _stands(each).installed), plan)


def _stands(plan: Plan) -> Status:
    from watcher import service

    if plan.crontab and shutil.which("crontab") is None:
        text = "not installed; this machine has no crontab"
        return service.Status(installed=False, current=False, active=False, text=text)
    return service.status(plan)


def _plan(
    config: Path,
    state_dir: Path,
    *,
    is_system: bool = False,
    is_cron: bool = False,
    check: str = "*/30 * * * *",
    read: tuple[Path, ...] = (),
) -> Plan:
    from watcher import service

    if is_system and is_cron:
        fail("--system and --cron exclude each other", USAGE)
    uid = os.geteuid()
    if is_system and uid != 0:
        fail("--system is root's to say: sudo watcher service …", USAGE)
    kind = service.default_kind(
        platform=sys.platform, uid=uid, has_systemd=Path("/run/systemd/system").is_dir()
    )
    if is_system:
        kind = "system"
    elif is_cron:
        kind = "cron"
    return service.plan(
        kind,
        executable=service.own_command(),
        config=config.absolute(),
        state_dir=state_dir.absolute(),
        home=Path.home(),
        uid=uid,
        check=check,
        read=read,
    )
