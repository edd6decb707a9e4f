"""The URL for unsubscribing at a click, and the secret that its tokens are made with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.making import ONE, loaded, mistake, write
from watcher.settings import Config

URL = '[mail]\nunsubscribe_url = "https://example.org/stop/{token}"\n'
SECRET = "0123456789abcdef0123456789abcdef"


def secret(config: Config) -> str:
    return config.settings.mail.unsubscribe_secret.get_secret_value()


def test_the_secret_may_stand_beside_the_configuration(tmp_path: Path) -> None:
    path = write(tmp_path, f"{SECRET}\n", "secret")
    config = loaded(tmp_path, f'{URL}unsubscribe_secret_file = "secret"\n{ONE}')
    assert secret(config) == SECRET
    assert config.warnings == ()
    assert path in config.files(), "a change of it is a change of the configuration"
    assert SECRET not in repr(config)
    path.chmod(0o644)
    said = mistake(tmp_path, f'{URL}unsubscribe_secret_file = "secret"\n{ONE}')
    assert "everybody on this machine can read secret; nothing is done until `chmod o-r" in said


def test_it_may_come_from_the_environment_or_a_credential(tmp_path: Path) -> None:
    given = loaded(tmp_path, URL + ONE, WATCHER_MAIL__UNSUBSCRIBE_SECRET=SECRET)
    write(tmp_path, f"{SECRET}\n", "credentials/mail.unsubscribe_secret")
    found = loaded(tmp_path, URL + ONE, CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))
    assert secret(given) == secret(found) == SECRET
    assert given.warnings == found.warnings == ()


def test_a_secret_without_a_url_is_warned_of(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'[mail]\nunsubscribe_secret = "{SECRET}"\n{ONE}')
    assert config.warnings == (
        "[mail] unsubscribe_secret is given without unsubscribe_url, and so never used",
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/stop?of={subscription}&who={recipient}&token={token}",
        "https://example.org:8443/{token}/%7Btoken%7D/~a_(b)?x=[1]&y='$!*+,;@:",
        "https://[2001:db8::1]/{token}{token}",
        "https://xn--bcher-kva.example/?{token}",
        f"https://example.org/{'x' * 2000}/{{token}}",
    ],
)
def test_whatever_is_a_url_is_taken_as_it_is(tmp_path: Path, url: str) -> None:
    text = f'[mail]\nunsubscribe_url = " {url} "\nunsubscribe_secret = "{SECRET}"\n{ONE}'
    assert loaded(tmp_path, text).settings.mail.unsubscribe_url == url
