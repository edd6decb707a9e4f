from __future__ import annotations

import asyncio
import datetime as dt
import fcntl
import mailbox
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import typer
from typer.testing import CliRunner

from watcher import logs
from watcher.cli import app
from watcher.cli.demo import conclude
from watcher.demo import run_demo
from watcher.demo.folder import LEDGER, Folder, opened
from watcher.demo.papers import SitePaper, bundled_papers
from watcher.demo.playing import Mail, doubled
from watcher.demo.site import Site
from watcher.demo.story import ADA, STORY, Moment
from watcher.errors import BusyError, WatcherError
from watcher.settings import load

FIRST_DAY = STORY[:2]
NOON = dt.datetime(2026, 3, 11, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logs.configure("error")


@dataclass(frozen=True, slots=True)
class Played:
    folder: Path
    told: str
    deviations: tuple[str, ...]


def play(
    folder: Path,
    *,
    papers: Sequence[SitePaper] | None = None,
    story: Sequence[Moment] = FIRST_DAY,
    with_text: bool = False,
) -> Played:
    lines: list[str] = []
    deviations = run_demo(folder, lines.append, with_text=with_text, papers=papers, story=story)
    return Played(folder, "\n".join(lines), deviations)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Played:
    logs.configure("error")
    return play(tmp_path_factory.mktemp("whole") / "out", story=STORY)


def mails_in(folder: Path) -> list[mailbox.MaildirMessage]:
    return list(mailbox.Maildir(folder / "maildir", create=False))


def test_the_two_days_go_as_they_must(whole: Played) -> None:
    assert whole.deviations == ()
    assert whole.told.count("Mail to ") == 4
    assert "Thu 12 Mar 08:00" in whole.told
    assert "reached 20 votes" in whole.told
    assert "trending: failed (the site asks for no more requests for 1200 s (503))" in whole.told


def test_the_mails_are_in_the_maildir_and_can_be_opened_as_html(whole: Played) -> None:
    assert sorted(str(mail["To"]) for mail in mails_in(whole.folder)) == [
        "ada@example.org",
        "ada@example.org",
        "emmy@example.org",
        "kurt@example.org",
    ]
    pages = sorted(path.name for path in whole.folder.glob("*.html"))
    assert pages == ["1-wed-ada.html", "2-wed-emmy.html", "3-wed-kurt.html", "4-thu-ada.html"]
    first = (whole.folder / pages[0]).read_text()
    assert "Þóra Ægisdóttir" in first
    assert "O(√n)" in first
    assert "\\mathcal" not in first


def test_the_configuration_that_is_left_loads(whole: Played) -> None:
    config = load(whole.folder / "watcher.toml", state_dir=whole.folder, environ={})
    assert [s.name for s in config.settings.subscriptions] == ["weights", "proofs"]
    assert config.store_url.endswith(f"{whole.folder}/watcher.db")


def test_nothing_goes_on_when_it_is_over(tmp_path: Path) -> None:
    before = threading.enumerate()
    play(tmp_path)
    assert threading.enumerate() == before


def test_the_text_of_each_mail_is_told_on_request(whole: Played, tmp_path: Path) -> None:
    assert "Paper page:" not in whole.told
    assert "    |     Paper page: http://127.0.0.1:" in play(tmp_path, with_text=True).told


def test_the_same_folder_serves_again_and_keeps_what_is_not_the_demos(tmp_path: Path) -> None:
    play(tmp_path)
    own = tmp_path / "notes.html"
    own.write_text("mine")
    (moved,) = [path for path in (tmp_path / "maildir/new").iterdir() if "0001" in path.name]
    moved.rename(tmp_path / "maildir/cur" / f"{moved.name}:2,S")
    again = play(tmp_path)
    assert again.deviations == ()
    assert again.told.startswith(f"Removing what an earlier demo left in {tmp_path}")
    assert len(mails_in(tmp_path)) == 3
    assert own.read_text() == "mine"


def test_a_file_of_somebody_else_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "watcher.db").write_text("mine")
    with pytest.raises(WatcherError, match=r"watcher\.db .* choose another directory with --out"):
        play(tmp_path)
    assert (tmp_path / "watcher.db").read_text() == "mine"


def test_what_a_ledger_names_outside_of_the_folder_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / LEDGER).write_text("../outside\n\nmade.html\n")
    (folder / "made.html").write_text("by an earlier demo")
    Folder(folder).clear()
    assert outside.exists()
    assert [path.name for path in folder.iterdir()] == [LEDGER]


def test_one_demo_at_a_time_in_a_folder(tmp_path: Path) -> None:
    with (tmp_path / LEDGER).open("w") as ledger:
        fcntl.flock(ledger, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="another demo is running"):
            play(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WatcherError, match=r"file/out cannot be used: .* choose another --out"),
        opened(tmp_path / "file/out"),
    ):
        raise AssertionError


def test_a_listener_who_leaves_is_not_blamed_on_the_folder(tmp_path: Path) -> None:
    def say(_: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_demo(tmp_path, say)


def test_a_missing_mail_is_a_deviation(tmp_path: Path) -> None:
    papers = [paper for paper in bundled_papers() if paper.id != "2603.90015"]
    assert play(tmp_path, papers=papers).deviations == (
        "Wed 11 Mar 08:00: no mail to emmy@example.org with just 2603.90015",
        "Wed 11 Mar 08:00: no mail to kurt@example.org with just 2603.90015",
    )


def test_a_mail_with_another_paper_is_a_deviation(tmp_path: Path) -> None:
    papers = list(bundled_papers())
    twin = replace(papers[3], id="2603.90099")
    deviations = play(tmp_path, papers=[*papers, twin]).deviations
    assert deviations == (
        f"Wed 11 Mar 08:00: no mail to {ADA} with just 2603.90005, 2603.90011",
        f"Wed 11 Mar 08:00: an unexpected mail to {ADA} with 2603.90005, 2603.90011, 2603.90099",
    )


def test_a_site_that_fails_when_it_must_not_is_a_deviation(tmp_path: Path) -> None:
    down, up = replace(FIRST_DAY[0], is_down=True), FIRST_DAY[0]
    still = replace(up, at=up.at + dt.timedelta(minutes=10))  # the site asked for twenty
    assert [text.partition(":")[2] for text in play(tmp_path, story=[down]).deviations] == []
    assert [text[:38] for text in play(tmp_path, story=[down, still]).deviations] == [
        "Wed 11 Mar 07:40: trending was rate-li",
        "Wed 11 Mar 07:40: daily was rate-limit",
    ]


def test_an_empty_site_is_a_deviation(tmp_path: Path) -> None:
    deviations = play(tmp_path, papers=[], story=FIRST_DAY[:1]).deviations
    assert [text.partition(": ")[2].split(" was ")[0] for text in deviations] == [
        "trending",
        "daily",
    ]


def test_a_mail_to_the_operator_is_a_deviation(tmp_path: Path) -> None:
    start = replace(FIRST_DAY[0], is_down=True)
    story = [replace(start, at=start.at + dt.timedelta(hours=3 * i)) for i in range(3)]
    assert (
        play(tmp_path, story=story).deviations
        == ("Wed 11 Mar 13:30: an unexpected mail to operator@example.org with no paper at all",)
        * 2
    )


def test_what_comes_twice_is_a_deviation() -> None:
    link = "http://127.0.0.1/papers/2603.90011"
    mail = Mail(ADA, "weights", "<1@example.org>", link, f'<a href="{link}">')
    assert doubled([mail, replace(mail, recipient="emmy@example.org", message_id="<2@a>")]) == []
    assert doubled([mail, replace(mail, message_id="<2@a>"), mail]) == [
        "the mail <1@example.org> came 2 times",
        f"2603.90011 was mailed to {ADA} 3 times",
    ]


def test_a_threshold_that_is_not_told_of_is_a_deviation(tmp_path: Path) -> None:
    papers = [replace(p, upvotes=90) if p.id == "2603.90014" else p for p in bundled_papers()]
    deviations = play(tmp_path, papers=papers).deviations
    assert deviations[-1] == 'the mail with 2603.90014 does not say "reached 20 votes"'


def test_the_command_plays_and_says_where_everything_lies(tmp_path: Path) -> None:
    out = tmp_path / "with blank"
    command = [sys.executable, "-W", "error", "-m", "watcher", "demo", "--out", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every mail came that had to come, and each once." in done.stdout
    assert f"--state-dir '{out}'" in done.stdout


def test_the_command_fails_with_a_text_where_the_folder_is_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "watcher.toml").write_text("mine")
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"watcher: {tmp_path}/watcher.toml is there")


def test_deviations_are_told_and_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        conclude(tmp_path, ("no mail came",))
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == (
        "watcher: the demo did not go as it must:\nwatcher: no mail came\n"
    )


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/papers", 200),
        ("/papers/date/2026-03-08", 200),
        ("/papers/date/2023-01-01", 404),
        ("/papers/date/tomorrow", 404),
        ("/papers/2603.90003", 404),
        ("/api/daily_papers", 404),
        ("/api/daily_papers?date=2026-03-11", 200),
    ],
)
async def test_the_site_answers_over_http(target: str, status: int) -> None:
    def ask(url: str) -> int:
        try:
            with urlopen(url) as answer:
                return int(answer.status)
        except HTTPError as error:
            with error:
                return error.code

    site = Site(bundled_papers(), NOON)
    async with site.serving():
        assert await asyncio.to_thread(ask, site.url + target) == status


async def test_the_site_survives_a_visitor_that_leaves() -> None:
    site = Site(bundled_papers(), NOON)
    async with site.serving():
        port = int(site.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /papers HTTP/1.1\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 302 Found\r\n"
        writer.close()
        await writer.wait_closed()


def test_ids_cannot_be_those_of_real_papers() -> None:
    assert all(int(paper.id.partition(".")[2]) >= 90_000 for paper in bundled_papers())
