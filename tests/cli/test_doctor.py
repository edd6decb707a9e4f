"""What keeps the program from working is found, with what to do about it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.cli.looking import Asker, Said, beat, fill
from tests.fakesite import Fault
from tests.fakesite.faults import Answer
from tests.world import DAILY, WEIGHTS, World
from watcher import app


def run_pass(world: World) -> None:
    asyncio.run(_run_pass(world))


async def _run_pass(world: World) -> None:
    await world.run_pass()


@pytest.fixture(autouse=True)
def _no_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No crontab and no systemd but those of a test."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def found(said: Said, about: str) -> dict[str, str]:
    """The finding about one thing."""
    [finding] = [one for one in said.json["findings"] if one["about"] == about]
    return finding  # type: ignore[no-any-return]  # JSON


def test_a_sound_set_up_has_no_problems(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    before = len(world.site.requests)
    said = ask("doctor", "--json")
    assert said.code == 0, said.out
    assert said.json["ok"] is True
    levels = {one["about"]: one["level"] for one in said.json["findings"]}
    assert {about for about, level in levels.items() if level == "problem"} == set()
    for about in ("configuration", "files", "state", "disk", "database", "clock", "timezone"):
        assert levels[about] == "ok", about
    assert levels["writer"] == levels["site"] == levels["mail"] == "ok"
    assert levels["service"] == levels["sender"] == "warning"  # example.org is nobody's
    assert len(world.site.requests) - before <= 2, "one page, behind one redirect at most"
    assert world.mails == []
    plain = ask("doctor")
    assert plain.code == 0
    assert "papers: 8" in plain.out
    assert plain.out.splitlines()[-1].startswith("0 problems, ")


def test_before_the_first_check_nothing_is_made(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    said = ask("doctor", "--json")
    assert said.code == 0, said.out
    assert "will be made by the first check" in found(said, "state")["text"]
    assert "none yet" in found(said, "database")["text"]
    assert not world.state_dir.exists()


def test_a_bad_configuration_is_the_one_finding(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS, "[htpp]\n")
    said = ask("doctor", "--json")
    assert said.code == 3
    [finding] = said.json["findings"]
    assert (finding["about"], finding["level"]) == ("configuration", "problem")
    assert "htpp" in finding["text"]


def test_rules_that_do_not_compile_are_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS.replace('any = ["zorblax"]', 'any = ["x"]\nnone = ["x"]'))
    fill(world)
    said = ask("doctor", "--json")
    assert said.code == 3
    assert found(said, "configuration")["level"] == "problem"


def test_a_broken_file_of_one_subscriber_is_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    folder = world.config_path.parent / "subscriptions.d"
    folder.mkdir()
    (folder / "eve.toml").write_text("[[subscriptions]\n")
    said = ask("doctor", "--json")
    assert said.code == 3
    problems = [one["text"] for one in said.json["findings"] if one["level"] == "problem"]
    assert len(problems) == 1
    assert "eve.toml" in problems[0]


def test_a_site_out_of_reach_and_a_changed_page_are_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    world.site.faults["*"] = Fault(disconnects=True)
    said = ask("doctor", "--json", env={"HTTPS_PROXY": "http://proxy.example.org:3128"})
    assert said.code == 3
    assert found(said, "site")["level"] == "problem"
    assert "HTTPS_PROXY is set, but only [http] proxy counts" in found(said, "proxy")["text"]
    assert len(world.site.requests) == 1, "no second try"
    shell = Answer(200, b"<html><body>Something new</body></html>")
    world.site.faults["*"] = Fault(change=lambda _: shell)
    assert found(ask("doctor", "--json"), "site")["level"] == "problem"


def test_mail_that_cannot_be_sent_is_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    world.smtp.fail("connect", "421 4.3.2 not now")
    said = ask("doctor", "--json")
    assert said.code == 3
    assert "421 4.3.2 not now" in found(said, "mail")["text"]
    text = world.config_path.read_text().replace('host = "127.0.0.1"\n', "")
    world.config_path.write_text(text)
    assert found(ask("doctor", "--json"), "mail")["level"] == "problem"


def test_secrets_that_everybody_can_read_are_a_problem(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    text = world.config_path.read_text()
    world.config_path.write_text(text.replace("[http]", '[http]\ntoken = "hf_x"'))
    world.config_path.chmod(0o644)
    said = ask("doctor", "--json")
    assert said.code == 3
    assert f"`chmod o-r {world.config_path}`" in found(said, "configuration")["text"]


def test_files_that_everybody_can_change_are_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    world.config_path.chmod(0o642)
    said = ask("doctor", "--json")
    assert said.code == 3
    assert f"chmod o-w {world.config_path}" in found(said, "files")["text"]


def test_a_damaged_database_is_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    world.state_dir.mkdir()
    (world.state_dir / "watcher.db").write_bytes(b"no database " * 500)
    said = ask("doctor", "--json")
    assert said.code == 3
    assert "is damaged" in found(said, "database")["text"]


def test_a_database_with_a_page_destroyed_is_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, *range(1, 40))
    run_pass(world)
    path = world.state_dir / "watcher.db"
    whole = bytearray(path.read_bytes())
    for page in range(10, 40):
        whole[4096 * page : 4096 * page + 12] = b"\xa5" * 12
    path.write_bytes(whole)
    said = ask("doctor", "--json")
    assert said.code == 3
    assert found(said, "database")["level"] == "problem"


def test_who_writes_is_named(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    with app.writing(world.config(), "run", world.now):
        said = ask("doctor", "--json")
    assert said.code == 0
    assert f"`watcher run`, process {os.getpid()}" in found(said, "writer")["text"]


def test_a_clock_that_runs_behind_is_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    beat(world, pid=1, host="x")
    world.later(hours=-1)
    said = ask("doctor", "--json")
    assert said.code == 3
    assert "keep it by NTP" in found(said, "clock")["text"]
    world.later(days=-3650)
    said = ask("doctor", "--json")
    clocks = [one["text"] for one in said.json["findings"] if one["about"] == "clock"]
    assert any("it says 2016-" in text for text in clocks)


def test_files_of_another_user_are_found(world: World, ask: Asker) -> None:
    if os.geteuid() != 0:
        return  # only root can give files away
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    os.chown(world.state_dir / "watcher.db", 12345, 12345)
    said = ask("doctor", "--json")
    assert said.code == 3
    assert "watcher.db belong to somebody else: chown -R 0" in found(said, "state")["text"]


def test_a_state_directory_that_cannot_be_is_found(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    world.state_dir.write_text("a file")
    said = ask("doctor", "--json")
    assert said.code == 3
    assert "is no directory" in found(said, "state")["text"]


def test_a_maildir_is_not_made_by_looking(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world)
    text = world.config_path.read_text().replace("[mail]", '[mail]\ntransport = "maildir"')
    world.config_path.write_text(text)
    said = ask("doctor", "--json")
    assert said.code == 0, said.out
    assert "will be made by the first mail" in found(said, "mail")["text"]
    assert not world.state_dir.exists()
    world.state_dir.mkdir()
    assert "outbox" in found(ask("doctor", "--json"), "mail")["text"]


def test_postgresql_is_examined_too(stored_world: World) -> None:
    world, ask = stored_world, Asker(stored_world)
    world.configure(DAILY, WEIGHTS)
    fill(world)
    run_pass(world)
    with app.writing(world.config(), "run", world.now):
        said = ask("doctor", "--json")
    assert said.code == 0, said.out
    assert found(said, "database")["text"].endswith(", papers: 9")
    assert "is writing" in found(said, "writer")["text"] or "has been writing" in said.out
    assert found(ask("doctor", "--json"), "clock")["level"] == "ok"


def delivered(world: World) -> bytes:
    """A digest as it lies in its reader's mailbox."""
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    run_pass(world)
    [mail] = world.digests()
    at = f"{world.now:%a, %d %b %Y %H:%M:%S +0000}"
    return (
        f"Received: from desk by mx.example.net; {at}\r\n"
        "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.org;"
        " dkim=pass header.d=example.org; dmarc=pass header.from=example.org\r\n"
    ).encode() + mail.raw


def test_a_delivered_mail_is_compared_with_what_was_sent(
    stored_world: World, tmp_path: Path
) -> None:
    ask, raw = Asker(stored_world), delivered(stored_world)
    path = tmp_path / "mail.eml"
    path.write_bytes(raw)
    said = ask("doctor", "--received", str(path), "--json")
    assert said.code == 0, said.out
    assert said.json["ok"] is True
    assert {one["level"] for one in said.json["findings"]} == {"ok"}
    assert found(said, "body")["text"] == "byte for byte as it was sent"
    assert "in the database" in found(said, "compared")["text"]
    plain = ask("doctor", "--received", "-", stdin=raw)
    assert plain.code == 0
    assert "mx.example.net says pass for example.org" in plain.out
    assert plain.out.splitlines()[-1] == "0 problems, 0 warnings"


def test_a_mail_that_went_again_is_known_as_long_as_one_of_them_is_kept(
    stored_world: World,
) -> None:
    world, ask = stored_world, Asker(stored_world)
    raw = delivered(world)
    world.later(days=390)
    assert ask("resend", "1", "--yes").code == 0
    for days in (0, 20):
        world.later(days=days)
        run_pass(world)  # after the 400 days of keep_days the first one is kept no more
        said = ask("doctor", "--received", "-", "--json", stdin=raw)
        assert found(said, "body")["text"] == "byte for byte as it was sent"


def test_a_delivered_mail_in_trouble_ends_with_3(world: World, ask: Asker) -> None:
    raw = delivered(world).replace(b"dmarc=pass", b"dmarc=fail")
    said = ask("doctor", "--received", "-", "--json", stdin=raw)
    assert said.code == 3
    assert said.json["ok"] is False
    assert found(said, "dmarc")["level"] == "problem"


def test_a_mail_that_is_not_known_is_told_and_read_all_the_same(world: World, ask: Asker) -> None:
    raw = delivered(world).replace(b"Message-ID: <", b"Message-ID: <new.")
    said = ask("doctor", "--received", "-", "--json", stdin=raw)
    assert said.code == 0
    assert "no mail <new." in found(said, "compared")["text"]
    assert found(said, "body")["text"] == "text and HTML are there, whole"


def test_a_mail_can_be_read_without_configuration_and_database(world: World, ask: Asker) -> None:
    raw = delivered(world)
    (world.state_dir / "watcher.db").unlink()
    said = ask("doctor", "--received", "-", "--json", stdin=raw)
    assert found(said, "compared")["level"] == "warning"
    assert found(said, "spf")["level"] == "ok"
    world.config_path.unlink()
    said = ask("doctor", "--received", "-", "--json", stdin=raw)
    assert said.code == 0
    assert str(world.config_path) in found(said, "compared")["text"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no mail"),
        (b"<html>\n<body>Original message</body>", "is no mail"),
        (b"\x00\xff" * 1000, "is no mail"),
        (b"From: a@b\n" + b"x" * 50_000_000, "has more than 50 MB"),
    ],
)
def test_what_is_no_mail_is_refused(world: World, ask: Asker, content: bytes, words: str) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("doctor", "--received", "-", stdin=content)
    assert said.code == 2
    assert f"watcher: stdin {words}" in said.err
    assert words in ask("doctor", "--received", "-", "--json", stdin=content).json["error"]


def test_a_file_that_is_not_there_is_named(world: World, ask: Asker, tmp_path: Path) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("doctor", "--received", str(tmp_path / "none.eml"))
    assert said.code == 2
    assert "none.eml cannot be read: No such file or directory" in said.err
    assert "cannot be read" in ask("doctor", "--received", str(tmp_path)).err
