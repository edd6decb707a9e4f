"""Mail programs can show what the mails use, by the tables of caniemail.com, or do without.

The package `caniemail` carries the tables: for each feature and program the versions that were
tried, oldest first, each with y (yes), a (almost), n (no) or u (unknown) and the numbers of notes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.web.conftest import MAILS
from tests.web.features import features
from tests.web.packages import MODULES

pytestmark = pytest.mark.npm

PROGRAMS = {
    "apple-mail": ("macos", "ios"),
    "gmail": ("desktop-webmail", "mobile-webmail", "ios", "android"),
    "outlook": ("windows", "outlook-com", "macos", "ios", "android"),
    "samsung-email": ("android",),
    "thunderbird": ("macos",),
    "yahoo": ("desktop-webmail", "ios", "android"),
}

DISPENSABLE = {
    "css-at-media": "narrow margins on phones and the dark scheme: without, it is roomy and light",
    "css-at-media-prefers-color-scheme": "without, the mail is light, or the program darkens it",
    "css-background": "colours alone, which all take",
    "css-border": "Outlook puts lines on paragraphs where it likes; headings stand out without",
    "css-border-radius": "corners are square without",
    "css-color-scheme": "without, the program darkens the mail by its own lights",
    "css-display": "of inline-block only rounded labels have need: without, they are less high",
    "css-display-none": "where the preview line shows, it says what the mail says",
    "css-font-size": "in px alone, which all take",
    "css-font-weight": "600 is bold in Outlook, as is 700",
    "css-important": "only in the style element, for the dark scheme and phones",
    "css-letter-spacing": "a hundredth of the headline's size, which nobody misses",
    "css-line-height": "Outlook sets lines a little closer or wider",
    "css-margin": "never negative or auto; Outlook lacks it on inline elements, which have none",
    "css-max-height": "a second way to hide the preview line, beside display:none",
    "css-max-width": "Outlook for Windows gets the width from its conditional comment",
    "css-overflow": "with max-height; only `hidden`",
    "css-overflow-wrap": "only words longer than a line need it; Gmail breaks these by itself",
    "css-padding": "Outlook has it in cells, where the page's margins are",
    "css-selector-class": "what it selects is for the dark scheme and phones alone",
    "css-selector-type": "what it selects is for the dark scheme alone",
    "css-sytem-ui": "the first of several fonts for a command",
    "css-text-decoration": "titles are underlined without, as links are",
    "css-white-space": "the bars of votes and their words may come apart at a line's end",
    "html-align": "only center and left of table cells",
    "html-aria-hidden": "a screen reader names the bars of votes before it reads them in words",
    "html-body": "the outer table has the same ground",
    "html-dir": "left to right is what is assumed without",
    "html-doctype": "the mail looks the same in quirks mode",
    "html-lang": "only on the html element",
    "html-lists": "without `reversed` and `value`, which alone are amiss",
    "html-mailto-links": "without bcc, which alone is amiss",
    "html-meta-color-scheme": "without, the program darkens the mail by its own lights",
    "html-role": "what Yahoo drops tells screen readers no more than that a table is layout",
    "html-style": "all that matters stands inline; the rest is for the dark scheme and phones",
    "html-width": "only 100% of tables, which all take",
}
"""Features that a main program lacks at least in part, and why no reader misses them."""

UNTRIED = {
    "css-at-media-max-width": "part of css-at-media in the tables",
    "css-color": "older than all mail programs that show HTML",
    "css-font-family": "older than all mail programs that show HTML",
    "css-pseudo-class-root": "for color-scheme alone",
    "css-supported-color-schemes": "the older name of color-scheme, which Apple Mail reads",
    "html-a": "every mail program has links",
    "html-border": "0 is what programs without the attribute draw",
    "html-br": "older than all mail programs that show HTML",
    "html-class": "part of css-selector-class in the tables",
    "html-em": "older than all mail programs that show HTML",
    "html-head": "what it holds is named itself",
    "html-html": "every page has one",
    "html-mark": "its colours stand inline, so that it is a span to programs that do not know it",
    "html-meta": "the character set is in the mail's own headers",
    "html-title": "mail programs show the subject",
}
"""What the tables do not have, and why it may be used."""


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """By feature, program and platform: what each version does with it."""
    found = json.loads((MODULES / "caniemail/data/caniemail.json").read_bytes())["data"]
    return {feature["slug"]: feature["stats"] for feature in found}


@pytest.fixture(scope="module")
def used() -> set[str]:
    return {name for mail in MAILS.values() for name in features(mail.html)}


def lacking(stats: Mapping[str, Mapping[str, Mapping[str, str]]]) -> list[str]:
    """The main programs whose newest version does not have all of a feature."""
    return [
        f"{program} {platform}"
        for program, platforms in PROGRAMS.items()
        for platform in platforms
        if not [*stats.get(program, {}).get(platform, {"": "u"}).values()][-1].startswith("y")
    ]


def test_mail_programs_have_what_is_used_or_do_without(
    tables: dict[str, dict[str, dict[str, dict[str, str]]]], used: set[str]
) -> None:
    short = {name: lacking(tables[name]) for name in used & tables.keys() if lacking(tables[name])}
    assert {name: short[name] for name in short.keys() - DISPENSABLE.keys()} == {}
    assert DISPENSABLE.keys() - short.keys() == set(), "what needs no excuse has none"


def test_what_the_tables_do_not_have_is_known(
    tables: dict[str, dict[str, dict[str, dict[str, str]]]], used: set[str]
) -> None:
    assert used - tables.keys() == UNTRIED.keys()


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<p style="display: flex">', "css-display-flex"),
        ('<p style="width: calc(1px + 2vw)">', "css-function-calc"),
        ("<style>@media print{a:hover{position:fixed}}</style>", "css-position"),
        ("<style>@supports (gap:1px){p::before{color:red}}</style>", "css-pseudo-element-before"),
        ("<style>p{margin-top:1vh!important}</style>", "css-unit-vh"),
        ('<img srcset="a.png 2x">', "html-srcset"),
        ('<a href="#top">', "html-anchor-links"),
        ("<main>", "html-semantics"),
    ],
)
def test_what_a_page_uses_is_found(html: str, found: str) -> None:
    assert found in features(html)


def test_what_programs_lack_is_found(
    tables: dict[str, dict[str, dict[str, dict[str, str]]]],
) -> None:
    assert "outlook windows" in lacking(tables["css-display-flex"])
    assert lacking(tables["html-strong"]) == []
