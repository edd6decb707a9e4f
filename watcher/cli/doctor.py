"""`doctor`: what keeps this from working, and what to do about it."""

from __future__ import annotations

import asyncio
import os
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

if TYPE_CHECKING:
    from watcher.diagnosis import Finding
    from watcher.settings import Config

_MAIL_LIMIT = 50_000_000
"""Bytes: what large providers take at most, and a thousand times a digest."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("doctor")(doctor)


@guarded
def doctor(
    context: typer.Context,
    received: Annotated[
        Path | None,
        typer.Option(
            "--received",
            metavar="FILE",
            help="A mail of ours as it was delivered: what became of it. `-` reads stdin.",
        ),
    ] = None,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what keeps this from working: exit code 0 without problems, 3 otherwise.

    With --received: what the recipient's provider did to a mail, read off a copy of it that was
    saved from the mailbox with its whole header.
    """
    options = common(context, config, state_dir, as_json=as_json)
    findings = _look(options) if received is None else _look_at(options, received)
    from watcher.diagnosis import Level

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


def _look(options: Common) -> list[Finding]:
    from watcher.diagnosis import Finding, Level
    from watcher.errors import ConfigError

    try:
        return _examine(options.load_whole("error"))
    except ConfigError as error:
        return [Finding("configuration", Level.PROBLEM, str(error))]


def _look_at(options: Common, path: Path) -> list[Finding]:
    """What a delivered mail tells; the command ends with 2 where there is none."""
    from watcher.diagnosis import examine_received, message_id_of

    name = "stdin" if str(path) == "-" else str(path)
    try:
        # Before we become the owner of the state, who may not be allowed to read it.
        raw = _read(path)
        message_id = message_id_of(raw)
        sent, note = _sent(options, message_id)
        return [*examine_received(raw, sent), note]
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else error
        text = f"{name} {reason}"
    if options.as_json:
        print_json({"error": text})
    fail(text, USAGE)


def _read(path: Path) -> bytes:
    if str(path) == "-":
        raw = sys.stdin.buffer.read(_MAIL_LIMIT + 1)
    else:
        with path.open("rb") as file:
            raw = file.read(_MAIL_LIMIT + 1)
    if len(raw) > _MAIL_LIMIT:
        raise ValueError(f"has more than {_MAIL_LIMIT // 1_000_000} MB: it is no mail of ours")
    return raw


def _sent(options: Common, message_id: str) -> tuple[bytes | None, Finding]:
    """The bytes that were sent under that Message-ID, and whether they are known."""
    from watcher import app
    from watcher.cli.owner import act_as_owner
    from watcher.diagnosis import Finding, Level
    from watcher.errors import ConfigError, NoDatabaseError, StoreError
    from watcher.store import outbox

    try:
        config = options.load_whole("error")
        act_as_owner(config.state_dir)
        with app.reading(config) as database, database.read() as connection:
            sent = outbox.message_of(connection, message_id)
    except (ConfigError, NoDatabaseError, StoreError) as error:
        why = f"the database cannot be asked what was sent ({error})"
    else:
        if sent is not None:
            return sent, Finding("compared", Level.OK, f"with {message_id} in the database")
        why = (
            f"no mail {message_id} is in the database: it is a test mail or older than keep_days,"
            " another installation's, or a server gave it a new Message-ID"
        )
    return None, Finding("compared", Level.WARNING, f"not with what was sent: {why}")


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
        findings.extend(diagnosis.examine_signing(config))

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
