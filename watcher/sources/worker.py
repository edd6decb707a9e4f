"""Reads pages in a process of their own: each `Job` on its input has an `Answer` on its output.

Before each stands how many bytes it has.
"""

from __future__ import annotations

import datetime as dt
import math
import resource
import sys
import time
from contextlib import suppress

import msgspec

from watcher.errors import ParseError
from watcher.models import Listing, Page, PageKind
from watcher.sources.huggingface import HuggingFace

PREFIX_BYTES = 8
"""How long a message is, the most significant byte first."""

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
    """Do one job after the other, until the input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while size := int.from_bytes(requests.read(PREFIX_BYTES), "big"):
        coded = _do(msgspec.msgpack.decode(requests.read(size), type=Job))
        answers.write(len(coded).to_bytes(PREFIX_BYTES, "big"))
        answers.write(coded)
        answers.flush()


def _do(job: Job) -> bytes:
    """What the page may cost is bounded by the system itself."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + job.cpu_seconds) + 1, is_moved=True)
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
    return coded


def _limit(what: int, most: int, *, is_moved: bool = False) -> None:
    """`is_moved`: it bounds this job, and the next one gets another."""
    hard = resource.getrlimit(what)[1]
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(OSError, ValueError):  # macOS refuses to bound the address space
        resource.setrlimit(what, (bound, hard if is_moved else bound))
