"""SMTP against a real server that fails wherever a server can."""

from __future__ import annotations

import asyncio
import base64
import gc
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.authority import Authority
from tests.mail.conftest import MESSAGE, envelope, settings
from tests.smtpserver import SmtpServer, Stage
from watcher.errors import DeliveryError, LeaseLostError
from watcher.links import Purpose
from watcher.mail.smtp import SmtpMailer

BEFORE_RCPT: tuple[Stage, ...] = ("connect", "ehlo", "starttls", "auth", "mail")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=["apart", "together"])
def server(request: pytest.FixtureRequest) -> Iterator[SmtpServer]:
    """One that takes commands one by one, and one that takes them together."""
    with SmtpServer() as running:
        if request.param == "together":
            running.extensions += ("PIPELINING",)
        yield running


@pytest.fixture
def secure_server(authority: Authority) -> Iterator[SmtpServer]:
    with SmtpServer(tls=authority.server_context(), login=("ada", "pässword")) as running:
        yield running


def secured(server: SmtpServer, authority: Authority, **changes: object) -> SmtpMailer:
    keys: dict[str, object] = {
        "security": "starttls",
        "username": "ada",
        "password": "pässword",
        "ca_file": authority.ca_file,
    }
    return SmtpMailer(settings(server, **keys | changes))


async def refusal(mailer: SmtpMailer, recipient: str = "ada@example.org") -> DeliveryError:
    async with mailer.session() as session:
        with pytest.raises(DeliveryError) as caught:
            await session.send(envelope(recipient))
    assert caught.value.recipient == recipient
    assert "\n" not in str(caught.value)
    return caught.value


async def test_sends_the_very_bytes_and_returns_the_answer(server: SmtpServer) -> None:
    mailer = SmtpMailer(settings(server))
    async with mailer.session() as session:
        assert await session.send(envelope()) == "250 2.0.0 queued"
    [accepted] = server.messages
    assert accepted.message == MESSAGE
    assert (accepted.mail_from, accepted.recipient) == ("papers@example.org", "ada@example.org")
    verbs = [command.verb for command in server.commands]
    assert verbs == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert server.commands[0].line == "EHLO client.example.org"


@given(
    lines=st.lists(st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=99))
)
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_lines_arrive_as_they_were(server: SmtpServer, lines: list[str]) -> None:
    message = b"".join(line.encode() + b"\r\n" for line in lines) or b"\r\n"
    async with SmtpMailer(settings(server)).session() as session:
        await session.send(envelope(message=message))
    assert server.messages[-1].message == message


async def test_a_session_connects_when_needed_and_keeps_its_connection(server: SmtpServer) -> None:
    mailer = SmtpMailer(settings(server))
    async with mailer.session():
        pass
    assert server.connection_count == 0
    async with mailer.session() as session:
        for recipient in ("a@example.org", "b@example.org", "c@example.org"):
            await session.send(envelope(recipient))
    assert [accepted.connection for accepted in server.messages] == [1, 1, 1]


async def test_encrypts_then_logs_in(secure_server: SmtpServer, authority: Authority) -> None:
    async with secured(secure_server, authority).session() as session:
        await session.send(envelope())
    [accepted] = secure_server.messages
    assert accepted.is_tls
    assert accepted.user == "ada"
    verbs = [command.verb for command in secure_server.commands]
    assert verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


async def test_speaks_tls_from_the_start(authority: Authority) -> None:
    with SmtpServer(
        tls=authority.server_context(), is_implicit_tls=True, login=("ada", "pässword")
    ) as server:
        async with secured(server, authority, security="tls").session() as session:
            await session.send(envelope())
        assert server.messages[0].is_tls


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
async def test_logs_in_by_what_the_server_offers(authority: Authority, method: str) -> None:
    with SmtpServer(
        tls=authority.server_context(), login=("ada", "pässword"), auth_methods=(method,)
    ) as server:
        await secured(server, authority).probe()
        assert any(command.line.startswith(f"AUTH {method}") for command in server.commands)


async def test_no_known_login_is_said(authority: Authority) -> None:
    with SmtpServer(
        tls=authority.server_context(), login=("ada", "pässword"), auth_methods=("GSSAPI",)
    ) as server:
        error = await refusal(secured(server, authority))
    assert error.session
    assert "gssapi" in str(error)


async def test_a_clear_login_to_loopback_shows_no_password() -> None:
    with SmtpServer(
        login=("ada", "secret"), is_auth_in_clear=True, auth_methods=("CRAM-MD5", "PLAIN")
    ) as server:
        server.fail("auth", "535 5.7.8 no")
        error = await refusal(SmtpMailer(settings(server, username="ada", password="secret")))
        assert [command.line for command in server.commands][1:] == ["AUTH CRAM-MD5"]
    assert error.session


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("refusal_of", ["535 no: {said}", "500-what is\r\n500 {said}?", "{said}"])
async def test_a_login_that_a_server_quotes_is_struck_out(method: str, refusal_of: str) -> None:
    with SmtpServer(
        login=("ada", "another"), is_auth_in_clear=True, auth_methods=(method,)
    ) as server:
        server.refusal = refusal_of
        error = await refusal(SmtpMailer(settings(server, username="ada", password="S3cret!pass")))
    said = str(error) + repr(error.__cause__)
    assert "***" in said
    plain, login = b"\0ada\0S3cret!pass", b"S3cret!pass"
    for form in (plain, login, b"ada 0123"):
        assert base64.b64encode(form)[:8].decode() not in said
    assert error.session


@pytest.mark.parametrize(
    "quoted",
    [
        "S3cret!pass",
        "S3CRET!PASS",
        "UzNjcmV0",
        "uzNjcmV0IXBhc3M=",
        "AGFkYQBTM2Ny",
        "TM2NyZXQhcGFzcw",
    ],
)
async def test_a_part_of_a_login_is_struck_out_and_the_rest_stays(quoted: str) -> None:
    with SmtpServer(login=("ada", "x"), is_auth_in_clear=True) as server:
        server.refusal = f"535 5.7.8 see https://example.org/auth/errors <{quoted}> ada"
        error = await refusal(SmtpMailer(settings(server, username="ada", password="S3cret!pass")))
    assert "535 5.7.8 see https://example.org/auth/errors <***> ada" in str(error).replace(
        "=>", ">"
    )


@pytest.mark.parametrize(
    "link",
    [
        *(f"https://x.example/{purpose}/WyJ3ZWIt.aZx-_Q" for purpose in Purpose),
        "https://x.example/stop?of=weights&who=ada%40example.org&token=WyJ3ZWIt",
        f"https://x.example/manage/{'WyJ3ZWIt' * 60}",
    ],
)
async def test_of_a_link_that_a_server_quotes_nothing_is_told_that_lets_people_in(
    server: SmtpServer, link: str
) -> None:
    server.fail("dot", f"554 5.7.1 blocked: <{link}> is listed")
    error = await refusal(SmtpMailer(settings(server)))
    assert "WyJ3ZWIt" not in str(error)
    assert str(error).endswith("…> is listed")


async def test_without_starttls_nothing_is_said_in_clear(server: SmtpServer) -> None:
    server.login, server.is_auth_in_clear = ("ada", "secret"), True
    mailer = SmtpMailer(settings(server, security="starttls", username="ada", password="secret"))
    error = await refusal(mailer)
    assert "refusing to send in clear text" in str(error)
    assert error.retryable
    assert error.session
    assert {command.verb for command in server.commands} == {"EHLO"}


@pytest.mark.parametrize(
    "answer", ["454 4.7.0 not now", "502 5.5.1 not here", "250 2.0.0 no need of that"]
)
async def test_when_starttls_is_refused_nothing_is_said_in_clear_either(
    secure_server: SmtpServer, authority: Authority, answer: str
) -> None:
    secure_server.login, secure_server.is_auth_in_clear = ("ada", "secret"), True
    secure_server.fail("starttls", answer)
    error = await refusal(secured(secure_server, authority, username="ada", password="secret"))
    assert error.session
    verbs = [command.verb for command in secure_server.commands]
    assert verbs[:2] == ["EHLO", "STARTTLS"]
    assert not {"AUTH", "MAIL"} & set(verbs)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_stranger_s_certificate_is_refused_and_ca_file_named(
    authority: Authority, tmp_path: Path, security: str
) -> None:
    stranger = Authority(tmp_path)
    with SmtpServer(
        tls=stranger.server_context(), is_implicit_tls=security == "tls", login=("ada", "x")
    ) as server:
        error = await refusal(secured(server, authority, security=security))
        assert not any(command.verb == "AUTH" for command in server.commands)
    assert "[smtp] ca_file" in str(error)
    assert error.retryable
    assert error.session


async def test_a_certificate_for_another_host_is_refused(authority: Authority) -> None:
    with SmtpServer(tls=authority.server_context("mail.example.org")) as server:
        error = await refusal(secured(server, authority, username=""))
    assert "certificate is not trusted" in str(error)


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_of_no_use_is_named(
    server: SmtpServer, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    error = await refusal(SmtpMailer(settings(server, security="tls", ca_file=path)))
    assert f"[smtp] ca_file {path}" in str(error)
    assert error.session


@pytest.mark.parametrize("stage", BEFORE_RCPT)
@pytest.mark.parametrize("answer", ["451 4.3.0 later", "550 5.7.1 no", "421 4.3.2 bye", "drop"])
async def test_trouble_before_the_recipient_is_the_session_s(
    secure_server: SmtpServer, authority: Authority, stage: Stage, answer: str
) -> None:
    secure_server.fail(stage, answer)
    error = await refusal(secured(secure_server, authority))
    assert error.retryable
    assert error.session
    assert error.code == (None if answer == "drop" else int(answer[:3]))
    assert not secure_server.messages


@pytest.mark.parametrize("stage", ["rcpt", "data", "dot"])
@pytest.mark.parametrize(
    ("answer", "is_retryable"),
    [
        ("450 4.2.0 greylisted", True),
        ("550 5.1.1 no such user", False),
        ("552 5.2.2 full", False),
        ("421 4.3.2 bye", True),
        ("drop", True),
    ],
)
async def test_trouble_from_the_recipient_on_is_its_own(
    server: SmtpServer, stage: Stage, answer: str, is_retryable: bool
) -> None:
    server.fail(stage, answer, recipient="bob@example.org")
    async with SmtpMailer(settings(server)).session() as session:
        await session.send(envelope("ada@example.org"))
        with pytest.raises(DeliveryError) as caught:
            await session.send(envelope("bob@example.org"))
        await session.send(envelope("eve@example.org"))
    assert caught.value.retryable is is_retryable
    assert not caught.value.session
    assert caught.value.code == (None if answer == "drop" else int(answer[:3]))
    assert caught.value.is_ambiguous is (stage == "dot" and answer == "drop")
    assert [accepted.recipient for accepted in server.messages] == [
        "ada@example.org",
        "eve@example.org",
    ]
    is_kept = answer[0] in "45" and not answer.startswith("421")
    assert server.connection_count == (1 if is_kept else 2)


@pytest.mark.parametrize("stage", [*BEFORE_RCPT, "rcpt", "data", "dot"])
async def test_silence_is_bounded(
    secure_server: SmtpServer, authority: Authority, stage: Stage
) -> None:
    secure_server.fail(stage, "hang")
    error = await refusal(secured(secure_server, authority, timeout=0.2))
    assert error.retryable
    assert error.session is (stage in BEFORE_RCPT)
    assert error.is_ambiguous is (stage == "dot")
    assert "no answer in time" in str(error)


@pytest.mark.parametrize("answer", ["accept+drop", "accept+hang", "accept+junk"])
async def test_a_lost_answer_is_ambiguous_and_says_so(server: SmtpServer, answer: str) -> None:
    server.fail("dot", answer, times=1)
    async with SmtpMailer(settings(server, timeout=0.5)).session() as session:
        with pytest.raises(DeliveryError, match="may have taken") as caught:
            await session.send(envelope())
        await session.send(envelope())
    assert caught.value.is_ambiguous
    assert caught.value.retryable
    assert not caught.value.session
    first, second = server.messages
    assert first.message == second.message


async def test_a_server_that_leaves_before_the_mail_cannot_have_it(server: SmtpServer) -> None:
    server.fail("data", "354+drop")
    error = await refusal(SmtpMailer(settings(server)))
    assert error.retryable
    assert not error.is_ambiguous
    assert not error.session


def test_nothing_stays_open_where_the_server_says_no_more(
    secure_server: SmtpServer, authority: Authority
) -> None:
    secure_server.fail("dot", "accept+hold")
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.run(refusal(secured(secure_server, authority, timeout=0.2)))
        gc.collect()
    secure_server.release()
    assert [str(warning.message) for warning in left_open] == []


async def test_any_2xx_at_the_dot_is_done(server: SmtpServer) -> None:
    server.fail("dot", "accept+251 2.0.0 will forward")
    async with SmtpMailer(settings(server)).session() as session:
        assert await session.send(envelope()) == "251 2.0.0 will forward"


async def test_a_250_to_data_itself_is_no_delivery(server: SmtpServer) -> None:
    server.fail("data", "250 2.0.0 fine", times=1)
    error = await refusal(SmtpMailer(settings(server)))
    assert error.retryable
    assert not server.messages


@pytest.mark.parametrize("answer", ["451 4.3.0 no", "drop", "hang", "rubbish"])
async def test_whatever_becomes_of_quit_the_mail_is_sent(server: SmtpServer, answer: str) -> None:
    server.fail("quit", answer)
    async with SmtpMailer(settings(server, timeout=0.2)).session() as session:
        await session.send(envelope())
    assert len(server.messages) == 1
    await asyncio.to_thread(server.wait_for_idle)


async def test_an_idle_connection_that_was_dropped_is_opened_again(server: SmtpServer) -> None:
    async with SmtpMailer(settings(server)).session() as session:
        await session.send(envelope("a@example.org"))
        server.drop_connections()
        await asyncio.to_thread(server.wait_for_idle)
        await session.send(envelope("b@example.org"))
    assert [accepted.connection for accepted in server.messages] == [1, 2]


@pytest.mark.parametrize("answer", ["421 4.4.2 idle for too long", "drop", "hang"])
async def test_an_idle_connection_that_ends_at_mail_is_opened_again_once(
    server: SmtpServer, answer: str
) -> None:
    async with SmtpMailer(settings(server, timeout=0.5)).session() as session:
        await session.send(envelope("a@example.org"))
        server.fail("mail", answer, times=1)
        await session.send(envelope("b@example.org"))
        server.fail("mail", answer, times=2)
        with pytest.raises(DeliveryError):
            await session.send(envelope("c@example.org"))
    assert [accepted.recipient for accepted in server.messages] == [
        "a@example.org",
        "b@example.org",
    ]


async def test_a_refused_sender_leaves_the_connection_open(server: SmtpServer) -> None:
    async with SmtpMailer(settings(server)).session() as session:
        await session.send(envelope("a@example.org"))
        server.fail("mail", "550 5.7.1 not you", times=1)
        with pytest.raises(DeliveryError) as caught:
            await session.send(envelope("b@example.org"))
        await session.send(envelope("b@example.org"))
    assert caught.value.retryable
    assert caught.value.session
    assert [accepted.connection for accepted in server.messages] == [1, 1]


async def test_a_server_that_cannot_reset_is_left(server: SmtpServer) -> None:
    server.fail("rset", "drop")
    server.fail("rcpt", "550 5.1.1 who?", times=1)
    async with SmtpMailer(settings(server)).session() as session:
        with pytest.raises(DeliveryError, match="who"):
            await session.send(envelope())
        await session.send(envelope())
    assert [accepted.connection for accepted in server.messages] == [2]


async def test_a_wrong_password_is_tried_once_and_app_passwords_are_explained(
    secure_server: SmtpServer, authority: Authority
) -> None:
    error = await refusal(secured(secure_server, authority, password="wrong"))
    assert error.code == 535
    assert "app password" in str(error)
    assert "wrong" not in str(error)
    assert [command.verb for command in secure_server.commands].count("AUTH") == 1


async def test_probe_opens_and_closes_a_session(
    secure_server: SmtpServer, authority: Authority
) -> None:
    await secured(secure_server, authority).probe()
    verbs = [command.verb for command in secure_server.commands]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"]


async def test_probe_says_why_no_session_opens(server: SmtpServer) -> None:
    server.stop()
    with pytest.raises(DeliveryError, match="nothing listens there") as caught:
        await SmtpMailer(settings(server)).probe()
    assert caught.value.session
    assert f"{server.host} port {server.port}" in str(caught.value)


async def test_an_unknown_host_is_said(server: SmtpServer) -> None:
    error = await refusal(SmtpMailer(settings(server, host="mail.invalid")))
    assert "host name is not known" in str(error)


async def test_tls_to_a_port_that_speaks_none_hints_at_starttls(server: SmtpServer) -> None:
    error = await refusal(SmtpMailer(settings(server, security="tls")))
    assert 'security = "starttls"' in str(error)


async def test_a_helo_of_no_use_is_named(server: SmtpServer) -> None:
    error = await refusal(SmtpMailer(settings(server, helo="münchen.example")))
    assert "[smtp] helo" in str(error)


async def test_greets_with_a_name_where_none_is_configured(server: SmtpServer) -> None:
    await SmtpMailer(settings(server, helo="")).probe()
    assert re.fullmatch(r"EHLO (\S+\.\S+|\[127\.0\.0\.1\])", server.commands[0].line)


async def test_a_local_part_beyond_ascii_needs_a_server_that_takes_it(server: SmtpServer) -> None:
    error = await refusal(SmtpMailer(settings(server)), "jürgen@example.org")
    assert not error.retryable
    assert "SMTPUTF8" in str(error)
    server.extensions += ("SMTPUTF8",)
    async with SmtpMailer(settings(server)).session() as session:
        await session.send(envelope("jürgen@example.org"))
    assert server.messages[0].recipient == "jürgen@example.org"
    assert any(command.line.endswith(" SMTPUTF8") for command in server.commands)


async def test_a_sender_beyond_ascii_is_not_the_recipient_s_fault(server: SmtpServer) -> None:
    async with SmtpMailer(settings(server)).session() as session:
        with pytest.raises(DeliveryError) as caught:
            await session.send(envelope(sender="jürgen@example.org"))
    assert caught.value.retryable
    assert caught.value.session


@pytest.mark.parametrize(
    "recipient",
    [
        "a@example.org\r\nRCPT TO:<b@example.org>",
        "a\0@example.org",
        "a\udc80@b.org",
        "Ada <a@example.org>",
        "a@example.org, b@example.org",
    ],
)
async def test_a_hostile_recipient_says_nothing_to_the_server(
    server: SmtpServer, recipient: str
) -> None:
    server.extensions += ("SMTPUTF8",)
    error = await refusal(SmtpMailer(settings(server)), recipient)
    assert not error.retryable
    assert not any(command.verb == "RCPT" for command in server.commands)


async def test_hostile_answers_become_one_bounded_line(server: SmtpServer) -> None:
    server.fail("rcpt", f"550-5.1.1 \x1b[31m\x07\r\n550 {'x' * 5000}")
    error = await refusal(SmtpMailer(settings(server)))
    assert str(error).isprintable()
    assert len(str(error)) < 600
    assert not error.retryable


async def test_endless_answers_are_not_read_to_their_end(server: SmtpServer) -> None:
    server.fail("rcpt", "\r\n".join(["250-more"] * 20_000))
    error = await refusal(SmtpMailer(settings(server)))
    assert error.retryable


async def test_being_cancelled_drops_the_connection(server: SmtpServer) -> None:
    server.fail("dot", "hang", times=1)
    async with SmtpMailer(settings(server)).session() as session:
        sending = asyncio.create_task(session.send(envelope()))
        await asyncio.to_thread(server.wait_for_hang)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        async with asyncio.timeout(10):  # less than it would wait for the old connection
            await session.send(envelope())
    assert [accepted.connection for accepted in server.messages] == [2]


def test_describes_itself_without_the_password(server: SmtpServer) -> None:
    mailer = SmtpMailer(
        settings(server, security="starttls", username="ada", password="secret", connections=3)
    )
    assert mailer.describe() == f"127.0.0.1 port {server.port}, STARTTLS, as ada"
    assert SmtpMailer(settings(server)).describe().endswith(", unencrypted")
    assert mailer.session_count == 3


async def test_what_another_process_has_taken_over_is_not_sent(server: SmtpServer) -> None:
    async def gone() -> bool:
        return False

    async with SmtpMailer(settings(server)).session() as session:
        with pytest.raises(LeaseLostError):
            await session.send(envelope("ada@example.org"), gone)
        await session.send(envelope("bob@example.org"))
    assert [accepted.recipient for accepted in server.messages] == ["bob@example.org"]
    verbs = [command.verb for command in server.commands]
    once = ["EHLO", "MAIL", "RCPT", "DATA"]
    assert verbs == [*once, *once, "QUIT"], "it had asked for the mail: there is no way back"
