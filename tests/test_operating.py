"""What an operator has of a daemon at work: metrics, a dead man's switch, a log for machines."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.looking import Asker
from tests.fakesite import Fault, faults, make_paper
from tests.switch import Switch, dead_mans_switch
from tests.test_daemon import Service, service
from tests.test_metrics import free_port, metrics_at, scraped
from tests.world import DAILY, WEIGHTS, ZORBLAX, World

JSON_LOG = '[log]\nformat = "json"\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        running.now = dt.datetime.now(dt.UTC)
        running.fill(8)
        yield running


@pytest.fixture
def switch() -> Iterator[Switch]:
    with dead_mans_switch() as running:
        yield running


def pinging(switch: Switch) -> str:
    return f'[health]\nping_url = "{switch.url}/uuid-of-ours"\n'


@contextlib.contextmanager
def without_table(world: World, name: str) -> Iterator[None]:
    """Each pass breaks off meanwhile."""
    path = world.state_dir / "watcher.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
        other.execute(f"ALTER TABLE {name} RENAME TO away")
        try:
            yield
        finally:
            other.execute(f"ALTER TABLE away RENAME TO {name}")


def test_run_tells_prometheus_and_the_switch_how_its_passes_end(
    world: World, switch: Switch
) -> None:
    port = free_port()
    world.configure(pinging(switch), metrics_at(port), JSON_LOG, DAILY, WEIGHTS)
    with service(world) as running:
        assert switch.wait_for(1) == ["/uuid-of-ours"]
        assert scraped(port)['passes_total{result="well"}'] == 1
        world.site.faults["*"] = faults.server_error()
        running.process.send_signal(signal.SIGUSR1)
        running.wait_for("STATUS=next check")
        running.wait_for("STATUS=next check")
        assert scraped(port)['passes_total{result="trouble"}'] == 1
        del world.site.faults["*"]
        with without_table(world, "sources"):
            running.process.send_signal(signal.SIGUSR1)
            assert switch.wait_for(2)[1] == "/uuid-of-ours/fail"
        running.process.send_signal(signal.SIGUSR1)
        assert switch.wait_for(3)[2] == "/uuid-of-ours", "trouble that passes is not told"
        assert scraped(port)['passes_total{result="failed"}'] == 1
        assert running.stop() < 10
    said = [json.loads(line) for line in running.log().splitlines()]
    assert {"checked", "pass done", "stopping"} <= {line["event"] for line in said}
    assert "uuid-of-ours" not in running.log()


def test_a_switch_that_hangs_or_is_gone_changes_nothing(world: World, switch: Switch) -> None:
    switch.is_silent = True
    world.configure(pinging(switch), DAILY, WEIGHTS)
    with service(world) as running:
        switch.wait_for(1)
        running.process.send_signal(signal.SIGUSR1)
        switch.wait_for(2)
        assert running.stop() < 10
        assert running.process.returncode == 0
    assert "uuid-of-ours" not in running.log()


def test_check_now_tells_the_switch_too(world: World, switch: Switch) -> None:
    world.configure(pinging(switch), JSON_LOG, DAILY, WEIGHTS)
    ask = Asker(world)
    assert ask("check-now").code == 0
    assert switch.asked == ["/uuid-of-ours"]
    assert ask("check-now", "--dry-run").code == 0
    assert ask("check-now", "--source", "daily").code == 0
    assert ask("check-now", "--subscription", "weights").code == 0
    assert len(switch.asked) == 1, "only a whole pass counts"
    with without_table(world, "sources"):
        assert ask("check-now").code == 74
    assert switch.asked[1:] == ["/uuid-of-ours/fail"]
    world.site.faults["*"] = faults.server_error()
    assert ask("check-now").code == 1
    assert len(switch.asked) == 2


def test_a_check_that_is_ended_early_does_not_count_as_good(world: World, switch: Switch) -> None:
    asked = threading.Event()

    async def silent(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await writer.wait_closed()

    world.configure(pinging(switch), DAILY, WEIGHTS)
    world.site.faults["*"] = Fault(raw=silent)
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    command = [sys.executable, "-m", "watcher", "check-now", *place]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert asked.wait(60)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "stopped before it was through" in said
    assert switch.asked == []


def test_the_switch_hears_of_a_database_that_cannot_be_opened(world: World, switch: Switch) -> None:
    world.configure(pinging(switch), DAILY, WEIGHTS)
    ask = Asker(world)
    with service(world) as running:
        switch.wait_for(1)
        assert ask("check-now").code == 75
        assert len(switch.asked) == 1, "another one watches, and tells it"
        assert running.stop() < 10
    path = world.state_dir / "watcher.db"
    path.write_bytes(b"nonsense" * 1000)
    for command, count in (("check-now", 2), ("run", 3)):
        assert ask(command).code == 74
        assert switch.asked[1:] == ["/uuid-of-ours/fail"] * (count - 1)
    for other in (("--dry-run",), ("--source", "daily")):
        assert ask("check-now", *other).code == 74
    assert len(switch.asked) == 3
    path.unlink()
    assert ask("check-now").code == 74
    assert len(switch.asked) == 4


def test_a_database_that_is_taken_away_stops_all_mail_until_it_is_back(
    world: World, switch: Switch
) -> None:
    port = free_port()
    world.configure(pinging(switch), metrics_at(port), DAILY, WEIGHTS)
    path = world.state_dir / "watcher.db"
    with service(world) as running:
        switch.wait_for(1)
        assert scraped(port)["store_up"] == 1
        world.new_mails()
        away = path.rename(world.state_dir / "away.db")
        world.add(make_paper(1, world.now, title=ZORBLAX))
        running.process.send_signal(signal.SIGUSR1)
        assert switch.wait_for(2)[1] == "/uuid-of-ours/fail"
        assert scraped(port)["store_up"] == 0
        assert world.new_mails() == []
        away.rename(path)
        running.process.send_signal(signal.SIGUSR1)
        assert switch.wait_for(3)[2] == "/uuid-of-ours"
        assert scraped(port)["store_up"] == 1
        assert len(world.new_mails()) == 1
        assert running.stop() < 10
    assert "was moved or removed while it was in use" in running.log()


def test_a_broken_configuration_is_counted_until_it_is_mended(world: World) -> None:
    port = free_port()
    world.configure(metrics_at(port), DAILY, WEIGHTS)
    good = world.config_path.read_text()
    with service(world) as running:
        assert scraped(port)["config_broken_files"] == 0
        for text, count in ((f"{good}\nnonsense = [", 1), (good, 0)):
            world.config_path.write_text(text)
            running.process.send_signal(signal.SIGHUP)
            running.wait_for("RELOADING=1")
            running.wait_for("READY=1")
            assert scraped(port)["config_broken_files"] == count


def test_a_switch_that_is_gone_is_a_warning_without_its_url(world: World) -> None:
    with dead_mans_switch() as switch:
        pass
    world.configure(pinging(switch), JSON_LOG, DAILY, WEIGHTS)
    said = Asker(world)("check-now")
    assert said.code == 0
    [line] = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    assert line["event"] == "the dead man's switch was not reached"
    assert line["error"] == "nothing listens there"
    assert "uuid-of-ours" not in said.err


def test_warnings_of_the_configuration_are_events_of_such_a_log(world: World) -> None:
    world.configure(JSON_LOG, DAILY, '[dkim]\ndomain = "example.org"\n', WEIGHTS)
    said = Asker(world)("check-now")
    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    assert any("[dkim] domain is given without a key" in line["event"] for line in lines)
    assert "warning: " not in said.err


def test_a_full_disk_under_the_log_stops_no_mail(world: World) -> None:
    path = world.directory / "watcher.log"
    world.configure(f'[log]\nfile = "{path}"\n', DAILY, WEIGHTS)
    world.add(make_paper(99, world.now, title=ZORBLAX))
    with service(world) as running:
        world.smtp.wait_for(1)
        running.wait_for("STATUS=next check")
        full = 64 * 2**20  # far more than the database, so that only the log has no room
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (full, full))
        os.truncate(path, full)
        world.add(make_paper(98, world.now, title=ZORBLAX))
        running.process.send_signal(signal.SIGUSR1)
        assert len(world.smtp.wait_for(2)) == 2
        running.wait_for("STATUS=next check")
        assert path.stat().st_size == full
        os.truncate(path, 0)
        running.process.send_signal(signal.SIGUSR1)
        running.wait_for("STATUS=next check")
        assert running.stop() < 10
        assert running.process.returncode == 0
    heard = path.read_text().splitlines()
    assert "lines_lost=" in heard[0]
    assert any("pass done" in line for line in heard)
    assert running.log() == ""


def test_a_stderr_that_nobody_reads_stops_no_mail(world: World) -> None:
    world.add(make_paper(99, world.now, title=ZORBLAX))
    world.configure(DAILY, WEIGHTS)
    reader, writer = os.pipe()
    os.close(reader)
    with Service(world, stderr=writer) as running:
        os.close(writer)
        running.wait_for("READY=1")
        world.smtp.wait_for(1)
        running.wait_for("STATUS=next check")
        assert running.stop() < 10
        assert running.process.returncode == 0
