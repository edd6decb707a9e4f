"""What Prometheus is given, and that nobody else is."""

from __future__ import annotations

import datetime as dt
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.looking import fill
from tests.fakesite import faults
from tests.world import DAILY, TRENDING, WEIGHTS, World
from watcher.counting import Counting
from watcher.engine import Result
from watcher.metrics import serving

Samples = dict[str, float]
"""Values by `name{label="value"}`, without the prefix that all names have."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        fill(running, 1)
        yield running


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def metrics_at(port: int) -> str:
    return f'[metrics]\nlisten = "127.0.0.1:{port}"\n'


def scraped(port: int) -> Samples:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as response:
        text = response.read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = sample.name.removeprefix("paper_watcher_")
            found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


@contextmanager
def served(world: World, counting: Counting) -> Iterator[int]:
    port = free_port()
    world.configure(metrics_at(port), DAILY, TRENDING, WEIGHTS)
    config = world.config()
    with serving(lambda: config, counting):
        yield port


async def test_a_database_that_cannot_be_read_is_told(world: World) -> None:
    world.state_dir.mkdir()
    (world.state_dir / "watcher.db").write_bytes(b"no database at all\n" * 100)
    with served(world, Counting()) as port:
        found = scraped(port)
    assert found["store_up"] == 0
    assert found['build_info{version="0.1.0"}'] == 1
    assert "papers_total" not in found


async def test_a_good_pass(world: World) -> None:
    counting = Counting()
    world.configure(DAILY, TRENDING, WEIGHTS)
    result = await world.run_pass()
    counting.note_pass(result, world.now, 1.5)
    with served(world, counting) as port:
        found = scraped(port)
    now = world.now.timestamp()
    assert found["store_up"] == 1
    assert found["papers_total"] == 10
    assert found['checks_total{outcome="ok",source="daily"}'] == 1
    assert found['source_last_check_timestamp_seconds{source="daily"}'] == now
    assert found['source_last_good_timestamp_seconds{source="trending"}'] == now
    assert found['source_outcome{outcome="ok",source="daily"}'] == 1
    assert found['source_outcome{outcome="blocked",source="daily"}'] == 0
    assert found['matches{state="composed"}'] == 1
    assert found['matches{state="pending"}'] == 0
    assert found["digests_total"] == 1
    assert found["last_digest_timestamp_seconds"] == now
    assert found['deliveries{state="delivered"}'] == 1
    assert found['deliveries{state="queued"}'] == 0
    assert "outbox_oldest_timestamp_seconds" not in found
    assert "mail_stuck_timestamp_seconds" not in found
    assert found["mail_session_failures_total"] == 0
    assert found['passes_total{result="well"}'] == 1
    assert found["last_pass_duration_seconds"] == 1.5
    assert found["last_pass_timestamp_seconds"] == now
    assert found["config_broken_files"] == 0
    assert found["paused_recipients"] == 0
    assert found["process_open_fds"] > 0


async def test_a_site_that_fails_and_mail_that_is_stuck(world: World) -> None:
    counting = Counting()
    world.site.faults["/papers/trending"] = faults.challenge()
    world.smtp.fail("connect", "421 4.3.2 not now")
    world.configure(DAILY, TRENDING, WEIGHTS)
    began = world.now
    counting.note_pass(await world.run_pass(), world.now, 1)
    world.later(hours=2)
    counting.note_pass(await world.run_pass(), world.now, 1)
    counting.note_pass(None, world.now, 2)
    counting.note_slots(Result(mail_error="421"))
    counting.is_change_refused = True
    with served(world, counting) as port:
        found = scraped(port)
    assert found['checks_total{outcome="blocked",source="trending"}'] == 2
    assert found['source_outcome{outcome="blocked",source="trending"}'] == 1
    assert found["config_broken_files"] == 1
    assert found['source_last_good_timestamp_seconds{source="trending"}'] == 0
    assert found["mail_stuck_timestamp_seconds"] == began.timestamp()
    assert found['matches{state="pending"}'] == 1
    assert found['passes_total{result="trouble"}'] == 2
    assert found['passes_total{result="failed"}'] == 1
    assert found["mail_session_failures_total"] == 3


async def test_a_mail_that_waits(world: World) -> None:
    world.smtp.fail("rcpt", "451 4.7.1 greylisted")
    world.configure(DAILY, TRENDING, WEIGHTS)
    await world.run_pass()
    with served(world, Counting()) as port:
        found = scraped(port)
    assert found['deliveries{state="queued"}'] == 1
    assert found["outbox_oldest_timestamp_seconds"] == world.now.timestamp()


async def test_a_look_waits_for_no_writer(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    async with world.engine() as engine:
        await engine.run_pass()
        with engine.context.database.write(), served(world, Counting()) as port:
            assert scraped(port)["papers_total"] == 10


async def test_postgresql_is_looked_at_the_same_way(tmp_path: Path, postgres_url: str) -> None:
    with World(tmp_path, store=postgres_url) as world:
        fill(world, 1)
        world.configure(DAILY, WEIGHTS)
        async with world.engine() as engine:
            await engine.run_pass()
            with served(world, Counting()) as port:
                assert scraped(port)["papers_total"] == 10


async def test_a_port_that_is_taken_is_logged_and_stops_nothing(world: World) -> None:
    port = free_port()
    world.configure(metrics_at(port), DAILY, WEIGHTS)
    await world.run_pass()
    config = world.config()
    with (
        socket.create_server(("127.0.0.1", port)),
        structlog.testing.capture_logs() as said,
        serving(lambda: config, Counting()),
    ):
        pass
    [line] = said
    assert (line["event"], line["listen"]) == ("no metrics", f"127.0.0.1:{port}")


async def test_nobody_answers_afterwards(world: World) -> None:
    world.configure(DAILY, WEIGHTS)
    await world.run_pass()
    with served(world, Counting()) as port:
        assert scraped(port)
    with pytest.raises(urllib.error.URLError):
        scraped(port)


async def test_an_address_of_the_new_kind(world: World) -> None:
    world.configure(f'[metrics]\nlisten = "[::1]:{free_port()}"\n', DAILY, WEIGHTS)
    await world.run_pass()
    config = world.config()
    host, port = config.settings.metrics.address
    assert host == "::1"
    with serving(lambda: config, Counting()):
        socket.create_connection((host, port), timeout=20).close()


def test_a_clock_put_back_is_no_trouble() -> None:
    counting = Counting()
    counting.note_pass(Result(), dt.datetime(2026, 1, 2, tzinfo=dt.UTC), 1)
    counting.note_pass(Result(), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 1)
    assert counting.last_pass_at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
