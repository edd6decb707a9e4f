"""A real systemd, booted for a test in namespaces of its own, with our units and no others.

The machine's files are mounted read-only there, and /etc, /opt, /run, /tmp and /var are new: what
systemd does to the machine it takes this for stays in the namespace and ends with it. The network
is the machine's own, so that a unit reaches the test's servers on loopback.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Self

CHECKOUT = Path(__file__).parents[1]
UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--ipc", "--uts", "--cgroup")
LONGEST_WAIT = 60.0

_TARGETS = ("sysinit", "basic", "shutdown", "network-online", "multi-user", "trial", "umount")
_SHIELD = """
set -eu
mount --make-rprivate /
mkdir -p {base}/etc {base}/opt/python {base}/opt/site {base}/opt/checkout {base}/units {base}/none
cp -a /etc/. {base}/etc
mount --rbind {python} {base}/opt/python
mount --rbind {site} {base}/opt/site
mount --rbind {checkout} {base}/opt/checkout
mount --bind {shared} /mnt
mount --bind {base}/etc /etc
mount --rbind {base}/opt /opt
mount --bind {base}/units /usr/lib/systemd/system
for folder in /etc/systemd/system /usr/lib/systemd/system-generators; do
    mount --bind {base}/none $folder
done
mount -t tmpfs -o mode=755 tmpfs /var
mkdir -p /var/lib /var/cache /var/log /var/tmp
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /run
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -o remount,bind,ro /
mount --make-rshared /  # as at a real boot: credentials come by propagation
echo /opt/python/lib > /etc/ld.so.conf.d/trial.conf
{etc}
ldconfig
exec env -i container=trial NOTIFY_SOCKET=/mnt/notify PATH=/usr/bin:/usr/sbin \
    /lib/systemd/systemd --system --unit=trial.target --log-target=console --show-status=no
"""


def namespaces_are_allowed() -> bool:
    """Whether this machine lets us make them, as containers often do not."""
    try:
        return not subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode
    except OSError:
        return False


class BootedSystemd:
    """Boots with `units` by their names; `config` is /etc/paper-watcher/config.toml.

    The program is installed as the README says: a virtual environment in /opt/paper-watcher. What
    a unit is to leave for the test it writes to /mnt, which is `shared` outside.
    """

    def __init__(self, directory: Path, config: str, credentials: dict[str, str]) -> None:
        self._base, self.shared = directory / "machine", directory / "shared"
        self._config, self._credentials = config, credentials
        self._units: dict[str, str] = {}
        self._files: dict[str, str] = {}

    def add(self, name: str, text: str) -> None:
        """A unit that will be there."""
        self._units[name] = text

    def put(self, name: str, text: str) -> None:
        """A file that will be there, by its path below /opt."""
        self._files[name] = text

    def __enter__(self) -> Self:
        self.shared.mkdir()
        self.shared.chmod(0o777)
        self._base.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self._base], check=True)
        try:
            self._furnish()
            self._boot()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _furnish(self) -> None:
        units = self._base / "units"
        units.mkdir()
        for target in _TARGETS:
            (units / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        for name, text in self._units.items():
            (units / name).write_text(text)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        home = self._base / "opt/paper-watcher"
        site = home / "lib" / version / "site-packages"
        site.mkdir(parents=True)
        installed = Path(sysconfig.get_path("purelib"))
        for path in installed.iterdir():
            if path.suffix != ".pth":
                (site / path.name).symlink_to(f"/opt/site/{path.name}")
        (site / "checkout.pth").write_text("/opt/checkout\n")
        (home / "bin").mkdir()
        (home / "pyvenv.cfg").write_text("home = /opt/python/bin\n")
        (home / "bin/python").symlink_to(f"/opt/python/bin/{version}")
        program = "from watcher.__main__ import main\nmain()\n"
        (home / "bin/watcher").write_text(f"#!/opt/paper-watcher/bin/python\n{program}")
        (home / "bin/watcher").chmod(0o755)
        for name, text in self._files.items():
            (self._base / "opt" / name).write_text(text)

    def _boot(self) -> None:
        shield = _SHIELD.format(
            base=shlex.quote(str(self._base)),
            python=shlex.quote(sys.base_prefix),
            site=shlex.quote(sysconfig.get_path("purelib")),
            checkout=shlex.quote(str(CHECKOUT)),
            shared=shlex.quote(str(self.shared)),
            etc=self._etc(),
        )
        self._console = (self.shared / "console").open("w")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(str(self.shared / "notify"))
            notified.settimeout(LONGEST_WAIT)
            self._process = subprocess.Popen(
                [*UNSHARE, "--kill-child", "sh", "-c", shield],
                stdin=subprocess.DEVNULL,
                stdout=self._console,
                stderr=subprocess.STDOUT,
            )
            try:
                while b"READY=1" not in notified.recv(4096).splitlines():
                    pass
            except TimeoutError as error:
                console = self.read("console")
                raise AssertionError(f"systemd did not come up:\n{console}") from error

    def _etc(self) -> str:
        """Lines of shell that make the user, the configuration and the credentials."""
        lines = [
            "useradd --system --no-create-home --home-dir /var/lib/paper-watcher paper-watcher",
            "mkdir -p /etc/paper-watcher /etc/credstore",
            f"printf %s {shlex.quote(self._config)} > /etc/paper-watcher/config.toml",
            "chgrp -R paper-watcher /etc/paper-watcher",
            "chmod 640 /etc/paper-watcher/config.toml",
        ]
        for name, secret in self._credentials.items():
            path = f"/etc/credstore/paper-watcher.{name}"
            lines += [f"printf %s {shlex.quote(secret)} > {path}", f"chmod 600 {path}"]
        return "".join(f"{line}\n" for line in lines)

    def start(self, *units: str) -> None:
        """Start them, and wait until each is up, or for a oneshot, over."""
        self._systemctl("start", *units)

    def show(self, unit: str) -> dict[str, str]:
        """Its properties as systemd knows them."""
        pairs = (line.partition("=") for line in self._systemctl("show", unit).splitlines())
        return {name: value for name, _, value in pairs}

    def stop(self, unit: str) -> None:
        """Stop it."""
        self._systemctl("stop", unit)

    def read(self, name: str) -> str:
        """What a unit left in /mnt under that name; empty where nothing is."""
        path = self.shared / name
        return path.read_text() if path.exists() else ""

    def read_json(self, name: str) -> dict[str, str]:
        """The same, as an object."""
        found = json.loads(self.read(name) or "{}")
        assert isinstance(found, dict)
        return found

    def _systemctl(self, *arguments: str) -> str:
        [child] = self._children()
        done = subprocess.run(
            ["nsenter", "-t", child, "-m", "-p", "-n", "systemctl", "--no-pager", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=LONGEST_WAIT,
        )
        return done.stdout.strip()

    def _children(self) -> list[str]:
        pid = self._process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def _leave(self) -> None:
        if hasattr(self, "_process"):
            for child in self._children() if self._process.poll() is None else ():
                os.kill(int(child), signal.SIGKILL)  # its PID 1: the rest goes with it
            self._process.wait()
            self._console.close()
        subprocess.run(["umount", "--lazy", self._base], check=True)
