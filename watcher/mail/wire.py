"""A message's bytes as they go over an SMTP connection (RFC 5321, 2.3.8 and 4.5.2)."""

from __future__ import annotations

_CRLF = b"\r\n"


def wire_form(message: bytes) -> bytes:
    """What follows DATA: CRLF after each line and nowhere else, dots doubled, the dot at the end.

    Any bytes do: a CR or LF that stands alone ends a line, and the last line may lack its end. No
    server finds the end of the mail in what this gives but at its end, however it reads lines.
    """
    # Each step is one call: a regular expression takes ten times as long, or a loop over the lines
    # twice as long, which with many mails is most of the time they take.
    if message.replace(b"\r", b"").replace(b"\n", _CRLF) != message:
        message = message.replace(_CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", _CRLF)
    lines = b"\r\n..".join(message.removesuffix(_CRLF).split(b"\r\n."))
    if lines.startswith(b"."):
        lines = b"." + lines
    return lines + b"\r\n.\r\n"
