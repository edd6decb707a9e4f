"""The log: levels, forms, a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from watcher import logs
from watcher.errors import ConfigError


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    structlog.get_logger("x").info("checked", papers=3, title="é")
    structlog.get_logger("x").debug("not said")
    [line] = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert found.pop("timestamp").endswith("Z")
    assert found == {"event": "checked", "papers": 3, "title": "é", "level": "info"}


def test_plain_has_no_colours_and_names_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "plain")
    structlog.get_logger("x").warning("mail is stuck", error="refused")
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "mail is stuck" in err
    assert "error=refused" in err


def test_the_journal_has_its_own_instants(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    logs.configure("info", "plain")
    structlog.get_logger("x").info("checked")
    assert capsys.readouterr().err.startswith("[info")


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for number in range(2):
        with logs.configure("info", "plain", path):
            structlog.get_logger("x").info("checked", number=number)
    assert [line.rpartition("number=")[2] for line in path.read_text().splitlines()] == ["0", "1"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log\.file: .*nowhere.* cannot be written"):
        logs.configure("info", "plain", tmp_path / "nowhere" / "log")
