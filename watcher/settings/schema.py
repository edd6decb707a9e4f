"""What keys there are, read off the tables themselves."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import get_args, get_origin

from pydantic.fields import FieldInfo

from watcher.settings.paths import KeyPath
from watcher.settings.tables import RuleSettings, Settings, Table, TopicSettings

NOT_WRITTEN = {"id"}
"""Fields that no file gives: a subscription's id is made of its name."""


def keys(table: type[Table]) -> dict[str, FieldInfo]:
    """The keys of a table as they are written."""
    return {
        field.alias or name: field
        for name, field in table.model_fields.items()
        if name not in NOT_WRITTEN
    }


def below(field: FieldInfo) -> type[Table] | None:
    """The table that a key holds: itself, each in an array, or each under a name of its own."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Table):
            return kind
    return None


def is_plain(field: FieldInfo) -> bool:
    """Whether a key holds a table itself, not several."""
    return field.annotation is below(field)


def table_at(root: type[Table], path: KeyPath) -> type[Table] | None:
    """The table that stands at `path`, None where a value or nothing does."""
    if not path:
        return root
    field = keys(root).get(str(path[0]))
    table = below(field) if field else None
    if field is None or table is None:
        return None
    return table_at(table, path[1:] if is_plain(field) else path[2:])


@functools.cache
def headers() -> Mapping[str, type[Table]]:
    """Every table by its header."""
    found: dict[str, type[Table]] = {}
    fields = keys(Settings)
    tables = {key: table for key, field in fields.items() if (table := below(field))}
    for key, table in tables.items():
        if is_plain(fields[key]):
            found[f"[{key}]"] = table
        elif table is TopicSettings:
            found[f"[{key}.NAME]"] = table
        else:
            found[f"[[{key}]]"] = table
    found["[[subscriptions.rules]]"] = RuleSettings
    return found


@functools.cache
def scalars() -> Mapping[tuple[str, str], FieldInfo]:
    """The keys outside arrays that hold no array, by table and key: the environment's."""
    return {
        (name, key): field
        for name, holder in keys(Settings).items()
        if is_plain(holder) and (table := below(holder))
        for key, field in keys(table).items()
        if get_origin(field.annotation) is not tuple
    }
