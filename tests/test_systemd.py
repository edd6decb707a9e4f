"""The shipped units, before systemd's own analyser."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from watcher.resources import resource
from watcher.service import Kind, plan

UNITS = resource("systemd")
SERVICES = [UNITS / "watcher.service", UNITS / "watcher-check.service"]
REPLICA = UNITS / "watcher@.service"
PAGES = UNITS / "watcher-serve.service"


def analyse(*arguments: str | Path, runtime: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(runtime), "HOME": str(runtime)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Other units of this machine are loaded beside ours, and may have faults of their own.
    assert not [line for line in done.stderr.splitlines() if "watcher" in line]


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"(?m)^{key}=(.*)$", unit.read_text())


@pytest.mark.systemd
@pytest.mark.parametrize("unit", [*SERVICES, REPLICA, PAGES], ids=lambda unit: unit.name)
def test_the_sandbox_is_tight(unit: Path, tmp_path: Path) -> None:
    analyse("security", "--offline=true", "--threshold=15", unit, runtime=tmp_path)


@pytest.mark.systemd
def test_the_units_are_valid(tmp_path: Path) -> None:
    units = [*UNITS.glob("*.service"), *UNITS.glob("*.timer")]
    assert len(units) == 5
    analyse("verify", "--man=no", *units, runtime=tmp_path)


@pytest.mark.systemd
@pytest.mark.parametrize("kind", ["system", "user"])
def test_what_is_installed_is_valid(kind: Kind, tmp_path: Path) -> None:
    executable = tmp_path / "a $place 100%" / "watcher"
    executable.parent.mkdir()
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o755)
    where = Path("/usr/bin/env") if kind == "system" else executable
    made = plan(
        kind,
        executable=where,
        config=Path('/etc/"odd" $name.toml'),
        state_dir=Path("/srv/papers"),
        home=tmp_path,
        uid=1000,
    )
    unit = tmp_path / "watcher.service"
    unit.write_text(made.files[0][1])
    manager = "--user" if kind == "user" else "--system"
    analyse("verify", "--man=no", manager, unit, runtime=tmp_path)
    if kind == "system":
        analyse("security", "--offline=true", "--threshold=15", unit, runtime=tmp_path)


def test_both_services_have_the_same_sandbox() -> None:
    parts = (unit.read_text().partition("\nUser=")[2] for unit in (*SERVICES, REPLICA, PAGES))
    daemon, check, replica, pages = (part.partition("\n[Install]")[0].strip() for part in parts)
    assert check
    assert daemon == check == replica == pages


def test_the_pages_have_a_place_of_their_own_to_listen_at() -> None:
    assert values(PAGES, "ExecStart") == ["/usr/bin/env watcher serve"]
    assert "WATCHER_WEB__LISTEN=127.0.0.1:8466" in values(PAGES, "Environment")
    assert values(PAGES, "WatchdogSec") == [], "nothing in it says that it is alive"
    assert values(PAGES, "RestartPreventExitStatus") == ["2 78"]


def test_a_replica_is_told_its_role_and_always_started_again() -> None:
    assert values(REPLICA, "ExecStart") == ["/usr/bin/env watcher run --role %i"]
    assert values(REPLICA, "Restart") == ["always"]
    assert values(REPLICA, "RestartPreventExitStatus") == ["2 78"]


def test_a_machine_without_secrets_starts_too() -> None:
    for unit in SERVICES:
        paths = [value.partition(":")[2] for value in values(unit, "LoadCredential")]
        assert paths
        # Only a missing absolute path keeps a service from starting.
        assert not any(path.startswith("/") for path in paths)


def test_starting_again_is_for_what_it_can_mend() -> None:
    daemon, check = SERVICES
    assert values(daemon, "Restart") == ["on-failure"]
    assert values(daemon, "RestartPreventExitStatus") == ["2 78"]
    assert values(check, "SuccessExitStatus") == ["3 75"]
