"""What is said to a server, in what portions, and how its answers are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.mail.conftest import envelope
from watcher.errors import DeliveryError
from watcher.mail.smtp import SmtpMailer
from watcher.settings import SmtpSettings

GREETING = b"220 here\r\n"
TOGETHER = b"250-here\r\n250 PIPELINING\r\n"
APART = b"250 here\r\n"
GOES = b"250 2.1.0 fine\r\n250-2.1.5 fine\r\n250 indeed\r\n354 go on\r\n"
TAKEN = b"250 2.0.0 taken\r\n"
MAIL = b"MAIL FROM:<papers@example.org>\r\n"
RCPT = b"RCPT TO:<ada@example.org>\r\n"


@dataclass(slots=True)
class Scripted(asyncio.Protocol):
    """Says its next line whenever something comes, in pieces of `size` bytes; at None it leaves."""

    script: list[bytes | None]
    size: int = 1000
    heard: list[bytes] = field(default_factory=list)
    transport: asyncio.WriteTransport | None = None
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)
        self._say((self.script.pop(0) if self.script else None) or b"221 bye\r\n")

    def connection_lost(self, _: Exception | None) -> None:
        self.left.set()

    def _say(self, line: bytes) -> None:
        assert self.transport is not None
        if line:
            self.transport.write(line[: self.size])
            asyncio.get_running_loop().call_soon(self._say, line[self.size :])
        elif self.script and self.script[0] is None:
            self.transport.close()


@asynccontextmanager
async def following(
    *scripts: list[bytes | None], size: int = 1000
) -> AsyncIterator[tuple[SmtpMailer, list[Scripted]]]:
    """A mailer for a server whose connections follow one script after the other."""
    waiting = [Scripted(script, size) for script in scripts]
    met: list[Scripted] = []

    def meet() -> Scripted:
        met.append(waiting.pop(0))
        return met[-1]

    server = await asyncio.get_running_loop().create_server(meet, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        keys = {"host": host, "port": port, "security": "none", "helo": "client.example.org"}
        yield SmtpMailer(SmtpSettings.model_validate(keys | {"timeout": 10})), met
        for one in met:
            await one.left.wait()


async def test_commands_go_together_where_the_server_can() -> None:
    async with (
        following([TOGETHER, GOES, TAKEN, GOES, TAKEN]) as (mailer, met),
        mailer.session() as session,
    ):
        for _ in range(2):
            assert await session.send(envelope(message=b"From: a\r\n")) == "250 2.0.0 taken"
    mail = [MAIL + RCPT + b"DATA\r\n", b"From: a\r\n.\r\n"]
    assert met[0].heard[1:] == [*mail, *mail, b"QUIT\r\n"]


async def test_each_command_waits_for_the_one_before_where_it_cannot() -> None:
    async with (
        following([APART, b"250 a\r\n", b"250 b\r\n", b"354 c\r\n", TAKEN]) as (mailer, met),
        mailer.session() as session,
    ):
        await session.send(envelope(message=b"From: a\r\n"))
    assert met[0].heard[1:] == [MAIL, RCPT, b"DATA\r\n", b"From: a\r\n.\r\n", b"QUIT\r\n"]


@given(size=st.integers(1, 60))
@hypothesis_settings(max_examples=10)
async def test_in_whatever_pieces_answers_come_they_are_the_same(size: int) -> None:
    async with (
        following([TOGETHER, GOES, TAKEN, b"550 no\r\n503 a\r\n503 b\r\n"], size=size) as served,
        served[0].session() as session,
    ):
        assert await session.send(envelope(message=b"From: a\r\n")) == "250 2.0.0 taken"
        with pytest.raises(DeliveryError, match=r"the sender .*550 no$"):
            await session.send(envelope(message=b"From: a\r\n"))


@pytest.mark.parametrize(
    ("answers", "is_session", "is_retryable"),
    [
        (b"550 not you\r\n250 b\r\n354 c\r\n", True, True),
        (b"250 a\r\n550 no such user\r\n354 c\r\n", False, False),
        (b"250 a\r\n450 later\r\n354 c\r\n", False, True),
    ],
)
async def test_a_server_that_wants_a_mail_it_refused_gets_none(
    answers: bytes, is_session: bool, is_retryable: bool
) -> None:
    async with (
        following([TOGETHER, answers], [TOGETHER, GOES, TAKEN]) as (mailer, met),
        mailer.session() as session,
    ):
        with pytest.raises(DeliveryError) as caught:
            await session.send(envelope(message=b"From: a\r\n"))
        await session.send(envelope(message=b"From: b\r\n"))
    assert (caught.value.session, caught.value.retryable) == (is_session, is_retryable)
    assert not caught.value.is_ambiguous
    first, second = met
    assert first.heard[1:] == [MAIL + RCPT + b"DATA\r\n"]
    assert b"From: b\r\n.\r\n" in second.heard


@pytest.mark.parametrize(
    ("refusals", "step"),
    [
        (b"451 a\r\n503 b\r\n503 c\r\n", "the sender"),
        (b"250 a\r\n550 b\r\n503 c\r\n", "the recipient"),
        (b"250 a\r\n250 b\r\n552 c\r\n", "the message"),
    ],
)
async def test_a_refusal_belongs_to_its_command_and_leaves_the_connection_open(
    refusals: bytes, step: str
) -> None:
    script = [TOGETHER, refusals, b"250 reset\r\n", GOES, TAKEN]
    async with following([*script]) as (mailer, met), mailer.session() as session:
        with pytest.raises(DeliveryError, match=step):
            await session.send(envelope(message=b"From: a\r\n"))
        assert await session.send(envelope(message=b"From: b\r\n")) == "250 2.0.0 taken"
    assert met[0].heard[2] == b"RSET\r\n"


@pytest.mark.parametrize(
    ("answers", "step", "is_session"),
    [
        (b"250 a\r\n", "the recipient", False),
        (b"250 a\r\n250 b\r\n", "the message .DATA", False),
        (b"250 a\r\n550-no\r\n", "the recipient", False),
    ],
)
async def test_what_came_before_the_server_left_counts(
    answers: bytes, step: str, is_session: bool
) -> None:
    async with (
        following([TOGETHER, answers, None]) as (mailer, _),
        mailer.session() as session,
    ):
        with pytest.raises(DeliveryError, match=f"{step}.*closed the connection") as caught:
            await session.send(envelope(message=b"From: a\r\n"))
    assert (caught.value.session, caught.value.is_ambiguous) == (is_session, False)


async def test_what_is_said_unasked_answers_nothing() -> None:
    unasked = TAKEN + b"550 by the way\r\n"
    async with (
        following([TOGETHER, GOES, unasked, GOES, TAKEN]) as (mailer, met),
        mailer.session() as session,
    ):
        await session.send(envelope(message=b"From: a\r\n"))
        assert await session.send(envelope(message=b"From: b\r\n")) == "250 2.0.0 taken"
    assert len(met) == 1


@pytest.mark.parametrize("rubbish", [b"what\r\n", b"2 0 ok\r\n", b"+25 ok\r\n", b"\r\n", b"25\r\n"])
async def test_what_is_no_answer_is_trouble_of_its_step(rubbish: bytes) -> None:
    async with (
        following([TOGETHER, b"250 a\r\n" + rubbish]) as (mailer, _),
        mailer.session() as session,
    ):
        with pytest.raises(DeliveryError, match=r"recipient .*Malformed") as caught:
            await session.send(envelope(message=b"From: a\r\n"))
    assert (caught.value.retryable, caught.value.code) == (True, None)
