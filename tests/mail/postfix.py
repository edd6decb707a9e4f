"""A private Postfix: its own configuration, queue and port; the system's is not touched.

Wants root and Debian's package. Facts: postconf(5), master(5), virtual(8), MAILLOG_README.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from tests.authority import Authority

LONGEST_WAIT = 30.0  # seconds
DOMAIN = "example.org"
POSTFIX = "/usr/sbin/postfix"
_SERVICES = """\
{address} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Runs while it is entered, with a Maildir for each of `users` at `domain`, given in ASCII.

    With `lmtp_port` it hands their mail to the LMTP server that listens there instead.

    `main` are keys of main.cf besides, `services` lines of master.cf.
    """

    host = "localhost"

    def __init__(
        self,
        *users: str,
        lmtp_port: int | None = None,
        domain: str = DOMAIN,
        main: Mapping[str, str] = MappingProxyType({}),
        services: str = "",
    ) -> None:
        self._users, self._main, self._services = users, main, services
        self._lmtp_port, self._domain = lmtp_port, domain
        self._log: list[str] = []
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="postfix-"))
        self._home.chmod(0o755)  # its daemons run as other users
        self.port = free_port()
        authority = Authority(self._home)
        self.ca_file = authority.ca_file
        certificate, key = authority.issue("localhost")
        mail_owner, reader = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        for name, owner in (("spool", None), ("state", mail_owner), ("mail", reader)):
            (self._home / name).mkdir()
            if owner is not None:
                os.chown(self._home / name, owner.pw_uid, owner.pw_gid)
        self.configuration = self._home / "etc"
        self.configuration.mkdir()
        boxes = " ".join(f"{{ {user}@{self._domain} = {user}/ }}" for user in self._users)
        keys: dict[str, object] = {
            "compatibility_level": "3.6",
            "queue_directory": self._home / "spool",
            "data_directory": self._home / "state",
            "maillog_file": "/dev/stdout",
            "myhostname": f"mail.{DOMAIN}",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "alias_maps": "",
            "local_recipient_maps": "",
            "default_transport": "error:nothing leaves this machine",
            "relay_transport": "error:nothing leaves this machine",
            "virtual_mailbox_domains": self._domain,
            "virtual_mailbox_base": self._home / "mail",
            "virtual_mailbox_maps": f"inline:{{ {boxes} }}",
            "virtual_uid_maps": f"static:{reader.pw_uid}",
            "virtual_gid_maps": f"static:{reader.pw_gid}",
            "virtual_transport": "virtual"
            if self._lmtp_port is None
            else f"lmtp:inet:127.0.0.1:{self._lmtp_port}",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": certificate,
            "smtpd_tls_key_file": key,
            "smtpd_tls_received_header": "yes",
        }
        main = "".join(f"{key} = {value}\n" for key, value in {**keys, **self._main}.items())
        (self.configuration / "main.cf").write_text(main)
        (self.configuration / "master.cf").write_text(
            _SERVICES.format(address=f"127.0.0.1:{self.port}") + self._services
        )
        self._process = subprocess.Popen(
            [POSTFIX, "-c", str(self.configuration), "start-fg"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._wait(lambda line: "daemon started" in line)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        subprocess.run(
            [POSTFIX, "-c", str(self.configuration), "stop"], capture_output=True, check=False
        )
        try:
            self._process.wait(LONGEST_WAIT)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(LONGEST_WAIT)
        self._reader.join(LONGEST_WAIT)
        assert self._process.stdout is not None
        self._process.stdout.close()
        shutil.rmtree(self._home)

    def wait_until_sent(self, user: str) -> None:
        """Wait until a mail to a user is in the mailbox, or taken by the LMTP server."""
        self.wait_for_log(f"to=<{user}@{self._domain}>", "status=sent")

    def wait_for_mail(self, user: str) -> bytes:
        """The only mail in a user's Maildir, as soon as it is there: Postfix's lines above it."""
        self.wait_until_sent(user)
        [path] = (self._home / "mail" / user / "new").iterdir()
        return path.read_bytes()

    def wait_for_log(self, *parts: str) -> None:
        """Return once a line of its log has all these parts."""
        self._wait(lambda line: all(part in line for part in parts))

    def _wait(self, is_awaited: Callable[[str], bool]) -> None:
        with self._changed:
            if not self._changed.wait_for(
                lambda: any(map(is_awaited, self._log)) or self._process.poll() is not None,
                LONGEST_WAIT,
            ) or not any(map(is_awaited, self._log)):
                raise AssertionError("Postfix did not do so:\n" + "".join(self._log))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._log.append(line)
                self._changed.notify_all()
        self._process.wait(LONGEST_WAIT)
        with self._changed:
            self._changed.notify_all()


def free_port() -> int:
    """A port of loopback on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert isinstance(port, int)
    return port
