"""Questions to the person at the terminal; off a terminal nothing is ever asked."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from watcher.cli.common import ALL_SOURCES_FAILED, USAGE, fail, is_interactive, say

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asker:
    """Takes answers from flags, else from the person, else from the defaults.

    Each answer goes through a `parse` that raises ValueError for what cannot be: a flag then
    ends the command, a person is told and asked again.
    """

    is_asking: bool

    def answer(
        self,
        flag: str,
        question: str,
        parse: Callable[[str], T],
        *,
        given: str | None,
        default: str = "",
        hint: str = "",
    ) -> T:
        """One answer. `hint` stands in a line above the question."""
        if given is not None or not self.is_asking:
            try:
                return parse(default if given is None else given)
            except ValueError as error:
                fail(f"{flag}: {error}", USAGE)
        if hint:
            print(hint)
        while True:
            written = read(f"{question}{f' [{default}]' if default else ''}: ").strip()
            try:
                return parse(written or default)
            except ValueError as error:
                print(f"  {error}")

    def agreed(self, question: str, *, default: bool) -> bool:
        """Yes or no; off a terminal the default."""
        return yes_or_no(question, default=default) if self.is_asking else default


def consent(question: str, *, is_given: bool) -> None:
    """Go on only if the person agrees; off a terminal the flag `--yes` must have said so."""
    if is_given:
        return
    if not is_interactive():
        fail("there is nobody to ask here; --yes agrees", USAGE)
    if not yes_or_no(question, default=False):
        fail("nothing was changed", ALL_SOURCES_FAILED)


def yes_or_no(question: str, *, default: bool) -> bool:
    """Ask until it is a yes or a no."""
    while True:
        written = read(f"{question} [{'Y/n' if default else 'y/N'}] ").strip().lower()
        if not written:
            return default
        if written in {"y", "yes"}:
            return True
        if written in {"n", "no"}:
            return False
        print("  yes or no?")


def choose(question: str, choices: dict[str, str]) -> str:
    """One of the letters that `choices` maps to what they mean."""
    listed = ", ".join(f"{letter}: {meaning}" for letter, meaning in choices.items())
    while True:
        written = read(f"{question} ({listed}) ").strip().lower()
        if written in choices:
            return written
        print(f"  {' or '.join(choices)}?")


def read(prompt: str, *, is_hidden: bool = False) -> str:
    """A line from the terminal. Ctrl-C ends the command with 130, the end of input with 1."""
    while True:
        try:
            text = getpass.getpass(prompt) if is_hidden else input(prompt)
            text.encode()  # a terminal's stray bytes may come as lone surrogates
        except KeyboardInterrupt:
            say("")
            raise
        except EOFError:
            say("")
            fail("no answer came; nothing was changed", ALL_SOURCES_FAILED)
        except UnicodeError:
            print("  that is not readable as text; once more")
        else:
            return text
