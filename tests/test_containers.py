"""The files for containers, held against the program: no container is started here."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

from watcher.cli import app as cli
from watcher.cli.running import ROLES
from watcher.settings import load
from watcher.settings.places import SYSTEM_CONFIG, find_state_dir

CHECKOUT = Path(__file__).parents[1]
HERE = CHECKOUT / "containers"
COMPOSE = yaml.safe_load((HERE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = ("migrate", "clock", "worker")


def steps() -> Iterator[tuple[str, str]]:
    """The instructions of the Containerfile and their arguments, each on a line of its own."""
    text = (HERE / "Containerfile").read_text(encoding="utf-8")
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def environment() -> dict[str, str]:
    """The variables of the image."""
    return dict(
        each.partition("=")[::2]
        for word, rest in steps()
        if word == "ENV"
        for each in shlex.split(rest)
    )


def see_command(arguments: list[str]) -> None:
    """Have the program take its arguments, and do nothing."""
    group = typer.main.get_command(cli)
    name, rest = arguments[0], arguments[1:]
    with group.make_context("watcher", [name, *rest]) as context:
        command = getattr(group, "get_command")(context, name)  # noqa: B009  # a click.Group's
        assert command is not None, name
        command.make_context(name, rest, parent=context).close()


@pytest.mark.parametrize("name", OURS)
def test_every_service_of_ours_runs_a_command_that_there_is(name: str) -> None:
    see_command(SERVICES[name]["command"])
    with pytest.raises(Exception, match=r"No such option|is none of|invalid|Invalid"):
        see_command([*SERVICES[name]["command"], "--no-such-option"])
    if "--role" in SERVICES[name]["command"]:
        assert SERVICES[name]["command"][-1] in ROLES


def test_the_health_check_is_a_command_that_there_is() -> None:
    kind, program, *arguments = SERVICES["clock"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "watcher")
    see_command(arguments)


@pytest.mark.parametrize("name", OURS)
def test_the_program_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert "ports" not in service
    assert service["volumes"] == [f"./config:{SYSTEM_CONFIG.parent}:ro"]
    [user] = (rest for word, rest in steps() if word == "USER")
    assert not {"0", "root"} & set(user.split(":"))


def test_replicas_start_on_a_database_that_was_migrated() -> None:
    for name in ("clock", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }
        assert SERVICES[name]["restart"] == "always"
    assert "restart" not in SERVICES["migrate"]
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


def test_secrets_are_files_that_the_program_reads(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    given = {"store_url": "postgresql://watcher:word@database/papers", "smtp_password": "secret"}
    for name in SERVICES["worker"]["secrets"]:
        (folder / name).write_text(given[name] + "\n")
    (tmp_path / "config.toml").write_text(
        '[mail]\nfrom = "a@example.org"\n[smtp]\nhost = "mail.example.org"\nusername = "papers"\n'
        '[[subscriptions]]\nto = "ada@example.org"\n'
    )
    environ = environment() | {"CREDENTIALS_DIRECTORY": str(folder)}
    config = load(tmp_path / "config.toml", state_dir=tmp_path, environ=environ)
    assert config.store_url == given["store_url"]
    assert config.settings.smtp.password.get_secret_value() == given["smtp_password"]
    assert not config.warnings
    assert set(given) == set(SERVICES["clock"]["secrets"])
    for name in (*given, "database_password"):
        assert COMPOSE["secrets"][name] == {"file": f"./secrets/{name}"}


def test_what_is_written_goes_where_something_can_be_written() -> None:
    image = environment()
    state = find_state_dir(None, image, SYSTEM_CONFIG)
    writable = [each.partition(":")[0] for each in SERVICES["worker"]["tmpfs"]]
    assert any(state.is_relative_to(each) for each in writable)
    assert image["CREDENTIALS_DIRECTORY"] == "/run/secrets"
    server = SERVICES["database"]
    assert server["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/database_password"
    assert server["secrets"] == ["database_password"]


def test_the_image_has_all_that_the_program_is_made_of(tmp_path: Path) -> None:
    copied = [
        shlex.split(rest) for word, rest in steps() if word == "COPY" and "--from" not in rest
    ]
    for *sources, target in copied:
        for source in sources:
            place = tmp_path / target / (source if len(sources) > 1 else "")
            if (CHECKOUT / source).is_dir():
                shutil.copytree(CHECKOUT / source, place, dirs_exist_ok=True)
            else:
                shutil.copy2(CHECKOUT / source, place)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "made"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [wheel] = (tmp_path / "made").iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    assert {"watcher/_templates/digest.html.j2", "watcher/_systemd/watcher@.service"} <= set(names)
    [extras] = re.findall(
        r"install --no-cache-dir '\.\[([a-z,]+)\]'", " ".join(r for _, r in steps())
    )
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
