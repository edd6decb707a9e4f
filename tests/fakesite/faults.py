"""What can go wrong between the site and its readers, down to the byte."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from tests.fakesite.markup import CHALLENGE


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `is_coded` says the body already has the Content-Encoding of its headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    is_coded: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """How an answer is spoiled.

    `change` edits the site's own answer. Then, on the wire: `hangs` never answers,
    `disconnects` closes instead, `raw` writes something else altogether, `drip_seconds` passes
    before each byte of the body, and `truncate_at` bytes of the body are all that come. After
    `times` requests it is over (None: never).
    """

    change: Callable[[Answer], Answer] | None = None
    hangs: bool = False
    disconnects: bool = False
    raw: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    drip_seconds: float | None = None
    truncate_at: int | None = None
    times: int | None = None


def answering(status: int, body: bytes | str = b"", headers: dict[str, str] | None = None) -> Fault:
    """Another answer altogether."""
    coded = body.encode() if isinstance(body, str) else body
    return Fault(lambda _: Answer(status, coded, headers or {}))


def redirect(url: str, status: int = 302) -> Fault:
    """A redirect to `url`."""
    return answering(status, headers={"Location": url})


def rate_limited(seconds: int = 53, *, retry_after: str | None = None) -> Fault:
    """429 with the site's headers: nothing left for `seconds`."""
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "ratelimit": f'"pages";r=0;t={seconds}',
        "ratelimit-policy": '"fixed window";"pages";q=100;w=300',
    }
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return answering(429, "We had to rate limit your IP. Please wait.", headers)


def challenge() -> Fault:
    """The firewall's 202."""
    headers = {"x-amzn-waf-action": "challenge", "Content-Type": "text/html; charset=UTF-8"}
    return answering(202, CHALLENGE, headers)


def captcha() -> Fault:
    """The firewall's 405."""
    headers = {"x-amzn-waf-action": "captcha", "Content-Type": "text/html; charset=UTF-8"}
    return answering(405, CHALLENGE, headers)


def server_error(status: int = 503) -> Fault:
    """An error of the server."""
    return answering(status, "<html><body>Internal Error</body></html>")


def no_marks() -> Fault:
    """200 with a page that is none of the papers pages."""
    return answering(
        200,
        "<!doctype html><html><head><title>Hugging Face</title></head>"
        "<body><main><h1>We will be right back</h1></main></body></html>",
        {"Content-Type": "text/html; charset=utf-8"},
    )


def edited(*replacements: tuple[str, str]) -> Fault:
    """The site's own page with each first string replaced by the second, everywhere."""

    def change(answer: Answer) -> Answer:
        text = answer.body.decode()
        for old, new in replacements:
            text = text.replace(old, new)
        return replace(answer, body=text.encode())

    return Fault(change)


def renamed_markup() -> Fault:
    """A redesign: the hydration's target, the cards' element and the headings have new names."""
    return edited(
        ('data-target="DailyPapers"', 'data-target="PapersFeed"'),
        ("&quot;dailyPapers&quot;", "&quot;feed&quot;"),
        ("&quot;searchResults&quot;", "&quot;hits&quot;"),
        ("<article", "<section"),
        ("</article>", "</section>"),
        ("<h3", "<h4"),
        ("</h3>", "</h4>"),
        ("DailyPapersPage", "PapersFeedPage"),
    )


def gzip_bomb(size: int = 200_000_000) -> Fault:
    """`size` bytes of blanks, a thousandth of that on the wire."""
    coder = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = b" " * 1_000_000
    parts = [coder.compress(chunk) for _ in range(size // len(chunk))]
    body = b"".join(parts) + coder.flush()
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/html; charset=utf-8"}
    return Fault(lambda _: Answer(200, body, headers, is_coded=True))


def twice_compressed() -> Fault:
    """The site's own page under `Content-Encoding: gzip, gzip`."""

    def change(answer: Answer) -> Answer:
        body = gzip.compress(gzip.compress(answer.body))
        headers = answer.headers | {"Content-Encoding": "gzip, gzip"}
        return replace(answer, body=body, headers=headers, is_coded=True)

    return Fault(change)


def hang() -> Fault:
    """The request is taken and never answered."""
    return Fault(hangs=True)


def disconnect() -> Fault:
    """The connection closes instead of an answer."""
    return Fault(disconnects=True)


def drip(seconds: float = 1.0) -> Fault:
    """A byte of the body every `seconds`."""
    return Fault(drip_seconds=seconds)


def truncated(at: int = 1000) -> Fault:
    """The connection closes after `at` bytes of a longer body."""
    return Fault(truncate_at=at)
