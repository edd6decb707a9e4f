"""The configuration file's values with the overlay over them, and secrets read from their files."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from watcher.errors import ConfigError
from watcher.settings import values
from watcher.settings.documents import Document
from watcher.settings.explaining import Problem
from watcher.settings.overlay import NAMED_BY, Key, Overlay, read_secret, rival
from watcher.settings.tables import Settings

_BESIDE_CONFIG: tuple[Key, ...] = (
    ("http", "ca_file"),
    ("http", "token_file"),
    ("mail", "unsubscribe_secret_file"),
    ("smtp", "ca_file"),
    ("smtp", "password_file"),
    ("digest", "templates"),
    ("dkim", "key_file"),
    ("dkim", "ed25519_key_file"),
    ("web", "secret_file"),
    ("web", "operator_password_file"),
)
_SECRET_ALWAYS: tuple[Key, ...] = (("health", "ping_url"),)
_WITH_PASSWORD: tuple[Key, ...] = (("http", "proxy"), ("store", "url"))
_PASSWORD = re.compile(r"[^/]*//[^/@]*:[^?@]*@|[^?]*\?(.*&)?(ssl)?password=", re.IGNORECASE)
_IN_STATE: tuple[Key, ...] = (("log", "file"),)


def layered(
    shaped: dict[str, object], over: Overlay, config_dir: Path, state_dir: Path
) -> list[Problem]:
    """Put `over` over the shaped values, resolve paths, read secrets; the problems."""
    problems = _contradictions(shaped)
    for key, value in over.values.items():
        table = shaped.setdefault(key[0], {})
        if isinstance(table, dict):
            if rival(key) != key:
                table.pop(rival(key)[1], None)
            table[key[1]] = value
    for keys, base in ((_BESIDE_CONFIG, config_dir), (_IN_STATE, state_dir)):
        for key in keys:
            problems += _resolve(shaped, key, base)
    for secret, file_key in NAMED_BY.items():
        problems += _read(shaped, secret, file_key)
    return problems


def missing_files(settings: Settings) -> list[Problem]:
    """The certificate files, and the directory, that are named and cannot be read."""
    problems = []
    if (templates := settings.digest.templates) is not None and not templates.is_dir():
        problems.append(Problem(("digest", "templates"), f"{templates} is not a directory"))
    for table, path in (("http", settings.http.ca_file), ("smtp", settings.smtp.ca_file)):
        if path is not None:
            try:
                path.open("rb").close()
            except OSError as error:
                message = f"{path} cannot be read: {error.strerror}"
                problems.append(Problem((table, "ca_file"), message))
    return problems


def exposed(document: Document) -> list[Problem]:
    """A problem where anybody may read the secrets in the configuration file."""
    held: list[Key] = []
    for table, key in (*NAMED_BY, *_SECRET_ALWAYS, *_WITH_PASSWORD):
        holder = document.values.get(table)
        value = holder.get(key) if isinstance(holder, dict) else None
        if value and ((table, key) not in _WITH_PASSWORD or _PASSWORD.match(str(value))):
            held.append((table, key))
    if not held or not _is_open(document.path):
        return []
    told = " and ".join(f"[{table}] {key}" for table, key in held)
    message = (
        f"everybody on this machine can read {told} in this file; "
        f"nothing is done until `chmod o-r {document.path}`"
    )
    return [Problem(held[0], message)]


def _contradictions(shaped: dict[str, object]) -> list[Problem]:
    return [
        Problem(file_key, f"{secret[1]} is given too; keep one of them")
        for secret, file_key in NAMED_BY.items()
        if _text(shaped, secret) and _text(shaped, file_key)
    ]


def _resolve(shaped: dict[str, object], key: Key, base: Path) -> list[Problem]:
    text, table = _text(shaped, key), shaped.get(key[0])
    if not text or not isinstance(table, dict):
        return []
    try:
        table[key[1]] = str(base / values.expanded(Path(text)))
    except ValueError as error:
        return [Problem(key, str(error))]
    return []


def _read(shaped: dict[str, object], secret: Key, file_key: Key) -> list[Problem]:
    text, table = _text(shaped, file_key), shaped.get(file_key[0])
    if not text or _text(shaped, secret) or not isinstance(table, dict):
        return []
    path = Path(text)
    try:
        table[secret[1]] = read_secret(path, secret)
    except ConfigError as error:
        return [Problem(file_key, error.message)]
    if _is_open(path):
        message = f"everybody on this machine can read {path}; nothing is done until"
        return [Problem(file_key, f"{message} `chmod o-r {path}`")]
    return []


def _text(shaped: dict[str, object], key: Key) -> str:
    table = shaped.get(key[0])
    value = table.get(key[1]) if isinstance(table, dict) else None
    return value if isinstance(value, str) else ""


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IROTH)
