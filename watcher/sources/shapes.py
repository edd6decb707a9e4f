"""The shapes of the site's records.

A page whose records all have these shapes, as nearly every page's do, is decoded straight into
them. A record of another page is made to fit: what does not is left out, and only that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, get_args, get_origin

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class Account(msgspec.Struct, gc=False):
    """A Hub account."""

    name: str | None = None
    user: str | None = None
    fullname: str | None = None
    type: str | None = None


class Authorship(msgspec.Struct, gc=False):
    """An author of a paper."""

    name: str | None = None
    user: Account | str | None = None
    status: str | None = None
    is_hidden: bool = msgspec.field(default=False, name="hidden")


class Group(msgspec.Struct, gc=False):
    """An organization."""

    name: str | None = None
    fullname: str | None = None


class Facts(msgspec.Struct, rename="camel"):
    """What an entry's `paper` says."""

    id: str | None = None
    title: str | None = None
    summary: str | None = None
    authors: list[Authorship] | None = None
    published_at: str | None = None
    submitted_on_daily_at: str | None = None
    submitted_on_daily_by: Account | None = None
    upvotes: int | None = None
    discussion_id: str | None = None
    github_repo: str | None = None
    github_stars: int | None = None
    project_page: str | None = None
    ai_summary: str | None = msgspec.field(default=None, name="ai_summary")
    ai_keywords: list[str] | None = msgspec.field(default=None, name="ai_keywords")
    organization: Group | None = None
    media_urls: list[str] | None = None


class Entry(msgspec.Struct, rename="camel"):
    """A paper as a list holds it."""

    paper: Facts
    title: str | None = None
    summary: str | None = None
    num_comments: int | None = None
    thumbnail: str | None = None
    media_urls: list[str] | None = None
    submitted_by: Account | None = None
    organization: Group | None = None
    is_author_participating: bool | None = None


class Props(msgspec.Struct, rename="camel"):
    """What a page's hydration JSON says."""

    daily_papers: list[Entry] | msgspec.UnsetType | None = msgspec.UNSET
    search_results: list[Entry] | msgspec.UnsetType | None = msgspec.UNSET
    date_string: str | None = None
    period_type: str | None = None


def fit(value: dict[str, object], shape: type[T], flaw: Callable[[str], None]) -> T:
    """A record of that shape with all that fits it; `flaw` hears the keys of what does not.

    In a list an empty element stands for one that does not fit.
    """
    fields: dict[str, object] = {}
    for field in msgspec.structs.fields(shape):
        given = value.get(field.encode_name)
        if given is not None:
            fields[field.name] = _fit_value(given, field.encode_name, field.type, flaw)
    return shape(**fields)


def _fit_value(given: object, key: str, kind: object, flaw: Callable[[str], None]) -> object:
    try:
        return msgspec.convert(given, kind)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for a lone surrogate
        pass
    for choice in get_args(kind):
        if get_origin(choice) is list and isinstance(given, list):
            (element,) = get_args(choice)
            empty = element()
            fitted = (_fit_value(e, f"{key}[]", element | None, flaw) for e in given)
            return [empty if e is None else e for e in fitted]
        is_record = isinstance(choice, type) and issubclass(choice, msgspec.Struct)
        if is_record and isinstance(given, dict):
            return fit(given, choice, lambda below: flaw(f"{key}.{below}"))
    flaw(key)
    return None
