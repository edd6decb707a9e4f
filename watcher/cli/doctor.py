"""`doctor`: what keeps this from working, and what to do about it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import typer

from watcher.cli.common import (
    DONE,
    NOT_WELL,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    guarded,
    print_json,
)

if TYPE_CHECKING:
    from watcher.diagnosis import Finding
    from watcher.settings import Config


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("doctor")(doctor)


@guarded
def doctor(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what keeps this from working: exit code 0 without problems, 3 otherwise."""
    from watcher.diagnosis import Finding, Level
    from watcher.errors import ConfigError

    options = common(context, config, state_dir, as_json=as_json)
    try:
        findings = _examine(options.load("error"))
    except ConfigError as error:
        findings = [Finding("configuration", Level.PROBLEM, str(error))]
    is_well = all(finding.level is not Level.PROBLEM for finding in findings)
    if options.as_json:
        print_json(
            {
                "ok": is_well,
                "findings": [
                    {"about": each.about, "level": each.level.value, "text": each.text}
                    for each in findings
                ],
            }
        )
    else:
        _report(findings)
    raise typer.Exit(DONE if is_well else NOT_WELL)


def _examine(config: Config) -> list[Finding]:
    from watcher import app, diagnosis
    from watcher.cli.owner import act_as_owner

    now = app.utc_now()
    findings = [*diagnosis.examine_machine(config), diagnosis.examine_service(config)]
    act_as_owner(config.state_dir)
    findings += diagnosis.examine_database(config, now)

    async def ask() -> None:
        findings.extend([each async for each in diagnosis.examine_site(config, os.environ, now)])
        findings.append(await diagnosis.examine_mail(config))

    asyncio.run(ask())
    findings += diagnosis.examine_sender(config)
    return findings


def _report(findings: list[Finding]) -> None:
    from watcher.cli.tables import count, line, table
    from watcher.diagnosis import Level

    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    table(("", "", ""), [(each.level.value, each.about, each.text) for each in findings])
    line(f"{count(problems, 'problem')}, {count(warnings, 'warning')}")
