"""What the site, or who stands in its place, may answer: each with the outcome it must have."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from tests.fakesite import Answer, Fault, faults
from watcher.models import Outcome

GIB = 2**30
FAILED = frozenset({Outcome.FAILED})
DEGRADED = frozenset({Outcome.DEGRADED})
BLOCKED = frozenset({Outcome.BLOCKED})
LIMITED = frozenset({Outcome.RATE_LIMITED})

_HTML = {"Content-Type": "text/html; charset=utf-8"}
_PROPS = b'<body class="DailyPapersPage"><div data-target="DailyPapers" data-props=\'%s\'></div>'


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of the site; `words` stand in what the program says of it.

    `seconds` is what one page of it may take besides the deadline of its answer; `shows_new` are
    the pages on which a new paper can still be had.
    """

    name: str
    fault: Fault
    outcomes: frozenset[Outcome] = FAILED
    words: str = ""
    seconds: float = 0
    shows_new: tuple[str, ...] = ()


def troubles(canary_port: int) -> Iterator[Trouble]:
    """All of them; nothing must ever be asked of `canary_port`, on loopback."""
    yield from _refusals()
    yield from _redirects(canary_port)
    yield from _on_the_wire()
    yield from sizes()
    yield from _strange_pages()


def _refusals() -> Iterator[Trouble]:
    yield Trouble("challenge", faults.challenge(), BLOCKED, "challenge")
    yield Trouble("captcha", faults.captcha(), BLOCKED, "captcha")
    yield Trouble("429", faults.rate_limited(53), LIMITED, "53 s")
    yield Trouble("429, Retry-After", faults.rate_limited(9, retry_after="71"), LIMITED, "71 s")
    date = "Thu, 19 Feb 2026 07:02:00 GMT"
    yield Trouble("429 until a date", faults.rate_limited(9, retry_after=date), LIMITED, "429")
    yield Trouble("429 of a proxy", faults.answering(429, "slow down"), LIMITED, "300 s")
    yield Trouble("429, absurd", faults.rate_limited(10**9, retry_after="9" * 400), LIMITED, "429")
    away = faults.answering(503, headers={"Retry-After": "120"})
    yield Trouble("503, Retry-After", away, FAILED, "120 s")
    for status in (202, 204, 206, 304, 400, 401, 403, 404, 405, 407, 410, 418, 451):
        yield Trouble(f"{status}", faults.answering(status), FAILED, f"{status}")
    for status in (500, 502, 503, 504, 599, 999):
        yield Trouble(f"{status}", faults.server_error(status), FAILED, f"{status}")


def _redirects(canary_port: int) -> Iterator[Trouble]:
    for target in (
        f"http://127.0.0.1:{canary_port}/papers",
        f"//127.0.0.1:{canary_port}/papers",
        f"http://localhost:{canary_port}/papers",
        f"http://[::ffff:127.0.0.1]:{canary_port}/papers",
        f"http://2130706433:{canary_port}/papers",
        f"http://127.1:{canary_port}/papers",
        "http://10.0.0.1/papers",
        "http://192.168.1.1/papers",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/papers",
        "https://elsewhere.example/papers",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
    ):
        name = f"redirect to {target.replace(str(canary_port), 'PORT') or 'nowhere'}"
        yield Trouble(name, faults.redirect(target), FAILED, "not followed")
    yield Trouble("redirects in a circle", faults.redirect("/papers/trending"), FAILED, "redirects")


def _on_the_wire() -> Iterator[Trouble]:
    yield Trouble("no answer", faults.hang(), FAILED, "[http] timeout")
    yield Trouble("a byte a second", faults.drip(), FAILED, "[http] timeout")
    yield Trouble("closes", faults.disconnect())
    yield Trouble("closes after the head", faults.truncated(0))
    yield Trouble("closes early", faults.truncated(1))
    yield Trouble("100 Continue, for ever", Fault(raw=_for_ever(b"HTTP/1.1 100 Continue\r\n\r\n")))
    yield Trouble("a head without end", Fault(raw=_for_ever(b"X-Y: z\r\n", b"HTTP/1.1 200 OK\r\n")))
    yield Trouble("a line without end", Fault(raw=_for_ever(b"x" * 1000)))
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield Trouble(
        "chunks for ever", Fault(raw=_for_ever(b"3e8\r\n" + b" " * 1000 + b"\r\n", chunked))
    )
    yield Trouble("a byte in each chunk", Fault(raw=_for_ever(b"1\r\nx\r\n", chunked)))
    for name, answer in {
        "nothing HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
        "a wrong chunk": chunked + b"zz\r\nx\r\n0\r\n\r\n",
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabcd",
        "a length and chunks": chunked[:-2] + b"Content-Length: 0\r\n\r\n5\r\nabc",
        "NUL in a header": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/0.9": b"<html><body>papers</body></html>",
    }.items():
        yield Trouble(name, Fault(raw=once(answer)))


def sizes() -> Iterator[Trouble]:
    """Answers that are much larger than a page, or become so."""
    yield Trouble(
        "50 MB",
        Fault(raw=once(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 50_000_000)),
        FAILED,
        "max_bytes",
    )
    yield Trouble("gzip bomb", Fault(_plain_bomb), FAILED, "max_bytes")
    yield Trouble("gzip, gzip bomb", Fault(_bomb), FAILED, "gzip, gzip")
    yield Trouble("gzip twice, told once", Fault(lambda a: _once_told(_bomb(a))), DEGRADED)
    yield Trouble("gzip, gzip", faults.twice_compressed(), FAILED, "gzip, gzip")
    yield Trouble("brotli", _coded("br", b"\x0b\x02\x80x\x03"), FAILED, "br")
    yield Trouble("gzip that is none", _coded("gzip", b"<html>"), FAILED, "damaged")
    yield Trouble("gzip and more", _coded("gzip", gzip.compress(b"x") + b"y"), FAILED, "follow")
    yield Trouble(
        "half a gzip", _coded("gzip", gzip.compress(b"x" * 999)[:-9]), FAILED, "breaks off"
    )


def _strange_pages() -> Iterator[Trouble]:
    yield Trouble("another page", faults.no_marks(), DEGRADED)
    yield Trouble("a redesign", faults.renamed_markup(), DEGRADED, shows_new=("daily",))
    for name, body in {
        "nothing": b"",
        "bytes": bytes(range(256)) * 400,
        "UTF-16": "<html>\u2026</html>".encode("utf-16"),
        "no papers, and does not say so": _PROPS % b"{}",
        "papers that are none": _PROPS % b'{"dailyPapers": [1, null, "x", {}, []]}',
        "JSON nested deeply": _PROPS % (b'{"dailyPapers": ' + b"[" * 200_000),
        "JSON that breaks off": _PROPS % b'{"dailyPapers": [{"paper": {"id": "2602.0',
        "an error of the API": b'{"error": "Internal"}',
        "a log-in": b"<html><title>Log in</title><form action='/login'></form></html>",
    }.items():
        yield Trouble(name, faults.answering(200, body, _HTML), DEGRADED)


def heavy() -> Iterator[Trouble]:
    """Pages that are within bounds, and take a lot of memory or time to read."""
    record = b'{"paper":{"id":"2602.%05d","title":"T","authors":[%s{"name":"z"}]}},'
    crowd = b"".join(record % (number, b'{"name":"ab"},' * 550) for number in range(990))
    for name, body, seconds in (
        ("elements", b"<p>w</p>" * 990_000, 20),
        ("empty records", _PROPS % (b'{"dailyPapers":[' + b"{}," * 2_600_000 + b"{}]}"), 20),
        ("empty lists", _PROPS % (b'{"dailyPapers":[' + b"[]," * 2_600_000 + b"[]]}"), 20),
        ("authors", _PROPS % (b'{"dailyPapers":[' + crowd + b"{}]}"), 20),
        ("text", b"x" * 7_999_000, 20),
        ("attributes", b"<p " + b"".join(b"a%d " % each for each in range(900_000)) + b">", 22),
        ("nested elements", b"<div>" * 1_590_000, 22),
    ):
        fault = faults.answering(200, body, _HTML)
        yield Trouble(f"8 MB of {name}", fault, DEGRADED, seconds=seconds)


def heavy_json() -> Iterator[Trouble]:
    """The same for the API."""
    for name, body in {
        "empty records": b"[" + b"{}," * 2_600_000 + b"{}]",
        "empty lists": b"[" + b"[]," * 2_600_000 + b"[]]",
        "numbers": b"[" + b"1," * 3_900_000 + b"1]",
        "nested lists": b"[" * 7_900_000,
        "papers": b"["
        + b",".join(
            b'{"paper":{"id":"2601.%05d","title":"T","summary":"%s"}}' % (number, b"x" * 7_000)
            for number in range(1000)
        )
        + b"]",
    }.items():
        fault = faults.answering(200, body, {"Content-Type": "application/json"})
        yield Trouble(f"8 MB of {name} from the API", fault, seconds=20)


def once(*parts: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    """Writes that instead of an answer."""

    async def write(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return write


def _for_ever(part: bytes, head: bytes = b"") -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)  # no time: others run, which `drain` alone may not let them

    return write


def _coded(encoding: str, body: bytes) -> Fault:
    headers = _HTML | {"Content-Encoding": encoding}
    return Fault(lambda _: Answer(200, body, headers, is_coded=True))


@lru_cache
def twice_packed() -> bytes:
    """A GiB of zeros, compressed twice: 2,493 bytes."""
    mib = bytes(2**20)
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = coder.compress(mib) + coder.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(GIB // len(mib)):
        checksum = zlib.crc32(mib, checksum)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    tail = coder.flush() + checksum.to_bytes(4, "little") + (GIB % 2**32).to_bytes(4, "little")
    return gzip.compress(head + block * (GIB // len(mib)) + tail, 9, mtime=0)


def _plain_bomb(_: Answer) -> Answer:
    headers = _HTML | {"Content-Encoding": "gzip"}
    return Answer(200, once_packed(), headers, is_coded=True)


def _bomb(_: Answer) -> Answer:
    headers = _HTML | {"Content-Encoding": "gzip, gzip"}
    return Answer(200, twice_packed(), headers, is_coded=True)


@lru_cache
def once_packed() -> bytes:
    """The same, compressed once: a megabyte."""
    return gzip.decompress(twice_packed())


def _once_told(answer: Answer) -> Answer:
    return replace(answer, headers=answer.headers | {"Content-Encoding": "gzip"})
