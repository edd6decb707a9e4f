"""What is read off a delivered mail, whatever was written into it on its way."""

from __future__ import annotations

import base64
import quopri
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.digest import samples
from watcher.diagnosis import Finding, Level, examine_received

SENT = samples.message(samples.digests()["usual"])
OK, WARNING, PROBLEM = Level.OK, Level.WARNING, Level.PROBLEM

GOOGLE = b"""\
Delivered-To: ada@example.org
Received: by 2002:a05:7010:b1a7 with SMTP id x7csp1; Thu, 12 Mar 2026 01:00:09 -0700 (PDT)
Authentication-Results: mx.google.com;
       dkim=pass header.i=@example.org header.s=s1 header.b="a;b(c";
       spf=pass (google.com: domain of papers@example.org designates 192.0.2.1 as permitted
 sender; really) smtp.mailfrom=papers@example.org;
       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.org
Received: from mail.example.org (mail.example.org. [192.0.2.1])
        by mx.google.com with ESMTPS id d2e1a72fcca58; Thu, 12 Mar 2026 01:00:08 -0700 (PDT)
Received: from desk (localhost [127.0.0.1])
        by mail.example.org (Postfix) with ESMTPSA id 4XyZ12; Thu, 12 Mar 2026 08:00:02 +0000 (UTC)
"""
MICROSOFT = b"""\
Authentication-Results: spf=fail (sender IP is 192.0.2.1) smtp.mailfrom=example.org; dkim=none
 (message not signed) header.d=none;dmarc=fail action=quarantine header.from=example.org;
X-Forefront-Antispam-Report: CIP:192.0.2.1;CTRY:DE;LANG:en;SCL:5;SRV:;IPV:NLI;SFV:SPM;
"""


def told(raw: bytes, sent: bytes | None = None) -> list[Finding]:
    return list(examine_received(raw, sent))


def about(findings: list[Finding], name: str) -> list[tuple[Level, str]]:
    return [(each.level, each.text) for each in findings if each.about == name]


def lines(name: str, *results: str) -> bytes:
    """A mail with these Authentication-Results of mx.example.net, the topmost first."""
    return b"".join(f"{name}: {result}\r\n".encode() for result in results) + SENT


def rewritten(change: bytes, into: bytes) -> bytes:
    assert change in SENT
    return SENT.replace(change, into)


def encoded(sent: bytes, *, html: str | None = None) -> bytes:
    """The same mail as one that is wrapped anew in base64, with other HTML maybe."""
    head, _, body = sent.partition(b"\r\n\r\n")
    boundary = head.rpartition(b'boundary="')[2].partition(b'"')[0]
    delimiter = b"\r\n--" + boundary
    parts = []
    for part in (b"\r\n" + body).split(delimiter)[1:-1]:
        its_head, _, content = part.partition(b"\r\n\r\n")
        content = quopri.decodestring(content)
        if html is not None and b"text/html" in its_head:
            content = html.encode()
        its_head = its_head.replace(b"quoted-printable", b"base64")
        parts.append(its_head + b"\r\n\r\n" + base64.encodebytes(content))
    return head + b"\r\n\r\n" + delimiter.join([b"", *parts, b"--\r\n"])


def html_of(sent: bytes) -> str:
    part = sent.rpartition(b"quoted-printable\r\n\r\n")[2].rpartition(b"\r\n--")[0]
    return quopri.decodestring(part).decode()


def test_a_mail_that_passed_is_well() -> None:
    findings = told(GOOGLE.replace(b"\n", b"\r\n") + SENT, SENT)
    assert {each.level for each in findings} == {OK}, findings
    assert about(findings, "spf") == [(OK, "mx.google.com says pass for example.org")]
    assert about(findings, "dkim") == [(OK, "mx.google.com says pass for example.org")]
    assert about(findings, "dmarc") == [(OK, "mx.google.com says pass for example.org")]
    assert about(findings, "way") == [
        (OK, "1. mail.example.org from desk"),
        (OK, "2. mx.google.com from mail.example.org after 6 s"),
        (OK, "3. 2002:a05:7010:b1a7 after 1 s"),
        (OK, "9 s from its Date to the mailbox, servers: 3"),
    ]
    assert about(findings, "body") == [(OK, "byte for byte as it was sent")]
    assert about(findings, "header") == [
        (OK, "every field that was sent is there, unchanged"),
        (OK, "added on the way: Delivered-To, Received, Authentication-Results"),
    ]
    assert "mailto:" in about(findings, "unsubscribe")[0][1]


def test_it_is_named_by_its_subject_in_plain_letters() -> None:
    raw = rewritten(b"Subject: ", b"Subject: =?utf-8?q?=C3=9Cber_Gewichte?=\r\n ")
    assert about(told(raw), "mail")[0][1].startswith("“Über Gewichte")


def test_a_copy_saved_with_other_line_ends_is_the_same() -> None:
    saved = b"From ada Thu Mar 12 08:00:09 2026\n" + GOOGLE + SENT.replace(b"\r\n", b"\n") + b"\n\n"
    assert told(saved, SENT) == told(GOOGLE.replace(b"\n", b"\r\n") + SENT, SENT)


def test_a_server_that_does_not_name_itself_and_takes_it_for_spam() -> None:
    findings = told(MICROSOFT + SENT.replace(b"\r\n", b"\n"))
    [(level, text)] = about(findings, "spf")
    assert level is PROBLEM
    assert text.startswith("a server that does not name itself says fail for example.org")
    assert about(findings, "dkim")[0][0] is WARNING
    assert about(findings, "dmarc")[0][0] is PROBLEM
    [(level, text)] = about(findings, "spam")
    assert (level, text) == (
        PROBLEM,
        "X-Forefront-Antispam-Report: SCL 5; 5 and more is junk",
    )


@pytest.mark.parametrize(
    ("result", "level", "words"),
    [
        ("spf=pass smtp.mailfrom=a@example.org", OK, "says pass for example.org"),
        ('spf=pass smtp.mailfrom="a@example.org"', OK, "says pass for example.org"),
        ("SPF=Pass smtp.helo=example.org", OK, "says pass for example.org"),
        ("spf/1 = softfail smtp.mailfrom=example.org", WARNING, "may not send for it"),
        ("spf=neutral", WARNING, "neither yes nor no"),
        ("spf=none", WARNING, "nothing to go by"),
        ("spf=temperror", WARNING, "DNS did not answer"),
        ("spf=permerror", WARNING, "cannot be read"),
        ("spf=fail", PROBLEM, "`watcher doctor` says what to publish"),
        ("spf=odd", WARNING, "no pass"),
        ("none", WARNING, "says nothing of SPF"),
        ('dkim=pass reason="spf=pass; spf=pass"', WARNING, "says nothing of SPF"),
        ("dkim=pass (a (nested) one; spf=pass) header.d=x", WARNING, "says nothing of SPF"),
        ("auth=pass; spf=fail (no", PROBLEM, "says fail"),
    ],
)
def test_each_verdict_says_what_it_means(result: str, level: Level, words: str) -> None:
    raw = lines("Authentication-Results", f"mx.example.net 1; {result}")
    [(found, text)] = about(told(raw), "spf")
    assert (found, text.startswith("mx.example.net says")) == (level, True), text
    assert words in text


def test_one_signature_that_holds_is_enough() -> None:
    raw = lines(
        "Authentication-Results",
        "mx.example.net; dkim=fail header.d=a.example; dkim=pass header.d=b.example",
    )
    assert about(told(raw), "dkim") == [(OK, "mx.example.net says pass for b.example")]


def test_what_another_server_claims_is_left_aside() -> None:
    raw = lines(
        "Authentication-Results",
        "mx.example.net; spf=fail",
        "mx.example.net; dmarc=fail",
        "liar.example; spf=pass; dkim=pass; dmarc=pass",
    )
    findings = told(raw)
    assert about(findings, "spf")[0][0] is about(findings, "dmarc")[0][0] is PROBLEM
    assert about(findings, "dkim") == [(WARNING, "mx.example.net says nothing of DKIM")]
    assert "liar.example" in about(findings, "verdicts")[0][1]


def test_a_copy_that_never_left_says_so() -> None:
    findings = told(SENT)
    assert about(findings, "verdicts")[0][0] is WARNING
    assert about(findings, "way") == [
        (WARNING, "no server wrote down that it took the mail (Received)")
    ]


@pytest.mark.parametrize(
    ("field", "level"),
    [
        ("X-Spam-Status: Yes, score=7.9 required=5.0 tests=A,B", PROBLEM),
        ("X-Spam-Status: No, score=-0.1 required=5.0", OK),
        ("X-Spam-Flag: YES", PROBLEM),
        ("X-Spam: Yes", PROBLEM),
        ("X-MS-Exchange-Organization-SCL: 9", PROBLEM),
        ("X-MS-Exchange-Organization-SCL: -1", OK),
        ("X-Forefront-Antispam-Report: SCL:1;SFV:NSPM", OK),
    ],
)
def test_the_words_of_spam_filters_are_known(field: str, level: Level) -> None:
    name, _, _ = field.partition(":")
    [(found, text)] = about(told(field.encode() + b"\r\n" + SENT), "spam")
    assert (found, text.startswith(name)) == (level, True)


@pytest.mark.spamassassin
def test_what_a_real_filter_writes_is_read(tmp_path: Path) -> None:
    gtube = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    judged = subprocess.run(
        ["spamassassin", "--local", "--nocreate-prefs", "--cf=use_bayes 0", "--cf=report_safe 0"],
        input=b"From: a@example.org\nMessage-ID: <spam@example.org>\n\n" + gtube + b"\n",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    ).stdout
    found = about(told(judged), "spam")
    assert {level for level, _ in found} == {PROBLEM}
    assert any("X-Spam-Status: Yes, score=" in text and "GTUBE" in text for _, text in found)


def test_a_hop_that_waits_and_a_clock_that_is_wrong_are_told() -> None:
    raw = lines(
        "Received",
        "from b by c; Thu, 12 Mar 2026 08:20:00 +0000",
        "from a by b; Thu, 12 Mar 2026 08:30:00 +0000",
        "by a; Thu, 12 Mar 2026 08:00:00 +0000",
        "from nowhere by nobody; some day",
    )
    assert about(told(raw), "way") == [
        (WARNING, "1. nobody from nowhere; its date cannot be read"),
        (OK, "2. a"),
        (
            WARNING,
            "3. b from a after 30 minutes: it was put off (greylisting), or waited in a queue",
        ),
        (OK, "4. c from b after minus 10 minutes (a clock is wrong)"),
        (OK, "20 minutes from its Date to the mailbox, servers: 4"),
    ]


def test_a_mail_in_a_loop_is_told() -> None:
    raw = lines("Received", *["from a by a; Thu, 12 Mar 2026 08:20:00 +0000"] * 101)
    assert about(told(raw), "way") == [(PROBLEM, "101 servers: the mail went round and round")]


def test_a_changed_header_is_told() -> None:
    raw = rewritten(b"Subject: ", b"Subject: [SPAM] ")
    raw = raw.replace(b"Feedback-ID:", b"X-Was-Feedback-ID:")
    found = about(told(raw, SENT), "header")
    assert [level for level, _ in found] == [WARNING, WARNING, OK]
    assert found[0][1].startswith("Subject was changed: “")
    assert "became “[SPAM] " in found[0][1]
    assert found[1][1].startswith("Feedback-ID was taken away")
    assert found[2][1] == "added on the way: X-Was-Feedback-ID"


def test_fields_that_are_folded_anew_are_the_same() -> None:
    raw = rewritten(b"mailto:", b"\r\n\tmailto:").replace(b"To: ada", b"to:\r\n  ada")
    assert about(told(raw, SENT), "header")[0][0] is OK


def test_a_body_that_is_wrapped_anew_says_the_same() -> None:
    found = about(told(encoded(SENT), SENT), "body")
    assert found == [(OK, "wrapped anew on the way; text and HTML say what was sent")]


def test_links_that_are_led_through_another_host_are_told() -> None:
    html = html_of(SENT).replace("https://huggingface.co", "https://safe.example.net/?u=x")
    assert about(told(encoded(SENT, html=html), SENT), "body") == [
        (WARNING, "the HTML was rewritten; links go through safe.example.net now")
    ]


def test_html_that_is_cut_off_or_has_a_footer_is_told() -> None:
    html = html_of(SENT)
    cut = encoded(SENT, html=html[: len(html) // 2])
    [(level, text)] = about(told(cut, SENT), "body")
    assert level is PROBLEM
    assert re.fullmatch(r"the HTML was cut off after (49|50)% of it", text)
    assert about(told(cut), "body") == [(PROBLEM, "the HTML breaks off before its end")]
    footed = encoded(SENT, html=html.strip() + "<p>Sent through a list</p>")
    assert about(told(footed, SENT), "body") == [
        (WARNING, "something was put around the HTML, such as a footer")
    ]


def test_a_part_that_is_gone_is_told() -> None:
    raw = rewritten(b"Content-Type: text/html", b"Content-Type: application/octet-stream")
    assert about(told(raw, SENT), "body") == [
        (PROBLEM, "the HTML is gone; its reader sees the other part only")
    ]
    assert about(told(raw), "body") == [(PROBLEM, "there is no HTML part")]
    assert about(told(SENT), "body") == [(OK, "text and HTML are there, whole")]


@pytest.mark.parametrize("charset", ["klingon", "hex", "undefined"])
def test_a_charset_that_nobody_knows_is_read_as_the_usual_one(charset: str) -> None:
    raw = rewritten(b'charset="utf-8"', f'charset="{charset}"'.encode())
    assert about(told(raw, SENT), "body")[0][0] is OK


def test_the_way_out_has_to_be_as_programs_read_it() -> None:
    encoded_word = rewritten(b"List-Unsubscribe: <", b"List-Unsubscribe: =?utf-8?q?=3C")
    [(level, text)] = about(told(encoded_word), "unsubscribe")
    assert (level, text.startswith("List-Unsubscribe was encoded")) == (PROBLEM, True)
    assert about(told(encoded_word, SENT), "unsubscribe")[0][0] is PROBLEM
    gone = rewritten(b"List-Unsubscribe:", b"X-Gone:")
    assert about(told(gone), "unsubscribe") == [(PROBLEM, "List-Unsubscribe was taken away")]


OFFERED = rewritten(
    b"List-Unsubscribe: ",
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"List-Unsubscribe: <https://example.org/stop>, ",
)
SIGNATURE = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; t=1; bh=h=;\r\n"
    b" h=From : to : list-\r\n unsubscribe:List-Unsubscribe-Post:date; b=h=x/y\r\n"
)


def test_a_click_needs_its_header_and_a_signature_of_both() -> None:
    assert about(told(SENT), "one click") == [], "the address alone is no click"
    assert about(told(SIGNATURE + OFFERED), "one click") == [
        (OK, "List-Unsubscribe-Post is there and signed: programs may offer a button")
    ]
    other = SIGNATURE.replace(b"List-Unsubscribe-Post:", b"")
    assert about(told(other + SIGNATURE + OFFERED), "one click")[0][0] is OK
    for unsigned in (OFFERED, other + OFFERED, b"DKIM-Signature: x\r\n" + OFFERED):
        [(level, text)] = about(told(unsigned), "one click")
        assert (level, text.partition(",")[0]) == (
            WARNING,
            "no DKIM signature covers List-Unsubscribe and List-Unsubscribe-Post",
        )


@pytest.mark.parametrize("into", [b"X-Gone", b"List-Unsubscribe-Post: no\r\nX"])
def test_a_click_that_was_taken_away_is_told(into: bytes) -> None:
    gone = OFFERED.replace(b"List-Unsubscribe-Post", into)
    for findings in (told(SIGNATURE + gone), told(SIGNATURE + gone, OFFERED)):
        assert about(findings, "one click") == [
            (
                PROBLEM,
                "List-Unsubscribe-Post was taken away or changed, so nobody has a button",
            )
        ]
    assert any("List-Unsubscribe-Post" in text for _, text in about(findings, "header"))


def test_a_notice_has_no_way_out_and_needs_none() -> None:
    notice = samples.message(next(iter(samples.notices().values())), is_notice=True)
    assert about(told(notice), "unsubscribe")[0][0] is OK
    assert about(told(notice, notice), "unsubscribe") == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n\n",
        b"hello",
        b"<!DOCTYPE html>\n<html>From: a@b",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"Subject: no sender\n\nbody",
        "From: a@b\n\n".encode("utf-16"),
    ],
)
def test_what_is_no_mail_is_refused_in_a_word(raw: bytes) -> None:
    with pytest.raises(ValueError, match="is no mail"):
        told(raw)


def test_parts_within_parts_end_in_a_word() -> None:
    deep = b"From: a@b\n" + b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (number, number)
        for number in range(3000)
    )
    with pytest.raises(ValueError, match="nested too deep"):
        told(deep)


def test_hostile_values_stay_short_and_visible() -> None:
    raw = b"From: a@b\nSubject: \x1b[31m" + b"x" * 100_000 + b"\nReceived: " + b"(" * 50_000
    for finding in told(raw + b"\n\nbody", SENT):
        assert len(finding.text) < 600
        assert finding.text.isprintable()


VALUES = st.text(st.characters(codec="utf-8"), max_size=200) | st.from_regex(
    r"[a-z.]{0,9}(;? ?(spf|dkim|dmarc|by|from|SCL)[=: ][\"(]?[a-z0-9.@-]{0,9}[\")]?){0,6}"
)
FIELDS = st.sampled_from(
    [
        *("Authentication-Results", "Received", "X-Spam-Status", "X-Forefront-Antispam-Report"),
        *("X-MS-Exchange-Organization-SCL", "List-Unsubscribe", "Subject", "Date", "Message-ID"),
        *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"),
    ]
)


@given(st.lists(st.tuples(FIELDS, VALUES), max_size=8), st.binary(max_size=300))
def test_no_header_and_no_body_brings_it_down(fields: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name}: {value}\n" for name, value in [("From", "a@b"), *fields])
    raw = head.encode() + b"\n" + body
    for finding in [*told(raw), *told(raw, SENT)]:
        assert finding.text
        assert len(finding.text) < 600
