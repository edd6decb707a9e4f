"""The transports that mail leaves by, and the signatures it leaves with."""

from __future__ import annotations

from pathlib import Path

from watcher.mail.base import Mailer, Session
from watcher.mail.maildir import MaildirMailer
from watcher.mail.sendmail import SendmailMailer
from watcher.mail.signing import KeyRecord, Signer, make_signer
from watcher.mail.smtp import SmtpMailer
from watcher.settings import Settings

__all__ = ["KeyRecord", "Mailer", "Session", "Signer", "make_mailer", "make_signer"]


def make_mailer(settings: Settings, state_dir: Path) -> Mailer:
    """The configured transport; a relative Maildir lies in `state_dir`. Opens nothing."""
    if settings.mail.transport == "maildir":
        return MaildirMailer(state_dir / settings.mail.maildir)
    if settings.mail.transport == "sendmail":
        return SendmailMailer(settings.mail.sendmail, timeout=settings.smtp.timeout)
    return SmtpMailer(settings.smtp)
