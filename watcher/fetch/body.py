"""An answer's body, decompressed within bounds."""

from __future__ import annotations

import zlib
from typing import Final

_GZIP: Final = 31  # zlib's name for a gzip header
_ZLIB: Final = 15
_RAW_DEFLATE: Final = -15
_STEP: Final = 65_536  # bytes: a chunk may become a thousand times its size


class BodyError(Exception):
    """A body that is not taken; `is_retryable`: the next one may be whole."""

    def __init__(self, message: str, *, is_retryable: bool) -> None:
        self.is_retryable = is_retryable
        super().__init__(message)


class Body:
    """Collects a body chunk by chunk; never holds more than `max_bytes` and a step or chunk.

    `encoding` is the Content-Encoding in lower case: none, gzip or deflate, nothing stacked.
    Everything raises BodyError.
    """

    def __init__(self, encoding: str, max_bytes: int) -> None:
        if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise BodyError(
                f"the answer is encoded as {encoding[:40]!r}, which was not asked for",
                is_retryable=False,
            )
        self._encoding, self._max = encoding, max_bytes
        self._content = bytearray()
        self._raw_count = 0
        self._inflate = zlib.decompressobj(_GZIP) if encoding.endswith("gzip") else None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as they came."""
        self._raw_count += len(chunk)
        if self._encoding == "deflate" and self._inflate is None and chunk:
            # Sent with zlib's header or, wrongly but often, without: its low half-byte is 8.
            has_header = chunk[0] & 0x0F == 8
            self._inflate = zlib.decompressobj(_ZLIB if has_header else _RAW_DEFLATE)
        if self._inflate is None:
            self._content += chunk
        else:
            self._decompress(self._inflate, chunk)
        # The raw bytes count too: blocks can be empty, and go on for ever.
        if len(self._content) > self._max or self._raw_count > 2 * self._max:
            raise BodyError(
                f"the answer is longer than [http] max_bytes = {self._max}", is_retryable=False
            )

    def finish(self) -> bytes:
        """The whole of it."""
        if self._encoding not in {"", "identity"} and not (self._inflate and self._inflate.eof):
            raise BodyError("the compressed answer breaks off", is_retryable=True)
        return bytes(self._content)

    def _decompress(self, inflate: zlib._Decompress, chunk: bytes) -> None:
        if inflate.eof and chunk:
            raise BodyError("bytes follow the compressed answer's end", is_retryable=False)
        try:
            while len(self._content) <= self._max:
                piece = inflate.decompress(chunk, _STEP)
                self._content += piece
                chunk = inflate.unconsumed_tail
                if len(piece) < _STEP:
                    break
        except zlib.error as error:
            raise BodyError(
                f"the compressed answer is damaged ({error})", is_retryable=True
            ) from error
        if inflate.unused_data:
            raise BodyError("bytes follow the compressed answer's end", is_retryable=False)
