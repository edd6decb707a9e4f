"""Run inside a unit: tries what a sandbox is to refuse, and prints what came of each as JSON.

Arguments name the tries; without any all are made. Each has a process of its own. Where the kernel
is given what it never takes (a time before 1970, for one), the answer EINVAL says that
nothing stood in the way.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import pwd
import signal
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

STATE = Path(os.environ.get("STATE_DIRECTORY", "/nonexistent"))
PLAIN_DEVICES = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
FINE = {errno.EINVAL, errno.ENOENT, errno.ENOSYS}  # a sandbox answers EPERM

libc = ctypes.CDLL(None, use_errno=True)


def called(name: str, *arguments: object, fine: frozenset[int] | set[int] = frozenset()) -> int:
    """Call the C function of that name. Raises OSError, but for errors that are `fine`."""
    answer = int(getattr(libc, name)(*arguments))
    number = ctypes.get_errno()
    if answer == -1 and number not in fine:
        raise OSError(number, "refused")
    return answer


def mapped() -> None:
    """Memory to be written and executed."""
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    if libc.mmap(None, 4096, 7, 0x22, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "refused")


def traced() -> None:
    """Attach to a child, as a debugger does."""
    child = os.fork()
    if not child:
        signal.pause()
    try:
        called("ptrace", 16, child, 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def mounted() -> None:
    """A file system of our own."""
    folder = STATE / "mounted"
    folder.mkdir(exist_ok=True)
    called("mount", b"x", bytes(folder), b"tmpfs", 0, None)
    called("umount2", bytes(folder), 2)


def owned(name: str) -> Path:
    """A file of ours."""
    path = STATE / name
    path.touch()
    return path


def gained() -> None:
    """More rights than we have, by executing a file."""
    if called("prctl", 39, 0, 0, 0, 0):
        raise PermissionError


def grouped() -> None:
    """A control group of our own."""
    folder = Path("/sys/fs/cgroup/probe")
    folder.mkdir()
    folder.rmdir()


def unlocked() -> None:
    """A file that its mode closes to everybody."""
    path = owned("closed")
    path.chmod(0)
    path.open().close()


def devices() -> list[str]:
    """Devices of the machine."""
    found = [
        path.name
        for path in Path("/dev").iterdir()
        if path.name not in PLAIN_DEVICES
        and (stat.S_ISBLK(path.lstat().st_mode) or stat.S_ISCHR(path.lstat().st_mode))
    ]
    if not found:
        raise FileNotFoundError
    return found[:3]


def processes() -> list[str]:
    """The first process, which is another user's."""
    with contextlib.suppress(OSError):
        return [Path("/proc/1/comm").read_text()]
    raise FileNotFoundError


def written(path: str) -> None:
    """A file there, which goes again."""
    Path(path).write_text("x")
    Path(path).unlink()


def clock() -> None:
    """Set the time, to one that is none."""
    instant = (ctypes.c_long * 2)(-1, 0)
    called("clock_settime", 0, instant, fine=FINE)


def realtime() -> None:
    """Go before all others, by more than there is."""
    called("sched_setscheduler", 0, 1, (ctypes.c_int * 1)(1000), fine=FINE)


ACTS: dict[str, Callable[[], object]] = {
    "state": lambda: owned("x").write_text("x"),
    "who": lambda: pwd.getpwuid(os.getuid()).pw_name,
    "umask": lambda: oct(os.umask(0o77)),
    "unix socket": lambda: socket.socket(socket.AF_UNIX).close(),
    "other processes": processes,
    "the kernel's figures": lambda: Path("/proc/uptime").read_text(),
    "write the configuration": lambda: written("/etc/paper-watcher/x"),
    "write /etc": lambda: written("/etc/x"),
    "write /opt": lambda: written("/opt/paper-watcher/x"),
    "write /usr": lambda: written("/usr/x"),
    "read /root": lambda: len([next(Path("/root").iterdir())]),
    "others' /tmp": lambda: Path("/tmp/of-others").read_text(),
    "read the shadow": lambda: len(Path("/etc/shadow").read_text()),
    "read the credstore": lambda: len(
        Path("/etc/credstore/paper-watcher.smtp.password").read_text()
    ),
    "a closed file": unlocked,
    "give a file away": lambda: os.chown(owned("given"), 1, 1),
    "keep a file": lambda: os.chown(owned("kept"), os.getuid(), os.getgid()),
    "setuid file": lambda: owned("setuid").chmod(0o4755),
    "become root": lambda: os.setuid(0),
    "gain rights": gained,
    "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
    "user namespace": lambda: called("unshare", 0x10000000),
    "namespace": lambda: called("unshare", 0x04000000),
    "mount": mounted,
    "ptrace": traced,
    "write and execute": mapped,
    "personality": lambda: called("personality", 0x0040000),
    "host name": lambda: socket.sethostname("x"),
    "the kernel's settings": lambda: Path("/proc/sys/kernel/hostname").open("w").close(),
    "the kernel's log": lambda: called("klogctl", 10, None, 0),
    "kernel modules": lambda: called("delete_module", b"none-such", 0, fine=FINE),
    "control groups": grouped,
    "clock": clock,
    "realtime": realtime,
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0)),
    "devices": devices,
    "memory": lambda: Path("/dev/mem").open("rb").close(),
}


def tried(act: Callable[[], object]) -> str:
    """What came of it, in a process that ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            said = f"done: {act()}"
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as answer:  # noqa: PTH123  # a descriptor
        said = answer.read()
    os.waitpid(child, 0)
    return said or "killed"


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(ACTS)
    print(json.dumps({name: tried(ACTS[name]) for name in chosen}))  # noqa: T201
