"""Reads pages in a process of their own.

A page of deeply nested elements holds the HTML parser up for minutes, within one call that no
thread can interrupt, and one of many small ones becomes forty times its size in memory. A process
can be killed, and bounded. Starting one takes longer than reading most pages: one that does well
is kept for the next page.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from typing import Self

import msgspec

from watcher.errors import ParseError
from watcher.models import Listing, Page
from watcher.settings import SourceSettings
from watcher.sources.worker import LONGEST_ANSWER, PREFIX_BYTES, Answer, Job

_BOOT = """
import gc, sys
gc.disable()
sys.path[:] = sys.argv[1:]
from watcher.sources.worker import main
gc.freeze()
gc.enable()
main()
"""
"""The worker finds its modules where this process found them, whatever the directory holds.

Among modules there is no garbage, and to look for it takes a good part of the start.
"""

MEMORY_BYTES = 140_000_000
"""Of address space; a page of 15 MB with 900 papers takes 80,000,000."""

LARGE_BYTES = 2_000_000
"""A larger page has a process to itself, for all the memory there is."""

_PIECE = 65_536

_KEPT = ("PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")
_KEPT_PREFIX = "DYLD_"


class _NoAnswerError(Exception):
    """The process gave none; says why."""


class Reader:
    """Reads one page after the other.

    The process starts with the first page. Within `async with`, which may be nested, it stays for
    the next one; otherwise it ends with its page, as it does after one that is large or failed.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._holders = 0
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        self._holders += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._holders -= 1
        if not self._holders:
            await self._end()

    async def read(
        self,
        source: SourceSettings,
        base_url: str,
        page: Page,
        now: dt.datetime,
        *,
        timeout: float = 20.0,  # noqa: ASYNC109  # its end is an error of the page's, not of the caller's
    ) -> Listing:
        """The listing of a page, as the source's own `parse` reads it.

        Raises ParseError also when the page takes longer than `timeout` seconds or more than
        MEMORY_BYTES to read. Cancelling ends the process.
        """
        job = Job(
            name=source.name,
            page_kind=source.page,
            query=source.query,
            base_url=base_url,
            page=page,
            now=now,
            cpu_seconds=timeout,
            memory_bytes=MEMORY_BYTES,
        )
        is_large = len(page.body) > LARGE_BYTES
        is_done_well = False
        async with self._turn:
            try:
                async with asyncio.timeout(timeout):
                    if is_large:
                        await self._end()
                    answer = await self._ask(msgspec.msgpack.encode(job))
                is_done_well = answer.listing is not None
            except TimeoutError:
                raise _unreadable(source, page, f"it took more than {timeout:g} s") from None
            except _NoAnswerError as error:
                raise _unreadable(source, page, str(error)) from error
            finally:
                if is_large or not is_done_well or not self._holders:
                    await self._end()
        if answer.listing is None:
            raise ParseError(answer.error or "", source=source.name, url=page.url)
        return answer.listing

    async def _ask(self, job: bytes) -> Answer:
        if self._process:
            with suppress(_NoAnswerError):
                answer = await _answer(self._process, job)
                if answer.listing is not None:
                    return answer
            await self._end()  # it may have failed for what other pages have left in it
        self._process = await _start()
        return await _answer(self._process, job)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-S",  # the path is given
        "-c",
        _BOOT,
        *sys.path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
        start_new_session=True,  # a Ctrl-C on the terminal is for us alone
    )


async def _answer(process: Process, job: bytes) -> Answer:
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        raise AssertionError("all three are pipes")
    await _feed(stdin, job)
    try:
        size = int.from_bytes(await stdout.readexactly(PREFIX_BYTES), "big")
        if size > LONGEST_ANSWER:
            raise _NoAnswerError(f"the answer is garbled: it would have {size} bytes")
        coded = await stdout.readexactly(size)
    except asyncio.IncompleteReadError as error:
        returncode = await process.wait()
        if returncode != 0:
            raise _NoAnswerError(_last_words(returncode, await stderr.read())) from None
        coded = error.partial
    try:
        return msgspec.msgpack.decode(coded, type=Answer)
    except msgspec.DecodeError as error:
        raise _NoAnswerError(f"the answer is garbled: {error}") from error


async def _feed(stdin: asyncio.StreamWriter, job: bytes) -> None:
    """Piece by piece, or the transport would hold a copy of it all."""
    with suppress(BrokenPipeError, ConnectionResetError):  # it ends as it likes, and says why
        stdin.write(len(job).to_bytes(PREFIX_BYTES, "big"))
        for start in range(0, len(job), _PIECE):
            stdin.write(job[start : start + _PIECE])
            await stdin.drain()


def _environment() -> dict[str, str]:
    """Nothing of this process's secrets.

    Nor a locale: some systems keep all of them in one file, larger than MEMORY_BYTES, which is
    mapped whole.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIX)
    }
    return {**kept, "LC_ALL": "C"}


def _last_words(returncode: int, errors: bytes) -> str:
    lines = errors.decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")[:200]
    return f"the reading process ended with {returncode}" + (f" ({said})" if said else "")


def _unreadable(source: SourceSettings, page: Page, why: str) -> ParseError:
    return ParseError(
        f"{page.url} cannot be read, it may be nested too deeply or too large: {why}",
        source=source.name,
        url=page.url,
    )
