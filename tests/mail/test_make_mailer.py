"""Which transport a configuration gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.mail import make_mailer
from watcher.settings import Settings


@pytest.mark.parametrize(
    ("tables", "description"),
    [
        ({"mail": {"transport": "maildir"}}, "the Maildir /state/outbox"),
        ({"mail": {"transport": "maildir", "maildir": "/else"}}, "the Maildir /else"),
        ({"mail": {"transport": "sendmail"}}, "the program /usr/sbin/sendmail"),
        ({"smtp": {"host": "mail.example.org"}}, "mail.example.org port 587, STARTTLS"),
    ],
)
def test_makes_the_configured_transport(tables: dict[str, object], description: str) -> None:
    mailer = make_mailer(Settings.model_validate(tables), Path("/state"))
    assert mailer.describe() == description
