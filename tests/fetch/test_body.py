"""Bodies: whole or refused, never more than was allowed."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.fetch.body import Body, BodyError


def raw_deflate(content: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-15)
    return compress.compress(content) + compress.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
}


def read(encoding: str, *chunks: bytes, max_bytes: int = 10_000) -> bytes:
    body = Body(encoding, max_bytes)
    for chunk in chunks:
        body.feed(chunk)
    return body.finish()


@given(
    encoding=st.sampled_from(sorted(ENCODERS)),
    content=st.binary(max_size=2000),
    size=st.integers(1, 500),
)
def test_comes_out_as_it_went_in_however_it_is_cut(
    encoding: str, content: bytes, size: int
) -> None:
    sent = ENCODERS[encoding](content)
    chunks = [sent[i : i + size] for i in range(0, len(sent), size)]
    assert read(encoding, *chunks) == content


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 131_072, 900_000])
def test_what_becomes_much_larger_comes_out_whole(size: int) -> None:
    assert read("gzip", ENCODERS["gzip"](b"a" * size), max_bytes=size) == b"a" * size


@given(content=st.binary(max_size=2000))
def test_deflate_without_its_header_is_understood(content: bytes) -> None:
    assert read("deflate", b"", raw_deflate(content)) == content


@given(junk=st.lists(st.binary(max_size=300)), encoding=st.sampled_from(["gzip", "deflate"]))
def test_junk_is_refused_and_nothing_else_happens(junk: list[bytes], encoding: str) -> None:
    content = b""
    with contextlib.suppress(BodyError):
        content = read(encoding, *junk, max_bytes=1000)
    assert len(content) <= 1000


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_the_cap_is_what_comes_out(encoding: str) -> None:
    sent = ENCODERS[encoding](b"a" * 1000)
    assert len(read(encoding, sent, max_bytes=1000)) == 1000
    with pytest.raises(BodyError, match="max_bytes = 999") as caught:
        read(encoding, sent, max_bytes=999)
    assert not caught.value.is_retryable


def test_a_gigabyte_in_a_megabyte_stops_at_the_cap_in_flat_memory() -> None:
    compress = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    bomb = b"".join(compress.compress(zeros) for _ in range(1024)) + compress.flush()
    assert len(bomb) < 1_100_000
    tracemalloc.start()
    with pytest.raises(BodyError, match="max_bytes"):
        read("gzip", bomb, max_bytes=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_empty_blocks_without_end_are_bounded() -> None:
    empty_block = b"\x00\x00\x00\xff\xff"
    with pytest.raises(BodyError, match="max_bytes"):
        read("deflate", *[empty_block * 100] * 100, max_bytes=10_000)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,deflate", "br", "zstd", "compress", "x"])
def test_other_and_stacked_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(BodyError, match="not asked for") as caught:
        Body(encoding, 1000)
    assert not caught.value.is_retryable


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("missing", [1, 4, 8, 30])
def test_a_truncated_body_is_refused(encoding: str, missing: int) -> None:
    sent = ENCODERS[encoding](bytes(range(256)))
    with pytest.raises(BodyError, match="breaks off") as caught:
        read(encoding, sent[:-missing])
    assert caught.value.is_retryable


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_body_of_nothing_is_refused(encoding: str) -> None:
    with pytest.raises(BodyError, match="breaks off"):
        read(encoding)


def test_a_damaged_body_is_refused() -> None:
    sent = bytearray(gzip.compress(bytes(range(256))))
    sent[-8] ^= 1
    with pytest.raises(BodyError, match="damaged") as caught:
        read("gzip", bytes(sent))
    assert caught.value.is_retryable


def test_bytes_after_the_end_are_refused() -> None:
    sent = gzip.compress(b"one")
    for chunks in ((sent + sent,), (sent, sent)):
        with pytest.raises(BodyError, match="follow"):
            read("gzip", *chunks)
