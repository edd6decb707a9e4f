"""The log: levels, forms, a file."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
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


@pytest.mark.parametrize("form", ["plain", "json"])
def test_what_a_full_disk_does_not_take_stops_nothing(form: str) -> None:
    stream = logs.configure("info", form, Path("/dev/full"))
    for _ in range(3):
        structlog.get_logger("x").info("checked", papers="3" * 5000)
    with contextlib.suppress(OSError):  # of what is left in the buffer
        stream.close()


@pytest.mark.parametrize(("form", "start"), [("plain", "[warning"), ("json", '{"error": "no')])
def test_the_journal_has_its_own_instants_and_is_told_the_level(
    form: str, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w+") as journal:
        there = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        monkeypatch.setattr(sys, "stderr", journal)
        logs.configure("info", form)
        structlog.get_logger("x").warning("checked", error="no")
        structlog.get_logger("x").info("checked")
        journal.seek(0)
        first, second = journal.read().splitlines()
    assert first.startswith(f"<4>{start}")
    assert second.startswith("<6>")


def test_a_redirected_stream_is_not_the_journal_s(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    logs.configure("info", "plain")
    structlog.get_logger("x").info("checked")
    assert capfd.readouterr().err.startswith("20")


def test_an_event_is_one_line_whatever_a_server_says(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "plain")
    structlog.get_logger("x").info("refused", answer="550 no\r\n[error] forged \x1b[2J é")
    [line] = capsys.readouterr().err.splitlines()
    assert "answer='550 no  [error] forged \ufffd[2J é'" in line


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_traceback_is_one_line_and_tells_no_variable(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def login(password: str) -> None:
        raise RuntimeError(f"nobody foresaw {len(password)} characters")

    secret = "".join(("hunt", "er2"))
    logs.configure("info", form)
    try:
        login(secret)
    except RuntimeError:
        structlog.get_logger("x").exception("a job failed")
    [line] = capsys.readouterr().err.splitlines()
    assert "nobody foresaw 7 characters" in line
    assert "in login" in line or '"name": "login"' in line
    assert "hunter2" not in line


def test_what_libraries_log_has_the_same_form() -> None:
    program = (
        "import logging; from watcher import logs; logs.configure('info', 'json');"
        "logging.getLogger('x').error('%s is gone', 'it'); logging.getLogger('x').warning('no')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stderr)
    assert (found["event"], found["logger"], found["level"]) == ("it is gone", "x", "error")


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for number in range(2):
        with logs.configure("info", "plain", path):
            structlog.get_logger("x").info("checked", number=number)
    assert [line.rpartition("number=")[2] for line in path.read_text().splitlines()] == ["0", "1"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"log\.file: .*file/log cannot be written"):
        logs.configure("info", "plain", tmp_path / "file" / "log")


def test_what_root_begins_the_directory_s_owner_goes_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    logs.configure("info", "plain", folder / "log").close()
    assert folder.stat().st_mode & 0o777 == 0o700
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        logs.configure("info", "plain", folder / "log").close()
        assert (folder / "log").stat().st_uid == 65534
