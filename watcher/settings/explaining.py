"""What pydantic found wrong, told to one who writes TOML. Values of secrets are never told."""

from __future__ import annotations

import datetime as dt
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from watcher.settings import schema
from watcher.settings.guessing import guess
from watcher.settings.paths import KeyPath
from watcher.settings.tables import Table
from watcher.settings.values import quoted


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where; `path` is as in the tables, short forms written out."""

    path: KeyPath
    message: str


_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a fraction",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a table",
    dt.datetime: "a date",
    dt.date: "a date",
    dt.time: "a time of day",
}


def problems_of(error: ValidationError, root: type[Table]) -> list[Problem]:
    """Every problem, each once: a key that is missing only because it is misspelt is not told."""
    details = error.errors(include_url=False)
    guesses = {
        detail["loc"]: guess(root, detail["loc"])
        for detail in details
        if detail["type"] == "extra_forbidden"
    }
    meant = {each.meant for each in guesses.values()}
    problems = []
    for detail in details:
        path = detail["loc"]
        if path in guesses:
            problems.append(Problem(path, guesses[path].message))
        elif not (detail["type"] == "missing" and path in meant):
            problems.append(Problem(path, _message(detail, _example_at(root, path))))
    return problems


def _example_at(root: type[Table], path: KeyPath) -> str:
    """How the key is written that the path leads to, or into."""
    examples = (
        _example(key, schema.keys(table)[key])
        for end in range(len(path) - 1, -1, -1)
        if isinstance(key := path[end], str)
        if (table := schema.table_at(root, path[:end])) and key in schema.keys(table)
    )
    return next(examples, "")


_BOUNDS: Mapping[str, str] = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "too_short": "is empty; write at least one",
}

_EXPECTED: Mapping[str, str] = {
    "string": "text in quotes",
    "path": "a path in quotes",
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "model": "a table",
    "dict": "a table",
}


def _message(detail: ErrorDetails, example: str) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return _not_among(detail, str(context["expected"]))
    if kind == "missing":
        return f"is missing; add {example}"
    if kind in _BOUNDS:
        return f"{_BOUNDS[kind].format(**context)}: {example}"
    expected = _EXPECTED.get(kind.partition("_")[0], "something else")
    return f"expected {expected}, not {_kind(detail['input'])}: {example}"


def _not_among(detail: ErrorDetails, expected: str) -> str:
    choices = re.findall(r"'([^']*)'", expected)
    value = detail["input"]
    if not isinstance(value, str):
        return f"expected one of {', '.join(choices)}, in quotes, not {_kind(value)}"
    near = difflib.get_close_matches(value.lower(), choices, 1, 0.6)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    return f"{quoted(value)} is not one of {', '.join(choices)}{hint}"


def _kind(value: object) -> str:
    if isinstance(value, str) and not value:
        return "nothing"
    return next((words for kind, words in _KINDS.items() if isinstance(value, kind)), "this")


def _example(key: str, field: FieldInfo) -> str:
    table = schema.below(field)
    if table is not None:
        headers = schema.headers()
        header = next(header for header, each in headers.items() if each is table)
        example = f"write {header} on a line of its own, and its keys below"
        homes = [home for home, each in headers.items() if key in schema.keys(each)]
        if homes and schema.is_plain(field):
            example += f"; the `{key}` of {homes[0]} stands below that header"
        return example
    value: object = field.default
    if field.examples:
        value = field.examples[0]
    elif isinstance(value, SecretStr) or value is PydanticUndefined or value in {None, ""}:
        value = "…"
    if isinstance(value, dt.date):
        return f"{key} = {value}"
    return f"{key} = {json.dumps(value, ensure_ascii=False, default=str)}"
