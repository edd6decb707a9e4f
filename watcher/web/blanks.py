"""Pages that are the same for everybody but for the mark of their forms: written once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from watcher.digest.language import Language
from watcher.web import pages


@dataclass(frozen=True, slots=True)
class _Blank:
    """What stands around the marks, and the objects that it tells of."""

    of: tuple[object, ...]
    parts: tuple[bytes, ...]

    def tells_of(self, these: tuple[object, ...]) -> bool:
        return len(these) == len(self.of) and all(map(_is, these, self.of))


class Blanks:
    """Keeps each such page in each language, for as long as the objects that it tells of are same.

    The very same, not equal ones: to compare two configurations would take longer than the page.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Blank] = {}
        self._gap = secrets.token_hex(16)  # nobody can have it stand anywhere else

    def write(
        self,
        template: str,
        of: tuple[object, ...],
        context: Callable[[], Mapping[str, object]],
        mark: str,
        language: Language,
    ) -> bytes:
        """The page of that template; `context` is asked for where it has to be written anew."""
        blank = self._kept.get((template, language.code))
        if blank is None or not blank.tells_of(of):
            written = pages.write(template, {"mark": self._gap, **context()}, language)
            blank = _Blank(of, tuple(part.encode() for part in written.split(self._gap)))
            self._kept[template, language.code] = blank
        return mark.encode().join(blank.parts)


def _is(one: object, other: object) -> bool:
    return one is other
