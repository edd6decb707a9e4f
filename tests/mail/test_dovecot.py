"""All the way: from the site by the program, SMTP, Postfix and LMTP to a reader with IMAP."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import imaplib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.fakesite import make_paper
from tests.mail.dovecot import Dovecot
from tests.mail.postfix import Postfix
from tests.world import DAILY, World

pytestmark = [pytest.mark.postfix, pytest.mark.dovecot]

NAME = "Gewichte, и ещё что-нибудь: очень длинное название подписки о весах нейронных сетей 超网络"
SUBSCRIPTION = f"""
[[subscriptions]]
name = "{NAME}"
to = ["ada@example.org"]
digest = "daily 23:00"
[[subscriptions.rules]]
name = "zorblax"
any = ["zorblax*"]
[[subscriptions.rules]]
name = "много слов"
any = ["hypernetwork"]
"""
TITLES = (
    "Zorblax: 超网络 for the $\\alpha$-Æther 🧠",
    "From the hypernetwork of =?utf-8?q?encoded?= words",
    "Zorblaxes " + "and many more words that make a long title " * 5,
)
ABSTRACT = (
    "From here on a line.\n.\n..\n.hidden dots = signs == and \ttabs \n"
    + "Ein langer Satz ohne Ende über Hypernetzwerke, " * 60
    + "x" * 3000
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail as IMAP gives it, the digest as the program showed it before, and what it says now."""

    raw: bytes
    structure: bytes
    subject: str
    text: str
    html: str
    told: list[tuple[str, str, str]]

    @property
    def parsed(self) -> EmailMessage:
        message = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


@pytest.fixture(scope="module")
def arrived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arrived]:
    with (
        World(tmp_path_factory.mktemp("world")) as world,
        Dovecot() as dovecot,
        Postfix("ada", lmtp_port=dovecot.lmtp_port) as postfix,
    ):
        configure(world, postfix.port, postfix.ca_file)
        world.fill(8)
        an_hour_ago = world.now - dt.timedelta(hours=1)
        for number, title in enumerate(TITLES):
            world.add(make_paper(number, an_hour_ago, title=title, abstract=ABSTRACT))
        ask = Asker(world)
        assert ask("check-now").code == 0
        page = world.directory / "shown.html"
        shown = ask("preview", NAME, "--json", "--html", str(page)).json
        assert shown["origin"] == "pending"
        sent = ask("check-now", "--send", "--all", "--json")
        assert (sent.code, sent.json["delivered"]) == (0, 1), sent.err
        postfix.wait_until_sent("ada")
        with dovecot.mailbox("ada@example.org") as mailbox:
            [[raw, structure]] = fetched(mailbox)
        said = ask("doctor", "--received", "-", "--json", stdin=raw)
        told = [(each["about"], each["level"], each["text"]) for each in said.json["findings"]]
        html = page.read_text("utf-8")
        yield Arrived(raw, structure, shown["subject"], shown["text"], html, told)


def configure(world: World, port: int, ca_file: Path) -> None:
    """The world's configuration, with another mail server than the world's own."""
    world.configure(DAILY, SUBSCRIPTION)
    before, _, after = world.config_path.read_text("utf-8").partition("[smtp]\n")
    _, timeout, after = after.partition("timeout = ")
    server = f'host = "localhost"\nport = {port}\nca_file = "{ca_file}"\n'
    world.config_path.write_text(f"{before}[smtp]\n{server}{timeout}{after}", "utf-8")


def fetched(mailbox: imaplib.IMAP4) -> Iterator[tuple[bytes, bytes]]:
    """Each mail's bytes, and its structure as the IMAP server has understood it."""
    _, [numbers] = mailbox.search(None, "ALL")
    assert isinstance(numbers, bytes)
    for number in numbers.decode().split():
        _, [whole, *_] = mailbox.fetch(number, "(BODY.PEEK[])")
        _, [structure] = mailbox.fetch(number, "(BODYSTRUCTURE)")
        assert isinstance(whole, tuple)
        assert isinstance(structure, bytes)
        yield whole[1], structure


def test_the_reader_sees_the_text_and_html_that_were_composed(arrived: Arrived) -> None:
    text, html = arrived.parsed.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    # The line end before a boundary belongs to it (RFC 2046, 5.1.1).
    assert text.get_content().replace("\r\n", "\n") + "\n" == arrived.text
    assert html.get_content().replace("\r\n", "\n") + "\n" == arrived.html
    assert "超网络" in text.get_content()
    assert arrived.parsed["Subject"] == arrived.subject
    assert not [part.defects for part in arrived.parsed.walk() if part.defects]


def test_the_server_understands_text_before_html_each_quoted_printable(arrived: Arrived) -> None:
    structure = arrived.structure.lower()
    text = b'("text" "plain" ("charset" "utf-8") nil nil "quoted-printable"'
    html = b'("text" "html" ("charset" "utf-8") nil nil "quoted-printable"'
    assert 0 < structure.index(text) < structure.index(html) < structure.index(b'"alternative"')
    assert structure.count(b'("text"') == 2


def test_all_lines_are_short_and_ascii(arrived: Arrived) -> None:
    assert arrived.raw.isascii()
    lines = arrived.raw.split(b"\r\n")
    assert not [line for line in lines if b"\n" in line or b"\r" in line]
    assert max(map(len, lines)) <= 998


def test_the_list_headers_are_as_programs_read_them(arrived: Arrived) -> None:
    head, _, _ = arrived.raw.partition(b"\r\n\r\n")
    lists = [line for line in head.split(b"\r\n") if line.startswith(b"List-")]
    assert [line.partition(b": ")[0] for line in lists] == [b"List-Id", b"List-Unsubscribe"]
    for line in lists:
        assert line.endswith(b">"), "whole on one line"
        assert b"=?" not in line
    assert b": <mailto:root@example.org?subject=unsubscribe%20Gewichte%2C%20%D0%B8" in lists[1]
    assert len(lists[1]) > 250


def test_the_postmen_have_put_their_lines_above_and_changed_nothing(arrived: Arrived) -> None:
    head, _, _ = arrived.raw.partition(b"From: ")
    assert b"using TLSv1" in head
    assert b"with LMTP" in head
    assert b"Return-Path: <papers@example.org>" in head
    assert arrived.parsed.get_all("Message-ID") is not None
    assert len(arrived.parsed.get_all("Received", [])) == 2


def test_the_doctor_reads_its_way_and_finds_it_as_it_was_sent(arrived: Arrived) -> None:
    way = [text for about, level, text in arrived.told if (about, level) == ("way", "ok")]
    assert len(way) == 3, "two postmen and the sum"
    assert ("body", "ok", "byte for byte as it was sent") in arrived.told
    assert ("header", "ok", "every field that was sent is there, unchanged") in arrived.told
    assert "problem" not in {level for _, level, _ in arrived.told}
