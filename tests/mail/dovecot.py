"""A private Dovecot: mail comes in by LMTP and is read over IMAP; the system's is not touched.

Wants root and Debian's packages dovecot-imapd and dovecot-lmtpd. The configuration is that of
Dovecot 2.3 (its manual: "Main configuration", "LMTP server", "Static user database").
"""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.mail.postfix import LONGEST_WAIT, free_port

DOVECOT = "/usr/sbin/dovecot"
_PASSWORD = "s3cret"
_CONFIGURATION = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = /dev/stderr
listen = 127.0.0.1
protocols = imap lmtp
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%n
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
"""


class Dovecot:
    """Runs while it is entered, with a mailbox for whoever mail comes to."""

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._home.chmod(0o755)  # its processes run as other users
        reader = pwd.getpwnam("nobody")
        (self._home / "mail").mkdir()
        os.chown(self._home / "mail", reader.pw_uid, reader.pw_gid)
        self.imap_port, self.lmtp_port = free_port(), free_port()
        configuration = self._home / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                home=self._home,
                password=_PASSWORD,
                uid=reader.pw_uid,
                gid=reader.pw_gid,
                imap_port=self.imap_port,
                lmtp_port=self.lmtp_port,
            )
        )
        self._log: list[str] = []
        self._decided = threading.Event()
        self._process = subprocess.Popen(
            [DOVECOT, "-F", "-c", str(configuration)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._decided.wait(LONGEST_WAIT) or self._process.poll() is not None:
            self.__exit__(None, None, None)
            raise AssertionError("Dovecot did not start:\n" + "".join(self._log))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(LONGEST_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(LONGEST_WAIT)
        self._reader.join(LONGEST_WAIT)
        assert self._process.stdout is not None
        self._process.stdout.close()
        shutil.rmtree(self._home)

    @contextmanager
    def mailbox(self, address: str) -> Iterator[imaplib.IMAP4]:
        """The inbox of an address, over IMAP."""
        with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=LONGEST_WAIT) as session:
            session.login(address, _PASSWORD)
            session.select("INBOX", readonly=True)
            yield session

    def _read(self) -> None:
        """Keep its log; what it says once it listens, or its end, decides whether it runs."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._log.append(line)
            if "starting up" in line:
                self._decided.set()
        self._process.wait(LONGEST_WAIT)
        self._decided.set()
