"""Paths of keys, as tuples and as people write them: `subscriptions[0].rules[1].any[2]`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

KeyPath = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PART = re.compile(r'\[(\d+)\]|"((?:\\.|[^"\\])*)"|([^.\[\]"]+)')


def dotted(path: Iterable[str | int]) -> str:
    """As people write it; positions count from 0."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def parsed(text: str) -> KeyPath:
    """The path that `dotted` wrote."""
    path: list[str | int] = []
    for match in _PART.finditer(text):
        if match[1] is not None:
            path.append(int(match[1]))
        elif match[2] is not None:
            path.append(str(json.loads(f'"{match[2]}"')))
        else:
            path.append(match[3])
    return tuple(path)
