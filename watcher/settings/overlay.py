"""What the environment and files of secrets add to a configuration.

`WATCHER_TABLE__KEY` gives any key outside arrays; an empty variable gives nothing. A file
`table.key` or `table_key` in `$CREDENTIALS_DIRECTORY` (systemd's LoadCredential=) gives the same.
The environment goes before credentials, and these before the configuration file.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from watcher.errors import ConfigError
from watcher.settings import schema
from watcher.settings.tables import Settings

PREFIX = "WATCHER_"

Key = tuple[str, str]

NAMED_BY: Mapping[Key, Key] = {
    ("http", "token"): ("http", "token_file"),
    ("mail", "unsubscribe_secret"): ("mail", "unsubscribe_secret_file"),
    ("smtp", "password"): ("smtp", "password_file"),
    ("dkim", "key"): ("dkim", "key_file"),
    ("dkim", "ed25519_key"): ("dkim", "ed25519_key_file"),
    ("web", "secret"): ("web", "secret_file"),
    ("web", "operator_password"): ("web", "operator_password_file"),
}
"""Secrets, and the keys that name a file with each."""

PEM: frozenset[Key] = frozenset({("dkim", "key"), ("dkim", "ed25519_key")})
"""Secrets of many lines."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value outside the configuration file comes from."""

    path: Path | None
    name: str


@dataclass(slots=True)
class Overlay:
    """Values by table and key, where each comes from, and what was wrong or odd."""

    values: dict[Key, str] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def put(self, key: Key, value: str, place: Place) -> None:
        """Add a value that goes before what is there."""
        self.values[key] = value
        self.places[key] = place


def rival(key: Key) -> Key:
    """The key that gives the same: a secret for its file and the file for the secret."""
    pairs = {**NAMED_BY, **{file_key: secret for secret, file_key in NAMED_BY.items()}}
    return pairs.get(key, key)


def overlay(environ: Mapping[str, str], renamed: Mapping[str, str]) -> Overlay:
    """All that `environ` gives."""
    found = Overlay()
    _add_credentials(environ.get("CREDENTIALS_DIRECTORY", ""), found)
    _add_environment(environ, renamed, found)
    return found


def read_secret(path: Path, secret: Key) -> str:
    """What a file of that secret holds, its final line break dropped. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None  # the cause would quote it
    found = text.removesuffix("\n").removesuffix("\r")
    if not found.strip():
        raise ConfigError(f"{path} is empty")
    if "\n" in found and secret not in PEM:
        raise ConfigError(f"{path} holds more than one line; it must hold the secret alone")
    return found


def _add_credentials(directory: str, found: Overlay) -> None:
    if not directory:
        return
    known = {
        f"{table}{mark}{key}": (table, key) for table, key in schema.scalars() for mark in "._"
    }
    try:
        paths = sorted(Path(directory).iterdir())
    except OSError as error:
        message = f"$CREDENTIALS_DIRECTORY, {directory}, cannot be read: {error.strerror}"
        found.problems.append(ConfigError(message))
        return
    for path in paths:
        key = known.get(path.name)
        if key is not None:
            try:
                found.put(key, read_secret(path, key), Place(path, ".".join(key)))
            except ConfigError as error:
                found.problems.append(ConfigError(error.message, key=".".join(key)))
        elif near := difflib.get_close_matches(path.name, known, 1, 0.8):
            found.warnings.append(f"credential {path.name} is not used; did you mean {near[0]}?")


def _add_environment(
    environ: Mapping[str, str], renamed: Mapping[str, str], found: Overlay
) -> None:
    known = {_variable(*key): key for key in schema.scalars()}
    former = {
        _variable(*old.split(".")): _variable(*new.split(".")) for old, new in renamed.items()
    }
    used: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        upper = name.upper()
        if not upper.startswith(PREFIX) or not value:
            continue
        if upper in former and former[upper] in known:
            found.warnings.append(f"{name} is now called {former[upper]}; the old name will go")
            upper = former[upper]
        if upper in known:
            used[upper] = name
        elif "__" in upper:
            found.problems.append(ConfigError(_unknown(upper, known), key=name))
        else:
            near = difflib.get_close_matches(upper, known, 1, 0.9)
            hint = f"; did you mean {near[0]}?" if near else ""
            found.warnings.append(f"{name} in the environment is not a setting{hint}")
    values = _values({upper: environ[name] for upper, name in used.items()}) if used else {}
    for upper, name in used.items():
        table, key = known[upper]
        found.put((table, key), values[table][key], Place(None, name))


def _variable(*key: str) -> str:
    return PREFIX + "__".join(key).upper()


def _unknown(name: str, known: Mapping[str, Key]) -> str:
    table, _, key = name.removeprefix(PREFIX).lower().partition("__")
    if table in {"sources", "topics", "subscriptions"}:
        return f"{table} cannot come from the environment; write them into the configuration file"
    homes = [_variable(*each) for each in known.values() if each[1] == key]
    bare = [each.removeprefix(PREFIX) for each in known]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), bare, 1, 0.7)
    meant = homes or [PREFIX + each for each in near]
    if meant:
        return f"unknown setting; did you mean {' or '.join(meant)}?"
    tables = sorted({each[0] for each in known.values()})
    return f"unknown setting; WATCHER_TABLE__KEY has these tables: {', '.join(tables)}"


def _values(variables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    from pydantic_settings import BaseSettings, EnvSettingsSource  # noqa: PLC0415  # slow, seldom

    class Environment(Settings, BaseSettings):  # type: ignore[misc]  # model_config's types differ
        pass

    class Given(EnvSettingsSource):
        def _load_env_vars(self) -> Mapping[str, str | None]:
            return {name.lower(): value for name, value in variables.items()}

    given = Given(Environment, env_prefix=PREFIX.lower(), env_nested_delimiter="__")
    found: dict[str, dict[str, str]] = given()
    return found
