"""Who starts the watcher: a systemctl and a crontab of our own answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from watcher import service
from watcher.diagnosis import Level, examine_service
from watcher.settings import Config, load


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.toml"
    path.write_text('[mail]\ntransport = "maildir"\nfrom = "a@example.org"\n')
    return load(path, state_dir=tmp_path / "state", environ={"TZ": "UTC"})


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is the only place where programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    return folder


def put(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)


def test_nothing_installed_is_a_warning(config: Config, programs: Path) -> None:
    put(programs, "crontab", 'echo "no crontab for me" >&2; exit 1')
    found = examine_service(config, ("user", "cron"))
    assert found.level is Level.WARNING
    assert "`watcher service install` sees to it" in found.text


def test_a_unit_that_runs_is_well_and_one_that_does_not_is_a_problem(
    config: Config, programs: Path, tmp_path: Path
) -> None:
    put(programs, "systemctl", "echo active")
    service.install(
        service.plan(
            "user",
            executable=service.own_command(),
            config=tmp_path / "config.toml",
            state_dir=config.state_dir,
            home=tmp_path,
            uid=os.geteuid(),
        )
    )
    found = examine_service(config, ("user",))
    assert (found.level, found.text) == (Level.OK, "user: active")
    unit = tmp_path / ".config/systemd/user/watcher.service"
    unit.write_text(f"{unit.read_text()}# of an older version\n")
    found = examine_service(config, ("user",))
    assert found.level is Level.WARNING
    assert found.text == "user: active; `watcher service install` would change it"
    put(programs, "systemctl", "echo failed; exit 3")
    found = examine_service(config, ("user",))
    assert found.level is Level.PROBLEM
    assert "installed, but not running" in found.text


def test_a_crontab_is_known_and_an_unreadable_one_is_told(config: Config, programs: Path) -> None:
    put(programs, "crontab", "echo cannot open your table >&2; exit 1")
    found = examine_service(config, ("cron",))
    assert found.level is Level.WARNING
    assert "cannot open your table" in found.text


def test_a_way_that_is_not_open_to_the_configuration_is_passed_over(
    programs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[mail]\ntransport = "maildir"\nfrom = "a@example.org"\n')
    hidden = load(path, state_dir=Path("/home/x/state"), environ={"TZ": "UTC"})
    assert examine_service(hidden, ("system",)).level is Level.WARNING
