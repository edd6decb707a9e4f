"""Reads one page in a process of its own: a `Job` on its input, an `Answer` on its output."""

from __future__ import annotations

import datetime as dt
import math
import resource
import sys
from contextlib import suppress

import msgspec

from watcher.errors import ParseError
from watcher.models import Listing, Page, PageKind
from watcher.sources.huggingface import HuggingFace

LONGEST_ANSWER = 3_000_000
"""Bytes of an answer: the hundred papers of a real page take 400,000."""


class Job(msgspec.Struct, frozen=True):
    """What to read and within which bounds."""

    name: str
    page_kind: PageKind
    query: str
    base_url: str
    page: Page
    now: dt.datetime
    cpu_seconds: float
    memory_bytes: int


class Answer(msgspec.Struct, frozen=True):
    """The listing, or why there is none."""

    listing: Listing | None = None
    error: str | None = None


def main() -> None:
    """Do the job. What the page may cost is bounded by the system itself."""
    job = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, math.ceil(job.cpu_seconds) + 1)
    _limit(resource.RLIMIT_AS, job.memory_bytes)
    source = HuggingFace(job.name, job.page_kind, job.query, job.base_url)
    try:
        answer = Answer(listing=source.parse(job.page, job.now))
    except ParseError as error:
        answer = Answer(error=str(error))
    coded = msgspec.msgpack.encode(answer)
    if len(coded) > LONGEST_ANSWER:
        why = f"what it says of its papers takes more than {LONGEST_ANSWER} bytes"
        coded = msgspec.msgpack.encode(Answer(error=f"{job.page.url} cannot be read: {why}"))
    sys.stdout.buffer.write(coded)


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(OSError, ValueError):  # macOS refuses to bound the address space
        resource.setrlimit(what, (bound, bound))
