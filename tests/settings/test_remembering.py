"""Files of `subscriptions.d` that did not change are not read again, and nobody can tell.

Whether something was remembered or read shows once the cache is made to say something else.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.settings.making import write
from tests.unprivileged import NOBODY
from watcher import __version__
from watcher.errors import ConfigError
from watcher.settings import Config, load
from watcher.settings.places import SYSTEM_CONFIG, find_cache_dir
from watcher.settings.remembering import FEWEST

PLAIN = 'to = "ada@example.org"\nany = ["written"]\n'


def write_many(directory: Path, texts: Iterable[str] = (), *, main: str = "") -> None:
    """A configuration beside as many files as are worth remembering: `texts`, else plain ones."""
    write(directory, main)
    files = [*texts, *[PLAIN] * FEWEST][: max(FEWEST, len(list(texts)))]
    for number, text in enumerate(files):
        write(directory, text, f"subscriptions.d/s{number:03}.toml")


def loaded(
    directory: Path, *, renamed: dict[str, str] | None = None, after: int = 10, **environ: str
) -> Config:
    """Load some seconds later: what was only just written is not trusted to stay."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=after)
    with time_machine.travel(later):
        return load(
            directory / "config.toml",
            environ={"HOME": str(directory), **environ},
            renamed=renamed or {},
        )


def cache_of(directory: Path) -> Path:
    (found,) = (directory / ".cache/paper-watcher").iterdir()
    return found


def remembered_in(directory: Path) -> set[str]:
    """The names of the files that the cache holds."""
    return set(json.loads(cache_of(directory).read_bytes())[1])


def doctor(directory: Path, old: str = "written", new: str = "remembered") -> None:
    path = cache_of(directory)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def read_again(config: Config) -> list[str]:
    """The names of the subscriptions that were not remembered."""
    return [s.name for s in config.settings.subscriptions if s.rules[0].any != ("remembered",)]


def exactly(config: Config) -> object:
    """All that a configuration says, down to which keys were given."""
    found = config.settings.subscriptions
    return (
        found,
        [each.model_dump(exclude_unset=True) for each in found],
        [config.locate(each.id, "to") for each in found],
        config.warnings,
        [str(error) for error in config.broken],
    )


def test_what_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    write_many(tmp_path)
    first = loaded(tmp_path)
    assert exactly(loaded(tmp_path)) == exactly(first)
    doctor(tmp_path)
    assert read_again(loaded(tmp_path)) == []


def test_what_is_remembered_is_its_users_alone(tmp_path: Path) -> None:
    write_many(tmp_path)
    loaded(tmp_path)
    path = cache_of(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


SHAPES = [
    'to = "ada@example.org"',
    """to = "Ada <Ada@BÜCHER.example>"
any = "x"
digest = 08:00:00
""",
    """to = ["mailto:a@b.example", "ADA@b.example", "ada@b.example"]
topics = "mine"
""",
    """[topics]
own = ["x", "y"]
[topics.more]
any = "z"
about = "w"
[[subscriptions]]
to = "a@b.c"
""",
    """[topics.own]
any = "x"
[subscriptions]
to = "a@b.c"
[[subscriptions.rules]]
topics = "own"
""",
    """to = "a@b.c"
rules = [{any = "a"}, {name = "n", all = ["b", "c"], has_code = true}]
""",
    """to = "a@b.c"
topics = {own = ["q"]}
[[rules]]
authors = "Ha"
fields = "TITLE"
""",
    """[[subscriptions]]
to = "a@b.c"
[[subscriptions]]
name = " two "
to = "a@b.c"
max_papers = 3
""",
    """to = "a@b.c"
sources = "daily"
timezone = " Asia/Tokyo "
digest = "Mon-Fri at 9:05"
""",
    r"""to = "a@b.c"
any = ["\u0000", "\"q\"", "ünï", "\U0001F600"]
first_run = "BASELINE"
""",
]


def test_every_shape_of_file_comes_back_the_same(tmp_path: Path) -> None:
    write_many(tmp_path, SHAPES)
    first = loaded(tmp_path)
    assert not first.broken
    assert len(remembered_in(tmp_path)) == FEWEST
    assert exactly(loaded(tmp_path)) == exactly(first)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=8)
TEXTS = st.one_of(TEXT, st.lists(TEXT, max_size=3))
ADDRESS = st.sampled_from(["ada@example.org", "Ada@Example.org", "B <b.c+d@x>", "é@bücher.example"])
RULE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["any", "all", "none", "topics", "authors", "organizations"], TEXTS),
        "fields": st.sampled_from(["Title", ["abstract", "keywords"]]),
        "min_upvotes": st.integers(0, 10**9),
        "min_stars": st.integers(0, 99),
        "has_code": st.booleans(),
    },
)
SUBSCRIPTION = st.fixed_dictionaries(
    {"to": st.one_of(ADDRESS, st.lists(ADDRESS, min_size=1, max_size=3))},
    optional={
        "timezone": st.sampled_from(["", "Asia/Tokyo", " Europe/Paris"]),
        "digest": st.sampled_from(["hourly", "daily", "8:00", "sat,sun 9:30", "0 8 1 * *"]),
        "sources": st.sampled_from(["daily", ["trending", "daily"]]),
        "max_papers": st.integers(1, 99),
        "max_age_days": st.integers(0, 99),
        "first_run": st.sampled_from(["send", "Baseline"]),
        "rules": st.lists(st.builds(lambda rule, name: rule | {"name": name}, RULE, TEXT)),
    },
)
FILE = st.one_of(
    st.fixed_dictionaries(
        {"subscriptions": st.lists(SUBSCRIPTION, min_size=1, max_size=1)},
        optional={"topics": st.dictionaries(TEXT, st.one_of(TEXTS, st.just({"any": "x"})))},
    ),
    st.builds(lambda to, rule: {"to": to} | rule, ADDRESS, RULE),
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {toml(each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def document(tables: Mapping[str, object]) -> str:
    return "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in tables.items())


@settings(max_examples=40)
@given(st.lists(FILE.map(document), min_size=1, max_size=20))
def test_any_file_comes_back_the_same(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write_many(directory, texts)
        first = loaded(directory)
        good = {s.id.partition("/")[0] + ".toml" for s in first.settings.subscriptions}
        assert remembered_in(directory) == good
        assert exactly(loaded(directory)) == exactly(first)


def put_back(path: Path, change: Callable[[Path], object]) -> None:
    """Change a file and give it its old times, as far as anybody can."""
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edited(path: Path) -> None:
    put_back(path, lambda file: file.write_text(PLAIN.replace("written", "wrought")))


def replaced(path: Path) -> None:
    def change(file: Path) -> None:
        other = file.with_suffix(".new")
        other.write_text(PLAIN.replace("written", "wrought"))
        other.replace(file)

    put_back(path, change)


def linked_elsewhere(path: Path) -> None:
    def change(file: Path) -> None:
        other = file.with_suffix(".new")
        other.write_text(PLAIN.replace("written", "wrought"))
        file.unlink()
        file.symlink_to(other)

    put_back(path, change)


@pytest.mark.parametrize("change", [edited, replaced, linked_elsewhere])
def test_a_file_that_changed_is_read_again(change: Callable[[Path], None], tmp_path: Path) -> None:
    write_many(tmp_path)
    before = loaded(tmp_path)
    assert before.stamps() == before.seen
    path = tmp_path / "subscriptions.d/s007.toml"
    size, mtime = path.stat().st_size, path.stat().st_mtime_ns
    change(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (size, mtime)
    assert before.stamps() != before.seen
    doctor(tmp_path)
    after = loaded(tmp_path)
    assert read_again(after) == ["s007"]
    assert after.settings.subscriptions[7].rules[0].any == ("wrought",)


def test_files_come_and_go(tmp_path: Path) -> None:
    write_many(tmp_path)
    write(tmp_path, PLAIN.replace("ada", "gone"), "subscriptions.d/gone.toml")
    loaded(tmp_path)
    doctor(tmp_path)
    (tmp_path / "subscriptions.d/gone.toml").unlink()
    write(tmp_path, PLAIN, "subscriptions.d/new.toml")
    config = loaded(tmp_path)
    assert read_again(config) == ["new"]
    assert len(config.settings.subscriptions) == FEWEST + 1
    assert "gone@example.org" not in cache_of(tmp_path).read_text()
    doctor(tmp_path)
    assert read_again(loaded(tmp_path)) == []


def test_a_file_written_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    write_many(tmp_path)
    loaded(tmp_path, after=1)
    assert not (tmp_path / ".cache").exists()
    loaded(tmp_path, after=3)
    doctor(tmp_path)
    assert read_again(loaded(tmp_path, after=0)) == []
    write(tmp_path, PLAIN, "subscriptions.d/s007.toml")
    assert read_again(loaded(tmp_path, after=0)) == ["s007"]
    assert "s007.toml" not in remembered_in(tmp_path)


def test_a_source_under_another_name_is_missed_as_before(tmp_path: Path) -> None:
    source = '[[sources]]\nname = "{}"\npage = "daily"\n'
    write_many(tmp_path, [f'{PLAIN}sources = "days"\n', PLAIN, PLAIN], main=source.format("days"))
    assert loaded(tmp_path).broken == ()
    write(tmp_path, source.format("day"))
    (error,) = loaded(tmp_path).broken
    assert "line 3, sources: there is no source" in str(error)
    write(tmp_path, source.format("days"))
    assert loaded(tmp_path).broken == ()


def test_another_version_reads_for_itself(tmp_path: Path) -> None:
    write_many(tmp_path)
    loaded(tmp_path)
    doctor(tmp_path)
    doctor(tmp_path, __version__, "0.0.0")
    assert len(read_again(loaded(tmp_path))) == FEWEST
    assert __version__ in cache_of(tmp_path).read_text()


def test_a_warning_is_repeated_and_a_name_given_up_is_noticed(tmp_path: Path) -> None:
    write_many(tmp_path, [f"{PLAIN}limit = 3\n"])
    assert len(loaded(tmp_path).broken) == 1
    renamed = {"subscriptions.limit": "max_papers"}
    first = loaded(tmp_path, renamed=renamed)
    assert len(first.warnings) == 1
    assert exactly(loaded(tmp_path, renamed=renamed)) == exactly(first)
    write(tmp_path, f"{PLAIN}max_papers = 3\n", "subscriptions.d/s000.toml")
    write(tmp_path, f"{PLAIN}max_papers = 3\n", "subscriptions.d/s001.toml")
    assert loaded(tmp_path, renamed=renamed).broken == ()
    assert len(loaded(tmp_path, renamed={"subscriptions.max_papers": "most"}).broken) == 2


def test_a_broken_file_is_told_each_time_until_it_is_put_right(tmp_path: Path) -> None:
    write_many(tmp_path, [PLAIN, "to = ada"])
    first = loaded(tmp_path)
    assert len(first.broken) == 1
    assert exactly(loaded(tmp_path)) == exactly(first)
    write(tmp_path, PLAIN, "subscriptions.d/s001.toml")
    doctor(tmp_path)
    assert read_again(loaded(tmp_path)) == ["s001"]


def test_few_files_leave_no_trace(tmp_path: Path) -> None:
    write_many(tmp_path)
    (tmp_path / "subscriptions.d/s000.toml").unlink()
    loaded(tmp_path)
    assert not (tmp_path / ".cache").exists()
    write(tmp_path, PLAIN, "subscriptions.d/s000.toml")
    loaded(tmp_path)
    assert cache_of(tmp_path).exists()
    (tmp_path / "subscriptions.d/s000.toml").unlink()
    assert len(loaded(tmp_path).settings.subscriptions) == FEWEST - 1
    assert list((tmp_path / ".cache/paper-watcher").iterdir()) == []


def test_two_configurations_do_not_share_what_they_remember(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for each in (one, two):
        write_many(each)
        loaded(each, XDG_CACHE_HOME=str(tmp_path))
    assert len(list((tmp_path / "paper-watcher").iterdir())) == 2


@given(st.data())
def test_a_cache_cut_off_anywhere_is_as_good_as_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.getbasetemp() / "cut off"
    if not directory.exists():
        write_many(directory, SHAPES)
        loaded(directory)
    content = cache_of(directory).read_bytes()
    cache_of(directory).write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    config = loaded(directory)
    assert (len(config.settings.subscriptions), config.broken) == (FEWEST + 1, ())
    assert cache_of(directory).read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 4096, b"null", b"{}", b"[" * 100_000, b'["x", {"s000.toml": 3}]', b"\xff\xfe"],
)
def test_a_cache_of_something_else_is_ignored_and_replaced(content: bytes, tmp_path: Path) -> None:
    write_many(tmp_path)
    first = loaded(tmp_path)
    good = cache_of(tmp_path).read_bytes()
    cache_of(tmp_path).write_bytes(content)
    assert exactly(loaded(tmp_path)) == exactly(first)
    assert cache_of(tmp_path).read_bytes() == good


@pytest.mark.parametrize("mode", [0o660, 0o602])
@pytest.mark.parametrize("is_folder", [False, True])
def test_what_others_could_have_written_is_not_believed(
    is_folder: bool, mode: int, tmp_path: Path
) -> None:
    write_many(tmp_path)
    loaded(tmp_path)
    doctor(tmp_path)
    path = cache_of(tmp_path).parent if is_folder else cache_of(tmp_path)
    path.chmod(mode | 0o100)
    assert len(read_again(loaded(tmp_path))) == FEWEST


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_another_user_wrote_is_not_believed(is_folder: bool, tmp_path: Path) -> None:
    write_many(tmp_path)
    loaded(tmp_path)
    doctor(tmp_path)
    path = cache_of(tmp_path)
    owned = path.parent if is_folder else path
    if os.geteuid() == 0:
        os.chown(owned, NOBODY, NOBODY)
        assert len(read_again(loaded(tmp_path))) == FEWEST
        # Another's place is left as it was; a file of another's in one's own is replaced.
        assert ("remembered" in path.read_text()) == is_folder
    else:
        path.write_bytes(path.read_bytes())
        assert read_again(loaded(tmp_path)) == []


@pytest.mark.parametrize("parent", ["/dev/null", "/proc", "/dev/null/x"])
def test_without_a_place_all_is_read_each_time(parent: str, tmp_path: Path) -> None:
    write_many(tmp_path)
    first = loaded(tmp_path, XDG_CACHE_HOME=parent)
    assert len(first.settings.subscriptions) == FEWEST
    assert exactly(loaded(tmp_path, CACHE_DIRECTORY=parent)) == exactly(first)
    assert exactly(loaded(tmp_path, HOME="")) == exactly(first)
    assert not (tmp_path / ".cache").exists()


def test_root_leaves_nothing_in_the_home_of_another(tmp_path: Path) -> None:
    write_many(tmp_path / "etc")
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    loaded(tmp_path / "etc", HOME=str(home))
    assert (home / ".cache").exists() is (os.geteuid() != 0)


MANY_LOADS = """
import datetime as dt, pathlib, sys, time_machine
from watcher.settings import load
path = pathlib.Path(sys.argv[1])
with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=10)):
    for turn in range(20):
        for kept in path.parent.glob(".cache/paper-watcher/subscriptions-*"):
            kept.unlink(missing_ok=True)
        found = load(path, environ={"HOME": str(path.parent)})
        assert len(found.settings.subscriptions) == 100
"""


def test_several_may_write_at_once(tmp_path: Path) -> None:
    write_many(tmp_path)
    command = (sys.executable, "-c", MANY_LOADS, str(tmp_path / "config.toml"))
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate()[1] for process in running] == [b""] * 4
    doctor(tmp_path)  # there is one file, and it is whole
    assert read_again(loaded(tmp_path)) == []


def test_where_it_is_kept(tmp_path: Path) -> None:
    own = Path("/home/ada/config.toml")
    environ = {"HOME": "/home/ada"}
    assert find_cache_dir({}, own) is None
    assert find_cache_dir(environ, own) == Path("/home/ada/.cache/paper-watcher")
    assert find_cache_dir(environ, SYSTEM_CONFIG) == Path("/var/cache/paper-watcher")
    environ["XDG_CACHE_HOME"] = "/cache"
    assert find_cache_dir(environ, own) == Path("/cache/paper-watcher")
    environ["CACHE_DIRECTORY"] = "/srv/a:/srv/b"
    assert find_cache_dir(environ, SYSTEM_CONFIG) == Path("/srv/a")


def test_garbage_is_collected_afterwards_as_before(tmp_path: Path) -> None:
    write_many(tmp_path)
    loaded(tmp_path)
    assert gc.isenabled()
    (tmp_path / "subscriptions.d").rename(tmp_path / "elsewhere")
    write(tmp_path, "", "subscriptions.d")
    with pytest.raises(ConfigError):
        loaded(tmp_path)
    assert gc.isenabled()
