"""What an unknown key was meant to be."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from watcher.settings import schema
from watcher.settings.paths import KeyPath
from watcher.settings.tables import RuleSettings, SubscriptionSettings, Table

_SYNONYMS = {
    "user": "username",
    "login": "username",
    "pass": "password",
    "server": "host",
    "hostname": "host",
    "tls": "security",
    "ssl": "security",
    "encryption": "security",
    "sender": "from",
    "admin": "operator",
    "email": "to",
    "recipient": "to",
    "recipients": "to",
    "tz": "timezone",
    "interval": "check",
    "cron": "check",
    "frequency": "digest",
    "keywords": "any",
    "include": "any",
    "exclude": "none",
    "not": "none",
    "org": "organizations",
    "upvotes": "min_upvotes",
    "votes": "min_upvotes",
    "momentum": "min_upvotes_per_day",
    "votes_per_day": "min_upvotes_per_day",
    "upvotes_per_day": "min_upvotes_per_day",
    "stars": "min_stars",
    "code": "has_code",
    "backfill": "backfill_days",
    "look_back_days": "backfill_days",
    "snooze": "snoozed_until",
    "snoozed": "snoozed_until",
    "limit": "max_papers",
    "database": "url",
    "api_key": "token",
}


@dataclass(frozen=True, slots=True)
class Guess:
    """What to say of an unknown key, and the path that was meant, where one can be told."""

    message: str
    meant: KeyPath | None = None


def guess(root: type[Table], path: KeyPath) -> Guess:
    """Explain the unknown key at the end of `path`."""
    *above, last = path
    key, holder = str(last), schema.table_at(root, tuple(above)) or root
    known = schema.keys(holder)
    if holder is SubscriptionSettings:  # it may be its own rule
        known = {**schema.keys(RuleSettings), **known}
    if holder is RuleSettings and key in schema.keys(SubscriptionSettings):
        return Guess(
            "TOML puts what follows a [[…rules]] header into the rule; "
            f"move `{key}` up, above that header",
            (*above[: above.index("rules")], key),
        )
    meant = _SYNONYMS.get(key.lower(), key.lower().replace("-", "_"))
    homes = _homes(key)
    if meant not in known and homes:
        belongs = "write" if _ends_in(homes[0], key) else f"`{key}` belongs in"
        return Guess(f"unknown key here; {belongs} {' or '.join(homes)}")
    for near in (meant, *difflib.get_close_matches(meant, known, 1, 0.6)):
        if near in known:
            table = schema.below(known[near])
            shown = _header(table) if table and not above else f"`{near}`"
            return Guess(f"unknown key; did you mean {shown}?", (*above, near))
    everywhere = {name for table in schema.headers().values() for name in schema.keys(table)}
    for near in difflib.get_close_matches(meant, sorted(everywhere), 1, 0.75):
        homes = _homes(near)
        return Guess(f"unknown key here; did you mean `{near}` in {' or '.join(homes)}?")
    return Guess(f"unknown key; known here are {', '.join(known)}")


def _homes(key: str) -> list[str]:
    """The headers of the tables that have this key, or the header that it is the end of."""
    headers = schema.headers()
    ends = [header for header in headers if _ends_in(header, key)]
    return ends or [header for header, table in headers.items() if key in schema.keys(table)]


def _ends_in(header: str, key: str) -> bool:
    return header.strip("[]").rpartition(".")[2] == key


def _header(table: type[Table]) -> str:
    return next(header for header, each in schema.headers().items() if each is table)
