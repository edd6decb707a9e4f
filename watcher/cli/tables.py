"""Plain tables and counts for the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns on stdout; on a terminal the last one wraps, elsewhere none does."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from watcher.digest.text import clean

    # Titles and servers' answers are others' text: no escape sequence may reach the terminal.
    found = [[clean(cell) for cell in row] for row in rows]
    if not found:
        return
    has_header = any(headers)
    console = Console()
    if not console.is_terminal:
        shown_rows = [list(headers), *found] if has_header else found
        widths = [max(map(len, column)) for column in zip(*shown_rows, strict=True)]
        for row in shown_rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())
        return
    style = "" if console.no_color else "dim"
    shown = Table(box=None, pad_edge=False, header_style=style, show_header=has_header)
    for header in headers:
        shown.add_column(header, overflow="fold")  # names and addresses are there to be copied
    for row in found:
        shown.add_row(*(Text(cell) for cell in row))
    console.print(shown)


def line(text: str) -> None:
    """Print one line on stdout, others' text in it made harmless."""
    from watcher.digest.text import clean

    print(clean(text))


def paragraph(text: str, indent: str = "", hanging: str = "  ") -> None:
    """Print a sentence behind an indent; on a terminal within its width, `hanging` further in."""
    from watcher.digest.text import clean

    cleaned, width = clean(text), _width()
    if width:
        cleaned = textwrap.fill(cleaned, max(width - len(indent), 20), subsequent_indent=hanging)
    print(textwrap.indent(cleaned, indent))


def entry(text: str, indent: str = "") -> None:
    """Print one line of a list behind an indent; on a terminal it is cut off at its width."""
    from watcher.digest.text import clean, shorten

    cleaned, width = clean(text), _width()
    print(indent + (shorten(cleaned, max(width - len(indent), 20)) if width else cleaned))


def _width() -> int | None:
    """The terminal's columns; None where stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def count(number: int, one: str, many: str = "") -> str:
    """`1 paper`, `2 papers`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
