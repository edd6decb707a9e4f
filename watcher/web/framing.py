"""A digest's HTML as a page: as it was mailed, but for what only its recipient may do."""

from __future__ import annotations

import html
import re

from selectolax.lexbor import LexborHTMLParser

from watcher.digest.language import ENGLISH, Language
from watcher.links import Purpose

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:;"
    " sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation;"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""A mail has its style in its tags. Links work; nothing else does, and scripts never."""

_READING = (Purpose.ARCHIVE, Purpose.FEED)
_DEEDS = "|".join(each for each in Purpose if each not in _READING)
_REST = r"[^\s\"'<>]*"
_DEED = re.compile(rf"https?://{_REST}?/(?:(?:{_DEEDS})/[\w.-]{{20,}}|stop\?){_REST}")
"""A link by which somebody changes something."""

_DOCTYPE = "<!DOCTYPE html>"
_BAR = (
    '<nav lang="{tag}" aria-label="{label}" style="max-width:640px;margin:0 auto;padding:14px 16px;'
    'font:14px/1.5 sans-serif"><a style="color:inherit" href="{archive}">{all}</a>'
    ' &#183; <a style="color:inherit" href="{papers}">{its}</a></nav>'
)


def framed(
    mailed: str, *, archive_path: str, papers_path: str, language: Language = ENGLISH
) -> str:
    """The page: without the links that change something, with two that lead back."""
    tree = LexborHTMLParser(mailed)
    for link in tree.css("a[href]"):
        if _DEED.search(link.attributes.get("href") or ""):
            around = link.parent
            link.decompose()
            if around is not None and around.tag == "p" and not around.text(strip=True):
                around.decompose()
    words = {
        "tag": language.tag,
        "label": language.say("Archive"),
        "all": language.say("All digests"),
        "its": language.say("Its papers as a list"),
        "archive": archive_path,
        "papers": papers_path,
    }
    bar = _BAR.format(**{name: html.escape(word) for name, word in words.items()})
    found = LexborHTMLParser(bar).css_first("nav")
    if tree.body is not None and found is not None:
        if (first := tree.body.first_child) is not None:
            first.insert_before(found)
        else:
            tree.body.insert_child(found)
    # Templates of one's own may show a link as text, or in a comment.
    shown = _DEED.sub("", tree.html or "")
    return _DOCTYPE + shown.removeprefix(_DOCTYPE)  # not each version of the parser writes it
