"""The log: levels, forms, a file."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from tests.disks import small_disk
from watcher import logs
from watcher.errors import ConfigError


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
        raise RuntimeError(f"nobody foresaw {len(password)} characters, \0<2>\x1b[2J")

    secret = "".join(("hunt", "er2"))
    logs.configure("info", form)
    try:
        login(secret)
    except RuntimeError:
        structlog.get_logger("x").exception("a job failed")
    [line] = capsys.readouterr().err.splitlines()
    assert "nobody foresaw 7 characters" in line
    assert line.isprintable()
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


FILLING = """
import json, logging, os, resource, structlog, sys
from pathlib import Path
from watcher import logs

path, form, full = Path(sys.argv[1]), sys.argv[2], 8192
resource.setrlimit(resource.RLIMIT_FSIZE, (full, 2 * full))  # as on a disk of this size
path.write_bytes(b"." * (full - 11) + b"\\n")
logs.configure("info", form, path)
log = structlog.get_logger("x")
log.info("cut in its midst")
log.info("lost")
logging.getLogger("a library").error("lost as well")
assert path.stat().st_size == full
resource.setrlimit(resource.RLIMIT_FSIZE, (2 * full, 2 * full))
log.info("heard")
log.info("and again")
"""
"""A program whose log finds no room for a while; its second argument is the form."""


def ran(program: str, *arguments: str) -> str:
    """What a program said on stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.untraced
@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_full_disk_loses_lines_and_says_so_once_there_is_room(form: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert ran(FILLING, str(path), form) == ""
    _, cut, heard, again = path.read_text().splitlines()
    assert len(cut) == 10
    assert "heard" in heard
    assert ("lines_lost=3" in heard) if form == "plain" else json.loads(heard)["lines_lost"] == 3
    assert "lines_lost" not in again


def test_a_disk_without_room_for_the_file_is_tried_again(tmp_path: Path) -> None:
    path, ballast = tmp_path / "disk" / "log", tmp_path / "disk" / "ballast"
    with small_disk(path.parent, files=2) as is_mounted:
        if not is_mounted:
            pytest.skip("no file system may be mounted here")
        ballast.touch()
        with logs.configure("info", "plain", path):
            log = structlog.get_logger("x")
            log.info("lost")
            assert not path.exists()
            ballast.unlink()
            log.info("heard")
            log.info("and again")
            heard, again = path.read_text().splitlines()
        log.info("after the end")
        assert len(path.read_text().splitlines()) == 2
    assert "lines_lost=1" in heard
    assert "lines_lost" not in again


@pytest.mark.parametrize(("form", "shown"), [("plain", "b\ufffdr"), ("json", "b\\udce4r")])
def test_a_name_that_is_not_unicode_is_written_all_the_same(
    form: str, shown: str, tmp_path: Path
) -> None:
    with logs.configure("info", form, tmp_path / "log"):
        structlog.get_logger("x").info("read", file=os.fsdecode(b"b\xe4r"))
    assert shown in (tmp_path / "log").read_text()


def test_values_that_do_not_fit_what_a_library_says_are_no_error() -> None:
    program = (
        "import logging; from watcher import logs; logs.configure('info', 'plain');"
        "logging.getLogger('x').error('%d of them', 'many');"
        "logging.getLogger('x').error('%(some)s of them', {'none': 1});"
        "logging.getLogger('x').log(45, 'between the levels')"
    )
    first, second, third = ran(program).splitlines()
    assert "%d of them" in first
    assert "%(some)s of them" in second
    assert "between the levels" in third


def test_json_is_json_whatever_the_stream_s_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    program = (
        "import structlog; from watcher import logs; logs.configure('info', 'json');"
        "structlog.get_logger('x').info('read', title='\u017b\U0001f600')"
    )
    assert json.loads(ran(program))["title"] == "\u017b\U0001f600"


def test_a_stream_that_nobody_reads_is_no_error() -> None:
    program = (
        "import os, structlog; from watcher import logs; logs.configure('info', 'json');"
        "structlog.get_logger().info('unheard'); structlog.get_logger().info('unheard');"
        "os.write(1, b'done')"
    )
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, stdout=subprocess.PIPE, stderr=writer
    )
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, b"done")


def test_without_any_stream_there_is_no_log_and_no_error() -> None:
    program = (
        "import structlog; from watcher import logs; logs.configure('info');"
        "structlog.get_logger().info('unheard'); print('done')"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, program],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "done\n"


def test_a_log_that_was_rotated_goes_on_in_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with logs.configure("info", "plain", path):
        log = structlog.get_logger("x")
        log.info("first")
        path.rename(tmp_path / "log.1")
        log.info("second")
        path.rename(tmp_path / "log.2")
        path.touch()
        log.info("third")
        tmp_path.joinpath("log.1").unlink()
        log.info("fourth")
    assert "second" in (tmp_path / "log.2").read_text()
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["third", "fourth"]


def test_where_no_new_file_can_be_made_the_old_one_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    with logs.configure("info", "plain", path):
        path.parent.rename(tmp_path / "away")
        path.parent.touch()
        structlog.get_logger("x").info("said")
    assert "said" in (tmp_path / "away" / "log").read_text()


def test_only_a_file_of_that_directory_is_given_to_its_owner(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    (tmp_path / "root's").touch()
    (folder / "link").symlink_to(tmp_path / "root's")
    (folder / "hard").hardlink_to(tmp_path / "root's")
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(ConfigError, match="cannot be written: Too many levels"):
        logs.configure("info", "plain", folder / "link")
    for name in ("hard", "pipe"):
        logs.configure("info", "plain", folder / name).close()
        assert (folder / name).stat().st_uid == 0
    os.close(reader)
