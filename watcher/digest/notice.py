"""What every mail to the operator says: what happened, since when, what it means, what to do."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from watcher.digest.language import ENGLISH
from watcher.digest.templating import render
from watcher.digest.text import clean, isolated, shorten
from watcher.models import Rendered

_LINES_SHOWN = 20
_LINE_LIMIT = 400
_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Explanation:
    """A notice in words: `facts` are label and text, `lines` the single findings."""

    subject: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    meaning: str
    action: str
    command: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice(ABC):
    """Something the operator should know. `kind` names it in the store and in logs."""

    kind: ClassVar[str]

    @abstractmethod
    def explained(self) -> Explanation:
        """The notice in words."""


def render_notice(notice: Notice) -> Rendered:
    """Write a notice out as a mail. Raises RenderError when a template is not usable."""
    words = notice.explained()
    lines = [isolated(line(text)) for text in words.lines if clean(text)]
    if len(lines) > _LINES_SHOWN:
        lines[_LINES_SHOWN:] = [f"and {len(lines) - _LINES_SHOWN} more"]
    subject = f"paper-watcher: {shorten(words.subject, 110)}"
    context: dict[str, object] = {
        "language": ENGLISH.tag,
        "subject": subject,
        "headline": words.headline,
        "facts": words.facts,
        "lines": lines,
        "meaning": words.meaning,
        "action": words.action,
        "command": words.command,
    }
    return Rendered(subject, render("notice.txt.j2", context), render("notice.html.j2", context))


def counted(count: int, noun: str) -> str:
    """As in `1 paper`, `7 papers`, `1.7K records`."""
    return f"{ENGLISH.compact(count)} {noun if count == 1 else noun + 's'}"


def name(text: str) -> str:
    """A name or an address inside a sentence."""
    return isolated(shorten(clean(text), _NAME_LIMIT))


def line(text: str) -> str:
    """Foreign words on a line of their own."""
    return shorten(clean(text), _LINE_LIMIT)


def argument(text: str) -> str:
    """A name as a shell takes it."""
    return shlex.quote(shorten(clean(text), _NAME_LIMIT))
