"""What [dkim] takes over from other tables, and what of it looks wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.making import ONE, loaded, mistake, write

FROM = '[mail]\nfrom = "Papers <papers@news.example.org>"\n'
KEY = '[dkim]\nselector = "papers"\nkey_file = "dkim.pem"\n'


@pytest.fixture(autouse=True)
def key(tmp_path: Path) -> Path:
    return write(tmp_path, "a key\nof two lines\n", "dkim.pem")


def test_a_key_has_many_lines_and_starts_beside_the_configuration(
    tmp_path: Path, key: Path
) -> None:
    config = loaded(tmp_path, FROM + KEY + ONE)
    assert config.settings.dkim.key.get_secret_value() == "a key\nof two lines"
    assert config.settings.dkim.key_file == key
    assert config.warnings == ()
    assert key in config.files(), "a change of it is a change of the configuration"


@pytest.mark.parametrize(
    ("sender", "table", "domain"),
    [
        ("papers@News.example.org", "", "news.example.org"),
        ("papers@bücher.example", "", "xn--bcher-kva.example"),
        ("papers@news.example.org", 'domain = "Example.org."\n', "example.org"),
        ("papers@news.example.org", 'domain = "bücher.example"\n', "xn--bcher-kva.example"),
    ],
)
def test_the_domain_is_the_senders_where_none_is_given(
    tmp_path: Path, sender: str, table: str, domain: str
) -> None:
    config = loaded(tmp_path, f'[mail]\nfrom = "{sender}"\n{KEY}{table}{ONE}')
    assert config.settings.dkim.domain == domain


def test_without_a_key_there_is_nothing_to_sign_for(tmp_path: Path) -> None:
    dkim = loaded(tmp_path, FROM + ONE).settings.dkim
    assert (dkim.is_on, dkim.domain) == (False, "")
    config = loaded(tmp_path, f'{FROM}[dkim]\ndomain = "example.org"\n{ONE}')
    assert config.warnings == ("[dkim] domain is given without a key, and so nothing is signed",)


@pytest.mark.parametrize("domain", ["example.org", "news.example.org", "a.news.example.org"])
def test_a_domain_above_or_below_the_senders_is_well(tmp_path: Path, domain: str) -> None:
    assert loaded(tmp_path, f'{FROM}{KEY}domain = "{domain}"\n{ONE}').warnings == ()


@pytest.mark.parametrize("domain", ["example.com", "ws.example.org"])
def test_another_domain_than_the_senders_is_warned_of(tmp_path: Path, domain: str) -> None:
    [warning] = loaded(tmp_path, f'{FROM}{KEY}domain = "{domain}"\n{ONE}').warnings
    assert warning.startswith(
        f"[dkim] domain is {domain}, but mails come from news.example.org: receivers"
    )


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path, key: Path) -> None:
    key.chmod(0o644)
    assert f"`chmod o-r {key.name}`" in mistake(tmp_path, FROM + KEY + ONE)
