from __future__ import annotations

import json
import signal
import subprocess
import sys

import msgspec

from tests.sources.reading import HUB, NOW, answer, record, sample
from watcher.models import Page
from watcher.sources.worker import Answer, Job


def work(page: Page, cpu_seconds: float) -> subprocess.CompletedProcess[bytes]:
    job = Job("daily", "daily", "", HUB, page, NOW, cpu_seconds, 1_000_000_000)
    return subprocess.run(
        [sys.executable, "-c", "from watcher.sources.worker import main; main()"],
        input=msgspec.msgpack.encode(job),
        capture_output=True,
        check=False,
    )


def test_a_job_is_answered_with_a_listing() -> None:
    done = work(answer(sample("daily.html")), 20)
    found = msgspec.msgpack.decode(done.stdout, type=Answer)
    assert done.returncode == 0
    assert found.listing is not None
    assert len(found.listing.papers) == 3


def test_an_answer_that_would_fill_the_memory_of_who_asked_is_none() -> None:
    listed = [record(id=f"2512.{n:05}", summary="word " * 4_000) for n in range(200)]
    done = work(answer(json.dumps(listed), path="/api/daily_papers", form="api"), 20)
    found = msgspec.msgpack.decode(done.stdout, type=Answer)
    assert found.listing is None
    assert found.error is not None
    assert "cannot be read: what it says of its papers takes more than 3000000 bytes" in found.error


def test_a_page_without_end_is_ended_by_the_system_when_nobody_waits_any_more() -> None:
    assert work(answer(b"<div>" * 200_000), 0).returncode in {-signal.SIGXCPU, -signal.SIGKILL}
