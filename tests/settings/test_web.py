"""Where the pages are, who may join, and the secret that their links are signed with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.making import ONE, loaded, mistake, write
from watcher.settings import Config

SECRET = "0123456789abcdef0123456789abcdef"
LISTEN = '[web]\nlisten = "127.0.0.1:8466"\n'


def web(tmp_path: Path, text: str) -> Config:
    return loaded(tmp_path, f'[web]\nsecret = "{SECRET}"\n{text}\n{ONE}')


def test_the_secret_may_stand_beside_the_configuration(tmp_path: Path) -> None:
    path = write(tmp_path, f"{SECRET}\n", "secret")
    config = loaded(tmp_path, f'{LISTEN}secret_file = "secret"\n{ONE}')
    assert config.settings.web.secret.get_secret_value() == SECRET
    assert config.warnings == ()
    assert path in config.files(), "a change of it is a change of the configuration"
    assert SECRET not in repr(config)


def test_it_may_come_from_the_environment(tmp_path: Path) -> None:
    config = loaded(tmp_path, LISTEN + ONE, WATCHER_WEB__SECRET=SECRET)
    assert config.settings.web.secret.get_secret_value() == SECRET


def test_the_password_of_the_operator_likewise(tmp_path: Path) -> None:
    path = write(tmp_path, "PasswordForStatus\n", "status-password")
    listen = f'{LISTEN}secret = "{SECRET}"\n'
    config = loaded(tmp_path, f'{listen}operator_password_file = "status-password"\n{ONE}')
    assert config.settings.web.operator_password.get_secret_value() == "PasswordForStatus"
    assert config.warnings == ()
    assert path in config.files()
    assert "PasswordForStatus" not in repr(config)
    given = loaded(tmp_path, listen + ONE, WATCHER_WEB__OPERATOR_PASSWORD="PasswordForStatus")
    assert given.settings.web.operator_password.get_secret_value() == "PasswordForStatus"
    useless = web(tmp_path, 'operator_password = "PasswordForStatus"').warnings
    assert useless[1:] == ("[web] operator_password is given without listen, and so never used",)


def test_a_list_may_not(tmp_path: Path) -> None:
    said = mistake(tmp_path, ONE, {"WATCHER_WEB__ALLOW": "*@example.org"})
    assert said.startswith("WATCHER_WEB__ALLOW: unknown setting")


def test_a_secret_without_a_use_is_warned_of(tmp_path: Path) -> None:
    assert web(tmp_path, "").warnings == (
        "[web] secret is given without listen, and so never used",
    )


@pytest.mark.parametrize(
    ("listen", "address", "url"),
    [
        ("127.0.0.1:8466", ("127.0.0.1", 8466), "http://127.0.0.1:8466"),
        (" 0.0.0.0:80 ", ("0.0.0.0", 80), "http://0.0.0.0:80"),
        ("[::1]:8466", ("::1", 8466), "http://[::1]:8466"),
    ],
)
def test_without_a_public_url_it_is_where_the_pages_listen(
    listen: str, address: tuple[str, int], url: str, tmp_path: Path
) -> None:
    settings = web(tmp_path, f'listen = "{listen}"').settings
    assert (settings.web.address, settings.web.public_url) == (address, url)
    assert settings.mail.unsubscribe_url == "", "mail programs take https alone"


def test_mails_offer_a_click_once_people_reach_the_pages_by_https(tmp_path: Path) -> None:
    settings = web(tmp_path, 'public_url = "https://papers.example.org/"').settings
    assert settings.mail.unsubscribe_url == (
        "https://papers.example.org/stop?of={subscription}&who={recipient}&token={token}"
    )
    assert settings.mail.unsubscribe_secret.get_secret_value() not in {"", SECRET}


def test_an_endpoint_of_ones_own_stays(tmp_path: Path) -> None:
    own = '[mail]\nunsubscribe_url = "https://example.org/{token}"\n'
    own += f'unsubscribe_secret = "{SECRET}"'
    settings = web(tmp_path, f'public_url = "https://papers.example.org"\n{own}').settings
    assert settings.mail.unsubscribe_url == "https://example.org/{token}"
    assert settings.mail.unsubscribe_secret.get_secret_value() == SECRET
