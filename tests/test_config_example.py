"""`config.example.toml`: every key, its default, and none besides."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest

from tests.settings.making import loaded, write
from watcher.resources import resource
from watcher.settings import Settings, load, require_mail, schema
from watcher.settings.tables import Table

TEXT = resource("config.example.toml").read_text(encoding="utf-8")
SWITCHED_OFF = re.compile(r"^# (\w+ = .*)$", re.MULTILINE)

INSTANCES = {"sources", "topics", "subscriptions", "rules"}
"""Tables whose keys are shown by an example rather than by their defaults."""

EXAMPLES = {"name", "page", "query", "any", "about", "to", "none", "topics"}


def documented(values: object, table: type[Table], path: str = "") -> set[str]:
    """Every key below `values`, without positions and names; each must be known."""
    assert isinstance(values, dict)
    found = set()
    for key, value in values.items():
        assert key in schema.keys(table), f"{path}{key} is not known"
        field = schema.keys(table)[key]
        found.add(f"{path}{key}")
        inner = schema.below(field)
        if inner is not None:
            each = [value] if schema.is_plain(field) else value
            each = each.values() if isinstance(each, dict) else each
            found |= {name for part in each for name in documented(part, inner, f"{path}{key}.")}
    return found


def known(table: type[Table], path: str = "") -> set[str]:
    found = set()
    for key, field in schema.keys(table).items():
        if path == "subscriptions." and key == "topics":  # a topic of a file, not of a subscription
            continue
        found.add(f"{path}{key}")
        inner = schema.below(field)
        if inner is not None:
            found |= known(inner, f"{path}{key}.")
    return found


def test_every_key_is_documented_and_none_else() -> None:
    everything = tomllib.loads(SWITCHED_OFF.sub(r"\1", TEXT))
    assert documented(everything, Settings) == known(Settings)


def test_as_it_stands_it_loads(tmp_path: Path) -> None:
    config = loaded(tmp_path, TEXT)
    assert config.warnings == ()
    assert [each.name for each in config.settings.subscriptions] == ["weights"]


def test_with_everything_switched_on_it_loads(tmp_path: Path) -> None:
    text = SWITCHED_OFF.sub(r"\1", TEXT)
    (tmp_path / "templates").mkdir()
    files = ("hub-token", "smtp-password", "company.pem", "dkim.pem", "dkim-ed25519.pem")
    for name in files:
        write(tmp_path, "x", name)
    for name in ("unsubscribe-secret", "web-secret", "status-password"):
        write(tmp_path, "x" * 32, name)
    text = text.replace("/etc/ssl/certs/company.pem", "company.pem")
    # A secret and a file that holds it exclude each other.
    text = re.sub(r'\n(token|\w*password|\w*secret|(ed25519_)?key) = "(hf_)?…"\n', "\n", text)
    config = loaded(tmp_path, text)
    require_mail(config)
    assert config.settings.http.token.get_secret_value() == "x"
    assert config.settings.dkim.key.get_secret_value() == "x"
    assert config.warnings == ()


def test_what_is_not_switched_off_is_the_default() -> None:
    values = tomllib.loads(TEXT)
    for name, table in values.items():
        if name not in INSTANCES:
            for key, value in table.items():
                default = schema.scalars()[name, key].default
                assert str(value) == str(default), f"{name}.{key}"
    subscription = values["subscriptions"][0]
    for header, shown in (
        ("[[sources]]", values["sources"][0]),
        ("[[subscriptions]]", subscription),
        ("[[subscriptions.rules]]", subscription["rules"][0]),
    ):
        for key, value in shown.items():
            if key not in EXAMPLES | INSTANCES:
                default = schema.keys(schema.headers()[header])[key].default
                assert value == (list(default) if isinstance(default, tuple) else default), key


def test_every_key_has_a_sentence_above_it() -> None:
    lines = TEXT.splitlines()
    for before, line in itertools.pairwise(lines):
        key = re.match(r"(?:# )?(\w+) = ", line)
        if key and not before.startswith(("[[sources]]", "name = ")):
            assert re.match(r"# .*[.…)]$", before), line
    assert max(map(len, lines)) <= 100


def test_the_shortest_one_at_its_top_works(tmp_path: Path) -> None:
    top = TEXT[TEXT.index("#     [smtp]") : TEXT.index("# It belongs in")]
    text = re.sub(r"^#(?:     )?", "", top, flags=re.MULTILINE)
    write(tmp_path, "x\n", "smtp-password")
    config = loaded(tmp_path, text)
    require_mail(config)
    assert config.warnings == ()


@pytest.mark.parametrize("page", ["trending", "daily"])
def test_without_sources_it_watches(page: str, tmp_path: Path) -> None:
    path = write(tmp_path, "")
    assert page in {source.page for source in load(path, environ={}).settings.sources}
