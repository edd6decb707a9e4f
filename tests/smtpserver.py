"""An SMTP server on loopback that keeps a ledger and fails on request, at any stage.

It runs in threads of its own, so that tests can drive programs against it:

    with SmtpServer() as server:
        server.fail("rcpt", "550 5.1.1 no such user", recipient="bob@example.org")
        server.fail("dot", "accept+drop", times=1)
        ...
        [message] = server.wait_for(1)
"""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Literal, Self

from tests.tracing import leave_thread_untraced

Stage = Literal[
    "connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot", "rset", "quit"
]

LONGEST_WAIT = 20.0  # seconds a test waits before it says what is missing
MAIL_WITHIN = 60.0  # the same where processes have to start first, on a busy machine


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mail the server took: `message` as it came, dots unstuffed, line ends untouched."""

    mail_from: str
    recipient: str
    message: bytes
    connection: int
    is_tls: bool
    user: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """A line the client sent outside of a message; connections count from 1."""

    connection: int
    line: str
    is_tls: bool

    @property
    def verb(self) -> str:
        """Its first word in capitals."""
        return self.line.partition(" ")[0].upper()


@dataclass(slots=True)
class _Fault:
    stage: Stage
    answer: str
    left: int | None
    recipient: str | None


@dataclass(slots=True)
class _Ledger:
    messages: list[Accepted] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    connection_count: int = 0
    hang_count: int = 0


class SmtpServer:
    """Listens from `start` (or `with`) to `stop`, and again on the same port after another `start`.

    `tls` offers STARTTLS, or speaks TLS from the start with `is_implicit_tls`; `login` is the
    (user, password) without which no MAIL is taken, offered only under TLS unless
    `is_auth_in_clear`; `extensions` are further EHLO lines. `refusal` is said to a wrong login,
    with the client's last line for `{said}`, which may stand in a fault's answer, too.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        is_implicit_tls: bool = False,
        login: tuple[str, str] | None = None,
        is_auth_in_clear: bool = False,
        auth_methods: tuple[str, ...] = ("PLAIN", "LOGIN"),
        extensions: tuple[str, ...] = ("8BITMIME", "ENHANCEDSTATUSCODES"),
        port: int = 0,
    ) -> None:
        self.tls, self.is_implicit_tls = tls, is_implicit_tls
        self.login, self.is_auth_in_clear = login, is_auth_in_clear
        self.auth_methods, self.extensions = auth_methods, extensions
        self.port = port
        self.refusal = "535 5.7.8 credentials invalid"
        self._faults: list[_Fault] = []
        self._ledger = _Ledger()
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._open: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; the port is free of charge the first time and the same afterwards."""
        listener = socket.create_server((self.host, self.port), backlog=64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        thread = threading.Thread(target=self._listen, args=(listener,), daemon=True)
        self._threads = [thread]
        thread.start()

    def stop(self) -> None:
        """Refuse connections and drop those that are open; the ledger stays."""
        with self._changed:
            listener, self._listener = self._listener, None
        if listener is None:
            return
        with contextlib.suppress(OSError):  # wakes accept()
            socket.create_connection((self.host, self.port), timeout=5).close()
        self._threads[0].join(LONGEST_WAIT)
        listener.close()
        self.drop_connections()
        for thread in self._threads[1:]:
            thread.join(LONGEST_WAIT)

    @property
    def messages(self) -> tuple[Accepted, ...]:
        """What was accepted, in order."""
        with self._changed:
            return tuple(self._ledger.messages)

    @property
    def commands(self) -> tuple[Command, ...]:
        """What clients said, in order."""
        with self._changed:
            return tuple(self._ledger.commands)

    @property
    def connection_count(self) -> int:
        """How many connections there were, refused ones included."""
        with self._changed:
            return self._ledger.connection_count

    @property
    def open_connections(self) -> set[int]:
        """The numbers of those that neither side has closed."""
        with self._changed:
            return set(self._open)

    def fail(
        self, stage: Stage, answer: str, *, times: int | None = None, recipient: str | None = None
    ) -> None:
        """From now on fail at a stage, `times` times or always, for everybody or one recipient.

        `answer` is an SMTP reply (4xx, 5xx, 421 closes), `drop`, `hang` (until the client
        leaves), or at the dot `accept+drop` and `accept+hang`: taken, but the answer never comes,
        and `accept+hold`: the answer comes when `release` is called. `hold`: so at any other stage.
        At `data`, `354+drop` asks for the mail and leaves. At `rcpt`, `data` and `dot` faults may
        name a recipient.
        """
        with self._changed:
            self._released.clear()
            self._faults.append(_Fault(stage, answer, times, recipient))

    def release(self) -> None:
        """Give the answers that are held."""
        self._released.set()

    def heal(self) -> None:
        """Fail no more."""
        with self._changed:
            self._faults.clear()

    def drop_connections(self) -> None:
        """Close what is open, as a server does with idle clients."""
        with self._changed:
            for connection in self._open.values():
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def wait_for(self, count: int, *, timeout: float = MAIL_WITHIN) -> tuple[Accepted, ...]:
        """Block until that many mails were accepted; in async code `await asyncio.to_thread(…)`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._ledger.messages) >= count, timeout):
                raise AssertionError(f"{len(self._ledger.messages)} of {count} mails came")
            return tuple(self._ledger.messages)

    def wait_for_command(self, verb: str, *, timeout: float = LONGEST_WAIT) -> None:
        """Block until a client has said a verb (EHLO, DATA, …)."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: any(command.verb == verb for command in self._ledger.commands), timeout
            ):
                raise AssertionError(f"no {verb} came")

    def wait_for_hang(self, *, timeout: float = LONGEST_WAIT) -> None:
        """Block until the server hangs, as it was told to, and a client waits for it."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ledger.hang_count > 0, timeout):
                raise AssertionError("nothing hangs")

    def wait_for_no_hang(self, *, timeout: float = LONGEST_WAIT) -> None:
        """Block until nobody waits for an answer that is held."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ledger.hang_count == 0, timeout):
                raise AssertionError("it still hangs")

    def wait_for_idle(self, *, timeout: float = LONGEST_WAIT) -> None:
        """Block until no connection is open."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._open, timeout):
                raise AssertionError(f"{len(self._open)} connections are still open")

    def _listen(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            with self._changed:
                if self._listener is None:
                    connection.close()
                    return
                self._ledger.connection_count += 1
                number = self._ledger.connection_count
                self._open[number] = connection
            thread = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        leave_thread_untraced()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        dialogue = _Dialogue(self, connection, number)
        try:
            with contextlib.suppress(OSError, _GoneError):
                dialogue.run()
        finally:
            dialogue.close()
            with self._changed:
                del self._open[number]
                self._changed.notify_all()

    def _secured(self, number: int, connection: ssl.SSLSocket) -> None:
        with self._changed:
            self._open[number] = connection

    def _fault(self, stage: Stage, recipient: str | None) -> str | None:
        with self._changed:
            for fault in self._faults:
                if fault.stage != stage or fault.left == 0:
                    continue
                if fault.recipient is not None and fault.recipient != recipient:
                    continue
                if fault.left is not None:
                    fault.left -= 1
                return fault.answer
        return None

    def _heard(self, command: Command) -> None:
        with self._changed:
            self._ledger.commands.append(command)
            self._changed.notify_all()

    def _hang(self, change: int) -> None:
        with self._changed:
            self._ledger.hang_count += change
            self._changed.notify_all()

    def _took(self, accepted: list[Accepted]) -> None:
        with self._changed:
            self._ledger.messages.extend(accepted)
            self._changed.notify_all()


class _GoneError(Exception):
    """The dialogue is over."""


class _Dialogue:
    """One connection, until either side leaves."""

    def __init__(self, server: SmtpServer, connection: socket.socket, number: int) -> None:
        self._server, self._socket, self._number = server, connection, number
        self._lines: BinaryIO = connection.makefile("rb")
        self._said = ""
        self._is_greeted = False
        self._user: str | None = None
        self._mail_from: str | None = None
        self._recipients: list[str] = []

    @property
    def _is_tls(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    def run(self) -> None:
        if self._server.is_implicit_tls:
            self._secure()
        if not self._fails("connect"):
            self._say("220 localhost ready")
        while True:
            line = self._read().decode("utf-8", "surrogateescape").rstrip("\r\n")
            command = Command(self._number, line, self._is_tls)
            self._server._heard(command)
            handle = getattr(self, f"_do_{command.verb.lower()}", None)
            if handle is None:
                self._say("500 5.5.1 what?")
            else:
                handle(line.partition(" ")[2])

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def _say(self, *lines: str) -> None:
        *more, last = lines
        text = "".join(f"{line[:3]}-{line[4:]}\r\n" for line in more) + f"{last}\r\n"
        self._socket.sendall(text.encode())
        if last.startswith(("421", "221")):
            raise _GoneError

    def _read(self) -> bytes:
        line = self._lines.readline()
        if not line.endswith(b"\n"):
            raise _GoneError
        self._said = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        return line

    def _fails(self, stage: Stage, recipient: str | None = None) -> bool:
        answer = self._server._fault(stage, recipient)
        if answer is None:
            return False
        if answer.startswith("accept+"):
            raise AssertionError("only at the dot")
        if answer == "hold":
            self._hold()
            return False
        self._answer(answer)
        return True

    def _answer(self, answer: str) -> None:
        if answer == "354+drop":
            # In one packet with the end, or the client may still have written something.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            self._say("354 go on")
            answer = "drop"
        if answer == "drop":
            raise _GoneError
        if answer == "hang":
            self._server._hang(1)
            try:
                while self._lines.read(1):
                    pass
            finally:
                self._server._hang(-1)
            raise _GoneError
        if answer == "hold":
            self._hold()
            answer = "250 2.0.0 queued"
        self._say(answer.replace("{said}", self._said))

    def _hold(self) -> None:
        self._server._hang(1)
        self._server._released.wait(LONGEST_WAIT)
        self._server._hang(-1)

    def _secure(self) -> None:
        assert self._server.tls is not None
        self._lines.close()
        secured = self._server.tls.wrap_socket(
            self._socket, server_side=True, do_handshake_on_connect=False
        )
        self._socket = secured
        self._server._secured(self._number, secured)
        self._lines = secured.makefile("rb")
        secured.do_handshake()

    def _do_ehlo(self, _: str) -> None:
        if self._fails("ehlo"):
            return
        self._is_greeted = True
        self._reset()
        offers = [*self._server.extensions]
        if self._server.tls is not None and not self._is_tls:
            offers.append("STARTTLS")
        if self._server.login and (self._is_tls or self._server.is_auth_in_clear):
            offers.append(f"AUTH {' '.join(self._server.auth_methods)}")
        self._say("250 localhost", *(f"250 {offer}" for offer in offers))

    def _do_helo(self, _: str) -> None:
        if not self._fails("ehlo"):
            self._is_greeted = True
            self._say("250 localhost")

    def _do_starttls(self, _: str) -> None:
        if self._server.tls is None or self._is_tls:
            self._say("502 5.5.1 not here")
        elif not self._fails("starttls"):
            self._say("220 2.0.0 go ahead")
            self._secure()
            self._is_greeted = False

    def _do_auth(self, arguments: str) -> None:
        if self._fails("auth"):
            return
        if self._server.login is None:
            self._say("502 5.5.1 not here")
            return
        method, _, initial = arguments.partition(" ")
        if method.upper() == "PLAIN":
            _, user, password = _decoded(initial or self._ask("")).split("\0")
        elif method.upper() == "CRAM-MD5":
            user, _, password = _decoded(self._ask("PDEyM0BleGFtcGxlLm9yZz4=")).partition(" ")
        else:
            user = _decoded(initial or self._ask("VXNlcm5hbWU6"))
            password = _decoded(self._ask("UGFzc3dvcmQ6"))
        if (user, password) == self._server.login:
            self._user = user
            self._say("235 2.7.0 welcome")
        else:
            self._answer(self._server.refusal)

    def _ask(self, question: str) -> str:
        self._say(f"334 {question}")
        return self._read().decode().strip()

    def _do_mail(self, arguments: str) -> None:
        if self._fails("mail"):
            return
        if not self._is_greeted:
            self._say("503 5.5.1 EHLO first")
        elif self._server.login and self._user is None:
            self._say("530 5.7.0 authentication required")
        elif self._mail_from is not None:
            self._say("503 5.5.1 nested MAIL")
        else:
            self._mail_from = _address(arguments)
            self._say("250 2.1.0 ok")

    def _do_rcpt(self, arguments: str) -> None:
        recipient = _address(arguments)
        if self._fails("rcpt", recipient):
            return
        if self._mail_from is None:
            self._say("503 5.5.1 MAIL first")
        else:
            self._recipients.append(recipient)
            self._say("250 2.1.5 ok")

    def _do_data(self, _: str) -> None:
        if not self._recipients or self._mail_from is None:
            self._say("503 5.5.1 RCPT first")
            return
        if self._fails("data", self._recipients[0]):
            return
        self._say("354 go ahead")
        message = bytearray()
        while (line := self._read()) != b".\r\n":
            message += line[1:] if line.startswith(b".") else line
        accepted = [
            Accepted(
                self._mail_from, recipient, bytes(message), self._number, self._is_tls, self._user
            )
            for recipient in self._recipients
        ]
        answer = self._server._fault("dot", self._recipients[0]) or "accept+250 2.0.0 queued"
        self._reset()
        if answer.startswith("accept+"):
            self._server._took(accepted)
        self._answer(answer.removeprefix("accept+"))

    def _do_rset(self, _: str) -> None:
        if not self._fails("rset"):
            self._reset()
            self._say("250 2.0.0 ok")

    def _do_noop(self, _: str) -> None:
        self._say("250 2.0.0 ok")

    def _do_quit(self, _: str) -> None:
        if not self._fails("quit"):
            self._say("221 2.0.0 bye")

    def _reset(self) -> None:
        self._mail_from = None
        self._recipients = []


def _address(arguments: str) -> str:
    found = re.match(r"(?i)(?:from|to):\s*<([^>]*)>", arguments)
    if found is None:
        raise AssertionError(f"no address in {arguments!r}")
    return found[1]


def _decoded(word: str) -> str:
    return base64.b64decode(word).decode()
