"""Silence is never ambiguous: every way of hearing nothing looks different."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.looking import Asker, beat, fill
from tests.fakesite import Fault, faults, make_paper
from tests.fakesite.faults import Answer
from tests.world import DAILY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.store import subscriptions
from watcher.store.database import Database

AT_EIGHT = WEIGHTS.replace("each-check", "daily 08:00")


def run_pass(world: World) -> None:
    asyncio.run(_run_pass(world))


async def _run_pass(world: World) -> None:
    await world.run_pass()


def alive(world: World) -> None:
    beat(world, pid=os.getpid(), host=socket.gethostname())


def test_all_is_well(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    alive(world)
    world.later(seconds=20)
    said = ask("status")
    assert said.code == 0
    first, *rest = said.out.splitlines()
    assert first == "All is well: the daemon watches, last check just now."
    text = "\n".join(rest)
    assert f"config {world.config_path}, database {world.state_dir / 'watcher.db'}" in text
    assert "10 papers known" in text
    assert f"process {os.getpid()} on {socket.gethostname()}" in text
    assert "next check Thu 2026-02-19 07:30 UTC" in text
    assert re.search(r"daily +just now +in 29 minutes +ok", text)
    assert "Thu 2026-02-19 08:00 UTC  1 paper" in text
    assert "\x1b" not in said.out


def test_the_json_tells_all_of_it(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    run_pass(world)
    alive(world)
    told = ask("status", "--json").json
    assert told["verdict"] == "well"
    assert told["problems"] == []
    assert told["papers"] == 10
    assert told["daemon"] == {
        "alive": True,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "version": "1.2.3",
        "started_at": "2026-02-19T06:59:55+00:00",
        "beat_at": "2026-02-19T06:59:55+00:00",
    }
    [source] = told["sources"]
    assert (source["name"], source["outcome"], source["papers"]) == ("daily", "ok", 10)
    assert source["trouble_since"] is None
    assert source["next_check_at"] == "2026-02-19T07:30:00+00:00"
    [subscription] = told["subscriptions"]
    assert subscription["to"] == ["ada@example.org"]
    assert subscription["standing"] == "active"
    assert subscription["next_digest_at"] is None
    assert subscription["last_run"] == {"at": "2026-02-19T07:00:00+00:00", "papers": 1}
    assert subscription["last_digest"]["papers"] == 1
    assert told["mail"]["delivered"] == 1
    assert told["mail"]["failed"] == []
    assert told["next_check_at"] == "2026-02-19T07:30:00+00:00"


def test_a_run_that_had_nothing_to_mail_is_told_from_none(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world)
    run_pass(world)
    alive(world)
    [subscription] = ask("status", "--json").json["subscriptions"]
    assert subscription["next_digest_at"] == "2026-02-19T08:00:00+00:00"
    assert (subscription["last_run"], subscription["last_digest"]) == (None, None)
    assert re.search(r"nothing new +0 +never +none yet", ask("status").out)
    world.later(hours=1)
    run_pass(world)
    world.later(minutes=5)
    alive(world)
    [subscription] = ask("status", "--json").json["subscriptions"]
    assert subscription["last_run"] == {"at": "2026-02-19T08:00:00+00:00", "papers": 0}
    assert subscription["last_digest"] is None
    assert subscription["next_digest_at"] == "2026-02-20T08:00:00+00:00"
    assert "5 minutes ago, nothing new  none yet" in ask("status").out
    fill(world, 1)
    world.later(days=1)
    run_pass(world)
    alive(world)
    [subscription] = ask("status", "--json").json["subscriptions"]
    assert subscription["last_run"] == {"at": "2026-02-20T08:00:00+00:00", "papers": 1}
    assert subscription["last_digest"]["composed_at"] == "2026-02-20T08:05:00+00:00"
    assert subscription["last_digest"]["papers"] == 1
    assert "5 minutes ago, 1 paper  just now, 1 paper" in ask("status").out


@pytest.mark.parametrize("subscription", [AT_EIGHT, WEIGHTS])
def test_what_is_paused_has_no_next_run(world: World, ask: Asker, subscription: str) -> None:
    world.configure(DAILY, subscription)
    fill(world)
    run_pass(world)
    alive(world)
    assert ask("subscriptions", "pause", "weights").code == 0
    [told] = ask("status", "--json").json["subscriptions"]
    assert (told["standing"], told["next_digest_at"]) == ("paused", None)
    assert re.search(r"  paused  +nothing new", ask("status").out)
    assert ask("subscriptions", "resume", "weights").code == 0
    [told] = ask("status", "--json").json["subscriptions"]
    assert (told["next_digest_at"] is None) == (subscription == WEIGHTS)


def test_a_site_that_wants_to_be_left_alone_is_checked_after_that(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    world.site.faults["*"] = faults.rate_limited(3600)
    run_pass(world)
    alive(world)
    told = ask("status", "--json").json
    [source] = told["sources"]
    assert source["left_alone_until"] == "2026-02-19T08:00:00+00:00"
    assert source["next_check_at"] == "2026-02-19T08:00:00+00:00"
    assert told["next_check_at"] == "2026-02-19T07:30:00+00:00"


def test_before_anything_ran_it_says_what_to_do(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("status")
    assert said.code == 1
    assert said.out.startswith("No daemon alive: there is no database at ")
    assert "`watcher check-now` makes it" in said.out
    assert not world.state_dir.exists(), "who looks makes nothing"
    told = ask("status", "--json")
    assert (told.code, told.json["verdict"]) == (1, "stopped")


def test_without_a_daemon_the_timer_s_last_check_is_told(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    world.later(minutes=12)
    said = ask("status")
    assert said.code == 1
    assert said.out.startswith("No daemon alive; last check 12 minutes ago.\n")


def test_a_daemon_that_is_gone_or_hangs_is_not_alive(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    beat(world, pid=ended.pid, host=socket.gethostname())
    said = ask("status")
    assert said.code == 1
    assert said.out.startswith("No daemon alive; it ended without a word, its last sign was just")
    beat(world, pid=os.getpid(), host=socket.gethostname(), seconds_ago=300)
    said = ask("status")
    assert said.code == 1
    assert f"process {os.getpid()} is there, but its last sign was 5 minutes ago" in said.out


def test_a_daemon_on_another_host_is_believed_by_its_heartbeat(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    beat(world, pid=2**22 + 1, host="elsewhere")
    assert ask("status").code == 0
    beat(world, pid=1, host=socket.gethostname())
    assert ask("status").code == 0, "somebody else's process is one, too"
    beat(world, pid=os.getpid(), host="elsewhere", seconds_ago=91)
    assert ask("status").code == 1


def test_a_site_that_fails_and_a_page_that_changed_look_different(world: World, ask: Asker) -> None:
    world.configure(DAILY, TRENDING, WEIGHTS)
    world.fill(20)
    run_pass(world)
    world.later(minutes=30)
    shell = Answer(200, b"<html><body>Something new</body></html>")
    world.site.faults["/papers/trending"] = Fault(change=lambda _: shell)
    world.site.faults["/papers/date/*"] = Fault(disconnects=True)
    world.site.faults["/api/*"] = Fault(disconnects=True)
    run_pass(world)
    alive(world)
    said = ask("status", "--json")
    assert (said.code, said.json["verdict"]) == (3, "trouble")
    problems = {problem["kind"]: problem["text"] for problem in said.json["problems"]}
    assert problems["site"].startswith("daily: could not be read since Thu 2026-02-19 07:30 UTC")
    assert problems["page"].startswith("trending: the page has changed since Thu")
    plain = ask("status").out
    assert plain.startswith("In trouble: daily: could not be read since")
    assert "(and 1 more)." in plain.splitlines()[0]
    assert "- page: trending" in plain


def test_mail_that_is_stuck_looks_different_from_nothing_matched(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    alive(world)
    assert "nothing new" in ask("status").out
    fill(world, 1)
    world.smtp.fail("connect", "421 4.3.2 not now")
    world.later(minutes=30)
    run_pass(world)
    alive(world)
    said = ask("status", "--json")
    assert said.code == 3
    [problem] = said.json["problems"]
    assert problem["kind"] == "mail"
    assert problem["text"].startswith("mail is stuck since Thu 2026-02-19 07:30 UTC: 127.0.0.1")
    assert "421 4.3.2 not now" in problem["text"]
    assert problem["text"].endswith("; 0 mails and 1 paper wait")
    assert said.json["mail"]["stuck_since"] == "2026-02-19T07:30:00+00:00"
    assert "1 paper" in ask("status").out


def test_a_recipient_refused_for_good_is_told_until_a_mail_arrives(
    world: World, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="ada@example.org", times=1)
    run_pass(world)
    alive(world)
    said = ask("status")
    assert said.code == 3
    assert "mail to ada@example.org refused for good Thu 2026-02-19 07:00 UTC" in said.out
    assert "550 5.1.1 no such user" in said.out
    fill(world, 2)
    world.later(minutes=30)
    run_pass(world)
    alive(world)
    said = ask("status")
    assert said.code == 0
    assert "dead, later ones arrived" in said.out


def test_a_parked_mail_is_told_until_somebody_has_decided(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace("[mail]\n", '[mail]\nambiguous = "park"\n'))
    fill(world, 1)
    world.smtp.fail("dot", "accept+drop", times=1)
    run_pass(world)
    world.later(days=30)
    run_pass(world)
    alive(world)
    said = ask("status")
    assert said.code == 3
    assert "a mail to ada@example.org is parked: 127.0.0.1 port" in said.out
    assert "`watcher resend 1 --to ada@example.org` sends it again" in said.out
    mail = ask("status", "--json").json["mail"]
    assert mail["parked"] == 1
    [parked] = mail["failed"]
    assert (parked["state"], parked["digest"], parked["at"]) == ("parked", 1, None)


def test_a_mail_deferred_for_long_is_trouble_and_for_minutes_is_not(
    world: World, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    world.smtp.fail("rcpt", "450 4.2.0 greylisted")
    run_pass(world)
    alive(world)
    world.later(seconds=30)
    said = ask("status")
    assert said.code == 0
    assert "the oldest waits since Thu 2026-02-19 07:00 UTC, next attempt just now" in said.out
    world.later(minutes=61)
    alive(world)
    said = ask("status")
    assert said.code == 3
    assert "a mail to ada@example.org waits since Thu 2026-02-19 07:00 UTC" in said.out


def test_an_apparent_rename_says_how_to_settle_it(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    world.configure(DAILY, AT_EIGHT.replace('"weights"', '"heavy"'))
    run_pass(world)
    alive(world)
    said = ask("status")
    assert said.code == 3
    assert "`watcher rename weights heavy` keeps the history" in said.out
    [subscription] = ask("status", "--json").json["subscriptions"]
    assert (subscription["standing"], subscription["renamed_from"]) == ("held", "weights")


def test_paused_and_new_subscriptions_are_no_trouble(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world)
    run_pass(world)
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        subscriptions.pause(connection, "weights", world.now)
    database.close()
    more = AT_EIGHT.replace('"weights"', '"more"').replace("zorblax", "quux")
    world.configure(DAILY, AT_EIGHT, more)
    alive(world)
    said = ask("status")
    assert said.code == 0
    assert "paused; `watcher subscriptions resume weights`" in said.out
    assert "new: taken over at the next check" in said.out


def test_a_check_and_a_digest_that_did_not_come_are_trouble(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    world.later(minutes=49)
    beat(world, pid=os.getpid(), host=socket.gethostname(), hours_up=1)
    assert ask("status").code == 0, "the check of 07:30 may still be under way"
    world.later(minutes=41)
    beat(world, pid=os.getpid(), host=socket.gethostname(), hours_up=2)
    told = ask("status", "--json").json
    texts = {problem["kind"]: problem["text"] for problem in told["problems"]}
    assert set(texts) == {"check", "digest"}
    assert texts["check"].startswith("the check that was due Thu 2026-02-19 07:30 UTC was not")
    assert texts["digest"] == "weights: the digest of Thu 2026-02-19 08:00 UTC was not made"
    beat(world, pid=os.getpid(), host=socket.gethostname())
    told = ask("status", "--json").json
    kinds = [problem["kind"] for problem in told["problems"]]
    assert kinds == ["digest"], "a daemon that just started is not late with its checks"


def test_a_broken_file_of_one_subscriber_is_trouble_and_stops_nobody(
    world: World, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    alive(world)
    folder = world.config_path.parent / "subscriptions.d"
    folder.mkdir()
    (folder / "eve.toml").write_text("[[subscriptions]\n")
    said = ask("status")
    assert said.code == 3
    assert "eve.toml" in said.out


def test_a_configuration_that_lost_its_way_to_mail_is_trouble(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    alive(world)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace('host = "127.0.0.1"\n', ""))
    said = ask("status", "--json")
    assert said.code == 3
    assert "no way to send mail" in said.json["problems"][0]["text"]


def test_a_rule_that_cannot_match_is_told_and_the_rest_still_shown(
    world: World, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    alive(world)
    world.configure(DAILY, WEIGHTS.replace('any = ["zorblax"]', 'any = ["x"]\nnone = ["x"]'))
    said = ask("status", "--json")
    assert said.code == 3
    assert [problem["kind"] for problem in said.json["problems"]] == ["config"]


def test_a_damaged_database_is_trouble(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    world.state_dir.mkdir()
    (world.state_dir / "watcher.db").write_bytes(b"not a database at all" * 100)
    said = ask("status")
    assert said.code == 3
    assert "is damaged" in said.out
    assert ask("status", "--json").json["verdict"] == "trouble"


def test_a_missing_configuration_is_exit_78(world: World, ask: Asker) -> None:
    said = ask("status")
    assert said.code == 78
    assert "Traceback" not in said.err


def test_nobody_waits_for_the_writer(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)

    async def look_while_writing() -> int:
        async with world.engine() as engine:
            await engine.run_pass()
            said = await asyncio.to_thread(ask, "status")
            return said.code

    assert asyncio.run(look_while_writing()) == 1


@pytest.mark.parametrize("seconds", [-120, -3600])
def test_a_clock_that_was_put_back_is_survived(world: World, ask: Asker, seconds: int) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    alive(world)
    world.later(seconds=seconds)
    assert ask("status").code in {0, 1}


def test_titles_and_answers_cannot_write_to_the_terminal(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    world.fill(8)
    world.add(make_paper(1, world.now, title=ZORBLAX))
    world.smtp.fail("rcpt", "550 \x1b[2Jgone\x07")
    run_pass(world)
    said = ask("status")
    assert "gone" in said.out
    assert "\x1b" not in said.out
    assert "\x07" not in said.out


def test_no_color_and_pipes_get_plain_text(world: World, tmp_path: Path) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "watcher", "status", "--config", str(world.config_path)),
            *("--state-dir", str(world.state_dir)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "\x1b" not in ran.stdout
    assert ran.stderr == ""


def test_postgresql_is_looked_at_the_same_way(stored_world: World) -> None:
    world, ask = stored_world, Asker(stored_world)
    world.configure(DAILY, WEIGHTS)
    assert ask("status").code == 1
    fill(world, 1)
    run_pass(world)
    alive(world)
    said = ask("status")
    assert said.code == 0
    assert "secret" not in said.out


def test_an_output_that_lacks_letters_is_no_error(world: World) -> None:
    world.configure(DAILY, WEIGHTS.replace('"weights"', '"重み"'))
    fill(world)
    run_pass(world)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "watcher", "status", "--config", str(world.config_path)),
            *("--state-dir", str(world.state_dir)),
        ],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "\\u91cd\\u307f" in ran.stdout
