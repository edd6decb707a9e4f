"""What became of a mail's header and body on its way: pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import urlsplit

from watcher.diagnosis.delivered import Mail
from watcher.diagnosis.finding import Finding, ok, problem, warning
from watcher.digest.text import clean, shorten

_LINK = re.compile(r"<a\s[^>]*?href\s*=\s*[\"']([^\"'>]+)", re.IGNORECASE)
_OF_TRANSPORT = ("content-transfer-encoding", "content-type", "mime-version")
"""How a body is wrapped is told by what is said of the body."""


def compare_header(sent: Mail, came: Mail) -> Iterator[Finding]:
    """Which fields were changed, taken away or added."""
    names = dict.fromkeys(name.lower() for name, _ in sent.fields)
    is_same = True
    for name in names:
        before, after = _readable(sent, name), _readable(came, name)
        shown = next(each for each, _ in sent.fields if each.lower() == name)
        if not after:
            yield warning("header", f"{shown} was taken away: it was {_quoted(before[0])}")
        elif name not in _OF_TRANSPORT and not _folded(before) <= _folded(after):
            yield warning(
                "header", f"{shown} was changed: {_quoted(before[0])} became {_quoted(after[0])}"
            )
        else:
            continue
        is_same = False
    if is_same:
        yield ok("header", "every field that was sent is there, unchanged")
    added = dict.fromkeys(name for name, _ in came.fields if name.lower() not in names)
    if added:
        yield ok("header", shorten(f"added on the way: {', '.join(added)}", 500))


def compare_body(sent: Mail, came: Mail) -> Iterator[Finding]:
    """Whether text and HTML say what was sent."""
    if sent.body == came.body:
        yield ok("body", "byte for byte as it was sent")
        return
    is_same = True
    for part, before, after in (("text", sent.text, came.text), ("HTML", sent.html, came.html)):
        if before is None or before == after:
            continue
        is_same = False
        if after is None:
            yield problem("body", f"the {part} is gone; its reader sees the other part only")
        elif len(after) < len(before) and before.startswith(after):
            share = 100 * len(after) // len(before)
            yield problem("body", f"the {part} was cut off after {share}% of it")
        elif before in after:
            yield warning("body", f"something was put around the {part}, such as a footer")
        else:
            yield warning("body", f"the {part} was rewritten{_strange_links(before, after)}")
    if is_same:
        yield ok("body", "wrapped anew on the way; text and HTML say what was sent")


def look_at_body(came: Mail) -> Iterator[Finding]:
    """What can be told without the mail as it was sent."""
    html, is_well = came.html, True
    if came.text is None or html is None:
        yield problem("body", f"there is no {'text' if came.text is None else 'HTML'} part")
        is_well = False
    if html is not None and "<html" in html[:500].lower() and "</html>" not in html[-2000:].lower():
        yield problem("body", "the HTML breaks off before its end")
        is_well = False
    if is_well:
        yield ok("body", "text and HTML are there, whole")


def _strange_links(before: str, after: str) -> str:
    strange = sorted(_hosts(after) - _hosts(before))
    if not strange:
        return ""
    return f"; links go through {shorten(', '.join(map(clean, strange[:3])), 200)} now"


def _hosts(html: str) -> set[str]:
    hosts = set()
    for url in _LINK.findall(html):
        try:
            hosts.add(urlsplit(url).hostname or "")
        except ValueError:  # no URL at all
            continue
    return hosts - {""}


def _readable(mail: Mail, name: str) -> list[str]:
    return [decoded(value) for value in mail.values(name)]


def _folded(values: list[str]) -> set[str]:
    """The values without white space: long ones are broken at other places by other servers."""
    return {"".join(value.split()) for value in values}


def decoded(value: str) -> str:
    """A field's value without encoded words, which a server may write in another way."""
    try:
        text = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        text = value
    return clean(text)


def _quoted(text: str) -> str:
    return f"“{shorten(text, 120)}”"
