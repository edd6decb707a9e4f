"""Mails as servers and people send them to a bounce address."""

from __future__ import annotations

HEAD = """\
Return-Path: <>
From: MAILER-DAEMON@mail.example.net (Mail Delivery System)
To: bounces@example.org
Subject: {subject}
Auto-Submitted: auto-replied
MIME-Version: 1.0
"""

DSN = """\
Content-Type: multipart/report; report-type=delivery-status; boundary="AAA"

This is a MIME-encapsulated message.

--AAA
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--AAA
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.net
Arrival-Date: Thu, 19 Feb 2026 07:00:00 +0000

{blocks}

--AAA
Content-Type: message/rfc822

From: Papers <papers@example.org>
To: ada@example.org
Subject: weights: 1 new paper

{original}
--AAA--
"""

QMAIL = """\
Return-Path: <>
From: MAILER-DAEMON@mail.example.net
To: bounces@example.org
Subject: failure notice

Hi. This is the qmail-send program at mail.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ada@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

From: papers@example.org
"""

EXIM = """\
Return-path: <>
X-Failed-Recipients: ada@example.org
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mail.example.net>
To: bounces@example.org
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ada@example.org
    all relevant MX records point to non-existent hosts
"""

VACATION = """\
Return-Path: <>
From: Ada <ada@example.org>
To: bounces@example.org
Subject: Auto: weights: 1 new paper
Auto-Submitted: auto-replied (vacation)
Precedence: bulk

I am away until Monday. For the following addresses there is a permanent error:
<ada@example.org>: user unknown
"""

PERSON = """\
From: Ada <ada@example.org>
To: bounces@example.org
Subject: Thank you

Could you add some more about hypernetworks?
"""


def block(
    recipient: str = "ada@example.org",
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 no such user",
    original: str = "",
) -> str:
    """What a notification says of one recipient (RFC 3464, 2.3)."""
    lines = [f"Original-Recipient: rfc822; {original}"] if original else []
    lines += [f"Final-Recipient: rfc822; {recipient}", f"Action: {action}", f"Status: {status}"]
    lines += [f"Diagnostic-Code: {diagnostic}"] if diagnostic else []
    return "\n".join(lines)


def dsn(*blocks: str, original: str = "A paper.", subject: str = "Undelivered Mail") -> bytes:
    """A delivery status notification with these blocks."""
    filled = DSN.format(blocks="\n\n".join(blocks), original=original)
    return (HEAD.format(subject=subject) + filled).encode()
