"""A configuration once read: where its keys stand, its zones, its files; and where it is found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from tests.settings.making import ONE, loaded, write
from watcher.errors import ConfigError
from watcher.settings import (
    Config,
    RuleSettings,
    Settings,
    SubscriptionSettings,
    TopicSettings,
    find_config,
    find_state_dir,
    load,
    require_mail,
    user_config,
)
from watcher.settings.loading import machine_zone

MAIN = """
[topics.mine]
any = [
  "x",
]
[[subscriptions]]
to = "ada@example.org"
name = "first"
any = ["a",
  "b"]
[[subscriptions]]
name = "second"
to = "ada@example.org"
timezone = "Asia/Tokyo"
[[subscriptions.rules]]
any = "a"
[[subscriptions.rules]]
all = "b"
none = [
  "c",
  # not this
  "d",
]
"""
BOB = """
topics = "mine"
to = [
  "bob@example.org",
]
"""
EVE = """
[topics.own]
any = ["x", "y"]
[[subscriptions]]
to = "eve@example.org"
[[subscriptions]]
name = "more"
to = "eve@example.org"
rules = [{any = "a"}, {any = ["b",
  "c"]}]
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    write(tmp_path, BOB, "subscriptions.d/bob.toml")
    write(tmp_path, EVE, "subscriptions.d/eve.toml")
    return loaded(tmp_path, MAIN, TZ="Europe/Paris")


def test_subscriptions_are_known_by_file_and_name(config: Config) -> None:
    named = [(each.id, each.name) for each in config.settings.subscriptions]
    assert named == [
        ("first", "first"),
        ("second", "second"),
        ("bob/bob", "bob"),
        ("eve/eve", "eve"),
        ("eve/more", "more"),
    ]
    _, _, bob, eve, more = config.settings.subscriptions
    assert bob.rules == (RuleSettings(topics=("mine",)),)
    assert bob.topics == {}
    assert eve.topics == more.topics == {"own": TopicSettings(any=("x", "y"))}


@pytest.mark.parametrize(
    ("subscription_id", "key", "place"),
    [
        ("first", "rules[0].any[1]", ("config.toml", 10)),
        ("first", "rules[0].any", ("config.toml", 9)),
        ("first", "max_papers", ("config.toml", 6)),
        ("second", "rules[1].none[1]", ("config.toml", 22)),
        ("second", "rules[0].any[0]", ("config.toml", 16)),
        ("second", "rules[0].min_upvotes", ("config.toml", 15)),
        ("bob/bob", "rules[0].topics[0]", ("subscriptions.d/bob.toml", 2)),
        ("bob/bob", "to[0]", ("subscriptions.d/bob.toml", 4)),
        ("bob/bob", "digest", ("subscriptions.d/bob.toml", None)),
        ("eve/more", "rules[1].any[1]", ("subscriptions.d/eve.toml", 10)),
        ("eve/eve", "topics.own.any[1]", ("subscriptions.d/eve.toml", 3)),
        ("", "topics.mine.any[0]", ("config.toml", 4)),
        ("", "http.timeout", ("config.toml", None)),
        ("gone", "rules[0]", ("config.toml", None)),
    ],
)
def test_a_key_is_located(
    config: Config, tmp_path: Path, subscription_id: str, key: str, place: tuple[str, int | None]
) -> None:
    name, line = place
    assert config.locate(subscription_id, key) == (tmp_path / name, line)


def test_a_key_is_located_where_it_stands_by_now(config: Config, tmp_path: Path) -> None:
    path = write(tmp_path, f"# one line more\n{BOB}", "subscriptions.d/bob.toml")
    assert config.locate("bob/bob", "to[0]") == (path, 5)
    write(tmp_path, f"\n# and more\n{BOB}", "subscriptions.d/bob.toml")
    assert config.locate("bob/bob", "to[0]") == (path, 6)


def test_no_line_where_the_file_cannot_be_read_any_more(config: Config, tmp_path: Path) -> None:
    path = write(tmp_path, f"any = {'[' * 5000}", "subscriptions.d/bob.toml")
    assert config.locate("bob/bob", "to[0]") == (path, None)
    path.unlink()
    assert config.locate("bob/bob", "to[0]") == (path, None)
    assert config.file_of("bob/bob") == path
    assert config.file_of("gone") == tmp_path / "config.toml"


def test_a_configuration_without_files_knows_no_places() -> None:
    config = Config(Settings(), None, Path("/state"))
    assert config.locate("papers", "to") == (None, None)
    assert config.files() == ()
    assert config.zone() == ZoneInfo("UTC")


def test_zones(config: Config) -> None:
    first, second, *_ = config.settings.subscriptions
    assert config.zone() == config.zone(first) == ZoneInfo("Europe/Paris")
    assert config.zone(second) == ZoneInfo("Asia/Tokyo")


def test_the_files_a_change_can_come_from(tmp_path: Path) -> None:
    write(tmp_path, "x", "token")
    config = loaded(tmp_path, f'[http]\ntoken_file = "token"\n{ONE}')
    assert config.files() == (tmp_path / "config.toml", tmp_path / "token")
    added = write(tmp_path, "", "subscriptions.d/new.toml")
    write(tmp_path, "", "subscriptions.d/.new.toml")
    write(tmp_path, "", "subscriptions.d/new.toml~")
    assert config.files() == (tmp_path / "config.toml", added, tmp_path / "token")


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("sqlite:///watcher.db", "sqlite:////state/watcher.db"),
        ("sqlite:///sub/x.db", "sqlite:////state/sub/x.db"),
        ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
        ("sqlite:///~/x.db", "sqlite:///{home}/x.db"),
        ("postgresql://h/db", "postgresql://h/db"),
    ],
)
def test_where_the_store_is(url: str, opened: str, tmp_path: Path) -> None:
    config = loaded(tmp_path, f'[store]\nurl = "{url}"\n{ONE}', STATE_DIRECTORY="/state")
    assert config.store_url == opened.format(home=tmp_path)


BROKEN = [
    ("to = 3\n", 'line 1, to: expected a list, not a number: to = ["ada@example.org"]'),
    ("to = ada\n", 'line 1, to: column 6: text must stand in quotes: to = "…"'),
    ("", "holds no subscription; one needs `to` at least"),
    ('[topics.x]\nany = "y"\n', "holds no subscription; one needs `to` at least"),
    ('any = "x"\n', 'to: is missing; add to = ["ada@example.org"]'),
    (
        'to = "a@b.example"\n[smtp]\nhost = "x"\n',
        (
            "line 2, smtp: a file of subscriptions.d holds subscriptions and topics only; "
            "this belongs in config.toml"
        ),
    ),
    (
        '[[sources]]\npage = "daily"\n[[subscriptions]]\nto = "a@b.example"\n',
        (
            "line 1, sources: a file of subscriptions.d holds subscriptions and topics only; "
            "this belongs in config.toml"
        ),
    ),
    (
        'digest = "daily"\n[[subscriptions]]\nto = "a@b.example"\n',
        "line 1, digest: stands outside [[subscriptions]]; move it below that header",
    ),
    (
        'x = "daily"\n[[subscriptions]]\nto = "a@b.example"\n',
        "line 1, x: stands outside [[subscriptions]]; unknown key",
    ),
    (
        'to = "a@b.example"\nsources = "arxiv"\n',
        'line 2, sources: there is no source "arxiv" among trending, daily',
    ),
    (
        '[[subscriptions]]\nto = "a@b.example"\n[[subscriptions]]\nto = "a@b.example"\n',
        (
            'line 3, subscriptions[1].name: two subscriptions of this file are called "bad"; '
            "give each a name of its own"
        ),
    ),
    (
        'any = "x"\n[[rules]]\nall = "y"\nto = "a@b.example"\n',
        "line 1, any: stands beside [[…rules]]; move `any` into one of the rules, or into one more",
    ),
    (
        '[[rules]]\nall = "y"\nto = "a@b.example"\n',
        (
            "line 3, rules[0].to: TOML puts what follows a [[…rules]] header into the rule; "
            "move `to` up, above that header"
        ),
    ),
    (
        'to = "a@b.example"\ntopics = 3\n',
        'line 2, topics: expected a list, not a number: topics = ["hypernetworks"]',
    ),
    (
        "subscriptions = 3\n",
        (
            "line 1, subscriptions: expected a list, not a number: "
            "write [[subscriptions]] on a line of its own, and its keys below"
        ),
    ),
]


@pytest.mark.parametrize(("text", "answer"), BROKEN, ids=[answer for _, answer in BROKEN])
def test_a_broken_file_stops_nobody_else(text: str, answer: str, tmp_path: Path) -> None:
    path = write(tmp_path, text, "subscriptions.d/bad.toml")
    write(tmp_path, 'to = "bob@example.org"\n', "subscriptions.d/bob.toml")
    config = loaded(tmp_path, ONE)
    assert [each.id for each in config.settings.subscriptions] == ["papers", "bob/bob"]
    (error,) = config.broken
    first, *more = str(error).splitlines()
    separator = ", " if "line" in answer or answer.startswith("to:") else ": "
    assert first == f"{path}{separator}{answer}"
    assert error.path == path
    assert all(line.startswith(f"{path}, ") for line in more)


def test_a_broken_link_is_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "subscriptions.d" / "ada.toml"
    path.parent.mkdir()
    path.symlink_to("gone")
    (error,) = loaded(tmp_path, "").broken
    assert str(error) == f"{path}: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (os.mkfifo, "is no file; put a file of text in its place"),
        (Path.mkdir, "is no file; put a file of text in its place"),
        (lambda path: path.symlink_to("/dev/zero"), "is no file; put a file of text in its place"),
        (lambda path: path.write_bytes(b"#" * 1_000_001), "is larger than 1 MB"),
    ],
)
def test_nobody_waits_for_what_is_in_the_place_of_a_file(
    make: Callable[[Path], object], answer: str, tmp_path: Path
) -> None:
    path = tmp_path / "subscriptions.d" / "ada.toml"
    path.parent.mkdir()
    make(path)
    config = loaded(tmp_path, ONE)
    assert [each.id for each in config.settings.subscriptions] == ["papers"]
    (error,) = config.broken
    assert str(error) == f"{path}: {answer}"


def test_subscriptions_d_must_be_a_directory(tmp_path: Path) -> None:
    path = write(tmp_path, "", "subscriptions.d")
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, ONE)
    assert str(caught.value) == f"{path}: cannot be read: Not a directory"
    main = tmp_path / "config.toml"
    assert Config(Settings(), main, tmp_path).files() == (main,)


@pytest.mark.parametrize("name", [b"caf\xe9.toml", b"two\nlines.toml"])
def test_a_file_whose_name_cannot_be_kept_is_passed_over(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / "subscriptions.d" / os.fsdecode(name)
    path.parent.mkdir()
    path.write_text('to = "ada@example.org"')
    config = loaded(tmp_path, ONE)
    assert [each.id for each in config.settings.subscriptions] == ["papers"]
    assert config.warnings == (f"{path.parent} holds a file of no use: rename {path.name!a}",)


def test_a_subscription_survives_the_store(config: Config) -> None:
    for subscription in config.settings.subscriptions:
        stored = subscription.model_dump_json(by_alias=True)
        assert SubscriptionSettings.model_validate_json(stored) == subscription


def test_mail_needs_a_way(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        require_mail(loaded(tmp_path, ONE))
    assert str(caught.value) == (
        f"{tmp_path / 'config.toml'}, smtp.host: there is no way to send mail: name a server in "
        '[smtp] host, or write [mail] transport = "maildir" to have mails put into a folder '
        "(`watcher init` asks for either)"
    )
    require_mail(loaded(tmp_path, f'[mail]\ntransport = "maildir"\n{ONE}'))
    require_mail(loaded(tmp_path, f'[mail]\nfrom = "a@b.c"\n[smtp]\nhost = "h"\n{ONE}'))
    require_mail(loaded(tmp_path, f'[mail]\nfrom = "a@b.c"\ntransport = "sendmail"\n{ONE}'))


def test_the_users_configuration_goes_before_the_systems(tmp_path: Path) -> None:
    own, system = tmp_path / "xdg" / "paper-watcher" / "config.toml", tmp_path / "etc.toml"
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": "/nowhere"}
    with pytest.raises(ConfigError) as caught:
        find_config(None, environ, system=system)
    assert str(caught.value) == (
        f"there is no configuration: neither {own} nor {system} exists; "
        "`watcher init` makes one, --config names another"
    )
    system.touch()
    assert find_config(None, environ, system=system) == system
    write(own.parent, "")
    assert find_config(None, environ, system=system) == own
    assert find_config(Path("x.toml"), environ, system=system) == Path.cwd() / "x.toml"
    assert load(None, environ=environ).path == own


def test_a_configuration_nobody_may_look_for_is_not_passed_over(tmp_path: Path) -> None:
    unheard_of = tmp_path / ("x" * 300)
    environ = {"XDG_CONFIG_HOME": str(unheard_of)}
    found = find_config(None, environ, system=tmp_path)
    assert found == unheard_of / "paper-watcher" / "config.toml"
    with pytest.raises(ConfigError) as caught:
        load(None, environ=environ)
    assert str(caught.value) == f"{found}: cannot be read: File name too long"


def test_a_relative_base_directory_is_ignored() -> None:
    environ = {"XDG_CONFIG_HOME": "relative", "HOME": "/home/ada"}
    assert user_config(environ) == Path("/home/ada/.config/paper-watcher/config.toml")


def test_where_the_state_lives(tmp_path: Path) -> None:
    system, own = Path("/etc/paper-watcher/config.toml"), Path("/home/ada/config.toml")
    environ = {"HOME": "/home/ada"}
    state = Path("/home/ada/.local/state/paper-watcher")
    assert find_state_dir(None, environ, own) == state
    assert find_state_dir(None, environ, None) == state
    assert find_state_dir(None, environ, system) == Path("/var/lib/paper-watcher")
    environ["XDG_STATE_HOME"] = "/state"
    assert find_state_dir(None, environ, own) == Path("/state/paper-watcher")
    environ["STATE_DIRECTORY"] = "/srv/a:/srv/b"
    assert find_state_dir(None, environ, system) == Path("/srv/a")
    assert find_state_dir(Path("here"), environ, system) == Path.cwd() / "here"


def test_without_a_home_paths_are_absolute_all_the_same() -> None:
    assert user_config({}) == Path("/.config/paper-watcher/config.toml")


@pytest.mark.parametrize("name", [":Asia/Tokyo", "Asia/Tokyo"])
def test_the_machines_zone(name: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, ONE, TZ=name).zone().key == "Asia/Tokyo"


def test_a_machine_without_a_zone_is_in_utc() -> None:
    def unknown() -> str:
        raise ZoneInfoNotFoundError

    for ask in (unknown, lambda: None, lambda: "Mars/Olympus"):
        warnings: list[str] = []
        assert machine_zone({"TZ": "XYZ3"}, warnings, ask) == "UTC"
        assert warnings == [
            "the machine's time zone cannot be told; UTC is used ([schedule] timezone)"
        ]


def test_the_machine_knows_its_zone() -> None:
    name = machine_zone({}, [])
    assert ZoneInfo(name).key == name


def test_importing_it_loads_little() -> None:
    code = (
        "import sys, watcher.settings\n"
        "print(*{'email_validator', 'pydantic_settings', 'tomlkit', 'tzlocal', 'asyncio'} "
        "& set(sys.modules))"
    )
    command = (sys.executable, "-c", code)
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.split() == []
