"""Delivery over SMTP: one kept connection for each session, one transaction for each recipient.

aiosmtplib opens it, step by step: left to itself it logs in over a connection that could not be
encrypted. The mails go by a dialogue of our own, which says how far each has come; where the server
offers it, MAIL, RCPT and DATA go together (RFC 2920), and a mail waits for two answers, not four.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from contextlib import AbstractAsyncContextManager
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from watcher.errors import DeliveryError, LeaseLostError, StoreError
from watcher.mail.base import MayGo, Session, always, ask
from watcher.mail.dialogue import Dialogue
from watcher.mail.text import answer, explain, one_line, without_login
from watcher.mail.wire import wire_form
from watcher.models import Envelope
from watcher.settings import SmtpSettings

log = structlog.get_logger(__name__)

MESSAGE_SECONDS = 600.0
QUIT_SECONDS = 5.0
# Under encryption the plain ones are safe, and the server need not keep passwords readable.
_LOGINS_ENCRYPTED = ("plain", "login", "cram-md5")
_LOGINS_CLEAR = ("cram-md5", "plain", "login")


class _Step(StrEnum):
    """How far a transaction has come; the text says what the server was asked."""

    CONNECT = "the connection"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "the login"
    MAIL = "the sender (MAIL)"
    RCPT = "the recipient (RCPT)"
    DATA = "the message (DATA)"
    DOT = "the message's end"

    @property
    def is_session(self) -> bool:
        """Whether trouble here is not the recipient's own."""
        return self not in {_Step.RCPT, _Step.DATA, _Step.DOT}


_TRANSACTION = frozenset({_Step.MAIL, _Step.RCPT, _Step.DATA, _Step.DOT})
_GO_AHEAD = 354
_SIMPLE = re.compile(r"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+")
"""Addresses that can be read in one way only; most are such."""


class _RefusedError(Exception):
    """We ourselves will not go on."""


_TROUBLE = (SMTPException, OSError, ValueError, _RefusedError)


class SmtpMailer:
    """A mail server as `[smtp]` names it."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        self._trust: ssl.SSLContext | None = None
        self._own_name = settings.helo

    @property
    def session_count(self) -> int:
        """`[smtp] connections`."""
        return self.settings.connections

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A session that connects with its first mail."""
        return SmtpSession(self)

    async def probe(self) -> None:
        """Connect, encrypt, log in and leave. Raises DeliveryError."""
        async with SmtpSession(self) as session:
            await session.open()

    def describe(self) -> str:
        """Host, port, security and user."""
        settings = self.settings
        parts = [f"{settings.host} port {settings.port}"]
        parts.append("unencrypted" if settings.security == "none" else settings.security.upper())
        if settings.username:
            parts.append(f"as {settings.username}")
        return ", ".join(parts)

    async def client(self) -> SMTP:
        """A client that has not connected yet. Raises ValueError where a setting is of no use."""
        settings = self.settings
        if not self._own_name:
            self._own_name = await asyncio.to_thread(_own_name)
        if self._trust is None and settings.security != "none":
            self._trust = await asyncio.to_thread(_trust, settings.ca_file)
        if not self._own_name.isascii():
            raise ValueError(f"[smtp] helo = {self._own_name!r} is not ASCII")
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=self._own_name,
            timeout=settings.timeout,
            use_tls=settings.security == "tls",
            start_tls=False,
            tls_context=self._trust,
        )


class SmtpSession:
    """One worker's connection, opened when needed and again where the server has dropped it."""

    def __init__(self, mailer: SmtpMailer) -> None:
        self._mailer, self._settings = mailer, mailer.settings
        self._client: SMTP | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._dialogue: Dialogue | None = None
        self._is_ahead = False
        self._step = _Step.CONNECT

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._dialogue is None or not self._dialogue.is_open:
            self._drop()
            return
        try:
            # Whatever becomes of QUIT, what was accepted is sent.
            self._dialogue.say(b"QUIT\r\n")
            await self._dialogue.answer(min(QUIT_SECONDS, self._settings.timeout))
        except (SMTPException, OSError) as trouble:
            log.debug("quit failed", error=one_line(str(trouble)))
        finally:
            self._drop()

    async def open(self) -> None:
        """Have a session with a server that takes mail from us. Raises DeliveryError."""
        try:
            async with asyncio.timeout(MESSAGE_SECONDS):
                await self._connect()
        except _TROUBLE as error:
            self._drop()
            raise self._explained(error, "") from error

    async def send(self, envelope: Envelope, may_go: MayGo = always) -> str:
        """One transaction; the answer to the message. Raises DeliveryError, LeaseLostError."""
        try:
            async with asyncio.timeout(MESSAGE_SECONDS):
                return await self._transact(envelope, may_go)
        except _TROUBLE as error:
            explained = self._explained(error, envelope.recipient)
            await self._clear(explained.code)
            raise explained from error
        except (asyncio.CancelledError, LeaseLostError, StoreError):
            self._drop()  # the server may wait for a mail, and there is no other way back
            raise

    async def _transact(self, envelope: Envelope, may_go: MayGo) -> str:
        dialogue = await self._begin(envelope)
        _see_positive(await self._ask(dialogue, _Step.RCPT, _rcpt(envelope)))
        response = await self._ask(dialogue, _Step.DATA, b"DATA\r\n")
        if response.code != _GO_AHEAD:
            raise SMTPDataError(response.code, response.message)
        await ask(may_go)
        await asyncio.sleep(0)  # a server that left right after that is seen to be gone
        dialogue.say(wire_form(envelope.message))
        self._step = _Step.DOT  # from here on the server may have the mail
        response = await dialogue.answer(self._settings.timeout)
        _see_positive(response)
        return answer(response)

    async def _begin(self, envelope: Envelope) -> Dialogue:
        if self._dialogue is not None and self._dialogue.is_open:
            try:
                return await self._mail(self._dialogue, envelope)
            except (SMTPServerDisconnected, SMTPTimeoutError) as error:
                log.debug("idle connection is gone", error=one_line(str(error)))
            except SMTPResponseException as error:
                if error.code != 421:
                    raise
        self._drop()
        return await self._mail(await self._connect(), envelope)

    async def _mail(self, dialogue: Dialogue, envelope: Envelope) -> Dialogue:
        self._step = _Step.RCPT
        _see_plain(envelope.recipient)
        self._step = _Step.MAIL
        _see_plain(envelope.sender)
        options = ""
        if not (envelope.sender + envelope.recipient).isascii():
            if not self._offers("smtputf8"):
                if envelope.sender.isascii():
                    self._step = _Step.RCPT
                raise _RefusedError("the server takes only ASCII addresses (no SMTPUTF8)")
            options = " SMTPUTF8"
        mail = f"MAIL FROM:<{envelope.sender}>{options}\r\n".encode()
        if self._is_ahead:
            dialogue.say(b"".join((mail, _rcpt(envelope), b"DATA\r\n")), 3)
        _see_positive(await self._ask(dialogue, _Step.MAIL, mail))
        return dialogue

    async def _ask(self, dialogue: Dialogue, step: _Step, command: bytes) -> SMTPResponse:
        """The answer to a command, which has gone with those before it where the server can."""
        self._step = step
        if not self._is_ahead:
            dialogue.say(command)
        return await dialogue.answer(self._settings.timeout)

    def _offers(self, extension: str) -> bool:
        return self._client is not None and self._client.supports_extension(extension)

    async def _connect(self) -> Dialogue:
        self._step = _Step.CONNECT
        self._client = client = await self._mailer.client()
        await client.connect()
        self._transport = client.transport
        await self._greet(client)
        if self._settings.security == "starttls":
            self._step = _Step.STARTTLS
            if not client.supports_extension("starttls"):
                raise _RefusedError(
                    "the server does not offer STARTTLS: refusing to send in clear text"
                )
            await client.starttls()
            self._transport = client.transport
            await self._greet(client)
        if self._settings.username:
            self._step = _Step.AUTH
            await self._login(client)
        if not isinstance(client.transport, asyncio.WriteTransport):
            raise SMTPServerDisconnected("Connection lost")
        self._is_ahead = client.supports_extension("pipelining")
        self._dialogue = Dialogue(client.transport)
        return self._dialogue

    async def _greet(self, client: SMTP) -> None:
        self._step = _Step.EHLO
        await client.ehlo()

    async def _login(self, client: SMTP) -> None:
        is_encrypted = self._settings.security != "none"
        address = client.get_transport_info("peername")[0]
        if not is_encrypted and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            raise _RefusedError('refusing to send a password in clear text (security = "none")')
        user, password = self._settings.username, self._settings.password.get_secret_value()
        for method in _LOGINS_ENCRYPTED if is_encrypted else _LOGINS_CLEAR:
            if method not in client.server_auth_methods:
                continue
            # One method only: a wrong password tried by three of them locks accounts.
            try:
                if method == "plain":
                    await client.auth_plain(user, password)
                elif method == "login":
                    await client.auth_login(user, password)
                else:
                    await client.auth_crammd5(user, password)
            except SMTPResponseException as error:
                said = without_login(error.message, user, password)
                raise type(error)(error.code, said) from None
            return
        offers = ", ".join(client.server_auth_methods) or "none at all"
        raise _RefusedError(f"the server offers no login that is known here, but {offers}")

    async def _clear(self, code: int | None) -> None:
        """Make the connection fit for the next mail, or leave it."""
        is_answered = code is not None and code >= 400 and code != 421
        if not is_answered or self._dialogue is None or self._step not in _TRANSACTION:
            self._drop()
            return
        try:
            while self._dialogue.unread_count:
                response = await self._dialogue.answer(self._settings.timeout)
                if response.code == _GO_AHEAD:
                    # It waits for a mail that it was not to get, and there is no way back.
                    raise SMTPDataError(response.code, response.message)
            self._dialogue.say(b"RSET\r\n")
            _see_positive(await self._dialogue.answer(self._settings.timeout))
        except (SMTPException, OSError) as error:
            log.debug("reset failed", error=one_line(str(error)))
            self._drop()

    def _drop(self) -> None:
        client, self._client, self._dialogue = self._client, None, None
        if client is not None:
            client.close()
        transport, self._transport = self._transport, None
        # Under TLS the library's `close` waits half a minute for the server to close as well.
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()

    def _explained(self, error: Exception, recipient: str) -> DeliveryError:
        """What happened, what it means for this mail, and what can be done about it."""
        settings, step = self._settings, self._step
        code = None
        if isinstance(error, SMTPResponseException) and error.code > 0:
            code = error.code
        is_refused = code is not None and 500 <= code < 600
        is_final = is_refused or isinstance(error, (_RefusedError, ValueError))
        text = f"{settings.host} port {settings.port}, {step}: {explain(error, settings)}"
        is_ambiguous = step is _Step.DOT and not (code and 400 <= code < 600)
        if is_ambiguous:
            text += "; it may have taken the mail"
        return DeliveryError(
            text,
            recipient=recipient,
            retryable=step.is_session or not is_final,
            session=step.is_session,
            code=code,
            is_ambiguous=is_ambiguous,
        )


def _own_name() -> str:
    """How we greet: the full host name, or as RFC 5321 wants it where there is none."""
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _rcpt(envelope: Envelope) -> bytes:
    return f"RCPT TO:<{envelope.recipient}>\r\n".encode()


def _see_positive(response: SMTPResponse) -> None:
    if not 200 <= response.code < 300:
        raise SMTPResponseException(response.code, response.message)


def _see_plain(address: str) -> None:
    """Refuse what could be read as another address than it is."""
    if _SIMPLE.fullmatch(address):
        return
    if not address.isprintable() or parseaddr(address)[1] != address:
        raise _RefusedError(f"{one_line(address)!r} is not an address")


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        reason = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise _RefusedError(f"[smtp] ca_file {ca_file} cannot be used: {reason}") from None
