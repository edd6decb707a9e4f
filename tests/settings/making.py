"""A configuration from a text, in a directory of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from watcher.errors import ConfigError
from watcher.settings import Config, SubscriptionSettings, load

ONE = """
[[subscriptions]]
to = "ada@example.org"
"""


def write(directory: Path, text: str, name: str = "config.toml") -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def loaded(directory: Path, text: str, **environ: str) -> Config:
    return load(write(directory, text), environ={"HOME": str(directory), **environ})


def only(config: Config) -> SubscriptionSettings:
    (subscription,) = config.settings.subscriptions
    return subscription


def mistake(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    """What is said of a configuration, without the directory it lies in."""
    path = write(directory, text)
    with pytest.raises(ConfigError) as caught:
        load(path, environ={"HOME": str(directory), **(environ or {})})
    return str(caught.value).replace(f"{directory}/", "")
