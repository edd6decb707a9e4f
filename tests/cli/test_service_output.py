"""What `run` and `check-now` say besides their log: events for machines, plain text for people."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.world import DAILY, WEIGHTS, World

JSON_LOG = '[log]\nformat = "json"\n'
DKIM = '[dkim]\ndomain = "example.org"\n'
TWO_FAULTS = "[smpt]\n[htpp]\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit code of a command, and the lines on its stderr."""

    code: int
    lines: list[str]


def ended(place: Path, *command: str, is_journal: bool = False) -> Ended:
    """Run Python with `command` until it ends; with the journal at its stderr, or just a file."""
    with (place / "stderr").open("w+") as stderr:
        there = os.fstat(stderr.fileno())
        environ = {key: value for key, value in os.environ.items() if key != "JOURNAL_STREAM"}
        if is_journal:
            environ["JOURNAL_STREAM"] = f"{there.st_dev}:{there.st_ino}"
        done = subprocess.run(
            [sys.executable, *command],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environ,
        )
        stderr.seek(0)
        return Ended(done.returncode, stderr.read().splitlines())


def watcher(world: World, command: str, *, is_journal: bool = False) -> Ended:
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    return ended(world.directory, "-m", "watcher", command, *place, is_journal=is_journal)


@pytest.mark.parametrize("command", ["run", "check-now"])
def test_a_wrong_configuration_is_one_error_to_the_journal(world: World, command: str) -> None:
    world.configure(DAILY, WEIGHTS, TWO_FAULTS)
    said = watcher(world, command, is_journal=True)
    assert said.code == 78
    [line] = said.lines
    assert line.startswith("<3>")
    assert "smpt" in line
    assert "htpp" in line


@pytest.mark.parametrize("command", ["run", "check-now"])
def test_a_wrong_configuration_is_one_object_where_it_asks_for_json(
    world: World, command: str
) -> None:
    world.configure(DAILY, WEIGHTS, JSON_LOG, TWO_FAULTS)
    said = watcher(world, command)
    assert said.code == 78
    [line] = said.lines
    told = json.loads(line)
    assert told["level"] == "error"
    assert "smpt" in told["event"]


def test_people_have_the_plain_text(world: World) -> None:
    world.configure(DAILY, WEIGHTS, TWO_FAULTS)
    said = watcher(world, "run")
    assert said.code == 78
    assert [line.partition(" ")[0] for line in said.lines] == ["watcher:", "watcher:"]


def test_what_is_missing_for_mail_is_an_error_of_the_log(world: World) -> None:
    world.configure(DAILY, WEIGHTS, JSON_LOG)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace('host = "127.0.0.1"', ""))
    [line] = watcher(world, "run").lines
    assert json.loads(line)["level"] == "error"
    assert "maildir" in json.loads(line)["event"]


def test_warnings_of_the_configuration_have_their_level(world: World) -> None:
    world.fill(8)
    world.configure(DAILY, WEIGHTS, DKIM)
    said = watcher(world, "check-now", is_journal=True)
    assert [line[:3] for line in said.lines] == ["<4>"]
    assert "[dkim] domain is given without a key" in said.lines[0]
    assert "warning: " not in said.lines[0]


def test_a_log_in_a_file_has_it_besides_the_journal(world: World) -> None:
    path = world.directory / "watcher.log"
    world.configure(DAILY, WEIGHTS, f'{JSON_LOG}file = "{path}"\n', DKIM)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace('host = "127.0.0.1"', ""))
    levels = ["warning", "error"]
    said = watcher(world, "run", is_journal=True)
    assert [line[:3] for line in said.lines] == ["<4>", "<3>"]
    assert [json.loads(line)["level"] for line in path.read_text().splitlines()] == levels
    plain = watcher(world, "run")
    assert plain.lines[0].startswith("warning: ")
    assert plain.lines[1].startswith("watcher: ")
    assert len(path.read_text().splitlines()) == 4


UNFORESEEN = """
import typer
from watcher.cli.common import guarded_service

def command() -> None:
    raise RuntimeError("first\\nsecond")

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(guarded_service(command))
app()
"""


def test_what_nobody_foresaw_is_one_event_with_its_traceback(tmp_path: Path) -> None:
    said = ended(tmp_path, "-c", UNFORESEEN, is_journal=True)
    assert said.code == 1
    [line] = said.lines
    assert line.startswith("<2>")
    assert "RuntimeError: first" in line
    plain = ended(tmp_path, "-c", UNFORESEEN)
    assert plain.code == 1
    assert any(line.startswith("Traceback") for line in plain.lines), "people see it as ever"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts as another")
@pytest.mark.untraced
def test_whom_root_acts_as_is_an_event(world: World) -> None:
    world.fill(8)
    world.configure(DAILY, WEIGHTS)
    world.directory.chmod(0o755)
    world.config_path.chmod(0o644)
    world.state_dir.mkdir()
    os.chown(world.state_dir, 65534, 65534)
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    said = ended(world.directory, "-m", "watcher", "check-now", "-v", *place, is_journal=True)
    assert said.lines
    assert {line[0] for line in said.lines} == {"<"}
    assert said.lines[0].startswith("<6>")
    assert "acting as the owner of" in said.lines[0]
