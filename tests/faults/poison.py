"""One paper's record or card with something in it that should not be there."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import escape, unescape
from typing import Literal

from tests.fakesite import Answer, Fault, faults
from tests.sources.test_records import ENTRY_FIELDS, PAPER_FIELDS

Form = Literal["page", "list", "record", "markup"]

_MARK = "POISON"
_PROPS = re.compile(r'(data-target="DailyPapers" data-props=")([^"]*)(")')

_DEEP = 400
_TOO_DEEP = 100_000

VALUES = {
    "null": "null",
    "true": "true",
    "false": "false",
    "nought": "0",
    "negative": "-1",
    "fraction": "1.5",
    "NaN": "NaN",
    "infinite": "Infinity",
    "1e999": "1e999",
    "a huge number": "9" * 400,
    "an endless number": "9" * 6_000,
    "empty": '""',
    "blank": '" \\n\\t "',
    "digits": '"12"',
    "a sentence": '"no such thing"',
    "very long": '"' + "x" * 1_000_000 + '"',
    "many words": '"' + "wörd " * 100_000 + '"',
    "a lone surrogate": '"\\ud800"',
    "surrogates in a word": '"a\\udfffzorb\\ud83dlax"',
    "NUL": '"a\\u0000b"',
    "controls": '"\\u001b[31m\\u0007\\u0085\\u2028"',
    "right to left": '"\\u202e\\u2066x"',
    "markup": '"</script><img src=x onerror=alert(1)>"',
    "lines of a header": '"x\\r\\nBcc: eve@example.org\\r\\n\\r\\n"',
    "a template": '"{{ 7 * 7 }}{% for x in y %}${x}"',
    "LaTeX": '"$' + "{" * 900 + '\\\\frac{\\\\sqrt[$"',
    "a URL of a script": '"javascript:alert(1)"',
    "an odd date": '"0000-13-99T25:61:61Z"',
    "a far date": '"9999-12-31T23:59:59.999999+14:00"',
    "an empty list": "[]",
    "nulls": "[null, null]",
    "numbers": "[1, 2.5, -3]",
    "lists": "[[], [[]]]",
    "a long list": "[" + '"x",' * 50_000 + '"x"]',
    "names": '[{"name": null}, {"name": 7}, {"name": ""}, {}]',
    "an object": "{}",
    "an object of nonsense": '{"name": [], "user": {"user": {}}, "fullname": 1, "": null}',
    "a key twice": '{"name": "a", "name": {"b": 1}}',
    "deep": '{"x":' * _DEEP + "1" + "}" * _DEEP,
    "too deep": "[" * _TOO_DEEP + "]" * _TOO_DEEP,
}
"""JSON as it is written."""

NEAR_COPIES = {
    *("true", "nought", "infinite", "blank", "many words", "a lone surrogate", "controls"),
    *("right to left", "markup", "a template", "a URL of a script", "a far date", "nulls"),
    *("numbers", "a long list", "a key twice"),
}
"""Values that are much like another one.

Each is tried at every field of a page; records of the API are read by the same code, and there the
other one stands for both.
"""

CARD = {
    "title": (r"(<h3[^>]*><a[^>]*>)[^<]*()", "link"),
    "link": (r'(<h3[^>]*><a href=")[^"]*(")', "attribute"),
    "heading": (r"(<)h3( )", "tag"),
    "votes": (r'(<div class="(?:leading-none|font-semibold text-orange-500)">)[^<]*()', "link"),
    "authors": (r'(<li title=")[^"]*(")', "attribute"),
    "number of authors": (r"( · )\d+( authors)", "link"),
    "organization": (r'(<span class="block min-w-0 truncate font-medium">)[^<]*()', "link"),
    "date": (r"(<span>(?:Published on )?)[A-Z][a-z]{2} \d+, \d+()", "link"),
    "comments": (r"(#community[^>]*><svg></svg>)[^<]*()", "link"),
    "picture": (r'(<img [^>]*src="https://cdn[^"]*)()', "attribute"),
    "submitted by": (r"(Submitted by )()", "link"),
}
"""Where in a card what is shown stands, and what it stands in."""

SHOWN = {
    "nothing": "",
    "a minus": "-1",
    "a word": "none",
    "other digits": "\u0663\u0664",
    "a huge number": "9" * 5_000,
    "short forms": "1.2.3kM",
    "nan": "nan",
    "a date that is none": "Feb 31, 2026",
    "controls": "\x1b[31m\x07\u2028\u202e",
    "very long": "x" * 1_000_000,
    "entities": "&#0;&#xD800;&#x110000;&amp&lt",
    "elements": "<b><i><u>" * 200,
    "an end": "</a></h3></div></div>",
    "a script": "<script>alert(1)</script>",
    "a comment": "<!-- -->",
    "a path": "/papers/..%2f..%2fetc/passwd",
    "another id": "/papers/2602.1x",
    "a brace": "{{ 7 * 7 }} $\\frac{",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A field of one record, and what stands there; `costs_only_itself`: the rest can be read."""

    form: Form
    field: str
    value: str
    change: Callable[[Answer, str], Answer]
    costs_only_itself: bool = True

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.form}: {self.field} is {self.value}"

    def faults(self, paper_id: str, day: dt.date) -> dict[str, Fault]:
        """What the site does, by pattern, to spoil that paper, which is listed on `day`."""
        spoiled = Fault(lambda answer: self.change(answer, paper_id))
        if self.form == "list":
            return {f"/papers/date/{day}": faults.no_marks(), "/api/daily_papers*": spoiled}
        if self.form == "record":
            return {f"/api/papers/{paper_id}": spoiled, "/api/daily_papers*": faults.answering(404)}
        return {"/papers*": spoiled}


def _cases() -> Iterator[Case]:
    places = [("paper", key) for key in PAPER_FIELDS] + [("", key) for key in ENTRY_FIELDS]
    for value, raw in VALUES.items():
        for within, key in places:
            change = _in_json(within, key, raw)
            field = f"{within}.{key}".strip(".")
            yield Case("page", field, value, _on_page(change))
            if value in NEAR_COPIES:
                continue
            is_readable = value != "too deep"
            yield Case("list", field, value, _in_answer(change), is_readable)
            if within:
                yield Case("record", field, value, _in_answer(_in_json("", key, raw)))
    for shown, raw in SHOWN.items():
        for field, (pattern, place) in CARD.items():
            given = escape(raw) if place == "attribute" else raw
            yield Case("markup", field, shown, _in_card(pattern, given))


Spoil = Callable[[str, str], str]


def _in_json(within: str, key: str, raw: str) -> Spoil:
    """Writes `raw` at `key` of the record of a paper, or of its `within`."""

    def spoil(text: str, paper_id: str) -> str:
        found = json.loads(text)
        lists = [found.get("dailyPapers", [found])] if isinstance(found, dict) else [found]
        for record in (record for records in lists for record in records):
            if record.get("paper", record)["id"] == paper_id:
                (record[within] if within else record)[key] = _MARK
        return json.dumps(found, ensure_ascii=False).replace(f'"{_MARK}"', raw)

    return spoil


def _in_answer(spoil: Spoil) -> Callable[[Answer, str], Answer]:
    def change(answer: Answer, paper_id: str) -> Answer:
        if answer.status != 200:
            return answer
        return replace(answer, body=spoil(answer.body.decode(), paper_id).encode())

    return change


def _on_page(spoil: Spoil) -> Callable[[Answer, str], Answer]:
    def change(answer: Answer, paper_id: str) -> Answer:
        if answer.status != 200:
            return answer
        text = _PROPS.sub(
            lambda found: found[1] + escape(spoil(unescape(found[2]), paper_id)) + found[3],
            answer.body.decode(),
        )
        return replace(answer, body=text.encode())

    return change


def _in_card(pattern: str, raw: str) -> Callable[[Answer, str], Answer]:
    def change(answer: Answer, paper_id: str) -> Answer:
        def spoil(card: re.Match[str]) -> str:
            if f"/papers/{paper_id}" not in card[0]:
                return card[0]
            return re.sub(pattern, lambda found: found[1] + raw + found[2], card[0])

        text = re.sub(r"<article.*?</article>", spoil, answer.body.decode(), flags=re.DOTALL)
        return replace(answer, body=text.encode())

    return change


CASES = tuple(_cases())
