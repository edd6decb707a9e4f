"""Reads pages in processes of their own.

A page of deeply nested elements holds the HTML parser up for minutes, within one call that no
thread can interrupt; a process can be killed.
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

_KEPT = ("PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")
_KEPT_PREFIXES = ("COVERAGE_", "DYLD_")


async def parse_isolated(
    source: SourceSettings,
    base_url: str,
    page: Page,
    now: dt.datetime,
    *,
    timeout: float = 20.0,  # noqa: ASYNC109  # its end is an error of the page's, not of the caller's
    memory_bytes: int = 1_000_000_000,
) -> Listing:
    """The listing of a page, as the source's own `parse` reads it.

    Raises ParseError also when the page takes longer than `timeout` seconds or more than
    `memory_bytes` to read. Cancelling ends the process.
    """
    job = Job(
        name=source.name,
        page_kind=source.page,
        query=source.query,
        base_url=base_url,
        page=page,
        now=now,
        cpu_seconds=timeout,
        memory_bytes=memory_bytes,
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
    try:
        output, errors = await process.communicate(job)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, output, errors


def _environment() -> dict[str, str]:
    """Nothing of this process's secrets."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }


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
