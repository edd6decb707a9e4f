"""The templates and what they are rendered with."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import jinja2

from watcher.digest.columns import padded, places, wrapped
from watcher.digest.inlining import InliningLoader
from watcher.digest.language import ENGLISH, Language
from watcher.digest.sandbox import Sandbox
from watcher.errors import RenderError
from watcher.resources import resource

BUILT_IN = "built-in"
"""What stands before a name, in a template of one's own, for the one that it replaces."""

_FAULTS = (
    *(jinja2.TemplateError, OSError, ArithmeticError, AttributeError, LookupError),
    *(RuntimeError, TypeError, ValueError, MemoryError),
)
"""What a template can raise by what is written in it."""


def templates_dir() -> Path:
    """Where the built-in templates lie, in an installed package as in a checkout."""
    return resource("templates")


def render(
    name: str,
    context: Mapping[str, object],
    own: Path | None = None,
    language: Language = ENGLISH,
    *,
    is_mail: bool = True,
) -> str:
    """What the template of that name, in the directory `own` if it is there, makes of the context.

    Its words are in `language`; a mail's HTML has its style in its tags. Raises RenderError with
    file and line where the template is wrong.
    """
    try:
        environment = _environment(templates_dir(), own, language, is_mail=is_mail)
        if isinstance(environment, Sandbox):
            environment.begin()
        return environment.get_template(name).render(context)
    except _FAULTS as error:
        where = _where(error, own) or f"template {name}"
        raise RenderError(f"{where}: {_told(error)}") from error


@lru_cache(maxsize=32)
def _environment(
    built_in: Path, own: Path | None, language: Language, *, is_mail: bool
) -> jinja2.Environment:
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
        kind = Sandbox
    environment = kind(
        loader=loader,
        autoescape=jinja2.select_autoescape(disabled_extensions=("txt.j2",), default=True),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    words = language.catalogue
    environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    environment.filters |= {
        "wrapped": wrapped,
        "padded": padded,
        "places": places,
        "listed": language.listed,
    }
    environment.globals["colon"] = language.colon
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
