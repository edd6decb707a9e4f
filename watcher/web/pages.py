"""The pages, written out from their templates."""

from __future__ import annotations

import hashlib
import zoneinfo
from collections.abc import Mapping
from functools import cache, partial

import jinja2
from markupsafe import Markup

from watcher.digest import dates
from watcher.digest.language import ENGLISH, Language
from watcher.resources import resource

_AREAS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
)


_IN_ENGLISH = Markup(' lang="en"')
"""Stands in the tag of what is English in whatever language the page is, such as titles."""


def write(template: str, context: Mapping[str, object], language: Language = ENGLISH) -> str:
    """The page of that template, its words in that language."""
    return _environment(language).get_template(template).render(context)


@cache
def style() -> tuple[bytes, str]:
    """The style sheet, and a hash of it that stands in its URL."""
    return _hashed("style.css")


@cache
def icon() -> tuple[bytes, str]:
    """The icon, as above: browsers ask for one, and would be told at length that there is none."""
    return _hashed("icon.svg")


def _hashed(name: str) -> tuple[bytes, str]:
    content = (resource("templates") / "web" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]


@cache
def zones() -> tuple[str, ...]:
    """The time zones to choose from, by area and city."""
    known = zoneinfo.available_timezones()
    return ("UTC", *sorted(name for name in known if name.partition("/")[0] in _AREAS))


@cache
def _environment(language: Language) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource("templates") / "web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    words = language.catalogue
    environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    environment.filters |= {
        "number": language.number,
        "grouped": language.grouped,
        "whole_day": partial(dates.whole_day, language=language),
    }
    environment.globals |= {
        "style_hash": style()[1],
        "icon_hash": icon()[1],
        "tongue": language,
        "counted": language.counted,
        "in_english": "" if language is ENGLISH else _IN_ENGLISH,
    }
    return environment
