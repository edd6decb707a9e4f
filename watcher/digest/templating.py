"""The templates and what they are rendered with."""

from __future__ import annotations

import textwrap
import traceback
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from watcher.digest.inlining import InliningLoader
from watcher.errors import RenderError
from watcher.resources import resource

BUILT_IN = "built-in"
"""What stands before a name, in a template of one's own, for the one that it replaces."""

_WIDTH = 76

_FAULTS = (
    *(jinja2.TemplateError, OSError, ArithmeticError, AttributeError, LookupError),
    *(RuntimeError, TypeError, ValueError),
)
"""What a template can raise by what is written in it."""


def templates_dir() -> Path:
    """Where the built-in templates lie, in an installed package as in a checkout."""
    return resource("templates")


def render(
    name: str, context: Mapping[str, object], own: Path | None = None, *, is_mail: bool = True
) -> str:
    """What the template of that name, in the directory `own` if it is there, makes of the context.

    A mail's HTML has its style in its tags. Raises RenderError with file and line where the
    template is at fault.
    """
    try:
        environment = _environment(templates_dir(), own, is_mail=is_mail)
        return environment.get_template(name).render(context)
    except _FAULTS as error:
        where = _where(error, own) or f"template {name}"
        raise RenderError(f"{where}: {_told(error)}") from error


@lru_cache(maxsize=4)
def _environment(built_in: Path, own: Path | None, *, is_mail: bool) -> jinja2.Environment:
    owned = [own] if own is not None else []
    shipped = jinja2.FileSystemLoader(built_in)
    loader: jinja2.BaseLoader = jinja2.ChoiceLoader(
        [
            *map(jinja2.FileSystemLoader, owned),
            shipped,
            jinja2.PrefixLoader({BUILT_IN: shipped}),
        ]
    )
    if is_mail:
        loader = InliningLoader(loader, [built_in, *owned])
    kind = jinja2.Environment
    if own is not None:
        kind = ImmutableSandboxedEnvironment
    environment = kind(
        loader=loader,
        autoescape=jinja2.select_autoescape(("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["wrapped"] = wrapped
    return environment


def _where(error: BaseException, own: Path | None) -> str:
    """The file and line of the user's template that is at fault."""
    if isinstance(error, jinja2.TemplateSyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    if own is not None:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if Path(frame.filename).is_relative_to(own):
                return f"{frame.filename}, line {frame.lineno}"
    return ""


def _told(error: BaseException) -> str:
    if isinstance(error, jinja2.TemplateNotFound):
        return f"there is no template {error.name}"
    return str(error) or type(error).__name__


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
