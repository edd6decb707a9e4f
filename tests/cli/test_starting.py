"""What commands do not import: it would be most of the time they take."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.world import DAILY, WEIGHTS, World

TOLD = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, sep="\\n", file=sys.stderr))
from watcher.__main__ import main
main()
"""

OF_AN_ENGINE = {"aiosmtplib", "apscheduler", "httpx", "jinja2", "numpy", "watcher.engine"}


def imported(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", TOLD, *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    return set(done.stderr.splitlines())


@pytest.mark.untraced
@pytest.mark.parametrize(
    "command", [("subscriptions", "pause", "weights"), ("subscriptions", "export"), ("migrate",)]
)
async def test_what_does_no_work_needs_no_engine(world: World, command: tuple[str, ...]) -> None:
    world.configure(DAILY, WEIGHTS)
    await world.run_pass()
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    modules = imported(*command, *place)
    assert "sqlalchemy" in modules
    assert not modules & OF_AN_ENGINE


@pytest.mark.untraced
def test_help_needs_no_database_either() -> None:
    assert not imported("--help") & {*OF_AN_ENGINE, "sqlalchemy"}
