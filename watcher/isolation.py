"""Reads pages in processes of their own.

A page of deeply nested elements holds the HTML parser up for minutes, within one call that no
thread can interrupt, and one of many small ones becomes forty times its size in memory. A process
can be killed, and bounded.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import sys
from contextlib import suppress

import msgspec

from watcher.errors import ParseError
from watcher.models import Listing, Page
from watcher.settings import SourceSettings
from watcher.sources.worker import Answer, Job

_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from watcher.sources.worker import main; main()"
"""The worker finds its modules where this process found them, whatever the directory holds."""

MEMORY_BYTES = 140_000_000
"""Of address space; a page of 15 MB with 900 papers takes 80,000,000."""

_PIECE = 65_536

_KEPT = ("PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")
_KEPT_PREFIX = "DYLD_"


async def parse_isolated(
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
    try:
        async with asyncio.timeout(timeout):
            returncode, output, errors = await _run(msgspec.msgpack.encode(job))
    except TimeoutError:
        raise _unreadable(source, page, f"it took more than {timeout:g} s") from None
    if returncode != 0:
        raise _unreadable(source, page, _last_words(returncode, errors))
    try:
        answer = msgspec.msgpack.decode(output, type=Answer)
    except msgspec.DecodeError as error:
        raise _unreadable(source, page, f"the answer is garbled: {error}") from error
    if answer.listing is None:
        raise ParseError(answer.error or "", source=source.name, url=page.url)
    return answer.listing


async def _run(job: bytes) -> tuple[int | None, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _BOOT,
        *sys.path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
        start_new_session=True,  # a Ctrl-C on the terminal is for us alone
    )
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        raise AssertionError("all three are pipes")
    try:
        _, output, errors = await asyncio.gather(_feed(stdin, job), stdout.read(), stderr.read())
        await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, output, errors


async def _feed(stdin: asyncio.StreamWriter, job: bytes) -> None:
    """Piece by piece, or the transport would hold a copy of it all."""
    with suppress(BrokenPipeError, ConnectionResetError):  # it ends as it likes, and says why
        for start in range(0, len(job), _PIECE):
            stdin.write(job[start : start + _PIECE])
            await stdin.drain()
    stdin.close()


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


def _last_words(returncode: int | None, errors: bytes) -> str:
    lines = errors.decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")[:200]
    return f"the reading process ended with {returncode}" + (f" ({said})" if said else "")


def _unreadable(source: SourceSettings, page: Page, why: str) -> ParseError:
    return ParseError(
        f"{page.url} cannot be read, it may be nested too deeply or too large: {why}",
        source=source.name,
        url=page.url,
    )
