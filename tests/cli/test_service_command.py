"""`service`, with programs that only write down how they were called."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.cli.terminal import Terminal
from tests.service.conftest import Machine
from tests.world import DAILY, WEIGHTS, World


@pytest.fixture
def cron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with a crontab, empty at first."""
    machine = Machine(tmp_path / "machine")
    (machine.root / "bin").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{machine.root / 'bin'}:/usr/bin:/bin")
    table = machine.crontab
    machine.program(
        "crontab",
        f'if [ "$1" = -l ]; then cat {table} 2>/dev/null && exit 0\n'
        f'echo "no crontab for ada" >&2; exit 1; fi\ncat > {table}',
    )
    for name in ("systemctl", "loginctl", "launchctl"):
        machine.program(name)
    return machine


def test_by_cron_there_and_gone(world: World, cron: Machine, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("service", "status", "--cron")
    assert (said.code, said.out) == (3, "cron: not installed\n")
    said = ask("service", "install", "--cron")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "The machine checks by cron from now on.\n"
        "  what goes wrong is mailed by cron, if this machine can mail\n"
    )
    table = cron.crontab.read_text()
    assert "watcher check-now --config" in table
    assert f" {world.config_path} --state-dir {world.state_dir}\n" in table
    assert table.splitlines()[1].startswith("*/30 * * * * /")
    # Who installed it by cron need not say so again.
    said = ask("service", "status")
    assert (said.code, said.out) == (0, "cron: in the crontab\n")
    assert ask("service", "status", "--json").json == {
        "kind": "cron",
        "installed": True,
        "current": True,
        "active": True,
        "text": "in the crontab",
    }
    world.config_path.unlink()  # what is installed can go without it
    said = ask("service", "uninstall")
    assert (said.code, said.out) == (0, "The machine does not start the watcher (any more).\n")
    assert cron.crontab.read_text() == ""
    said = ask("service", "uninstall", "--cron")
    assert said.out == "it was not installed\nThe machine does not start the watcher (any more).\n"


def test_a_machine_without_crontab(
    world: World, ask: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    world.configure(DAILY, WEIGHTS)
    said = ask("service", "status", "--cron")
    assert (said.code, said.out) == (3, "cron: not installed; this machine has no crontab\n")
    said = ask("service", "install", "--cron")
    assert said.code == 1
    assert said.err == (
        "watcher: there is no crontab on this machine; see `watcher service install --help`\n"
    )


def test_nothing_is_installed_that_could_not_run(world: World, cron: Machine, ask: Asker) -> None:
    world.config_path.write_text(WEIGHTS)
    said = ask("service", "install", "--cron")
    assert said.code == 78
    assert "there is no way to send mail" in said.err
    world.configure(DAILY, WEIGHTS.replace("zorblax", "x AND y"))
    assert ask("service", "install", "--cron").code == 78
    world.config_path.write_text("[smpt]\n")
    assert ask("service", "install", "--cron").code == 78
    assert cron.calls == []


def test_flags_that_exclude_each_other(world: World, cron: Machine, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("service", "install", "--cron", "--system")
    assert (said.code, said.err) == (2, "watcher: --system and --cron exclude each other\n")


def test_the_whole_machine_is_for_root_and_for_places_it_can_see(
    world: World, cron: Machine, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("service", "install", "--system")
    if os.geteuid() == 0:
        assert said.code == 78
        assert "cannot be seen by a service of the whole machine" in said.err
    else:
        assert said.code == 2
        assert said.err == "watcher: --system is root's to say: sudo watcher service …\n"
    assert cron.calls == []


def test_without_any_configuration(cron: Machine, tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "watcher", "service", "uninstall", "--cron"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0
    assert said.stdout.startswith("it was not installed\n")


def test_the_set_up_installs_it_when_told(cron: Machine, ask: Asker, tmp_path: Path) -> None:
    place = tmp_path / "etc" / "config.toml"
    flags = ("--to", "ada@example.org", "--any", "x", "--maildir", "--offline", "--service")
    said = ask("init", *flags, "--config", str(place))
    if said.code == 0:  # by cron, or as a service of this user
        assert any(line in said.out for line in ("The machine checks by cron", "The watcher runs"))
        assert cron.calls != []
    else:  # root's, which cannot see a directory like this one
        assert "cannot be seen by a service of the whole machine" in said.err
    assert place.exists()


def test_the_set_up_goes_on_where_it_cannot_be_installed(ask: Asker, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    flags = ["--to", "ada@example.org", "--any", "x", "--maildir", "--offline"]
    flags += ["--digest", "hourly", "--timezone", "UTC", "--from", "ada@example.org"]
    place = ("--config", str(tmp_path / "etc" / "config.toml"))
    with Terminal("init", *flags, *place, env={"PATH": str(empty)}) as terminal:
        terminal.answer("and keep it on? [Y/n] ", "")
        assert terminal.end() == 0
        assert "`watcher service install` does it later\n\nNext:\n" in terminal.screen


def test_the_command_is_the_one_that_belongs_to_this_python(
    world: World, cron: Machine, ask: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.configure(DAILY, WEIGHTS)
    called = tmp_path / "pipx" / "watcher"
    called.parent.mkdir()
    called.write_text("#!/bin/sh\n")
    monkeypatch.setattr(sys, "argv", [str(called)])
    assert ask("service", "install", "--cron").code == 0
    assert f" {called} check-now " in cron.crontab.read_text()


def test_a_python_without_the_command(
    world: World, cron: Machine, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.configure(DAILY, WEIGHTS)
    monkeypatch.setattr(sysconfig, "get_path", lambda _: "/nowhere")
    said = ask("service", "install", "--cron")
    assert said.code == 78
    assert said.err == (
        "watcher: there is no command /nowhere/watcher; install by pipx or into a venv\n"
    )
