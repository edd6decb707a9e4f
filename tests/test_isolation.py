from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.fakesite import make_day
from tests.fakesite.site import Site
from watcher.errors import ParseError
from watcher.isolation import parse_isolated
from watcher.models import Listing, Page, PageRequest
from watcher.settings import SourceSettings
from watcher.sources import make_source

HUB = "https://huggingface.co"
NOW = dt.datetime(2026, 2, 19, 23, tzinfo=dt.UTC)
TRENDING = SourceSettings(name="trending", page="trending")
DEEP = b"<div>" * 200_000


def page(body: bytes) -> Page:
    url = f"{HUB}/papers/trending"
    return Page(PageRequest("trending", url), url, 200, body, NOW)


def trending() -> bytes:
    site = Site(HUB, NOW, list(make_day(NOW.date(), 20)))
    return site.answer("/papers/trending", "").body


async def isolated(body: bytes, seconds: float = 20) -> Listing:
    return await parse_isolated(TRENDING, HUB, page(body), NOW, timeout=seconds)


class Child:
    """The reading process of a test: says when it has started, and what it was given."""

    def __init__(self, directory: Path) -> None:
        self._started, self._environment = directory / "started", directory / "environment"
        os.mkfifo(self._started)
        self.python = directory / "python"
        self.python.write_text(
            f'#!/bin/sh\nenv >"{self._environment}"\necho $$ >"{self._started}"\n'
            f'exec "{sys.executable}" "$@"\n'
        )
        self.python.chmod(0o700)

    async def pid(self) -> int:
        """Its process id, once it runs."""
        return int(await asyncio.to_thread(self._started.read_text))

    def environment(self) -> str:
        """The environment it was started with."""
        return self._environment.read_text()


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """The process that reads pages in this test."""
    started = Child(tmp_path)
    monkeypatch.setattr(sys, "executable", str(started.python))
    return started


def assert_gone(pid: int) -> None:
    """The process is dead and reaped."""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_page_reads_the_same_in_a_process_of_its_own() -> None:
    body = trending()
    listing = await isolated(body)
    assert listing == make_source(TRENDING, HUB).parse(page(body), NOW)
    assert len(listing.papers) == 20


async def test_a_megabyte_of_nested_elements_is_given_up(child: Child) -> None:
    reading = asyncio.create_task(isolated(DEEP, seconds=0.5))
    pid = await child.pid()
    with pytest.raises(ParseError, match=r"nested too deeply or too large: .* 0\.5 s") as raised:
        await reading
    assert (raised.value.source, raised.value.url) == ("trending", f"{HUB}/papers/trending")
    assert_gone(pid)


async def test_a_page_that_takes_too_much_memory_is_given_up() -> None:
    body = b'<article><h3><a href="/papers/2512.00001">T</a></h3>' + b"<p>w</p>" * 800_000
    with pytest.raises(ParseError, match="cannot be read"):
        await isolated(body)


async def test_an_error_of_the_parser_comes_back_as_it_was() -> None:
    url = f"{HUB}/api/daily_papers"
    answer = Page(PageRequest("trending", url, "api"), url, 200, b'{"error": "no"}', NOW)
    with pytest.raises(ParseError, match="answers with an error: no") as raised:
        await parse_isolated(TRENDING, HUB, answer, NOW)
    assert raised.value.url == url


async def test_cancelling_ends_the_process(child: Child) -> None:
    reading = asyncio.create_task(isolated(DEEP))
    pid = await child.pid()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert_gone(pid)


async def test_a_process_that_is_killed_is_a_page_that_was_not_read(child: Child) -> None:
    reading = asyncio.create_task(isolated(DEEP))
    os.kill(await child.pid(), signal.SIGKILL)
    with pytest.raises(ParseError, match="ended with -9"):
        await reading


async def test_a_process_that_answers_nonsense_is_a_page_that_was_not_read(child: Child) -> None:
    child.python.write_text("#!/bin/sh\ncat >/dev/null; echo nonsense\n")
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
    package = tmp_path / "watcher" / "sources"
    package.mkdir(parents=True)
    (package / "worker.py").write_text("def main(): raise SystemExit('found on the path')")
    for directory in (package, package.parent):
        (directory / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ParseError, match="found on the path"):
        await isolated(trending())
