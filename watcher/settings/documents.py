"""A configuration file, read: its values, and the line of each."""

from __future__ import annotations

import functools
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from watcher.errors import ConfigError
from watcher.settings.locating import Node, locate
from watcher.settings.paths import KeyPath
from watcher.settings.stamps import Stamp, stamp_of
from watcher.settings.syntax import fault_in

LARGEST = 20_000_000
"""Bytes of a configuration: tens of thousands of subscriptions."""

LARGEST_BESIDE = 1_000_000
"""Bytes of a file of `subscriptions.d`: tens of thousands of keywords."""

_IMPLIED = {"subscriptions", "rules", "any", 0}
"""Parts of a path that the short forms leave out."""


@dataclass(frozen=True, slots=True)
class Document:
    """One TOML file."""

    path: Path
    values: dict[str, object]
    text: str = field(repr=False)

    def place(self, path: KeyPath) -> tuple[int | None, KeyPath]:
        """The line of `path`, or of what it would stand in, and the path as it is written there.

        No line where nothing of it is written.
        """
        root = _root(self.text)
        node, written = root, list[str | int]()
        for at, part in enumerate(path):
            child = node.children.get(part)
            if child is not None:
                node = child
                written.append(part)
            elif part not in _IMPLIED:
                written += path[at:]
                break
        return (None if node is root else node.line), tuple(written)


def read(path: Path) -> Document:
    """Read a file. Raises ConfigError: it cannot be read, is not UTF-8, is not TOML."""
    return _document(path, _text(path))


def read_beside(path: Path) -> Document:
    """The same for a file that others may have put there: nothing of it makes anybody wait."""
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
    if not stat.S_ISREG(status.st_mode):  # a pipe would be read for ever
        raise ConfigError("is no file; put a file of text in its place", path=path)
    return _document(path, _text(path, LARGEST_BESIDE))


def read_content(path: Path, content: bytes) -> Document:
    """The same for what came another way; `path` is what it is called. Raises ConfigError."""
    return _document(path, _decoded(path, content, LARGEST))


def _document(path: Path, text: str) -> Document:
    try:
        return Document(path, tomllib.loads(text), text)
    except RecursionError as error:
        raise ConfigError("brackets are nested too deeply", path=path) from error
    except tomllib.TOMLDecodeError as error:
        fault = fault_in(text, str(error))
        at = f"column {fault.column}: " if fault.column is not None else ""
        raise ConfigError(
            f"{at}{fault.message}", path=path, line=fault.line, key=fault.key
        ) from None
    except ValueError as error:  # Python's own limit
        raise ConfigError("a number has thousands of digits", path=path) from error


def line_in(path: Path, key: KeyPath) -> int | None:
    """The line of a key in a file that was read before; None where it cannot be told any more."""
    try:
        line, _ = Document(path, {}, _text_again(path, stamp_of(path))).place(key)
    except (ConfigError, RecursionError):
        return None
    return line


# Places are asked for one after another in one file, if they are asked for at all.
@functools.lru_cache(maxsize=1)
def _root(text: str) -> Node:
    return locate(text).root


@functools.lru_cache(maxsize=1)
def _text_again(path: Path, stamp: Stamp | None) -> str:  # noqa: ARG001  # tells when to forget
    return _text(path)


def _text(path: Path, largest: int = LARGEST) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError as error:
        raise ConfigError("there is no such file; `watcher init` makes one", path=path) from error
    except IsADirectoryError as error:
        raise ConfigError(
            f"this is a directory; name the file in it, perhaps {path / 'config.toml'}", path=path
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
    return _decoded(path, content, largest)


def _decoded(path: Path, content: bytes, largest: int) -> str:
    if len(content) > largest:
        raise ConfigError(f"is larger than {largest // 1_000_000} MB", path=path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError("saved as UTF-16; save it as UTF-8", path=path)
    try:
        # Editors of Windows begin a file with a byte order mark, and end lines with CR LF.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            "not UTF-8: save the file in that encoding", path=path, line=line
        ) from None
