"""Lines, tried on documents written in every way TOML allows, against what tomllib reads."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.settings.locating import Node, locate
from watcher.settings.paths import KeyPath, dotted, parsed

KEYS = st.one_of(
    st.sampled_from(["a", "b", "any", "rules", "x-y", "1", "0"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=4),
)


@dataclass
class Writer:
    """Writes a table in drawn styles; each leaf is a number of its own, noted with its line."""

    data: st.DataObject
    lines: list[str] = field(default_factory=list)
    expected: dict[KeyPath, int] = field(default_factory=dict)
    count: int = 0

    def pick(self, *choices: str) -> str:
        return self.data.draw(st.sampled_from(choices))

    def key(self, key: str) -> str:
        styles = ["basic"]
        if key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key):
            styles.append("bare")
        if "'" not in key and key.isprintable():
            styles.append("literal")
        return {
            "bare": key,
            "basic": json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007f"),
            "literal": f"'{key}'",
        }[self.pick(*styles)]

    def leaf(self) -> str:
        self.count += 1
        number = f"{self.count}"
        return self.pick(
            number,
            f'"{number} # no [comment] \\" = {{"',
            f"'{number} \\'",
            f'"""{number}\n[no.header]\nx = 1 \\""" ""{number}"""""',
            f"'''{number}\n# no\n''{number}''''",
            f"2026-01-01 0{number[-1]}:00:00",
            f"{number}.5e3",
        )

    def value(self, path: KeyPath, depth: int) -> str:
        """The value's text, to stand at the end of the last line; notes the places within it."""
        kind = self.pick("leaf", "leaf", "array", "inline") if depth else "leaf"
        if kind == "leaf":
            return self.leaf()
        size = self.data.draw(st.integers(0, 3))
        if kind == "inline":
            text = "{"
            for at in range(size):
                key = f"k{at}"
                inner = (*path, key)
                self.expected[inner] = self.line_after(text)
                text += f"{', ' if at else ''}{self.key(key)} = "
                text += self.nested(text, inner, depth)
            return text + "}"
        text = "["
        for at in range(size):
            text += self.pick("", " ", "\n  ", "\n# ] [ ' \"\n", "\r\n")
            inner = (*path, at)
            self.expected[inner] = self.line_after(text)
            text += self.nested(text, inner, depth)
            text += self.pick(",", " ,", "\n,") if at < size - 1 else self.pick("", ",", "\n,\n")
        return text + "]"

    prefix: str = ""

    def line_after(self, text: str) -> int:
        return len(self.lines) + 1 + (self.prefix + text).count("\n")

    def nested(self, text: str, path: KeyPath, depth: int) -> str:
        before, self.prefix = self.prefix, self.prefix + text
        inner = self.value(path, depth - 1)
        self.prefix = before
        return inner

    def assign(self, path: KeyPath, key: str, *, indent: str) -> None:
        parts = [key]
        while self.data.draw(st.booleans()) and len(parts) < 3:
            parts.append(self.data.draw(KEYS))
        text = self.pick(".", " . ", "\t.").join(self.key(part) for part in parts)
        for end in range(1, len(parts) + 1):
            self.expected[(*path, *parts[:end])] = self.line_after("")
        written = f"{indent}{text}{self.pick(' = ', '=')}"
        written += self.value((*path, *parts), 2)
        self.add(written + self.pick("", "  # = 1", " "))

    def add(self, text: str) -> None:
        self.lines += text.split("\n")

    def blank(self) -> None:
        self.lines += self.data.draw(
            st.lists(st.sampled_from(["", "  ", '# [not] = "a', "\t"]), max_size=2)
        )

    def body(self, path: KeyPath, keys: list[str]) -> None:
        for key in keys:
            self.blank()
            self.assign(path, key, indent=self.pick("", "  "))

    def header(self, path: KeyPath, *, is_array: bool) -> int:
        self.blank()
        names = [self.key(part) for part in path if isinstance(part, str)]
        inner = self.pick("", " ") + self.pick(".", " . ").join(names) + self.pick("", " ")
        self.add(f"[[{inner}]]" if is_array else f"[{inner}]{self.pick('', ' # x')}")
        return len(self.lines)


def lines_of(node: Node, path: KeyPath = ()) -> dict[KeyPath, int]:
    found = {}
    for key, child in node.children.items():
        found[(*path, key)] = child.line
        found |= lines_of(child, (*path, key))
    return found


def paths_of(value: object, path: KeyPath = ()) -> set[KeyPath]:
    pairs: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    return {(*path, key) for key, _ in pairs}.union(
        *(paths_of(inner, (*path, key)) for key, inner in pairs)
    )


@given(st.data())
def test_every_key_and_element_has_its_line(data: st.DataObject) -> None:
    writer = Writer(data)
    names = data.draw(st.lists(KEYS, unique=True, min_size=3, max_size=7))
    at_top = data.draw(st.integers(0, 2))
    writer.body((), names[:at_top])
    for name in names[at_top:]:
        if writer.pick("table", "array") == "table":
            path: KeyPath = (name,)
            if writer.pick("plain", "deep") == "deep":
                path = (name, data.draw(KEYS))
            line = writer.header(path, is_array=False)
            for end in range(1, len(path) + 1):
                writer.expected[path[:end]] = line
            writer.body(path, data.draw(st.lists(KEYS, unique=True, max_size=3)))
            continue
        for at in range(data.draw(st.integers(1, 3))):
            line = writer.header((name,), is_array=True)
            writer.expected.setdefault((name,), line)
            writer.expected[(name, at)] = line
            writer.body((name, at), ["k"])
            if writer.pick("none", "rules") == "rules":
                line = writer.header((name, at, "r"), is_array=True)
                writer.expected[(name, at, "r")] = writer.expected[(name, at, "r", 0)] = line
                writer.body((name, at, "r", 0), ["k", "l"])
    text = "\n".join(writer.lines)

    found = locate(text)

    assert found.stopped_at is None
    assert found.repeated == []
    assert lines_of(found.root) == writer.expected
    assert set(found.root.paths()) == paths_of(tomllib.loads(text))


def test_a_table_is_where_its_own_header_is() -> None:
    found = locate("[a.b]\nx = 1\n[a]\ny = 2\n")
    assert lines_of(found.root) == {("a",): 3, ("a", "b"): 1, ("a", "b", "x"): 2, ("a", "y"): 4}


@given(st.text(st.sampled_from("[]{}=\"'.,#ab1 \n\\\u201c"), max_size=40))
def test_no_text_whatever_upsets_it(text: str) -> None:
    found = locate(text)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert found.stopped_at is None
    assert set(found.root.paths()) == paths_of(values)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a = "x\n', 1),
        ("a = 1\n\nb = '''\n\n", 3),
        ("a = [\n1,\n2\n", 1),
        ("a = {b = 1", 1),
        ("a = 1\n[b", 2),
        ("[[b]", 1),
        ("a\n", 1),
        ("= 1", 1),
        ('"\\q" = 1', 1),
        ("a =\n", 1),
        ("a = [1, {b = \n", 1),
    ],
)
def test_it_stops_where_a_text_is_no_toml(text: str, line: int) -> None:
    assert locate(text).stopped_at == line


def test_what_is_written_twice_is_noted() -> None:
    found = locate("a = 1\n[b]\nc.d = 1\nc.d = 2\n[b]\n")
    assert found.repeated == [(("b", "c", "d"), 3, 4), (("b",), 2, 5)]


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    text = "\n".join(f"[[a]]\nb = [{', '.join(['1'] * 20)}]" for _ in range(2000))
    assert len(lines_of(locate(text).root)) == 1 + 2000 * 22


PARTS = st.one_of(st.integers(0, 99), st.text(min_size=1))


@given(st.lists(PARTS, max_size=6).map(tuple))
def test_a_path_reads_back(path: KeyPath) -> None:
    assert parsed(dotted(path)) == path


def test_a_path_as_people_write_it() -> None:
    path = ("subscriptions", 0, "rules", 1, "any", 2)
    assert dotted(path) == "subscriptions[0].rules[1].any[2]"
    assert dotted(("topics", "my own", "any")) == 'topics."my own".any'
