"""The HTML tags of a template, read past what is Jinja's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

import jinja2

_PRINTED, _DONE = "\ufffc", "\ufffd"
"""Stand for each character of Jinja: of what is printed, and of statements."""

_PART = re.compile(
    rf"(?P<jinja>[{_PRINTED}{_DONE}]+)"
    rf"|(?P<name>[^\s{_PRINTED}{_DONE}\"'<>/=]+)"
    r"(?:\s*=\s*(?P<quote>[\"']?)(?P<value>(?<=\")[^\"]*|(?<=')[^']*|[^\s\"'<>]+)(?P=quote))?"
)
"""What stands in a tag behind its name."""

_JINJA = re.compile(f"[{_PRINTED}{_DONE}]")
_WORD = re.compile(rf"{_DONE}+|[^\s{_DONE}]+")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as it is written, with Jinja masked; `start`: where its value is.

    `is_chosen`: Jinja stands on both sides, and may leave it out.
    """

    name: str
    text: str
    start: int
    value: str
    quote: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A class, or statements of Jinja between classes, as they are written.

    `is_chosen`: statements stand on both sides.
    """

    text: str
    is_statement: bool
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, and where its last attribute ends: nowhere for an end tag."""

    name: str
    attributes: tuple[Attribute, ...] = ()
    classes: tuple[Word, ...] = ()
    end: int | None = None


def read_tags(source: str) -> list[Tag]:
    """All tags of a template, in their order. Raises TemplateSyntaxError."""
    return _Reader(source).found


class _Reader(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[Tag] = []
        self._source = source
        text = _masked(source)
        self._lines = [0, *(newline.end() for newline in re.finditer("\n", text))]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  # lack offsets
        line, column = self.getpos()
        offset = self._lines[line - 1] + column
        tag = _JINJA.split(tag, maxsplit=1)[0]
        parts = list(_PART.finditer(self.get_starttag_text() or "", 1 + len(tag)))
        chosen = _between([part["jinja"] is not None for part in parts])
        attributes = tuple(
            Attribute(
                part["name"].lower(),
                part[0],
                offset + part.start("value"),
                part["value"] or "",
                part["quote"] or "",
                is_chosen,
            )
            for part, is_chosen in zip(parts, chosen, strict=True)
            if part["name"]
        )
        end = offset + (parts[-1].end() if parts else 1 + len(tag))
        self.found.append(Tag(tag, attributes, self._classes(attributes), end))

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.found.append(Tag(tag))

    def _classes(self, attributes: Sequence[Attribute]) -> tuple[Word, ...]:
        for each in attributes:
            if each.name == "class" and not each.is_chosen:
                found = [word for word in _WORD.finditer(each.value) if _PRINTED not in word[0]]
                statements = [word[0].startswith(_DONE) for word in found]
                return tuple(
                    Word(self._source[each.start + word.start() : each.start + word.end()], *flags)
                    for word, *flags in zip(found, statements, _between(statements), strict=True)
                )
        return ()


def _between(flags: Sequence[bool]) -> list[bool]:
    """Whether each has a true one before it and behind it."""
    return [any(flags[:n]) and any(flags[n + 1 :]) for n in range(len(flags))]


def _masked(source: str) -> str:
    """A template of the same length without its Jinja, so that the rest can be read as HTML."""
    pieces: list[str] = []
    at, mark = 0, _PRINTED
    environment = jinja2.Environment()  # noqa: S701  # nothing is rendered  # nosec B701
    for _, kind, text in environment.lex(source):
        start = source.index(text, at)  # the blanks that "{%-" takes away are in no token
        if kind == "block_begin":
            mark = _DONE
        pieces += source[at:start], text if kind == "data" else mark * len(text)
        if kind == "block_end":
            mark = _PRINTED
        at = start + len(text)
    return "".join((*pieces, source[at:]))
