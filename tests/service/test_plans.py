from __future__ import annotations

import plistlib
import shlex
from pathlib import Path

import pytest

from watcher.errors import ConfigError
from watcher.service.plans import Kind, Plan, default_kind, plan


def planned(
    kind: Kind,
    *,
    executable: Path = Path("/opt/paper-watcher/bin/watcher"),
    config: Path = Path("/etc/paper-watcher/config.toml"),
    state_dir: Path = Path("/var/lib/paper-watcher"),
    check: str = "*/30 * * * *",
) -> Plan:
    return plan(
        kind,
        executable=executable,
        config=config,
        state_dir=state_dir,
        home=Path("/home/ada"),
        uid=1000,
        check=check,
    )


def lines_of(plan: Plan) -> list[str]:
    return plan.files[0][1].splitlines()


@pytest.mark.parametrize(
    ("platform", "uid", "has_systemd", "kind"),
    [
        ("linux", 1000, True, "user"),
        ("linux", 0, True, "system"),
        ("linux", 0, False, "cron"),
        ("darwin", 501, False, "launchd"),
    ],
)
def test_the_default_suits_the_machine(
    platform: str, uid: int, has_systemd: bool, kind: Kind
) -> None:
    assert default_kind(platform=platform, uid=uid, has_systemd=has_systemd) == kind


def test_a_system_unit_keeps_the_whole_sandbox_and_its_user() -> None:
    system = planned("system")
    path, text = system.files[0]
    assert path == Path("/etc/systemd/system/watcher.service")
    lines = text.splitlines()
    assert (
        "ExecStart=/opt/paper-watcher/bin/watcher run --config /etc/paper-watcher/config.toml "
        "--state-dir /var/lib/paper-watcher" in lines
    )
    for line in (
        "User=paper-watcher",
        "ProtectSystem=strict",
        "StateDirectory=paper-watcher",
        "CacheDirectory=paper-watcher",
    ):
        assert line in lines
    assert system.files[1][0] == Path("/etc/sysusers.d/paper-watcher.conf")
    assert system.commands[0].argv == ("systemd-sysusers", "/etc/sysusers.d/paper-watcher.conf")
    assert [command.argv[1] for command in system.commands[-3:]] == [
        "daemon-reload",
        "enable",
        "restart",
    ]


def test_a_state_directory_elsewhere_is_opened_to_the_service() -> None:
    system = planned("system", state_dir=Path("/srv/my papers"))
    lines = lines_of(system)
    assert 'ReadWritePaths="/srv/my papers"' in lines
    assert not any(line.startswith("StateDirectory") for line in lines)
    assert "CacheDirectoryMode=0700" in lines
    assert any("/srv/my papers must belong to" in note for note in system.notes)


@pytest.mark.parametrize("hidden", ["/home/ada/x", "/root/.venv/bin/watcher", "/tmp/x"])
def test_what_the_sandbox_hides_is_refused(hidden: str) -> None:
    path = Path(hidden)
    refused = pytest.raises(ConfigError, match=f"{hidden} cannot be seen .* /opt/paper-watcher")
    with refused:
        planned("system", executable=path)
    with refused:
        planned("system", config=path)
    with refused:
        planned("system", state_dir=path)


def test_a_user_unit_asks_for_nothing_that_a_users_manager_cannot_do() -> None:
    user = planned("user", executable=Path("/home/ada/.local/bin/watcher"))
    path, _ = user.files[0]
    assert path == Path("/home/ada/.config/systemd/user/watcher.service")
    lines = lines_of(user)
    keys = {line.partition("=")[0] for line in lines}
    assert not keys & {
        "User",
        "Group",
        "StateDirectory",
        "CacheDirectory",
        "LoadCredential",
        "ProtectSystem",
        "PrivateTmp",
        "CapabilityBoundingSet",
        "After",
    }
    assert keys >= {"NoNewPrivileges", "SystemCallFilter", "WatchdogSec", "Restart"}
    assert "WantedBy=default.target" in lines
    assert user.commands[0].argv == ("loginctl", "enable-linger", "1000")


@pytest.mark.parametrize("kind", ["user", "system"])
def test_special_characters_of_units_are_written_so_that_they_mean_themselves(kind: Kind) -> None:
    lines = lines_of(
        planned(
            kind,
            executable=Path("/opt/a $b/50%/watcher"),
            config=Path('/etc/"my" $HOME\\x.toml'),
            state_dir=Path("/srv/100%"),
        )
    )
    assert (
        'ExecStart="/opt/a $b/50%%/watcher" run --config "/etc/\\"my\\" $$HOME\\\\x.toml" '
        "--state-dir /srv/100%%" in lines
    )


@pytest.mark.parametrize("kind", ["user", "system", "cron", "launchd"])
@pytest.mark.parametrize("name", ["/opt/a\nUser=root", "/opt/\x7f", "/opt/\udcff"])
def test_unprintable_paths_are_refused(kind: Kind, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be given a name like that"):
        planned(kind, config=Path(name))


def test_cron_runs_one_pass_with_everything_named() -> None:
    cron = planned("cron", config=Path("/home/ada/my 100%/config.toml"), check="5 * * * *")
    assert cron.files == ()
    assert cron.crontab.startswith("5 * * * * /opt/paper-watcher/bin/watcher check-now ")
    # A bare percent sign ends the command and starts its standard input.
    assert cron.crontab.count("%") == cron.crontab.count("\\%") == 1
    words = shlex.split(cron.crontab.replace("\\%", "%"))
    assert words[-4:] == [
        "--config",
        "/home/ada/my 100%/config.toml",
        "--state-dir",
        "/var/lib/paper-watcher",
    ]


@pytest.mark.parametrize("check", ["", "* * * *", "* * * * * *", "* * * *\n*"])
def test_cron_refuses_what_would_break_the_table(check: str) -> None:
    with pytest.raises(ConfigError, match="five fields"):
        planned("cron", check=check)


def test_launchd_starts_it_at_login_and_after_a_crash() -> None:
    agent = planned("launchd", executable=Path("/opt/a & b/watcher"))
    path, text = agent.files[0]
    assert path == Path("/home/ada/Library/LaunchAgents/org.paper-watcher.watcher.plist")
    body = plistlib.loads(text.encode())
    assert body["ProgramArguments"][:2] == ["/opt/a & b/watcher", "run"]
    assert body["KeepAlive"] == {"SuccessfulExit": False}
    assert agent.commands[-1].argv == ("launchctl", "bootstrap", "gui/1000", str(path))
