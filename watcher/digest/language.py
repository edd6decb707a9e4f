"""The languages a digest can speak: the words, and how these write numbers and lists.

The English words stand where they are used; `locale/CODE.po` has them in the other languages.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_decimal

from watcher.errors import RenderError

CATALOGUES = Path(__file__).parent / "locale"

TAGS = {"en": "en", "fr": "fr", "de": "de", "zh": "zh-Hans", "ja": "ja"}
"""By its code in the configuration, what HTML and mail call each language (RFC 5646)."""


class Language:
    """One of them. Messages have their facts as `%(name)s`.

    `catalogues` are the directories with its words, each asked for what those before it have not.
    """

    def __init__(self, code: str, catalogues: Sequence[Path] = (CATALOGUES,)) -> None:
        if code not in TAGS:
            known = ", ".join(TAGS)
            raise RenderError(f"there is no language {code!r}; those there are: {known}")
        self.code = code
        self.tag = TAGS[code]
        self.locale = Locale.parse(self.tag, sep="-")
        self.catalogue = _chained(code, catalogues)

    def say(self, message: str, **facts: object) -> str:
        """The message with these facts."""
        return self.catalogue.gettext(message) % facts

    def counted(self, one: str, many: str, count: int, shown: str = "", **facts: object) -> str:
        """The message for so many, which it calls `count`; `shown` is how that is written."""
        facts = {"count": shown or self.number(count), **facts}
        return self.catalogue.ngettext(one, many, count) % facts

    def number(self, number: int | Decimal) -> str:
        """As in `1,234.5`."""
        return str(format_decimal(number, locale=self.locale))

    def compact(self, count: int) -> str:
        """As in `950`, `1.7K`, `110K`, `1.2M`, with one decimal at most."""
        short = str(format_compact_decimal(count, locale=self.locale, fraction_digits=1))
        return self.number(count) if short.isdigit() else short  # those that have no short form

    @property
    def colon(self) -> str:
        """What stands between a label and what it labels."""
        return self.say("%(label)s: %(text)s", label="", text="")

    def listed(self, parts: Iterable[str]) -> str:
        """As in `a, b, c`."""
        return self.say("%(first)s, %(next)s", first="", next="").join(parts)

    def grouped(self, parts: Iterable[str]) -> str:
        """As in `a, b; c`: lists beside one another."""
        return self.say("%(first)s; %(next)s", first="", next="").join(parts)


@lru_cache
def language(code: str) -> Language:
    """The language of that code. Raises RenderError."""
    return Language(code)


def _chained(code: str, directories: Sequence[Path]) -> gettext.NullTranslations:
    if code == "en":
        return gettext.NullTranslations()
    first, *others = (_catalogue(code, each) for each in directories)
    for each in others:
        first.add_fallback(each)
    return first


def _catalogue(code: str, directory: Path) -> gettext.NullTranslations:
    compiled = io.BytesIO()
    with (directory / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


ENGLISH = language("en")
