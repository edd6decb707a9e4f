"""Where each key and element of a TOML text stands: tomllib tells values, but no lines.

https://toml.io/en/v1.0.0 is the source. The text is one that tomllib accepts; of any other, all
up to the fault is still read.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field

from watcher.settings.paths import KeyPath

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


@dataclass(slots=True)
class Node:
    """A table, array or value: its line (from 1), and what is in it by key or by position."""

    line: int
    children: dict[str | int, Node] = field(default_factory=dict)

    def paths(self) -> Iterator[KeyPath]:
        """The paths of all that is in it."""
        for key, child in self.children.items():
            yield (key,)
            yield from ((key, *rest) for rest in child.paths())


@dataclass(slots=True)
class Located:
    """The places of a text. `repeated` are keys and headers met again, with both lines.

    `stopped_at` is the line of what could not be read, None where all could.
    """

    root: Node
    repeated: list[tuple[KeyPath, int, int]] = field(default_factory=list)
    stopped_at: int | None = None


class _LostError(Exception):
    """What begins in `line` is not TOML."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__()


def locate(text: str) -> Located:
    """The line of every key and element in `text`. Raises RecursionError for absurd nesting."""
    scanner = _Scanner(text)
    try:
        scanner.document()
    except _LostError as error:
        scanner.found.stopped_at = error.line
    return scanner.found


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self.found = Located(Node(1))

    def line(self) -> int:
        """The line of the position, from 1."""
        return bisect.bisect_left(self._breaks, self._at) + 1

    def document(self) -> None:
        """Read statements to the end."""
        table: Node = self.found.root
        header: KeyPath = ()
        while self._skip(_BLANK):
            line = self.line()
            if self._accept("[["):
                header = self._key()
                table = self._enter(header, line, is_array=True)
                self._expect("]]")
            elif self._accept("["):
                header = self._key()
                table = self._enter(header, line, is_array=False)
                self._expect("]")
            else:
                self._assign(table, header)

    def _enter(self, path: KeyPath, line: int, *, is_array: bool) -> Node:
        node = self.found.root
        for part in path[:-1]:
            node = _newest(node.children.setdefault(part, Node(line)))
        last = node.children.setdefault(path[-1], Node(line))
        if is_array:
            if last.children and 0 not in last.children:
                self.found.repeated.append((path, last.line, line))
            last.children[len(last.children)] = element = Node(line)
            return element
        if last.line != line:
            self.found.repeated.append((path, last.line, line))
            last.line = line
        return last

    def _assign(self, table: Node, above: KeyPath) -> None:
        line = self.line()
        path = self._key()
        self._expect("=")
        node = table
        for part in path[:-1]:
            node = node.children.setdefault(part, Node(line))
        if path[-1] in node.children:
            self.found.repeated.append(((*above, *path), node.children[path[-1]].line, line))
        node.children[path[-1]] = self._value(line, (*above, *path))

    def _key(self) -> KeyPath:
        parts = [self._key_part()]
        while self._skip(_SPACE) and self._accept("."):
            parts.append(self._key_part())
        return tuple(parts)

    def _key_part(self) -> str:
        self._skip(_SPACE)
        match = _BARE_KEY.match(self._text, self._at) or _STRING.match(self._text, self._at)
        if match is None:
            raise _LostError(self.line())
        self._at = match.end()
        if match[0][0] not in "\"'":
            return match[0]
        try:
            return str(tomllib.loads(f"key = {match[0]}")["key"])
        except tomllib.TOMLDecodeError as error:
            raise _LostError(self.line()) from error

    def _value(self, line: int, path: KeyPath) -> Node:
        node = Node(line)
        self._skip(_SPACE)
        if self._accept("["):
            while self._is_within("]", line):
                at = len(node.children)
                node.children[at] = self._value(self.line(), (*path, at))
        elif self._accept("{"):
            while self._is_within("}", line):
                self._assign(node, path)
        else:
            match = _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
            if match is None or (match[0][0] in "\"'" and not _STRING.fullmatch(match[0])):
                raise _LostError(self.line())
            self._at = match.end()
        return node

    def _is_within(self, end: str, line: int) -> bool:
        """Go to the next element; False behind the `end` of what began in `line`."""
        self._skip(_BLANK)
        self._accept(",")
        if not self._skip(_BLANK):
            raise _LostError(line)
        return not self._accept(end)

    def _skip(self, blank: re.Pattern[str]) -> bool:
        """Go past `blank`; whether anything follows."""
        match = blank.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at < len(self._text)

    def _accept(self, mark: str) -> bool:
        found = self._text.startswith(mark, self._at)
        self._at += len(mark) if found else 0
        return found

    def _expect(self, mark: str) -> None:
        self._skip(_SPACE)
        if not self._accept(mark):
            raise _LostError(self.line())


def _newest(node: Node) -> Node:
    """For an array of tables its last one, to which the next headers belong."""
    return node.children[len(node.children) - 1] if 0 in node.children else node
