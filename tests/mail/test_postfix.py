"""The way into a real mailbox: a real Postfix takes the mail, and it is read back."""

from __future__ import annotations

import asyncio
import datetime as dt
import email
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakesite import make_paper
from tests.mail.conftest import MESSAGE, envelope
from tests.mail.postfix import Postfix
from tests.settings.making import ONE, loaded
from tests.signing import DKIM, verdicts, write_keys, zone
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.errors import DeliveryError
from watcher.mail import make_signer
from watcher.mail.sendmail import SendmailMailer
from watcher.mail.smtp import SmtpMailer
from watcher.settings import SmtpSettings

pytestmark = pytest.mark.postfix


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with Postfix("ada", "dan", "eve", "sam") as running:
        yield running


@pytest.fixture
def mailer(postfix: Postfix) -> SmtpMailer:
    return SmtpMailer(
        SmtpSettings(
            host=postfix.host,
            port=postfix.port,
            ca_file=postfix.ca_file,
            helo="client.example.org",
        )
    )


async def test_one_of_three_is_unknown_and_the_others_get_the_very_bytes(
    postfix: Postfix, mailer: SmtpMailer
) -> None:
    async with mailer.session() as session:
        assert (await session.send(envelope("ada@example.org"))).startswith("250 2.0.0")
        with pytest.raises(DeliveryError, match="User unknown") as caught:
            await session.send(envelope("nobody@example.org"))
        await session.send(envelope("eve@example.org"))
    assert not caught.value.retryable
    assert not caught.value.session
    assert caught.value.code == 550
    for user in ("ada", "eve"):
        stored = await asyncio.to_thread(postfix.wait_for_mail, user)
        added, _, kept = stored.partition(MESSAGE[:20])
        assert (MESSAGE[:20] + kept).replace(b"\n", b"\r\n") == MESSAGE
        assert b"using TLSv1" in added


async def test_signatures_hold_in_the_mailbox(
    postfix: Postfix, mailer: SmtpMailer, tmp_path: Path
) -> None:
    write_keys(tmp_path)
    sender = '[mail]\nfrom = "papers@example.org"\n'
    signer = make_signer(loaded(tmp_path, sender + DKIM + ONE))
    at = dt.datetime(2026, 2, 16, 8, tzinfo=dt.UTC)
    message = signer.sign(MESSAGE, at)
    async with mailer.session() as session:
        await session.send(envelope("dan@example.org", message=message))
    stored = await asyncio.to_thread(postfix.wait_for_mail, "dan")
    assert b"\nReceived: " in stored
    assert verdicts(stored.replace(b"\n", b"\r\n"), zone(signer.records), at) == [True, True]


async def test_domains_in_letters_of_their_own_go_in_ascii(tmp_path: Path) -> None:
    here = "xn--bcher-kva.example"
    with Postfix("ada", domain=here) as postfix, World(tmp_path) as world:
        world.configure(DAILY, WEIGHTS.replace("ada@example.org", "ada@bücher.example"))
        text = world.config_path.read_text()
        text = text.replace("papers@example.org", "papers@bücher.example")
        text = text.replace(f"port = {world.smtp.port}", f"port = {postfix.port}")
        world.config_path.write_text(text)
        world.fill()
        world.add(make_paper(1, world.now, title=ZORBLAX))
        result = await world.run_pass()
        assert result.delivered_count == 1
        stored = await asyncio.to_thread(postfix.wait_for_mail, "ada")
    mail = email.message_from_bytes(stored)
    assert mail["Return-Path"] == f"<papers@{here}>"
    assert mail["From"] == f"Papers <papers@{here}>"
    assert mail["To"] == mail["X-Original-To"] == f"ada@{here}"
    assert mail["Message-ID"].endswith(f"@{here}>")
    assert mail["List-Id"].endswith(f".{here}>")


async def test_a_foreign_recipient_is_refused_for_good(mailer: SmtpMailer) -> None:
    async with mailer.session() as session:
        with pytest.raises(DeliveryError, match="nothing leaves") as caught:
            await session.send(envelope("someone@example.com"))
    assert not caught.value.retryable


async def test_probe(mailer: SmtpMailer) -> None:
    await mailer.probe()


async def test_through_its_sendmail(postfix: Postfix, tmp_path: Path) -> None:
    program = tmp_path / "sendmail"
    program.write_text(
        f"#!{sys.executable} -S\nimport os, sys\n"
        f"os.environ['MAIL_CONFIG'] = {str(postfix.configuration)!r}\n"
        "os.execv('/usr/sbin/sendmail', ['sendmail', *sys.argv[1:]])\n"
    )
    program.chmod(0o755)
    async with SendmailMailer(program, timeout=20).session() as session:
        await session.send(envelope("sam@example.org"))
    stored = await asyncio.to_thread(postfix.wait_for_mail, "sam")
    assert stored.replace(b"\n", b"\r\n").endswith(MESSAGE)
