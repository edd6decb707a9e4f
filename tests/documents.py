"""The documents as tests see them: fenced blocks, tables, code spans, links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from typer.testing import CliRunner

from watcher.cli import app as cli

CHECKOUT = Path(__file__).parents[1]

_BLOCK = re.compile(r"^```(?P<language>\w*)(?: (?P<role>[^\n]+))?\n(?P<text>.*?)^```$", re.M | re.S)
_TABLE = re.compile(r"^\|(.+)\|\n\|[-| ]+\|\n((?:\|.+\|\n)+)", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: ```` ```language role ````; `line` is where its fence stands."""

    name: str
    line: int
    language: str
    role: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Row:
    """A table's row below its headings: the cells as they are written."""

    name: str
    headings: tuple[str, ...]
    cells: tuple[str, ...]

    def spans(self, column: int) -> list[str]:
        """The code spans of a cell."""
        return spans(self.cells[column])

    def __str__(self) -> str:
        return f"{self.name}: {self.cells[0]}"


@dataclass(frozen=True)
class Document:
    """One of the Markdown files, by its path in the checkout."""

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        """Where it is."""
        return CHECKOUT / self.name

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """What stands outside of fenced blocks."""
        return _BLOCK.sub("", self.text)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The fenced blocks in their order."""
        return tuple(
            Block(
                self.name,
                self.text.count("\n", 0, found.start()) + 1,
                found["language"],
                found["role"] or "",
                found["text"],
            )
            for found in _BLOCK.finditer(self.text)
        )

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all tables."""
        return tuple(
            Row(self.name, _cells(found[1]), _cells(line.strip("|")))
            for found in _TABLE.finditer(self.prose)
            for line in found[2].splitlines()
        )

    @cached_property
    def links(self) -> tuple[str, ...]:
        """Where its links and pictures lead."""
        return tuple(found[1] or found[2] for found in _LINK.finditer(self.prose))

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Its headings as a link names them."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return frozenset(
            re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
            for heading in headings
        )


README, GUIDE = Document("README.md"), Document("docs/guide.md")
OPERATIONS = Document("docs/operations.md")
SCALING = Document("docs/scaling.md")
DOCUMENTS = (README, GUIDE, OPERATIONS, SCALING)


def blocks(language: str, *roles: str) -> list[Block]:
    """The blocks of a language whose role begins with one of these words."""
    return [
        block
        for document in DOCUMENTS
        for block in document.blocks
        if block.language == language and block.role.partition(" ")[0] in roles
    ]


def rows(*headings: str) -> list[Row]:
    """The rows of the tables with these headings."""
    return [row for document in DOCUMENTS for row in document.rows if row.headings == headings]


def spans(text: str) -> list[str]:
    """The code spans in a piece of Markdown."""
    return _SPAN.findall(text)


def commands(block: Block) -> Iterator[str]:
    """The lines of a block of shell, those without a command left out."""
    return (line for line in block.text.splitlines() if line and not line.startswith("#"))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.split("|"))


def named(things: Sequence[object]) -> list[str]:
    """Names of parameters for pytest."""
    return [str(thing) for thing in things]


def exists(words: list[str]) -> None:
    """Assert that there is such a command with such options."""
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    names = [word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)]
    result = CliRunner().invoke(cli, [*names[:1], "--help"])
    if "Commands:" in result.stdout:
        names = names[:2]
        result = CliRunner().invoke(cli, [*names, "--help"])
    else:
        names = names[:1]
    assert result.exit_code == 0, f"{' '.join(words)}: {result.stderr}"
    for option in options:
        assert re.search(rf"(^|[ ,/]){re.escape(option)}\b", result.stdout), f"{words}: {option}"
