"""What is shipped: the wheel's content, and that it works away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from watcher import __version__
from watcher.resources import Name, resource

CHECKOUT = Path(__file__).parents[1]
NAMES: list[Name] = ["templates", "systemd", "config.example.toml"]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=CHECKOUT)
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel, and borrows all it depends on."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    site = Path(
        run(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home
        ).strip()
    )
    # A directory named in a .pth comes last, and the .pth files in it (the editable install's
    # among them) are not followed.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def files_below(directory: Path) -> set[str]:
    return {
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_all_that_is_needed_and_nothing_else(wheel: Path) -> None:
    held = {
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if not name.startswith(f"paper_watcher-{__version__}.dist-info/")
    }
    assert held == (
        {f"watcher/{name}" for name in files_below(CHECKOUT / "watcher")}
        | {f"watcher/_templates/{name}" for name in files_below(CHECKOUT / "templates")}
        | {f"watcher/_systemd/{name}" for name in files_below(CHECKOUT / "systemd")}
        | {"watcher/_config.example.toml"}
    )
    assert held >= {
        "watcher/py.typed",
        "watcher/rules/topics.toml",
        "watcher/store/migrations/env.py",
        "watcher/_templates/digest.html.j2",
        "watcher/_templates/digest.txt.j2",
        "watcher/_systemd/watcher.service",
    }


def test_a_wheel_built_from_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    hatchling = (sys.executable, "-m", "hatchling", "build")
    run(*hatchling, "-t", "sdist", "-d", tmp_path, cwd=CHECKOUT)
    (archive,) = tmp_path.iterdir()
    run(sys.executable, "-m", "tarfile", "-e", archive, tmp_path, cwd=tmp_path)
    source = tmp_path / f"paper_watcher-{__version__}"
    run(*hatchling, "-t", "wheel", "-d", tmp_path, cwd=source)
    (again,) = tmp_path.glob("*.whl")
    first, second = (
        {found.filename: found.CRC for found in zipfile.ZipFile(path).infolist()}
        for path in (wheel, again)
    )
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_python_is_found_from_a_checkout(name: Name) -> None:
    assert resource(name) == CHECKOUT / name
    assert resource(name).exists()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_python_is_found_when_installed(
    name: Name, installed: Path, tmp_path: Path
) -> None:
    code = f"from watcher.resources import resource; print(resource({name!r}))"
    found = Path(run(installed / "python", "-c", code, cwd=tmp_path).strip())
    assert found.is_relative_to(installed.parent)
    original = CHECKOUT / name
    if original.is_dir():
        assert files_below(found) == files_below(original)
    else:
        assert found.read_bytes() == original.read_bytes()


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_told_away_from_the_checkout(
    flag: str, installed: Path, tmp_path: Path
) -> None:
    told = f"watcher {__version__}\n"
    assert run(installed / "watcher", flag, cwd=tmp_path) == told
    assert run(installed / "python", "-m", "watcher", flag, cwd=tmp_path) == told


def test_the_version_costs_no_imports(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv[1:] = ['--version']\n"
        "before = set(sys.modules)\n"
        "from watcher.__main__ import main; main()\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    _, modules = run(sys.executable, "-c", code, cwd=tmp_path).splitlines()
    assert set(modules.split()) <= {"__future__", "gc", "watcher", "watcher.__main__"}
