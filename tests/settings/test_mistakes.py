"""What is said of each mistake, word for word: `mistakes.txt` holds configurations and answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.settings.making import mistake, write
from watcher.errors import ConfigError, InvalidConfigError
from watcher.settings import SmtpSettings, load, schema

MISTAKES = [
    tuple(block.split("\n----\n"))
    for block in Path(__file__).with_name("mistakes.txt").read_text("utf-8").split("\n====\n")
]


@pytest.mark.parametrize(("text", "answer"), MISTAKES, ids=[text[-40:] for text, _ in MISTAKES])
def test_a_mistake_is_explained(text: str, answer: str, tmp_path: Path) -> None:
    assert mistake(tmp_path, text + "\n") == answer.rstrip("\n")


def test_no_answer_tells_a_secret() -> None:
    secret = [answer for text, answer in MISTAKES if "hunter2" in text]
    assert len(secret) > 10
    assert not [answer for answer in secret if "hunter2" in answer]


def test_no_record_tells_a_secret() -> None:
    with pytest.raises(ValueError, match="password") as caught:
        SmtpSettings.model_validate({"password": ["hunter2"]})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"\xff\xfet\x00o\x00", "config.toml: saved as UTF-16; save it as UTF-8"),
        (
            b'a = 1\nb = "caf\xe9"\n',
            "config.toml, line 2: not UTF-8: save the file in that encoding",
        ),
        (
            b'a = "\x01"\n',
            "config.toml, line 1, a: column 6: an invisible control character; take it out",
        ),
        (b"query =", 'config.toml, line 1, query: a value is missing: query = "…"'),
        (b"a = " + b"1" * 5000, "config.toml: a number has thousands of digits"),
        (b"a = " + b"[" * 5000, "config.toml: brackets are nested too deeply"),
        (b"a = " + b"{b=" * 5000, "config.toml: brackets are nested too deeply"),
        (
            b"log" + b".a" * 5000 + b" = 1",
            "config.toml, line 1, log.a: unknown key; known here are level, format, file",
        ),
        (b"#" * 20_000_001, "config.toml: is larger than 20 MB"),
        (b"a = 1\rb = 2\r", 'config.toml, line 1, a: column 6: text must stand in quotes: a = "…"'),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, answer: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, environ={"HOME": str(tmp_path)})
    assert str(caught.value).replace(f"{tmp_path}/", "") == answer


def test_a_byte_order_mark_and_line_ends_of_windows_are_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbf[[subscriptions]]\r\nto = "ada@example.org"\r\nmax = 3\r\n')
    with pytest.raises(ConfigError) as caught:
        load(path, environ={"HOME": str(tmp_path)})
    assert str(caught.value) == (
        f"{path}, line 3, subscriptions[0].max: unknown key; known here are name, any, all, none, "
        "topics, authors, organizations, fields, min_upvotes, min_upvotes_per_day, min_stars, "
        "has_code, backfill_days, snoozed_until, to, timezone, language, digest, sources, "
        "max_papers, max_age_days, first_run, thread, bibtex, rules"
    )


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})
    assert str(caught.value) == (
        f"{tmp_path}: this is a directory; name the file in it, perhaps {tmp_path / 'config.toml'}"
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert str(caught.value) == f"{path}: there is no such file; `watcher init` makes one"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "loop.toml"
    path.symlink_to(path)
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert str(caught.value) == f"{path}: cannot be read: Too many levels of symbolic links"


def test_all_mistakes_are_told_at_once_in_their_order(tmp_path: Path) -> None:
    text = '[smtp]\nport = "x"\nhots = "y"\n[[subscriptions]]\ntoo = "ada@example.org"\n'
    path = write(tmp_path, text)
    with pytest.raises(InvalidConfigError) as caught:
        load(path, environ={"WATCHER_HTTP__TIMEOUT": "soon"})
    error = caught.value
    assert [(problem.line, problem.key) for problem in error.problems] == [
        (None, "WATCHER_HTTP__TIMEOUT"),
        (2, "smtp.port"),
        (3, "smtp.hots"),
        (5, "subscriptions[0].too"),
    ]
    assert (error.path, error.line, error.key) == (None, None, "WATCHER_HTTP__TIMEOUT")
    assert len(str(error).splitlines()) == 4


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-10, 10**6),
        st.floats(),
        st.sampled_from(["", "x", "hunter2", "08:00", "ada@example.org", "search", "a/b", "~x/y"]),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["any", "to", "name", "id", "x", "rules"]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
TABLES = [
    *("schedule", "http", "store", "mail", "smtp", "health", "metrics", "log"),
    *("sources", "topics"),
]
KEYS = sorted({key for table in schema.headers().values() for key in schema.keys(table)})


def as_toml(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {as_toml(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value).replace("\x7f", "\\u007f")


@given(
    st.dictionaries(
        st.sampled_from([*TABLES, "subscriptions"]),
        st.one_of(
            VALUES,
            st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
            st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), max_size=2),
        ),
        max_size=4,
    )
)
@example({"subscriptions": [{"to": "a@b.c", "rules": {"any": ["x"]}, "topics": {"x": ["y"]}}]})
@example({"subscriptions": {"topics": {"x": {}}}})
@example({"subscriptions": {}})
@example({"smtp": {"password": "hunter2", "port": "hunter2"}})
def test_whatever_it_holds_it_is_read_or_explained(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]
) -> None:
    directory = tmp_path_factory.getbasetemp() / "drawn"
    text = "\n".join(f"{key} = {as_toml(value)}" for key, value in values.items())
    path = write(directory, text)
    write(directory, text, "subscriptions.d/ada.toml")
    try:
        config = load(path, environ={"HOME": str(directory)})
    except ConfigError:
        return
    ids = [subscription.id for subscription in config.settings.subscriptions]
    assert len(ids) == len(set(ids))
    assert "hunter2" not in repr(config.settings.smtp)
