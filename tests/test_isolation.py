from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests import world
from tests.fakesite import make_day
from tests.fakesite.site import Site
from tests.world import World
from watcher.cli.gathering import gather
from watcher.errors import ParseError
from watcher.isolation import Reader
from watcher.models import Listing, Page, PageRequest
from watcher.settings import SourceSettings
from watcher.sources import make_source
from watcher.sources.worker import Answer

HUB = "https://huggingface.co"
NOW = dt.datetime(2026, 2, 19, 23, tzinfo=dt.UTC)
TRENDING = SourceSettings(name="trending", page="trending")
DEEP = b"<div>" * 200_000
CROWD = b'<article><h3><a href="/papers/2512.00001">T</a></h3>' + b"<p>w</p>" * 800_000

READ_AND_WAIT = """
import asyncio, datetime, sys
from watcher.isolation import Reader
from watcher.models import Page, PageRequest
from watcher.settings import SourceSettings

async def main():
    now, url = datetime.datetime.now(datetime.UTC), "https://huggingface.co/papers/trending"
    source, sys.executable = SourceSettings(name="trending", page="trending"), sys.argv[1]
    async with Reader() as reader:
        page = Page(PageRequest("trending", url), url, 200, b"", now)
        await reader.read(source, "https://huggingface.co", page, now)
        print("read", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""

WEARING_OUT = """
import sys

def main():
    for answer in {answers!r}:
        sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(8), "big"))
        sys.stdout.buffer.write(len(answer).to_bytes(8, "big") + answer)
        sys.stdout.buffer.flush()
"""


def page(body: bytes) -> Page:
    url = f"{HUB}/papers/trending"
    return Page(PageRequest("trending", url), url, 200, body, NOW)


def trending(below: bytes = b"", *, without_json: bool = False) -> bytes:
    site = Site(HUB, NOW, list(make_day(NOW.date(), 20)))
    site.without_json = without_json
    return site.answer("/papers/trending", "").body + below


async def isolated(body: bytes, seconds: float = 20, reader: Reader | None = None) -> Listing:
    chosen = reader or Reader()
    return await chosen.read(TRENDING, HUB, page(body), NOW, timeout=seconds)


class Child:
    """The reading process of a test: says when it has started, and what it was given."""

    def __init__(self, directory: Path) -> None:
        self._pids, self._environment = directory / "pids", directory / "environment"
        started = directory / "started"
        os.mkfifo(started)
        # Open at both ends: nobody who writes there has to wait.
        self._started = os.fdopen(os.open(started, os.O_RDWR), buffering=1)
        self.python = directory / "python"
        self.python.write_text(
            f'#!/bin/sh\nenv >"{self._environment}"\necho $$ >>"{self._pids}"\n'
            f'echo $$ >"{started}"\nexec "{sys.executable}" "$@"\n'
        )
        self.python.chmod(0o700)

    async def pid(self) -> int:
        """The process id of the next one, once it runs."""
        return int(await asyncio.to_thread(self._started.readline))

    def pids(self) -> list[int]:
        """Those of all that have been started."""
        return [int(line) for line in self._pids.read_text().split()]

    def environment(self) -> str:
        """The environment it was started with."""
        return self._environment.read_text()

    def close(self) -> None:
        """Nobody asks any more."""
        self._started.close()


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """The process that reads pages in this test."""
    started = Child(tmp_path)
    monkeypatch.setattr(sys, "executable", str(started.python))
    yield started
    started.close()


def put_worker(directory: Path, program: str) -> None:
    """What the process runs where that directory is first on its path."""
    package = directory / "watcher" / "sources"
    package.mkdir(parents=True)
    (package / "worker.py").write_text(program)
    for parent in (package, package.parent):
        (parent / "__init__.py").touch()


def assert_gone(pid: int) -> None:
    """The process is dead and reaped."""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_page_reads_the_same_in_a_process_of_its_own(child: Child) -> None:
    body = trending()
    listing = await isolated(body)
    assert listing == make_source(TRENDING, HUB).parse(page(body), NOW)
    assert len(listing.papers) == 20
    [pid] = child.pids()
    assert_gone(pid)


async def test_one_process_reads_page_after_page(child: Child) -> None:
    async with Reader() as reader:
        async with reader:
            listings = [await isolated(trending(), reader=reader) for _ in range(2)]
        listings += await asyncio.gather(*(isolated(trending(), reader=reader) for _ in range(2)))
        [pid] = child.pids()
        os.kill(pid, 0)
    assert all(len(listing.papers) == 20 for listing in listings)
    assert child.pids() == [pid]
    assert_gone(pid)


async def test_a_page_that_failed_shares_its_process_with_no_later_one(child: Child) -> None:
    async with Reader() as reader:
        with pytest.raises(ParseError, match="the HTML parser gave up on it"):
            await isolated(b"<b>" * 600_000, reader=reader)
        [pid] = child.pids()
        assert_gone(pid)
        await isolated(trending(), reader=reader)
    assert len(child.pids()) == 2


async def test_a_large_page_has_a_process_to_itself(child: Child) -> None:
    async with Reader() as reader:
        for below in (b"", b"x" * 2_000_000, b""):
            assert len((await isolated(trending(below), reader=reader)).papers) == 20
    assert len(child.pids()) == 3


@pytest.mark.parametrize(
    ("poison", "seconds"),
    [
        (DEEP, 0.5),
        (CROWD, 20),
        (trending(b"<p>w</p>" * 230_000, without_json=True), 20),
        (trending().replace(b"2602.", b"2601."), 20),
        (
            b'<div data-target="DailyPapers" data-props="{&quot;dailyPapers&quot;:' + b"[" * 90_000,
            20,
        ),
    ],
    ids=["deep", "large", "elements", "the same papers", "nested JSON"],
)
async def test_a_page_changes_nothing_of_what_the_next_one_says(
    poison: bytes, seconds: float
) -> None:
    good = trending(without_json=True)
    async with Reader() as reader:
        await isolated(trending(), reader=reader)
        with contextlib.suppress(ParseError):
            await isolated(poison, seconds, reader)
        shown = await isolated(good, reader=reader)
    assert shown == make_source(TRENDING, HUB).parse(page(good), NOW)


async def test_a_megabyte_of_nested_elements_is_given_up(child: Child) -> None:
    reading = asyncio.create_task(isolated(DEEP, seconds=0.5))
    pid = await child.pid()
    with pytest.raises(ParseError, match=r"nested too deeply or too large: .* 0\.5 s") as raised:
        await reading
    assert (raised.value.source, raised.value.url) == ("trending", f"{HUB}/papers/trending")
    assert_gone(pid)


async def test_a_page_that_takes_too_much_memory_is_given_up() -> None:
    with pytest.raises(ParseError, match="cannot be read"):
        await isolated(CROWD)


async def test_an_error_of_the_parser_comes_back_as_it_was() -> None:
    url = f"{HUB}/api/daily_papers"
    answer = Page(PageRequest("trending", url, "api"), url, 200, b'{"error": "no"}', NOW)
    with pytest.raises(ParseError, match="answers with an error: no") as raised:
        await Reader().read(TRENDING, HUB, answer, NOW)
    assert raised.value.url == url


async def test_cancelling_ends_the_process(child: Child) -> None:
    async with Reader() as reader:
        reading = asyncio.create_task(isolated(DEEP, reader=reader))
        pid = await child.pid()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert_gone(pid)
        assert len((await isolated(trending(), reader=reader)).papers) == 20


async def test_a_process_that_is_killed_is_a_page_that_was_not_read(child: Child) -> None:
    reading = asyncio.create_task(isolated(DEEP))
    os.kill(await child.pid(), signal.SIGKILL)
    with pytest.raises(ParseError, match="ended with -9"):
        await reading


async def test_a_process_that_was_killed_between_two_pages_is_replaced(child: Child) -> None:
    async with Reader() as reader:
        await isolated(trending(), reader=reader)
        os.kill(await child.pid(), signal.SIGKILL)
        assert len((await isolated(trending(), reader=reader)).papers) == 20
    assert len(child.pids()) == 2


async def test_what_a_process_cannot_read_any_more_another_one_reads(
    child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answer(listing=await isolated(trending())), Answer(error="worn out")
    put_worker(tmp_path, WEARING_OUT.format(answers=[*map(msgspec.msgpack.encode, answers)]))
    monkeypatch.syspath_prepend(tmp_path)
    async with Reader() as reader:
        for _ in range(2):
            assert len((await isolated(trending(), reader=reader)).papers) == 20
    assert len(child.pids()) == 1 + 2


def test_the_process_ends_when_the_program_is_killed(tmp_path: Path) -> None:
    child = Child(tmp_path)
    command = [sys.executable, "-c", READ_AND_WAIT, str(child.python)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout
        assert program.stdout.readline() == b"read\n"
        [pid] = child.pids()
        reading = os.pidfd_open(pid)
        program.kill()
    child.close()
    ended, _, _ = select.select([reading], [], [], 30)
    os.close(reading)
    assert ended


def test_a_pass_reads_all_its_pages_in_one_process(child: Child, tmp_path: Path) -> None:
    with World(tmp_path / "world") as running:
        running.make_reader = Reader
        running.fill()
        running.configure(world.TRENDING, world.DAILY, world.WEIGHTS)
        assert len(asyncio.run(running.run_pass()).sources) == 2
    [pid] = child.pids()
    assert_gone(pid)


def test_pages_of_past_days_are_read_in_one_process(child: Child, tmp_path: Path) -> None:
    with World(tmp_path / "world") as running:
        running.fill()
        running.configure(world.DAILY, world.WEIGHTS)
        gathered = gather(running.config(), 7, running.now, is_fetching=True, is_quiet=True)
    assert gathered.fetched
    assert gathered.fetched.page_count == 5
    [pid] = child.pids()
    assert_gone(pid)


async def test_a_process_that_answers_nonsense_is_a_page_that_was_not_read(child: Child) -> None:
    child.python.write_text("#!/bin/sh\necho nonsense; exec sleep 60\n")
    with pytest.raises(ParseError, match="garbled"):
        await isolated(b"")


async def test_no_secret_reaches_the_process(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHER_SMTP__PASSWORD", "secret")
    monkeypatch.setenv("PYTHONSTARTUP", "secret")
    monkeypatch.setenv("DYLD_RUN", "kept")
    reading = asyncio.create_task(isolated(trending()))
    await child.pid()
    await reading
    assert "secret" not in child.environment()
    assert "DYLD_RUN=kept" in child.environment()
    assert "LC_ALL=C\n" in child.environment(), "a large file of locales counts as its memory"


async def test_modules_in_the_working_directory_are_not_the_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("msgspec", "resource", "selectolax"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert len((await isolated(trending())).papers) == 20


async def test_the_process_finds_its_modules_where_this_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_worker(tmp_path, "def main(): raise SystemExit('found on the path')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ParseError, match="found on the path"):
        await isolated(trending())
