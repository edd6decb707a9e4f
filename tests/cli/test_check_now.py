"""`check-now`: its JSON, its exit codes, what it says to people. Each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakesite import faults, make_paper
from tests.world import DAILY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.app import utc_now


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        running.now = utc_now()
        running.fill(8)
        running.add(make_paper(99, running.now, title=ZORBLAX))
        running.configure(TRENDING, WEIGHTS)
        yield running


def watcher(
    world: World, *arguments: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "watcher", *arguments),
            *("--config", str(world.config_path), "--state-dir", str(world.state_dir)),
        ],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environ or {})},
    )


def test_twice_in_a_row_and_the_second_sends_nothing(world: World) -> None:
    first = watcher(world, "check-now", "--json")
    assert first.returncode == 0, first.stderr
    source = {"name": "trending", "outcome": "ok", "papers": 9, "new": 9, "error": None}
    assert json.loads(first.stdout) == {
        "sources": [source],
        "matches": 1,
        "digests": 1,
        "delivered": 1,
        "pending": 0,
        "failed": 0,
    }
    second = watcher(world, "check-now", "--json")
    assert second.returncode == 0
    assert json.loads(second.stdout) == {
        "sources": [{**source, "new": 0}],
        "matches": 0,
        "digests": 0,
        "delivered": 0,
        "pending": 0,
        "failed": 0,
    }
    assert len(world.mails) == 1
    assert first.stderr == second.stderr == "", "off a terminal only trouble is logged"


def test_for_people_it_is_a_table_and_a_sentence(world: World) -> None:
    done = watcher(world, "check-now")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["source", "outcome", "papers", "new"]
    assert lines[1].split() == ["trending", "ok", "9", "9"]
    assert lines[2] == "1 new match, 1 digest, 1 delivered, 0 waiting"
    assert str(world.config_path) in done.stderr
    assert str(world.state_dir) in done.stderr


def test_what_waits_for_its_slot_is_said(world: World) -> None:
    world.configure(TRENDING, WEIGHTS.replace("each-check", "0 0 1 1 *"))
    done = watcher(world, "check-now")
    assert done.returncode == 0
    assert "1 new match, 0 digests, 0 delivered, 1 waiting" in done.stdout
    assert "watcher check-now --send --all" in done.stdout
    sent = watcher(world, "check-now", "--send", "--all", "--json")
    assert json.loads(sent.stdout)["delivered"] == 1
    assert len(world.digests()) == 1


def test_when_every_source_fails_it_ends_with_1(world: World) -> None:
    world.configure(TRENDING, DAILY, WEIGHTS)
    world.site.faults["*"] = faults.answering(404)
    done = watcher(world, "check-now", "--json")
    assert done.returncode == 1
    assert [s["outcome"] for s in json.loads(done.stdout)["sources"]] == ["failed", "failed"]
    assert "404" in json.loads(done.stdout)["sources"][0]["error"]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (faults.challenge(), "blocked"),
        (faults.no_marks(), "degraded"),
        (faults.answering(404), "failed"),
    ],
)
def test_when_one_source_is_in_trouble_it_ends_with_3(
    world: World, fault: faults.Fault, outcome: str
) -> None:
    world.configure(TRENDING, DAILY, WEIGHTS)
    world.site.faults["/papers/trending"] = fault
    done = watcher(world, "check-now", "--json")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["sources"][0]["outcome"] == outcome


def test_a_site_that_asks_for_peace_is_asked_for_nothing_more(world: World) -> None:
    world.configure(TRENDING, DAILY, WEIGHTS)
    world.site.faults["/papers/trending"] = faults.rate_limited()
    done = watcher(world, "check-now", "--json")
    assert done.returncode == 1
    outcomes = [source["outcome"] for source in json.loads(done.stdout)["sources"]]
    assert outcomes == ["rate-limited", "rate-limited"]
    assert world.site.paths() == ["/papers/trending"]


def test_a_dead_recipient_ends_with_3_and_the_operator_knows(world: World) -> None:
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="ada@example.org")
    done = watcher(world, "check-now", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["failed"] == 1
    assert "no such user" in done.stderr
    [told] = world.notices()
    assert told.subject == "paper-watcher: ada@example.org was refused"


def test_a_deferral_under_an_hour_is_no_trouble(world: World) -> None:
    world.smtp.fail("rcpt", "450 4.2.0 greylisted", recipient="ada@example.org")
    done = watcher(world, "check-now", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["pending"] == 1


def test_a_mail_server_that_is_away_ends_with_3_and_all_waits(world: World) -> None:
    world.smtp.stop()
    done = watcher(world, "check-now")
    assert done.returncode == 3
    assert "1 new match, 0 digests, 0 delivered, 1 waiting" in done.stdout
    assert "mail is stuck" in done.stderr
    assert "check [smtp] host and port" in done.stderr


def test_a_dry_run_writes_nothing_and_sends_nothing(world: World) -> None:
    done = watcher(world, "check-now", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Nothing was written or sent. Would be: 1 new match, 1 digest" in done.stdout
    assert world.mails == []
    assert not list(world.state_dir.rglob("*.db*"))


def test_a_dry_run_shows_what_a_rule_would_find_by_looking_back(world: World) -> None:
    world.configure(TRENDING, WEIGHTS.replace("zorblax", "quuxification"))
    assert watcher(world, "check-now").returncode == 0
    world.site.papers[:] = [paper for paper in world.site.papers if paper.title != ZORBLAX]
    world.configure(TRENDING, WEIGHTS, "backfill_days = 7\n")
    for _ in range(2):
        done = watcher(world, "check-now", "--dry-run")
        assert done.returncode == 0, done.stderr
        assert "Would be: 1 new match, 1 digest" in done.stdout
    assert world.mails == []
    assert "1 new match, 1 digest, 1 delivered" in watcher(world, "check-now").stdout
    assert "0 new matches, 0 digests" in watcher(world, "check-now", "--dry-run").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--send",), "--send needs --subscription NAME or --all"),
        (("--source", "trendin"), "no source is called trendin; did you mean trending?"),
        (("--subscription", "wieghts"), "did you mean weights?"),
        (("--nonsense",), "No such option"),
    ],
)
def test_mistakes_on_the_command_line_end_with_2(
    world: World, arguments: tuple[str, ...], words: str
) -> None:
    done = watcher(world, "check-now", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_only_what_is_asked_for(world: World) -> None:
    world.configure(TRENDING, DAILY, WEIGHTS)
    done = watcher(world, "check-now", "--source", "daily", "--json")
    assert [s["name"] for s in json.loads(done.stdout)["sources"]] == ["daily"]


def test_a_missing_configuration_ends_with_78_and_names_the_way_out(world: World) -> None:
    world.config_path.unlink()
    done = watcher(world, "check-now", "--json")
    assert done.returncode == 78
    assert "watcher init" in done.stderr
    assert "error" in json.loads(done.stdout)
    place = ("--config", str(world.config_path))
    before = subprocess.run(
        [sys.executable, "-m", "watcher", "--json", "check-now", *place],
        check=False,
        capture_output=True,
        text=True,
    )
    assert json.loads(before.stdout) == json.loads(done.stdout)


def test_a_rule_that_can_never_match_ends_with_78_and_names_its_line(world: World) -> None:
    broken = WEIGHTS.replace('any = ["zorblax"]', 'any = ["zorblax"]\nnone = ["zorblax"]')
    world.configure(TRENDING, broken)
    done = watcher(world, "check-now")
    assert done.returncode == 78
    line = world.config_path.read_text().splitlines().index('none = ["zorblax"]') + 1
    assert f"{world.config_path}, line {line}" in done.stderr


def test_a_damaged_database_is_left_alone_and_ends_with_74(world: World) -> None:
    world.state_dir.mkdir()
    path = world.state_dir / "watcher.db"
    path.write_bytes(b"nonsense" * 1000)
    done = watcher(world, "check-now")
    assert done.returncode == 74
    assert "watcher restore" in done.stderr
    assert path.read_bytes() == b"nonsense" * 1000


def test_the_password_comes_from_the_environment_and_is_never_shown(world: World) -> None:
    world.config_path.write_text(
        world.config_path.read_text().replace(
            'security = "none"', 'security = "none"\nusername = "u"'
        )
    )
    done = watcher(world, "check-now", "-vv", environ={"WATCHER_SMTP__PASSWORD": "hunter22"})
    assert "hunter22" not in done.stdout + done.stderr
    assert done.returncode == 3, "this server knows no AUTH"


def test_migrate_says_where(world: World) -> None:
    done = watcher(world, "migrate")
    assert done.returncode == 0
    assert "watcher.db is up to date" in done.stdout


def test_the_version_and_the_help() -> None:
    for flag in ("--version", "-V"):
        done = subprocess.run(
            [sys.executable, "-m", "watcher", flag], check=True, capture_output=True, text=True
        )
        assert done.stdout.startswith("watcher 0.")
    done = subprocess.run(
        [sys.executable, "-m", "watcher", "-h"], check=True, capture_output=True, text=True
    )
    for command in ("run", "check-now", "init", "status", "explain"):
        assert command in done.stdout


def test_a_directory_whose_name_is_not_utf8_is_told_of_in_escapes(world: World) -> None:
    folder = world.directory / os.fsdecode(b"b\xe4r")
    (folder / "subscriptions.d").mkdir(parents=True)
    (folder / "subscriptions.d" / "eve.toml").write_text("[[subscriptions]\n")
    world.config_path.rename(folder / "config.toml")
    world.directory = folder
    done = watcher(world, "check-now")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    [notice] = world.notices()
    assert r"b\xe4r/subscriptions.d/eve.toml" in notice.text.replace("\n", "")
    assert len(world.digests()) == 1
