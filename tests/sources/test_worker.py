from __future__ import annotations

import json
import signal
import subprocess
import sys

import msgspec

from tests.sources.reading import HUB, NOW, answer, record, sample
from watcher.models import Page
from watcher.sources.worker import PREFIX_BYTES, Answer, Job


def work(*pages: Page, cpu_seconds: float = 20) -> subprocess.CompletedProcess[bytes]:
    messages = []
    for page in pages:
        job = Job("daily", "daily", "", HUB, page, NOW, cpu_seconds, 1_000_000_000)
        coded = msgspec.msgpack.encode(job)
        messages += [len(coded).to_bytes(PREFIX_BYTES, "big"), coded]
    return subprocess.run(
        [sys.executable, "-c", "from watcher.sources.worker import main; main()"],
        input=b"".join(messages),
        capture_output=True,
        check=False,
    )


def answers(output: bytes) -> list[Answer]:
    """What it said, message by message."""
    found = []
    while output:
        size = int.from_bytes(output[:PREFIX_BYTES], "big")
        coded, output = output[PREFIX_BYTES:][:size], output[PREFIX_BYTES:][size:]
        found.append(msgspec.msgpack.decode(coded, type=Answer))
    return found


def test_each_job_is_answered_with_a_listing() -> None:
    done = work(
        answer(sample("daily.html")), answer(b"{}", form="api"), answer(sample("daily.html"))
    )
    first, none, last = answers(done.stdout)
    assert done.returncode == 0
    assert first.listing is not None
    assert len(first.listing.papers) == 3
    assert none.listing is None
    assert last == first


def test_an_answer_that_would_fill_the_memory_of_who_asked_is_none() -> None:
    listed = [record(id=f"2512.{n:05}", summary="word " * 4_000) for n in range(200)]
    done = work(answer(json.dumps(listed), path="/api/daily_papers", form="api"))
    [found] = answers(done.stdout)
    assert found.listing is None
    assert found.error is not None
    assert "cannot be read: what it says of its papers takes more than 3000000 bytes" in found.error


def test_a_page_without_end_is_ended_by_the_system_when_nobody_waits_any_more() -> None:
    """Each page has its own time: those before it took more than it gets."""
    slow = answer(b"<div>" * 8_000)
    done = work(*[slow] * 10, answer(b"<div>" * 200_000), cpu_seconds=0)
    assert done.returncode in {-signal.SIGXCPU, -signal.SIGKILL}
    assert len(answers(done.stdout)) == 10
