from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import watcher
from watcher.digest.templating import render, templates_dir
from watcher.errors import RenderError


def test_the_templates_are_found() -> None:
    names = {path.name for path in templates_dir().iterdir()}
    assert {"digest.html.j2", "digest.txt.j2", "notice.html.j2", "notice.txt.j2"} <= names


def test_nothing_in_the_templates_is_loaded_from_elsewhere() -> None:
    for path in templates_dir().glob("*.*"):
        source = path.read_text(encoding="utf-8").lower()
        assert not any(word in source for word in ("src=", "url(", "@import", "<link", "<script"))


@pytest.mark.parametrize("name", ["digest.html.j2", "no-such.html.j2"])
def test_what_cannot_be_rendered_names_the_template(name: str) -> None:
    with pytest.raises(RenderError, match=name):
        render(name, {})


@pytest.mark.parametrize("place", ["watcher/_templates", "templates"])
def test_templates_lie_in_the_installed_package_or_beside_a_checkout(
    place: str, tmp_path: Path
) -> None:
    package = Path(watcher.__file__).parent
    shutil.copytree(package, tmp_path / "watcher", ignore=shutil.ignore_patterns("_*", "*.pyc"))
    for module in package.rglob("__init__.py"):
        shutil.copy(module, tmp_path / "watcher" / module.relative_to(package))
    shutil.copytree(templates_dir(), tmp_path / place)
    program = (
        "from watcher.digest import ConfigBroken, render_notice\n"
        "from watcher.digest.templating import templates_dir\n"
        "print(templates_dir())\n"
        "print(render_notice(ConfigBroken(('x',))).subject)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert told == [str(tmp_path / place), "paper-watcher: the configuration has mistakes"]
