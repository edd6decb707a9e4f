from __future__ import annotations

import datetime as dt
import email
import email.header
import email.policy
import re
from collections.abc import Mapping
from dataclasses import replace
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.digest.builders import NASTY, NOW, RENDERED, chosen, content, texts
from watcher.digest import (
    Letter,
    boundary_for,
    list_headers,
    message_id,
    render_digest,
    thread_headers,
)
from watcher.digest.message import ascii_address
from watcher.digest.text import clean, clean_line
from watcher.errors import RenderError
from watcher.models import Attachment, Rendered

MAIL_ID = message_id("weights", "2026-02-19T07:00:00Z", "ada@example.org", domain="example.org")
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]


def built(
    rendered: Rendered = RENDERED,
    *,
    sender: str = "Papers <papers@example.org>",
    recipient: str = "ada@example.org",
    headers: Mapping[str, str] | None = None,
    boundary: str = boundary_for(MAIL_ID),
    mail_id: str = MAIL_ID,
    reply_to: str = "",
    sent_at: dt.datetime = NOW,
) -> bytes:
    letter = Letter(
        rendered,
        sender=sender,
        sent_at=sent_at,
        boundary=boundary,
        reply_to=reply_to,
        headers=headers,
    )
    return letter.addressed(recipient, mail_id)


def read(message: bytes) -> EmailMessage:
    mail = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def subject(message: bytes) -> str:
    raw = email.message_from_bytes(message, policy=email.policy.compat32)["Subject"]
    return str(email.header.make_header(email.header.decode_header(raw.replace("\r\n", ""))))


def part(message: bytes, subtype: str) -> str:
    found = read(message).get_body((subtype,))
    assert found is not None
    payload = found.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("utf-8").replace("\r\n", "\n")


def check_form(message: bytes) -> None:
    """What every server and reader may rely on."""
    message.decode("ascii")
    assert message.endswith(b"\r\n")
    lines = message.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    head = lines[: lines.index(b"")]
    assert max(map(len, head)) <= 998
    assert max(map(len, lines[len(head) :])) <= 76
    assert all(re.match(rb"[A-Za-z-]+: | \S", line) for line in head)


def test_a_whole_message() -> None:
    assert built(headers={"List-Id": "<weights.example.org>"}).decode() == (
        "From: Papers <papers@example.org>\r\n"
        "To: ada@example.org\r\n"
        "Subject: weights: 1 new paper\r\n"
        "Date: Thu, 19 Feb 2026 07:00:00 +0000\r\n"
        f"Message-ID: {MAIL_ID}\r\n"
        "List-Id: <weights.example.org>\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative;\r\n"
        f' boundary="{boundary_for(MAIL_ID)}"\r\n'
        "\r\n"
        f"--{boundary_for(MAIL_ID)}\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "Text\r\n"
        f"--{boundary_for(MAIL_ID)}\r\n"
        'Content-Type: text/html; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "<p>HTML</p>\r\n"
        f"--{boundary_for(MAIL_ID)}--\r\n"
    )


def test_a_digest_parses_back() -> None:
    paper = chosen(title="Über 超网络: O(n²) שלום " + "w" * 100)
    rendered = render_digest(content(paper, subscription="Gewichte ☂"))
    message = built(rendered)
    check_form(message)
    mail = read(message)
    assert [name for name, _ in mail.items()] == HEADERS
    assert mail["Subject"] == rendered.subject
    assert [p.get_content_type() for p in mail.iter_parts()] == ["text/plain", "text/html"]
    assert part(message, "plain") == rendered.text.rstrip()
    assert part(message, "html") == rendered.html.rstrip()
    assert mail["Date"].datetime == NOW
    assert mail["From"].addresses[0].display_name == "Papers"
    assert mail.defects == []


def test_the_same_arguments_give_the_same_bytes() -> None:
    rendered = render_digest(content(chosen(), chosen(id="2")))
    assert built(rendered) == built(render_digest(content(chosen(id="2"), chosen())))


def test_ids_and_boundaries_hang_on_all_they_are_made_from() -> None:
    ids = {
        message_id(subscription, slot, recipient, domain=domain)
        for subscription in ("a", "b", "\ud800")
        for slot in ("1", "2")
        for recipient in ("x@y.z", "w@y.z")
        for domain in ("example.org", "exämple.org", "bad\r\ndomain", "", "[::1]")
    }
    assert len(ids) == 3 * 2 * 2 * 4
    assert all(re.fullmatch(r"<[0-9a-f]{32}@[a-z0-9.-]+>", one) for one in ids)
    assert len({boundary_for(one) for one in ids}) == len(ids)
    assert message_id("a", "b", "c", domain="d") != message_id("a", "b\0c", "", domain="d")


@given(texts, texts, st.one_of(texts, st.text()))
def test_hostile_text_parses_back_and_adds_no_header(title: str, text: str, html: str) -> None:
    message = built(Rendered(title, text, html), sender="papers@example.org")
    check_form(message)
    mail = read(message)
    assert [name for name, _ in mail.items()] == HEADERS
    assert subject(message) == clean_line(title)
    assert len(list(mail.iter_parts())) == 2
    for subtype, whole in (("plain", text), ("html", html)):
        fit = re.sub(
            "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", re.sub("[\ud800-\udfff]", "\ufffd", whole)
        )
        assert part(message, subtype) == re.sub(r"\r\n?", "\n", fit.rstrip()).rstrip()


@given(texts)
def test_hostile_names_of_senders_stay_names(name: str) -> None:
    try:
        message = built(sender=f"{name} <papers@example.org>")
    except RenderError:
        return
    check_form(message)
    mail = read(message)
    assert [header for header, _ in mail.items()] == HEADERS
    assert message.count(b"papers@example.org") == 1


@given(texts, st.sampled_from(("", "@example.org", "ada@")))
def test_hostile_addresses_are_refused_or_whole(text: str, rest: str) -> None:
    address = f"{rest}{text}" if rest == "ada@" else f"{text}{rest}"
    try:
        message = built(recipient=address)
    except RenderError:
        return
    check_form(message)
    assert [name for name, _ in read(message).items()] == HEADERS
    assert read(message)["To"].addresses[0].addr_spec == ascii_address(address)


@pytest.mark.parametrize(
    ("sender", "header"),
    [
        ("papers@example.org", "papers@example.org"),
        ("<papers@example.org>", "papers@example.org"),
        ('"Papers, daily" <p@example.org>', '"Papers, daily" <p@example.org>'),
        ("Päpers <p@example.org>", "=?utf-8?q?P=C3=A4pers?= <p@example.org>"),
        ("Papers <p@exämple.org>", "Papers <p@xn--exmple-cua.org>"),
    ],
)
def test_senders(sender: str, header: str) -> None:
    assert built(sender=sender).split(b"\r\n")[0].decode() == f"From: {header}"


@pytest.mark.parametrize(
    "address", ["root@localhost", "a.b+c@corp.local", "x@[127.0.0.1]", "a@b_c.d"]
)
def test_addresses_of_the_house_are_taken(address: str) -> None:
    assert ascii_address(address) == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("root", "name@example.org"),
        ("=?utf-8?q?x?=@example.org", "name@example.org"),
        ("", "name@example.org"),
        ("a b@example.org", "name@example.org"),
        ("a@b@c", "name@example.org"),
        ("a@example.org\r\nBcc: eve@example.org", "name@example.org"),
        ("a@" + "b" * 300, "name@example.org"),
        ("ada@exämple..org", "not an address"),
        ("ä@example.org", "SMTPUTF8"),
        ("ä@exämple.org", "SMTPUTF8"),
    ],
)
def test_what_is_no_address_is_explained(address: str, why: str) -> None:
    with pytest.raises(RenderError, match=why):
        built(recipient=address)


@pytest.mark.parametrize(
    "sender",
    [
        *(
            "",
            "Papers",
            "https://user@evil.example <p@example.org>",
            "a@b.c, d@e.f",
            "a@b.c <d@e.f",
        ),
        *("eve@example.org\r\nBcc: <p@example.org>", "(c) p@example.org", "a b@example.org"),
    ],
)
def test_senders_that_could_be_read_in_two_ways(sender: str) -> None:
    with pytest.raises(RenderError, match="name@example"):
        built(sender=sender)


@pytest.mark.parametrize("length", [59, 60, 61, 68, 75, 300])
def test_a_long_word_leaves_no_header_line_empty(length: int) -> None:
    title = f"{'w' * length} {'x' * length}"
    message = built(Rendered(title, "", ""), sender=f"{title} <a@example.org>")
    check_form(message)
    assert subject(message) == title
    assert b"Subject: \r\n" not in message
    assert b"From: \r\n" not in message


def test_encoded_words_in_a_title_are_text() -> None:
    title = "=?utf-8?q?=0D=0ABcc:_eve=40example.org?="
    message = built(Rendered(title, "", ""))
    assert b"=0D=0A" not in message.split(b"\r\n\r\n")[0]
    assert subject(message) == title


def test_list_headers() -> None:
    assert list_headers("weights", "example.org", "stop@example.org") == {
        "List-Id": "<weights.paper-watcher.example.org>",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "Feedback-ID": "weights:digest:paper-watcher",
        "List-Unsubscribe": "<mailto:stop@example.org?subject=unsubscribe%20weights>",
    }
    assert "List-Unsubscribe" not in list_headers("weights", "example.org", "")
    names = ["weights", "Weights", "超", "wei ghts", "", "wei-ghts"]
    ids = {list_headers(name, "example.org", "")["List-Id"] for name in names}
    assert len(ids) == len(names)


@given(texts, texts, texts)
def test_list_headers_are_always_fit_to_be_sent(name: str, domain: str, address: str) -> None:
    headers = list_headers(name, domain, address)
    message = built(headers=headers)
    check_form(message)
    assert [header for header, _ in read(message).items()] == [*HEADERS[:5], *headers, *HEADERS[5:]]


@pytest.mark.parametrize("length", [20, 78, 500, 880, 5000])
def test_unsubscribing_is_never_encoded(length: int) -> None:
    url = f"<https://example.org/u?t={'x' * length}>"
    message = built(headers={"List-Unsubscribe": url})
    check_form(message)
    assert b"=?" not in message.split(b"\r\n\r\n")[0]
    unfolded = re.sub(rb"\r\n ", b"", message)
    assert f"\r\nList-Unsubscribe: {url}\r\n".encode() in unfolded


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("Bcc", "eve@example.org"),
            ("subject", "x"),
            ("X: y", "z"),
            ("X\r\nBcc", "z"),
            ("", "z"),
        ),
        *(
            ("X", "a\r\nBcc: eve@example.org"),
            ("X", "ä"),
            ("X", ""),
            ("X", "a\x00"),
            ("X" * 99, "y"),
        ),
    ],
)
def test_headers_that_no_mail_can_carry(name: str, value: str) -> None:
    with pytest.raises(RenderError):
        built(headers={name: value})


@pytest.mark.parametrize("boundary", ["", "x", "=_", "=_a b", '=_"', "=_a\r\n", "=_" + "a" * 70])
def test_boundaries_that_could_stand_in_a_part(boundary: str) -> None:
    with pytest.raises(RenderError, match="boundary"):
        built(boundary=boundary)


@pytest.mark.parametrize("mail_id", ["", "x@y", "<a b@c>", "<a@b>\r\nBcc: x", "<<a@b>>", "<ä@b>"])
def test_message_ids_that_break_headers(mail_id: str) -> None:
    with pytest.raises(RenderError, match="Message-ID"):
        built(mail_id=mail_id)


def test_lines_that_mailboxes_and_servers_change_are_encoded() -> None:
    text = "From here\n.\n..\nFrom there " + "x" * 200 + "\nend  \n" + boundary_for(MAIL_ID)
    message = built(Rendered("x", text, text))
    check_form(message)
    assert b"\r\nFrom " not in message[4:]
    assert b"\r\n.\r\n" not in message
    assert not re.search(rb"[ \t]\r\n", message)
    assert part(message, "plain") == text


def test_many_recipients_get_what_each_alone_would_get() -> None:
    rendered = render_digest(content(chosen()))
    boundary = boundary_for("weights", "slot")
    letter = Letter(rendered, sender="a@b.c", sent_at=NOW, boundary=boundary)
    for recipient in ("ada@example.org", "bob@exämple.org"):
        mail_id = message_id("weights", "slot", recipient, domain="b.c")
        alone = built(
            rendered, sender="a@b.c", recipient=recipient, boundary=boundary, mail_id=mail_id
        )
        assert letter.addressed(recipient, mail_id) == alone
        assert read(alone)["To"].addresses[0].addr_spec == ascii_address(recipient)
        assert read(alone)["Message-ID"] == mail_id


def test_a_recipient_may_have_headers_of_their_own() -> None:
    letter = Letter(
        RENDERED,
        sender="a@b.c",
        sent_at=NOW,
        boundary=boundary_for(MAIL_ID),
        headers={"List-Id": "<weights.example.org>"},
    )
    plain = letter.addressed("ada@example.org", MAIL_ID)
    own = letter.addressed("ada@example.org", MAIL_ID, {"X-One": "1", "X-Two": "2"})
    at = f"Message-ID: {MAIL_ID}\r\n".encode()
    assert own == plain.replace(at, at + b"X-One: 1\r\nX-Two: 2\r\n")
    assert letter.addressed("ada@example.org", MAIL_ID) == plain, "nobody else has them"
    for name, value in (("X-One", "1\r\nBcc: eve@example.org"), ("Bcc", "eve@example.org")):
        with pytest.raises(RenderError):
            letter.addressed("ada@example.org", MAIL_ID, {name: value})


@given(st.lists(st.integers(1, 1200), min_size=1, max_size=6))
def test_a_long_header_is_folded_where_it_has_white_space(lengths: list[int]) -> None:
    value = " ".join("x" * length for length in lengths)
    message = built(headers={"X-Long": value})
    check_form(message)
    [line] = [line for line in re.split(rb"\r\n(?! )", message) if line.startswith(b"X-Long: ")]
    folded = line.decode().removeprefix("X-Long: ").split("\r\n ")
    assert "".join(folded).replace(" ", "") == value.replace(" ", "")
    assert max(map(len, folded)) <= 900
    if len(value) <= 900:
        assert folded == [value]
    if max(lengths) <= 900:
        assert " ".join(folded) == value, "no word is broken"


def test_what_is_attached_stands_behind_both_ways_to_read_the_mail() -> None:
    attached = Attachment("weights.bib", "x-bibtex", "@misc{a,\n  title = {Ü \ud800}\n}\n")
    message = built(replace(RENDERED, attachments=(attached,)))
    check_form(message)
    mail = read(message)
    assert mail.defects == []
    assert mail.get_content_type() == "multipart/mixed"
    body, file = mail.iter_parts()
    assert body.get_content_type() == "multipart/alternative"
    assert part(message, "plain") == RENDERED.text.rstrip()
    assert part(message, "html") == RENDERED.html.rstrip()
    assert (file.get_filename(), file.get_content_disposition()) == ("weights.bib", "attachment")
    assert file.get_content_type() == "text/x-bibtex"
    assert file.get_content().replace("\r\n", "\n") == "@misc{a,\n  title = {Ü \ufffd}\n}"
    outer, inner = (one.get_boundary() for one in (mail, body))
    assert not str(inner).startswith(str(outer))
    assert not str(outer).startswith(str(inner))


@pytest.mark.parametrize(
    ("reply_to", "header"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Päpers <p@exämple.org>", "=?utf-8?q?P=C3=A4pers?= <p@xn--exmple-cua.org>"),
    ],
)
def test_answers_go_where_they_are_wanted(reply_to: str, header: str) -> None:
    assert f"\r\nReply-To: {header}\r\n".encode() in built(reply_to=reply_to)
    assert b"Reply-To" not in built()
    with pytest.raises(RenderError, match="name@example"):
        built(reply_to="ada@example.org\r\nBcc: eve@example.org")


def test_digests_of_one_thread_answer_the_same_mail() -> None:
    headers = thread_headers("weights", domain="example.org")
    assert headers["References"] == headers["In-Reply-To"]
    assert thread_headers("agents", domain="example.org") != headers
    message = built(headers=headers)
    check_form(message)
    assert read(message)["References"] == headers["References"]
    assert headers["References"] != MAIL_ID


def test_the_time_is_written_in_utc() -> None:
    tokyo = NOW.astimezone(dt.timezone(dt.timedelta(hours=9)))
    message = built(sent_at=tokyo)
    assert b"Date: Thu, 19 Feb 2026 07:00:00 +0000\r\n" in message


@pytest.mark.parametrize("nasty", NASTY)
def test_each_nasty_subject(nasty: str) -> None:
    message = built(Rendered(f"a {nasty} b", nasty, nasty))
    check_form(message)
    assert subject(message) == clean_line(f"a {nasty} b")
    assert clean(nasty) in clean(str(read(message)["Subject"])) or "=?" in nasty
