"""What mail servers and programs say, made fit for a log line and a mail to the operator."""

from __future__ import annotations

import socket
import ssl

from aiosmtplib import SMTPAuthenticationError, SMTPResponse, SMTPResponseException

from watcher.settings import SmtpSettings

_LONGEST = 400  # characters


def one_line(text: str) -> str:
    """Printable characters on one line, at most 400 of them."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


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
