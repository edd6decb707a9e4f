"""`watcher service`: have the machine start the watcher, and keep it running.

`plan` says what would be written and run; `install`, `uninstall` and `status` do it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from watcher.errors import ConfigError, WatcherError
from watcher.service import crontab
from watcher.service.plans import Command, Kind, Plan, default_kind, plan

__all__ = [
    "Command",
    "Kind",
    "Plan",
    "Status",
    "default_kind",
    "install",
    "own_command",
    "plan",
    "status",
    "uninstall",
]


@dataclass(frozen=True, slots=True)
class Status:
    """`current` False: what is installed is not what would be installed now."""

    installed: bool
    current: bool
    active: bool
    text: str


def own_command() -> Path:
    """The command that this process was started by, or that belongs to its Python.

    Raises ConfigError where there is none.
    """
    called = Path(sys.argv[0])
    if called.name == "watcher" and called.is_file():
        return called.absolute()
    beside = Path(sysconfig.get_path("scripts"), "watcher")
    if beside.is_file():
        return beside
    raise ConfigError(f"there is no command {beside}; install by pipx or into a venv")


def install(plan: Plan) -> tuple[str, ...]:
    """Carry it out, over whatever was installed before; what the user should know.

    WatcherError names the file or command that failed and what it said.
    """
    for path, text in plan.files:
        _write(path, text)
    if plan.crontab:
        _write_crontab(crontab.with_block(_read_crontab(), plan.crontab))
    return (*_carry_out(plan.commands), *plan.notes)


def uninstall(plan: Plan) -> tuple[str, ...]:
    """Take away what `install` made, where it is there; papers and configuration stay."""
    if not _is_installed(plan):
        return ("it was not installed",)
    said = _carry_out(plan.stopping)
    for path, _ in plan.files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise WatcherError(f"{path} cannot be removed: {error.strerror}") from error
    if plan.crontab:
        _write_crontab(crontab.without_block(_read_crontab()))
    return (*said, *_carry_out(plan.settling), *plan.farewells)


def status(plan: Plan) -> Status:
    """How it stands, without changing anything."""
    if not _is_installed(plan):
        return Status(installed=False, current=False, active=False, text="not installed")
    if plan.crontab:
        table = _read_crontab()
        current = crontab.with_block(table, plan.crontab) == table
        active, text = True, "in the crontab"
    else:
        current = all(
            path.exists() and path.read_bytes() == body.encode() for path, body in plan.files
        )
        answer = _run(plan.asking, "")
        active = answer.returncode == 0
        word = answer.stdout.strip() if plan.kind != "launchd" else ""
        text = word or ("active" if active else "inactive")
    if not current:
        text += "; `watcher service install` would change it"
    return Status(installed=True, current=current, active=active, text=text)


def _is_installed(plan: Plan) -> bool:
    if plan.crontab:
        return crontab.holds_block(_read_crontab())
    return any(path.exists() for path, _ in plan.files)


def _carry_out(commands: Sequence[Command]) -> tuple[str, ...]:
    said = []
    for command in commands:
        answer = _run(command.argv, "")
        if answer.returncode == 0:
            continue
        if command.otherwise is None:
            raise WatcherError(_complaint(command.argv, answer))
        if command.otherwise:
            said.append(command.otherwise)
    return tuple(said)


def _complaint(argv: Sequence[str], answer: subprocess.CompletedProcess[str]) -> str:
    text = f"`{shlex.join(argv)}` failed: {answer.stderr.strip() or answer.returncode}"
    if "connect to bus" in answer.stderr:
        text += "; log in as that user (not through su or sudo), or use --system or --cron"
    return text


def _read_crontab() -> str:
    answer = _run(("crontab", "-l"), "")
    if answer.returncode == 0:
        return answer.stdout
    # BusyBox has no sentence of its own for a user without a table.
    if "no crontab" in answer.stderr or "No such file" in answer.stderr:
        return ""
    raise WatcherError(_complaint(("crontab", "-l"), answer))


def _write_crontab(table: str) -> None:
    answer = _run(("crontab", "-"), table)
    if answer.returncode:
        raise WatcherError(_complaint(("crontab", "-"), answer))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, delete=False
        ) as file:
            fresh = Path(file.name)
            with contextlib.ExitStack() as failure:
                failure.callback(fresh.unlink)
                file.write(text)
                file.flush()
                fresh.chmod(0o644)
                fresh.replace(path)
                failure.pop_all()
    except OSError as error:
        raise WatcherError(f"{path} cannot be written: {error.strerror}") from error


def _run(argv: Sequence[str], given: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LC_ALL": "C"}
    # `su` and cron leave it out, and then systemctl --user finds nobody to talk to.
    environment.setdefault("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    try:
        return subprocess.run(  # noqa: S603  # fixed programs, no shell
            argv,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # a table is the user's own, in whatever encoding
            check=False,
            env=environment,
        )
    except FileNotFoundError as error:
        raise WatcherError(
            f"there is no {argv[0]} on this machine; see `watcher service install --help`"
        ) from error
