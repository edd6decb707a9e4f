"""The test server itself, against the standard library's client."""

from __future__ import annotations

import smtplib
import ssl
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.smtpserver import SmtpServer


def test_keeps_what_it_took_byte_for_byte() -> None:
    message = b"Subject: x\r\n\r\n.dot\r\n..two\r\nend\r\n"
    with SmtpServer() as server, smtplib.SMTP(server.host, server.port) as client:
        client.sendmail("a@example.org", ["b@example.org"], message)
        [accepted] = server.wait_for(1)
    assert (accepted.mail_from, accepted.recipient) == ("a@example.org", "b@example.org")
    assert accepted.message == message
    assert not accepted.is_tls


def test_speaks_tls_and_wants_a_login(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trust = ssl.create_default_context(cafile=authority.ca_file)
    with (
        SmtpServer(tls=authority.server_context(), login=("ada", "secret")) as server,
        smtplib.SMTP(server.host, server.port) as client,
    ):
        client.starttls(context=trust)
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("a@example.org", ["b@example.org"], b"x")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ada", "wrong")
        client.login("ada", "secret")
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\n")
        [accepted] = server.wait_for(1)
        assert accepted.is_tls
        assert accepted.user == "ada"


def test_fails_as_often_as_told_and_listens_again_on_the_same_port() -> None:
    with SmtpServer() as server:
        server.fail("mail", "451 4.3.0 later", times=1)
        server.fail("rcpt", "550 5.1.1 who?", recipient="b@example.org")
        with smtplib.SMTP(server.host, server.port) as client:
            with pytest.raises(smtplib.SMTPSenderRefused):
                client.sendmail("a@example.org", ["c@example.org"], b"x\r\n")
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail("a@example.org", ["b@example.org"], b"x\r\n")
            client.sendmail("a@example.org", ["c@example.org"], b"x\r\n")
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP(server.host, server.port)
        server.start()
        smtplib.SMTP(server.host, server.port).quit()
        assert [accepted.recipient for accepted in server.messages] == ["c@example.org"]
