"""What it means to have the machine start the watcher, for each way of doing so.

Facts are from systemd.exec(5) and systemd.service(5) of version 252, crontab(5), launchd.plist(5).
"""

from __future__ import annotations

import plistlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from watcher.errors import ConfigError
from watcher.resources import resource

Kind = Literal["user", "system", "cron", "launchd"]

SYSTEM_STATE = Path("/var/lib/paper-watcher")
_UNIT = "watcher.service"
_LABEL = "org.paper-watcher.watcher"
_HEADER = "# Written by `watcher service install`; `watcher service uninstall` removes it.\n"

# A user's manager has neither the right to change users or drop capabilities, nor (where user
# namespaces are forbidden) mounts of its own. What remains is held by seccomp alone.
_NOT_FOR_USERS = re.compile(
    r"(After|Wants|Environment|User|Group|\w+Directory(Mode)?|LoadCredential|Protect\w+|Private\w+"
    r"|ProcSubset|DevicePolicy|KeyringMode|RemoveIPC|CapabilityBoundingSet|AmbientCapabilities)="
)
_HIDDEN = tuple(Path(path) for path in ("/root", "/home", "/run/user", "/tmp", "/var/tmp"))  # noqa: S108  # not used, refused


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments.

    A failure ends everything, unless `otherwise` says what it means; empty: nothing worth saying.
    """

    argv: tuple[str, ...]
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that installing and removing a service means.

    `files` are written first, then `commands` run. To remove, `stopping` runs, the files go,
    then `settling` runs. `crontab` is the block in the user's table, without its marks. `notes`
    and `farewells` are sentences for the user.
    """

    kind: Kind
    files: tuple[tuple[Path, str], ...] = ()
    commands: tuple[Command, ...] = ()
    stopping: tuple[Command, ...] = ()
    settling: tuple[Command, ...] = ()
    asking: tuple[str, ...] = ()
    crontab: str = ""
    notes: tuple[str, ...] = ()
    farewells: tuple[str, ...] = ()


def default_kind(*, platform: str, uid: int, has_systemd: bool) -> Kind:
    """What suits a machine: `platform` is `sys.platform`."""
    if platform == "darwin":
        return "launchd"
    if not has_systemd:
        return "cron"
    return "system" if uid == 0 else "user"


def plan(
    kind: Kind,
    *,
    executable: Path,
    config: Path,
    state_dir: Path,
    home: Path,
    uid: int,
    check: str = "*/30 * * * *",
    read: Sequence[Path] = (),
) -> Plan:
    """What to do for a service of that kind; nothing is touched.

    All paths are absolute. `executable` is the `watcher` command itself; `check` is the cron line
    of `[schedule]`, used by `cron` alone; `read` are files besides `config` that a service with a
    user of its own must be able to read. ConfigError where a path cannot serve.
    """
    for path in (executable, config, state_dir, *read):
        if not str(path).isprintable():
            raise ConfigError(f"{str(path)!r}: a service cannot be given a name like that")
    options = ("--config", str(config), "--state-dir", str(state_dir))
    if kind == "user":
        return _user(executable, options, home, uid)
    if kind == "system":
        return _system(executable, options, (config, *read), state_dir)
    if kind == "cron":
        return _cron(executable, options, check)
    return _launchd(executable, options, home, uid)


def _user(executable: Path, options: Sequence[str], home: Path, uid: int) -> Plan:
    lines = [line for line in _unit(executable, options) if not _NOT_FOR_USERS.match(line)]
    text = "\n".join(lines).replace("multi-user.target", "default.target")
    control = ("systemctl", "--user")
    return Plan(
        "user",
        files=((home / ".config/systemd/user" / _UNIT, text),),
        # Lingering comes first: it starts the user's manager where nobody is logged in.
        commands=(
            Command(
                ("loginctl", "enable-linger", str(uid)),
                otherwise="it runs only while you are logged in; to change that, as root: "
                f"loginctl enable-linger {uid}",
            ),
            *_started(control),
        ),
        stopping=(Command((*control, "disable", "--now", _UNIT)),),
        settling=(Command((*control, "daemon-reload")),),
        asking=(*control, "is-active", _UNIT),
        notes=("its log: journalctl --user -u watcher",),
        farewells=("lingering stays on; to end it: loginctl disable-linger",),
    )


def _system(
    executable: Path, options: Sequence[str], read: tuple[Path, ...], state_dir: Path
) -> Plan:
    for path in (executable, *read, state_dir):
        if any(path.is_relative_to(hidden) for hidden in _HIDDEN):
            raise ConfigError(
                f"{path} cannot be seen by a service of the whole machine; install into "
                "/opt/paper-watcher, with the configuration in /etc/paper-watcher"
            )
    lines = _unit(executable, options)
    lines = [line for line in lines if not line.startswith("Environment=")]
    notes = ["its log: journalctl -u watcher"]
    if state_dir != SYSTEM_STATE:
        at = lines.index("StateDirectory=paper-watcher")
        lines[at : at + 2] = [f"ReadWritePaths={_word(str(state_dir))}"]
        notes.append(f"{state_dir} must belong to the user paper-watcher")
    users = Path("/etc/sysusers.d/paper-watcher.conf")
    control = ("systemctl",)
    return Plan(
        "system",
        files=(
            (Path("/etc/systemd/system") / _UNIT, "\n".join(lines)),
            (users, (resource("systemd") / "paper-watcher.sysusers.conf").read_text()),
        ),
        commands=(
            Command(("systemd-sysusers", str(users))),
            *(command for path in read for command in _opened(path)),
            *_started(control),
        ),
        stopping=(Command((*control, "disable", "--now", _UNIT)),),
        settling=(Command((*control, "daemon-reload")),),
        asking=(*control, "is-active", _UNIT),
        notes=tuple(notes),
        farewells=(f"the user paper-watcher, {read[0]} and {state_dir} stay",),
    )


def _opened(path: Path) -> tuple[Command, Command]:
    unreadable = f"the user paper-watcher must be able to read {path}"
    return (
        Command(("chgrp", "paper-watcher", str(path)), otherwise=unreadable),
        Command(("chmod", "g+r", str(path)), otherwise=unreadable),
    )


def _started(control: tuple[str, ...]) -> tuple[Command, ...]:
    steps = (("daemon-reload",), ("enable", _UNIT), ("restart", _UNIT))
    return tuple(Command((*control, *step)) for step in steps)


def _unit(executable: Path, options: Sequence[str]) -> list[str]:
    start = " ".join(
        (
            _word(str(executable)),
            "run",
            *(_word(option).replace("$", "$$") for option in options),
        )
    )
    shipped = (resource("systemd") / _UNIT).read_text().splitlines()
    lines = [line for line in shipped if not line.startswith("#")]
    return [
        _HEADER.rstrip(),
        *(f"ExecStart={start}" if line.startswith("ExecStart=") else line for line in lines),
        "",
    ]


def _word(text: str) -> str:
    """One word of a unit's line; `$` is left alone, for it means nothing in a program's path."""
    text = text.replace("%", "%%")
    if re.fullmatch(r"[\w@%+=:,./$-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cron(executable: Path, options: Sequence[str], check: str) -> Plan:
    if len(check.split()) != 5 or "\n" in check:
        raise ConfigError(f"{check!r} is not five fields", key="schedule.check")
    command = shlex.join((str(executable), "check-now", *options)).replace("%", "\\%")
    return Plan(
        "cron",
        crontab=f"{check} {command}",
        notes=("what goes wrong is mailed by cron, if this machine can mail",),
    )


def _launchd(executable: Path, options: Sequence[str], home: Path, uid: int) -> Plan:
    agent = home / "Library/LaunchAgents" / f"{_LABEL}.plist"
    log = home / "Library/Logs/paper-watcher.log"
    body = {
        "Label": _LABEL,
        "ProgramArguments": [str(executable), "run", *options],
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 60,
        "ExitTimeOut": 15,
        "ProcessType": "Background",
        "StandardErrorPath": str(log),
    }
    domain = f"gui/{uid}"
    gone = Command(("launchctl", "bootout", f"{domain}/{_LABEL}"), otherwise="")
    return Plan(
        "launchd",
        files=((agent, plistlib.dumps(body).decode()),),
        commands=(gone, Command(("launchctl", "bootstrap", domain, str(agent)))),
        stopping=(gone,),
        asking=("launchctl", "print", f"{domain}/{_LABEL}"),
        notes=(f"its log: {log}",),
    )
