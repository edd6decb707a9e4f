"""What is wrong with a field of a form, to be said in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from watcher.digest.language import ENGLISH, Language
from watcher.web.tongues import phrase


@dataclass(frozen=True, slots=True)
class Problem:
    """A phrase with its facts; `detail` is what the program says of it in English, always.

    On an English page the detail stands alone. On others it follows the phrase where `is_needed`.
    """

    message: str
    facts: Mapping[str, object] = field(default_factory=dict)
    detail: str = ""
    is_needed: bool = False

    def said(self, language: Language) -> str:
        """The sentence."""
        if language is ENGLISH and self.detail:
            return self.detail
        return language.say(self.message, **self.facts)

    def english(self, language: Language) -> str:
        """What is left to say, in English."""
        return self.detail if self.is_needed and language is not ENGLISH else ""


_OF_FIELDS: Mapping[str, str] = {
    "address": phrase("no mail can be sent to this address"),
    "at": phrase("write a time of day such as 08:00"),
    "timezone": phrase("choose one of the time zones"),
    "language": phrase("choose one of the languages"),
}


def of_program(name: str, detail: str) -> Problem:
    """What the program says of that field."""
    if name in _OF_FIELDS:
        return Problem(_OF_FIELDS[name], detail=detail)
    message = phrase("it cannot be read like this. The program says in English:")
    return Problem(message, detail=detail, is_needed=True)
