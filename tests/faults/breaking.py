"""Ways of breaking a configuration's files, made from good ones; each is sure to be refused."""

from __future__ import annotations

import os
import random
import socket
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watcher.settings import RuleSettings, SubscriptionSettings, schema

WRONG = ("1979-05-27", "[[1]]", "-0.5", '{x = "y"}')
"""Values that no key takes; only one that holds tables takes the last."""

DEEP = 5_000


@dataclass(frozen=True, slots=True)
class Break:
    """A way of breaking a file: `make` does it to the good one that is there.

    `told` is what is to be said, a regular expression that goes on from the file's path.
    """

    name: str
    make: Callable[[Path], object]
    told: str = r", line \d+[:,]"


def of_main(text: str, rng: random.Random) -> list[Break]:
    """Those of a configuration that holds a rule `any` in the table that stands last."""
    found = [
        *_cuts(text, rng, 60),
        *_without_mail(text),
        *_wrong_values(text),
        *_mistaken(text),
        *_files(text),
        *_named_files(text),
        Break("empty", _writing(""), ", smtp.host:"),
        Break("missing", Path.unlink, ": there is no such file"),
        Break("20 MB", lambda path: os.truncate(path, 20_000_001), ": is larger than"),
        Break("for ever", lambda path: _linked(path, "/dev/zero"), ": is larger than"),
    ]
    rng.shuffle(found)
    return found


def of_person(text: str, rng: random.Random) -> list[Break]:
    """Those of a file of `subscriptions.d` that holds `to` first and a rule's `any` last."""
    end = text.count("\n") + 1
    tables = (SubscriptionSettings, RuleSettings)
    keys = {key for table in tables for key in schema.keys(table)}
    found = [
        *_cuts(text, rng, 30),
        *(_with_line(text, "", f"{key} = {wrong}") for key in sorted(keys) for wrong in WRONG[:3]),
        *_mistaken(text),
        *_files(text),
        *(
            Break(table, _writing(f"{text}[{table}]\nx = 1\n"), f", line {end}, {table}:")
            for table in ("smtp", "log")
        ),
        Break("empty", _writing(""), ": holds no subscription"),
        Break("a pipe", _pipe, ": is no file"),
        Break("for ever", lambda path: _linked(path, "/dev/zero"), ": is no file"),
        Break("1 MB", lambda path: os.truncate(path, 1_000_001), ": is larger than"),
    ]
    rng.shuffle(found)
    return found


def _writing(content: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content)


def _cuts(text: str, rng: random.Random, count: int) -> Iterator[Break]:
    """Cut off at so many places, all those that leave no TOML being alike."""
    places = [at for at in range(len(text)) if not _is_toml(text[:at])]
    for at in sorted(rng.sample(places, min(count, len(places)))):
        yield Break(f"cut off after {text[:at][-12:]!r}", _writing(text[:at]))


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _without_mail(text: str) -> Iterator[Break]:
    """Cut off between lines, before a way for mail is named."""
    lines = text[: text.index("\nhost = ") + 1].splitlines(keepends=True)
    for count in range(1, len(lines)):
        head = "".join(lines[:count])
        yield Break(f"cut off after {lines[count - 1]!r}", _writing(head), ", smtp.host:")


def _with_line(text: str, header: str, line: str) -> Break:
    """A line right below a header ("": at the beginning), instead of that of the same key."""
    key = line.partition(" =")[0]
    lines = text.splitlines()
    if header not in ("", *lines):
        lines.append(header)
    at = lines.index(header) + 1 if header else 0
    until = next((n for n in range(at, len(lines)) if lines[n].startswith("[")), len(lines))
    kept = [each for each in lines[at:until] if not each.startswith(f"{key} =")]
    changed = "\n".join([*lines[:at], line, *kept, *lines[until:]]) + "\n"
    name = f"{header} {line}".strip()
    return Break(name, _writing(changed), rf"(, .*\n.*)*, line {at + 1}[:,]")


def _wrong_values(text: str) -> Iterator[Break]:
    """Each key of each table with values that are not its own."""
    for header, table in schema.headers().items():
        for key, field in schema.keys(table).items():
            if schema.below(field) is None:
                for wrong in WRONG:
                    yield _with_line(text, header.replace("NAME", "mine"), f"{key} = {wrong}")
    yield _with_line(text, "", "unknown = 1")
    yield _with_line(text, "", "[unknown]")


def _mistaken(text: str) -> Iterator[Break]:
    """What is TOML, and has the right types."""
    at = max(n for n, line in enumerate(text.splitlines()) if line.startswith("any ="))
    for line in (
        "any = ['\"']",
        "any = ['*']",
        "any = ['']",
        "any = ['a*b']",
        "any = ['zorblax,quux']",
        "any = ['zorblax OR quux']",
        "any = ['-zorblax']",
        "any = ['?!']",
        "any = ['zorblax']\nnone = ['zorblax']",
        "ayn = ['zorblax']",
        "topics = ['no-such-topic']",
        "any = ['zorblax']\ntopics = ['no-such-topic']",
        "any = ['zorblax']\nfields = ['titel']",
        "any = ['zorblax']\nmin_upvotes = -1",
        "any = ['zorblax']\nbackfill_days = 4000",
        "any = ['zorblax']\nany = ['zorblax']",
        "any = ['zorblax']\nsources = ['no-such-source']",
        "any = ['zorblax']\nid = 'x'",
        "any = ['zorblax'",
        "any = 'zorblax",
        "any = zorblax",
        'any = ["zor\\blax\\q"]',
        'any = ["zorblax\0"]',
    ):
        lines = text.splitlines()
        lines[at] = line
        yield Break(line.replace("\n", "; "), _writing("\n".join(lines) + "\n"))


def _files(text: str) -> Iterator[Break]:
    """What is no text of TOML, or no file at all."""
    deep = "q" + ".q" * DEEP + " = 1\n"
    yield Break("not UTF-8", _writing(f"{text}# ".encode() + b"\xf6\n"))
    yield Break("UTF-16", _writing(text.encode("utf-16")), ": saved as UTF-16")
    yield Break("NULs", _writing(bytes(len(text))))
    yield Break("nested lists", _writing(f"q = {'[' * DEEP}"), ": brackets are nested")
    yield Break("nested keys", _writing(f"{deep}{text}"), r"(, .*\n.*)*, line 1[:,]")
    yield Break("digits", _writing(f"q = {'9' * DEEP}\n{text}"), ": a number has")
    yield Break("a merge", _writing(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n"))
    yield Break("twice", _writing(text * 2))
    yield Break("YAML", _writing("subscriptions:\n  - to: ada@example.org\n"))
    yield Break("HTML", _writing("<!DOCTYPE html><html><body>404</body></html>\n"))
    yield Break("a directory", _directory, ": (this )?is ")
    yield Break("a link to nowhere", lambda path: _linked(path, "gone"), ": (there is no|cannot)")
    yield Break("a link to itself", lambda path: _linked(path, path.name), ": cannot be read")
    yield Break("cannot be read", lambda path: _linked(path, "/proc/self/mem"), ": cannot be read")
    yield Break("a socket", _socket, ": (cannot be read|is no file)")


def _named_files(text: str) -> Iterator[Break]:
    """Files that the configuration names and that are not there, or open to everybody."""
    for table, key in (
        *(("http", "token_file"), ("http", "ca_file"), ("smtp", "password_file")),
        *(("smtp", "ca_file"), ("dkim", "key_file"), ("digest", "templates")),
    ):
        line = f'{key} = "nowhere"'
        if f"[{table}]\n" in text:
            changed = text.replace(f"[{table}]\n", f"[{table}]\n{line}\n")
        else:
            changed = f"{text}[{table}]\n{line}\n"
        yield Break(f"{table}.{line}", _writing(changed))

    def expose(path: Path) -> None:
        path.write_text(text.replace("[smtp]\n", '[smtp]\nusername = "u"\npassword = "p"\n'))
        path.chmod(0o644)

    yield Break("a password for everybody", expose)


def _linked(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        # The whole path may be longer than an address.
        folder = os.open(path.parent, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)
