"""Edited copies of a configuration's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.making import loaded, write
from watcher.errors import ConfigError
from watcher.settings import Config, load_edited

MAIN = """
[mail]
transport = "maildir"
[topics.mine]
any = ["x"]
[[sources]]
page = "daily"
[[subscriptions]]
name = "first"
to = "ada@example.org"
"""
FLAT = 'to = "bob@example.org"\nany = "x"\n'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    write(tmp_path, FLAT, "subscriptions.d/bob.toml")
    return loaded(tmp_path, MAIN)


def ids(config: Config) -> list[str]:
    return [each.id for each in config.settings.subscriptions]


def test_a_copy_of_the_configuration_has_its_own_topics_and_subscriptions(
    config: Config, tmp_path: Path
) -> None:
    text = MAIN.replace('"x"', '"y"').replace('"first"', '"second"')
    edited = load_edited(write(tmp_path, text, "copy/new.toml"), config)
    assert ids(edited) == ["second"], "files beside it are not its own"
    assert edited.settings.topics["mine"].any == ("y",)
    assert edited.settings.mail == config.settings.mail
    assert edited.locate("second", "") == (tmp_path / "copy/new.toml", 8)
    assert edited.locate("", "topics.mine.any[0]") == (tmp_path / "copy/new.toml", 5)


def test_other_tables_of_a_copy_are_passed_over(config: Config, tmp_path: Path) -> None:
    text = MAIN + '[smtp]\npassword_file = "nowhere"\nprot = 25\n'
    assert ids(load_edited(write(tmp_path, text, "copy/new.toml"), config)) == ["first"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("bob.toml", FLAT, "bob/bob"),
        ("eve.toml", FLAT, "eve/eve"),
        ("bob.toml", f"[[subscriptions]]\n{FLAT}", "bob/bob"),
        ("bob.toml", f"[[sources]]\npage='daily'\n[[subscriptions]]\nname='c'\n{FLAT}", "c"),
        ("subscriptions.d/eve.toml", f"[[subscriptions]]\n{FLAT}", "eve/eve"),
        ("eve.toml", f"[[subscriptions]]\nname = 'c'\n{FLAT}", "c"),
    ],
)
def test_a_copy_is_of_what_it_looks_like(
    config: Config, tmp_path: Path, name: str, text: str, expected: str
) -> None:
    assert ids(load_edited(write(tmp_path, text, f"copy/{name}"), config)) == [expected]


def test_a_person_s_file_goes_with_the_topics_of_the_configuration(
    config: Config, tmp_path: Path
) -> None:
    text = f'[topics.own]\nany = "z"\n[[subscriptions]]\n{FLAT}'
    edited = load_edited(write(tmp_path, text, "copy/bob.toml"), config)
    assert set(edited.settings.topics) == {"mine"}
    assert set(edited.settings.subscriptions[0].topics) == {"own"}
    assert edited.locate("bob/bob", "rules[0].any") == (tmp_path / "copy/bob.toml", 5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('to = "bob"\n', "copy/bob.toml, line 1, to: "),
        (FLAT + 'sources = "trending"\n', "copy/bob.toml, line 3, sources: "),
        ('[[subscriptions]]\nto = "a@b.example"\nanny = "x"\n', "copy/bob.toml, line 3, "),
        ("", "copy/bob.toml: holds no subscription"),
    ],
)
def test_mistakes_are_told_with_their_place(
    config: Config, tmp_path: Path, text: str, told: str
) -> None:
    path = write(tmp_path, text, "copy/bob.toml")
    with pytest.raises(ConfigError) as caught:
        load_edited(path, config)
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(told)
