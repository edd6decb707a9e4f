from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.service.conftest import Machine
from watcher.errors import WatcherError
from watcher.service import Kind, Plan, install, plan, status, uninstall


def planned(kind: Kind, home: Path, *, executable: str = "/opt/watcher") -> Plan:
    return plan(
        kind,
        executable=Path(executable),
        config=Path("/etc/paper-watcher/config.toml"),
        state_dir=Path("/var/lib/paper-watcher"),
        home=home,
        uid=1000,
    )


@pytest.fixture(params=["user", "cron", "launchd"])
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


def test_installed_changed_and_removed(kind: Kind, machine: Machine, tmp_path: Path) -> None:
    first = planned(kind, tmp_path)
    assert not status(first).installed
    install(first)
    install(first)
    now = status(first)
    assert (now.installed, now.current, now.active) == (True, True, True)

    moved = planned(kind, tmp_path, executable="/srv/watcher")
    assert not status(moved).current
    assert "would change it" in status(moved).text
    install(moved)
    assert status(moved).current

    uninstall(moved)
    assert not status(moved).installed
    assert not any(path.exists() for path, _ in moved.files)
    assert uninstall(moved) == ("it was not installed",)


def test_a_user_service_is_started_and_lingers(machine: Machine, tmp_path: Path) -> None:
    user = planned("user", tmp_path)
    install(user)
    assert machine.calls == [
        "loginctl enable-linger 1000",
        "systemctl --user daemon-reload",
        "systemctl --user enable watcher.service",
        "systemctl --user restart watcher.service",
    ]
    assert user.files[0][0].stat().st_mode & 0o777 == 0o644
    said = uninstall(user)
    assert machine.calls[4:] == [
        "systemctl --user disable --now watcher.service",
        "systemctl --user daemon-reload",
    ]
    assert any("disable-linger" in line for line in said)


def test_a_system_service_gets_its_user_and_may_read_its_configuration(
    machine: Machine, tmp_path: Path
) -> None:
    system = planned("system", tmp_path)
    moved = tuple((tmp_path / path.relative_to("/"), text) for path, text in system.files)
    install(replace(system, files=moved))
    assert machine.calls == [
        "systemd-sysusers /etc/sysusers.d/paper-watcher.conf",
        "chgrp paper-watcher /etc/paper-watcher/config.toml",
        "chmod g+r /etc/paper-watcher/config.toml",
        "systemctl daemon-reload",
        "systemctl enable watcher.service",
        "systemctl restart watcher.service",
    ]
    assert (tmp_path / "etc/sysusers.d/paper-watcher.conf").read_text().startswith("u paper-")


def test_without_lingering_the_user_is_told(machine: Machine, tmp_path: Path) -> None:
    machine.program("loginctl", "exit 1")
    said = install(planned("user", tmp_path))
    assert "while you are logged in" in said[0]


def test_a_first_start_on_a_mac_has_nothing_to_stop(machine: Machine, tmp_path: Path) -> None:
    machine.program("launchctl", '[ "$1" != bootout ]')
    said = install(planned("launchd", tmp_path))
    assert len(said) == 1
    assert "paper-watcher.log" in said[0]


def test_systemds_own_word_is_the_status(machine: Machine, tmp_path: Path) -> None:
    machine.program("systemctl", '[ "$2" != is-active ] || { echo failed; exit 3; }')
    user = planned("user", tmp_path)
    install(user)
    now = status(user)
    assert (now.active, now.text) == (False, "failed")


def test_a_failing_command_is_named_with_what_it_said(machine: Machine, tmp_path: Path) -> None:
    machine.program("systemctl", "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    with pytest.raises(WatcherError, match=r"`systemctl --user daemon-reload` failed: .* su or"):
        install(planned("user", tmp_path))


def test_a_machine_without_the_program(machine: Machine, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(WatcherError, match="there is no loginctl on this machine"):
            install(planned("user", tmp_path))


def test_a_place_that_cannot_be_written(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file, where a directory should be")
    with pytest.raises(WatcherError, match=r"watcher\.service cannot be written"):
        install(planned("user", tmp_path))


def test_a_unit_that_cannot_be_replaced_leaves_nothing_behind(
    machine: Machine, tmp_path: Path
) -> None:
    user = planned("user", tmp_path)
    unit = user.files[0][0]
    unit.mkdir(parents=True)
    with pytest.raises(WatcherError, match="cannot be written"):
        install(user)
    assert list(unit.parent.iterdir()) == [unit]
    with pytest.raises(WatcherError, match="cannot be removed"):
        uninstall(user)


def test_the_rest_of_a_crontab_survives_byte_by_byte(machine: Machine, tmp_path: Path) -> None:
    theirs = b"MAILTO=ada\n# caf\xe9\n@daily tidy\n"
    machine.crontab.write_bytes(theirs)
    cron = planned("cron", tmp_path)
    install(cron)
    assert machine.crontab.read_bytes().startswith(theirs)
    uninstall(cron)
    assert machine.crontab.read_bytes() == theirs


def test_a_crontab_that_cannot_be_read_is_never_written(machine: Machine, tmp_path: Path) -> None:
    machine.program("crontab", "echo 'ada is not allowed to use this program' >&2; exit 1")
    with pytest.raises(WatcherError, match="crontab -l` failed: ada is not allowed"):
        install(planned("cron", tmp_path))
    assert machine.calls == ["crontab -l"]


def test_a_crontab_that_is_refused(machine: Machine, tmp_path: Path) -> None:
    machine.program("crontab", 'echo "no crontab, No space" >&2; exit 1')
    with pytest.raises(WatcherError, match="crontab -` failed"):
        install(planned("cron", tmp_path))
