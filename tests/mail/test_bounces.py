"""What is read in a mail that came back, whoever wrote it."""

from __future__ import annotations

import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.mail.bouncing import EXIM, PERSON, QMAIL, VACATION, block, dsn
from watcher.mail.bounces import LIMIT, envelope_recipients, read_report

ADA = "ada@example.org"
BOB = "bob@example.org"


@pytest.mark.parametrize(
    ("raw", "fate", "status", "text"),
    [
        (dsn(block()), "failed", "5.1.1", "550 5.1.1 no such user"),
        (dsn(block(diagnostic="")), "failed", "5.1.1", "5.1.1"),
        (dsn(block(status="5.2.2", diagnostic="x; full")), "failed", "5.2.2", "5.2.2 full"),
        (dsn(block(status="", diagnostic="")), "failed", "", "no reason was given"),
        (dsn(block(action="Failed (really)")), "failed", "5.1.1", "550 5.1.1 no such user"),
        (dsn(block(action="error")), "failed", "5.1.1", "550 5.1.1 no such user"),
        (dsn(block(status="5.0.0")), "failed", "5.1.1", "550 5.1.1 no such user"),
        (
            dsn(block(status="5.0.0", diagnostic="smtp; 550 not from 5.1.1.9")),
            *("failed", "5.0.0", "5.0.0 550 not from 5.1.1.9"),
        ),
        (
            dsn(block(action="delayed", status="4.4.1", diagnostic="smtp; timed out")),
            *("delayed", "4.4.1", "4.4.1 timed out"),
        ),
        (
            dsn(block(action="failed", status="4.4.1", diagnostic="smtp; timed out")),
            *("failed", "4.4.1", "4.4.1 timed out"),
        ),
        (
            dsn(block(action="delivered", status="2.0.0", diagnostic="")),
            *("other", "2.0.0", "it says that the mail was delivered"),
        ),
    ],
)
def test_a_delivery_status_notification(raw: bytes, fate: str, status: str, text: str) -> None:
    report = read_report(raw, ADA)
    assert (report.fate, report.status, report.text) == (fate, status, text)
    crlf = raw.replace(b"\n", b"\r\n")
    assert read_report(crlf, ADA) == report


@pytest.mark.parametrize(
    ("blocks", "fate"),
    [
        # Named: what is said of the others does not count.
        ((block(BOB), block(ADA, action="delayed")), "delayed"),
        ((block(BOB, action="delivered"), block(ADA)), "failed"),
        ((block("Ada@Example.ORG"), block(BOB, action="delayed")), "failed"),
        ((block("<ada@example.org>"), block(BOB, action="delayed")), "failed"),
        # The address is a list: one of its members is gone.
        ((block(BOB, original=ADA), block("eve@x.org", action="relayed", original=ADA)), "other"),
        ((block(BOB, original=ADA), block("eve@x.org", original=ADA)), "failed"),
        # Forwarded: the only one named is another.
        ((block("ada@elsewhere.example"),), "failed"),
        ((block("ada@elsewhere.example"), block(BOB, action="delayed")), "delayed"),
    ],
)
def test_one_with_several_recipients_is_read_for_ours(blocks: tuple[str, ...], fate: str) -> None:
    assert read_report(dsn(*blocks), ADA).fate == fate


@pytest.mark.parametrize("raw", [QMAIL, EXIM])
def test_what_is_not_standard_fails_without_a_status(raw: str) -> None:
    report = read_report(raw.encode(), ADA)
    assert (report.fate, report.status) == ("failed", "")
    assert report.text.startswith("reported without a status code (")


def test_a_forwarded_recipient_in_what_is_not_standard() -> None:
    assert read_report(QMAIL.replace("<ada@", "<ada.l@").encode(), ADA).fate == "failed"
    several = QMAIL.replace("<ada@", "<bob@example.org>:\nNo.\n\n<eve@").encode()
    assert read_report(several, ADA).fate == "other", "which of them ours became is not known"


def test_without_a_sender_it_is_read_all_the_same() -> None:
    raw = EXIM.replace("From: Mail Delivery System <Mailer-Daemon@mail.example.net>\n", "")
    assert read_report(raw.encode(), ADA).fate == "failed"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (VACATION, "it is an automatic reply"),
        (VACATION.replace("Auto-Submitted: auto-replied (vacation)", "X-Autoreply: yes"), "auto"),
        (
            VACATION.replace(
                "Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk",
                "Precedence: auto_reply",
            ),
            "it is an automatic reply",
        ),
        (PERSON, "it is not a bounce (Thank you)"),
        (
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=x\n\n",
            "it says that a mail was read",
        ),
        (
            "Content-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x--\n",
            "it is a complaint",
        ),
        ("", "it is not a bounce (no subject)"),
        ("\n\n\n", "it is not a bounce (no subject)"),
        ("nonsense", "it is not a bounce (no subject)"),
    ],
)
def test_what_is_no_bounce(raw: str, text: str) -> None:
    report = read_report(raw.encode(), ADA)
    assert report.fate == "other"
    assert text in report.text


def test_the_beginning_is_all_that_is_looked_at() -> None:
    raw = dsn(block(), original="A paper.\n" * (10 * LIMIT // 9))
    assert len(raw) > 9 * LIMIT
    assert read_report(raw, ADA).fate == "failed"
    assert read_report(b"X: y\n" * (LIMIT // 5) + dsn(block()), ADA).fate == "other"


MARKS = st.sampled_from(
    [
        *(b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n", b"--x\n"),
        *(b"Content-Type: message/delivery-status\n", b"\n", b"Action: failed\n", b"--x--\n"),
        *(b"Final-Recipient: rfc822; ada@example.org\n", b"From: \xff\n", b"Status: 5.1.1\n"),
        *(b"Content-Type: message/rfc822\n\n", b"Content-Transfer-Encoding: base64\n", b"From: ,"),
        *(b"Content-Type: text/plain; charset=nonsense\n", b"To: =?utf-8?b?4?=\n", b"Auto-", b"\0"),
    ]
)


@given(st.lists(MARKS | st.binary(max_size=20), max_size=30).map(b"".join))
@example(b"Content-Type: message/rfc822\n\n" * 4000)
@example(
    b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(2000))
)
@example(bytes(range(256)) * 500)
def test_nothing_makes_it_stumble(raw: bytes) -> None:
    assert read_report(raw, ADA).fate in {"failed", "delayed", "other"}
    assert isinstance(envelope_recipients(raw), tuple)


def test_the_library_logs_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read_report(b"From: ,\n\n", ADA)
    assert caplog.records == []


def test_whom_it_came_to_the_surest_first() -> None:
    raw = b"To: a@x\nX-Original-To: b@x\nDelivered-To: c@x\nDelivered-To: d@x\n\nTo: e@x\n"
    assert envelope_recipients(raw) == ("b@x", "c@x", "d@x", "a@x")
