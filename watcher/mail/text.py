"""What mail servers and programs say, made fit for a log line and a mail to the operator."""

from __future__ import annotations

import base64
import re
import socket
import ssl

from aiosmtplib import SMTPAuthenticationError, SMTPResponse, SMTPResponseException

from watcher.links import Purpose
from watcher.settings import SmtpSettings

_LONGEST = 400  # characters
_BASE64 = re.compile(r"[A-Za-z0-9+/]+=*")
_LINK = re.compile(rf"(/(?:{'|'.join(Purpose)})/|[?&;]token=)[^\s\"'<>]+")
_WINDOW = 6  # characters of a login, of which a server may have quoted a part


def one_line(text: str) -> str:
    """Printable characters on one line, at most 400 of them, without what links let people in by.

    Servers quote links of mails that they refuse.
    """
    line = without_links(" ".join("".join(c if c.isprintable() else " " for c in text).split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def without_links(text: str) -> str:
    """A text without the signed part of each link to the pages: whoever has one is let in."""
    return _LINK.sub(r"\1…", text)


def without_login(text: str, user: str, password: str) -> str:
    """What a server said to a login, without what it quotes of that: the password, and PLAIN,
    LOGIN and CRAM-MD5 as they went over the wire, whole or in part."""
    if not password:
        return text
    plain, login = f"\0{user}\0{password}".encode(), password.encode()
    sent = [base64.b64encode(form).rstrip(b"=").decode().casefold() for form in (plain, login)]
    parts = {
        form[start : start + _WINDOW]
        for form in sent
        for start in range(max(1, len(form) - _WINDOW + 1))
    }
    # What follows the name depends on the server's question: it is known by its beginning alone.
    cram = f"{user} ".encode()
    beginning = base64.b64encode(cram).decode()[: len(cram) * 8 // 6].casefold()

    def struck(word: re.Match[str]) -> str:
        said = word[0].casefold()
        is_cram = said.startswith(beginning) and len(said) > 2 * _WINDOW
        return "***" if is_cram or any(part in said for part in parts) else word[0]

    text = re.sub(re.escape(password), "***", text, flags=re.IGNORECASE)
    return _BASE64.sub(struck, text)


def explain(error: BaseException, settings: SmtpSettings) -> str:
    """What went wrong with a mail server, and which key to look at."""
    while error.__cause__ is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    match error:
        case SMTPAuthenticationError(code=535):
            text = (
                f"{answer(error)}. Check [smtp] username and password; many providers want an app "
                "password, made in the account's security settings, in place of the account's own"
            )
        case SMTPResponseException():
            text = answer(error)
        case ssl.SSLCertVerificationError():
            text = (
                f"the certificate is not trusted: {one_line(error.verify_message)}. If its "
                "authority is your own, name its certificate in [smtp] ca_file"
            )
        case ssl.SSLError():
            hint = '; perhaps [smtp] security = "starttls"' if settings.security == "tls" else ""
            text = f"no encryption could be agreed on ({one_line(str(error))}){hint}"
        case socket.gaierror():
            text = "the host name is not known; check [smtp] host and the network"
        case ConnectionRefusedError():
            text = "nothing listens there; check [smtp] host and port"
        case TimeoutError():
            is_guess = settings.port == 465 and settings.security != "tls"
            hint = '; port 465 wants [smtp] security = "tls"' if is_guess else ""
            text = f"no answer in time{hint}"
        case ConnectionError():
            text = "the server closed the connection"
        case _:
            text = one_line(str(error))
    return text


def answer(response: SMTPResponseException | SMTPResponse) -> str:
    """A server's answer as one line; code -1 is the library's, for what is no answer at all."""
    code = f"{response.code} " if response.code > 0 else ""
    return one_line(f"{code}{response.message}")
