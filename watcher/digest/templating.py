"""The templates and what they are rendered with."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import jinja2

from watcher.errors import RenderError
from watcher.resources import resource

_WIDTH = 76


def templates_dir() -> Path:
    """Where the templates lie, in an installed package as in a checkout."""
    return resource("templates")


def render(name: str, context: Mapping[str, object]) -> str:
    """What the template of that name makes of the context. Raises RenderError."""
    try:
        return _environment(templates_dir()).get_template(name).render(context)
    except (jinja2.TemplateError, OSError) as error:
        raise RenderError(f"template {name} cannot be used: {error}") from error


@lru_cache(maxsize=4)
def _environment(directory: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(directory),
        autoescape=jinja2.select_autoescape(("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["wrapped"] = wrapped
    return environment


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """The text in lines of 76 characters at most; longer words, URLs above all, stay whole."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
