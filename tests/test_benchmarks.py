"""The yardsticks themselves: no time is measured here."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import (
    composing,
    corpus,
    day,
    delivering,
    many,
    ours,
    outbox,
    pages,
    rivals,
    scale,
    signing,
    subscribers,
    web,
    workload,
)
from benchmarks.__main__ import line, main
from benchmarks.matching import Process, Side
from benchmarks.measuring import Bound, Cost, cost_of, in_turns
from benchmarks.stages import Meter, Stage
from benchmarks.subscribers import Subscriber
from benchmarks.with_tantivy import Tantivy
from tests.fakesite import FakeSite
from tests.postgres import PostgresServer
from tests.rules import naive
from tests.smtpserver import SmtpServer
from watcher import app
from watcher.digest import render_digest
from watcher.mail.dkim import DkimSigner
from watcher.models import Page, PageRequest, Paper
from watcher.settings import SourceSettings, load
from watcher.sources import make_source
from watcher.store import stored

NOW = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("bound", "is_met", "shown"),
    [
        (Bound("a", "b", 3, 1, most=3), True, ["3.00", "at", "most", "3", "ok"]),
        (Bound("a", "b", 3.1, 1, most=3), False, ["3.10", "at", "most", "3", "MISSED"]),
        (Bound("a", "b", 1, 12, least=12), True, ["12.00", "at", "least", "12", "ok"]),
        (Bound("a", "b", 1, 11.9, least=12), False, ["11.90", "at", "least", "12", "MISSED"]),
    ],
)
def test_a_bound_is_met_or_missed(bound: Bound, is_met: bool, shown: list[str]) -> None:
    assert bound.is_met is is_met
    assert line(bound).split()[-5:] == shown


def test_what_is_only_shown_is_neither_met_nor_missed() -> None:
    shown = line(Bound("a", "b", 2_000_000, 4, unit="s"))
    assert shown.split() == ["a", "2,000,000", "s", "b", "4", "s", "500,000.00"]
    assert line(Bound("a", "b", 4, 2_000, least=0)).split()[-1] == "500.00"
    assert Bound("a", "b", 9, 1).is_met


def test_both_sides_take_turns_after_one_round_for_nothing() -> None:
    turns: list[str] = []
    took = in_turns(2, {"a": lambda: turns.append("a"), "b": lambda: turns.append("b")})
    assert turns == ["a", "b"] * 3
    assert set(took) == {"a", "b"}


def test_the_cost_of_a_process_counts_its_children() -> None:
    burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b = bytearray(9**8)'])"
    cost = cost_of([sys.executable, "-c", burn], dict(os.environ))
    assert cost.peak_bytes > 9**8
    assert cost.cpu_seconds > 0
    with pytest.raises(RuntimeError, match=r"ended with 1: .*Traceback"):
        cost_of([sys.executable, "-c", "1 / 0"], dict(os.environ))


def test_the_page_is_as_large_as_the_real_one_and_is_read() -> None:
    body = pages.trending_page(pages.papers(NOW), NOW)
    assert 1_500_000 <= len(body) < 1_700_000
    source = make_source(SourceSettings(name="trending", page="trending"), "https://huggingface.co")
    request = PageRequest("trending", "https://huggingface.co/papers/trending")
    listing = source.parse(Page(request, request.url, 200, body, NOW), NOW)
    assert (len(listing.papers), listing.origin) == (pages.PAPERS, "json")


def test_a_part_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parsing", "nothing"]) == 2
    parts = "parsing, start, check, composing, outbox, delivering, signing, matching, many, web"
    assert capsys.readouterr().out == f"unknown: nothing; there are {parts}\n"


@pytest.fixture(scope="module")
def papers() -> list[Paper]:
    """Made-up ones: their words have neither plurals nor accents."""
    return list(itertools.islice(corpus.read(None), 400))


def test_subscribers_ask_for_what_they_are_said_to(papers: list[Paper]) -> None:
    drawn = list(subscribers.draw(papers, 10_000, total=10_000, distinct=25_000, rarity=20))
    keywords = [keyword for one in drawn for keyword in one.any]
    assert len(keywords) == 50_000
    assert len(set(keywords)) == pytest.approx(25_000, rel=0.05)
    assert {len(keyword.split()) for keyword in keywords} == {1, 2, 3}
    shares = {
        "exact": sum(keyword.startswith('"') for keyword in keywords) / 5,
        "prefix": sum(keyword.endswith("*") for keyword in keywords) / 5,
        "all": sum(bool(one.all) for one in drawn),
        "none": sum(bool(one.none) for one in drawn),
        "votes": sum(one.min_upvotes > 0 for one in drawn),
        "title": sum(one.is_title_only for one in drawn),
    }
    wanted = {"exact": 500, "prefix": 500, "all": 1000, "none": 1000, "votes": 1000, "title": 500}
    assert shares == pytest.approx(wanted, rel=0.2)
    used = Counter(
        phrase for paper in papers for phrase in set(f"{paper.title} {paper.abstract}".split())
    )
    assert max(used.values()) > len(papers) / 4, "there are common words"
    assert max(used[keyword] for keyword in keywords) <= len(papers) / 20
    most, *_, least = Counter(keywords).most_common()
    assert most[1] > 20 * least[1], "some are asked for more than others"


def test_subscribers_are_the_same_each_time_and_stay_so_in_a_file(
    papers: list[Paper], tmp_path: Path
) -> None:
    drawn = list(subscribers.draw(papers, 500))
    assert list(subscribers.draw(papers, 200)) == drawn[:200]
    distinct = subscribers.write(tmp_path / "subscribers", drawn)
    assert list(subscribers.read(tmp_path / "subscribers", 600)) == drawn
    assert distinct == len({word for one in drawn for word in (*one.any, *one.all, *one.none)})


def test_papers_are_those_of_the_file_that_is_named(papers: list[Paper], tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl.gz"
    corpus.write(path, papers[:3])
    assert corpus.found({"CORPUS": str(path)}) == path
    assert list(corpus.read(path)) == papers[:3]
    with pytest.raises(FileNotFoundError):
        corpus.found({"CORPUS": str(tmp_path / "none")})


def matched_by(rival: rivals.Rival) -> set[tuple[int, int]]:
    return {(rule, paper) for rule, found in enumerate(rival.matches()) for paper in found}


@pytest.fixture(scope="module")
def short(papers: list[Paper]) -> list[Paper]:
    return [
        replace(paper, title=paper.title.lower(), abstract=f"{paper.abstract}"[:200].lower())
        for paper in papers[:30]
    ]


def test_all_sides_find_the_same(short: list[Paper]) -> None:
    asking = list(subscribers.draw(short, 120, rarity=20))
    expected = {
        (rule, position)
        for rule, one in enumerate(asking)
        for position, paper in enumerate(short)
        if naive.verdict(one.settings(rule).rules[0], paper, as_it_stands=True)
    }
    assert len(expected) > 100
    assert matched_by(rivals.RegularExpressions(short, asking)) == expected
    assert matched_by(rivals.FullTextSearch(short, asking)) == expected
    index = ours.compiled(one.settings(number) for number, one in enumerate(asking))
    names = [one.settings(number).id for number, one in enumerate(asking)]
    assert {
        (names.index(name), position)
        for position, ids in enumerate(ours.matched(index, short))
        for name in ids
    } == expected


def test_tantivy_finds_the_same(short: list[Paper]) -> None:
    asking = list(subscribers.draw(short, 120, rarity=20))
    expected = matched_by(rivals.FullTextSearch(short, asking))
    assert matched_by(Tantivy(short, asking)) == expected


def test_sides_work_in_processes_of_their_own(papers: list[Paper], tmp_path: Path) -> None:
    corpus.write(tmp_path / workload.PAPERS, papers[:20])
    subscribers.write(tmp_path / workload.SUBSCRIBERS, subscribers.draw(papers[:20], 50, rarity=20))
    with (
        closing(Process(tmp_path, Side("ours", 40, 10))) as us,
        closing(Process(tmp_path, Side("re", 40, 10))) as them,
    ):
        assert us.ask("match")["pairs"] == them.ask("match")["pairs"] > 0
        assert set(us.ready) == {"build", "reading", "bytes"}
        assert us.ask("peak")["bytes"] > us.ready["bytes"]
        assert set(us.ask("edit")) == {"add", "change", "remove"}
        assert set(us.ask("stream")) == {"median", "slowest"}
    with pytest.raises(RuntimeError, match="ours ended with 1"):
        Process(tmp_path / "none", Side("ours", 1))


def test_a_part_of_the_work_is_scaled_and_said() -> None:
    side = Side("re", 100, 50, [0.5, 9, 0.4])
    assert side.median(100_000) == pytest.approx(0.5 * 1_000 * 20)
    assert side.named(100_000) == "re (100 rules x 50 papers, scaled)"
    assert Side("FTS5", 1_000).named(1_000) == "FTS5"


def test_many_files_are_a_configuration(papers: list[Paper], tmp_path: Path) -> None:
    asking = Subscriber(('a "b', "c"), ("d",), ("e",), 5, is_title_only=True)
    many.write_files(tmp_path, [asking, Subscriber(("f",))], NOW)
    path = tmp_path / "config.toml"
    shown = list(many.site_papers(papers[:3], NOW))
    with FakeSite(shown, now=NOW) as site:
        path.write_text(many.CONFIG.substitute(url=site.url))
        assert len(site.papers) == 3
    config = load(path, state_dir=tmp_path, environ={})
    assert not config.broken
    first, second = config.settings.subscriptions
    [rule] = first.rules
    assert (rule.any, rule.all, rule.none) == (asking.any, asking.all, asking.none)
    assert (rule.min_upvotes, rule.fields) == (5, ("title",))
    assert second.digest == "daily 00:00"
    assert {paper.listed_on for paper in shown} == {NOW.date()}


def test_all_sides_compose_the_same_mails() -> None:
    content = composing.digest()
    rendered = render_digest(content)
    to = [*composing.recipients(3)]
    ours = [composing.read(message) for message in composing.once(rendered, to)]
    assert [composing.read(one) for one in composing.by_the_library(rendered, to)] == ours
    assert [composing.read(one) for one in composing.afresh(content, to)] == ours
    assert [headers["To"] for headers, _ in ours] == [recipient for recipient, _ in to]
    assert all(len(content.papers) == parts[0][1].count("Paper page:") for _, parts in ours)


def test_both_sides_write_the_same_rows_of_the_outbox(tmp_path: Path) -> None:
    mails = outbox.frozen(range(outbox.TOGETHER + 2))
    with outbox.empty(tmp_path, "ours") as one, outbox.empty(tmp_path, "theirs") as other:
        outbox.by_the_store(one, mails)
        outbox.by_executemany(other, mails)
        assert outbox.rows(one) == outbox.rows(other)
        assert [len(found) for found in outbox.rows(one)] == [len(mails)] * 3


async def test_all_mails_are_sent_over_all_connections(tmp_path: Path) -> None:
    mails = delivering.envelopes(3)
    assert {len(mail.message) for mail in mails} == {delivering.SIZE}
    assert len({mail.message for mail in mails}) == 3
    with SmtpServer() as server:
        await delivering.sent(delivering.Sink(server.port).mailer, mails, 40)
        assert len(server.messages) == 40
        assert server.connection_count == delivering.CONNECTIONS
        assert await delivering.delivered(server.port, tmp_path, mails, 5) > 0
        assert len({mail.recipient for mail in server.messages[40:]}) == 5


@pytest.mark.postfix
async def test_postfix_s_sink_takes_mails_of_both_sides() -> None:
    mails = delivering.envelopes(1)
    with delivering.sink() as sink:
        await delivering.sent(sink.mailer, mails, 20)
        sink.sourced(20)


def test_without_postfix_it_is_said_what_is_missing() -> None:
    with pytest.raises(delivering.MissingError, match=r"smtp-nothing is not here.*apt install"):
        delivering.program("smtp-nothing")


def test_the_round_with_the_median_share_is_shown() -> None:
    ours, source = iter([9.0, 1, 2, 4]), iter([1.0, 2, 2, 2])
    shown = delivering.median_round(3, lambda: next(ours), lambda: next(source))
    assert (shown.ours, shown.source, shown.share) == (2, 2, 1)


def in_this_process(command: Sequence[str], _: Mapping[str, str]) -> Cost:
    role, folder, *numbers = command[3:]
    done = day.main(role, Path(folder), *map(int, numbers))
    return Cost(1, 1, 1_000_000, 0, json.dumps(done, default=int), "")


def test_a_day_is_the_same_for_a_daemon_and_for_replicas(
    papers: list[Paper], postgres_server: PostgresServer, tmp_path: Path
) -> None:
    postgres_server.start()
    some, others = subscribers.draw(papers[:5], 10, rarity=5), subscribers.draw(papers[9:], 50)
    subscribers.write(tmp_path / workload.SUBSCRIBERS, [*some, *others])
    shown = list(many.site_papers(papers[:5], day.DAY))
    with FakeSite(shown, now=day.EIGHT) as site, SmtpServer() as server:
        site.redirects_empty = False
        place = scale.Place(tmp_path, site, server.port, postgres_server, in_this_process)
        alone, fleet = place.on_sqlite(60, 3), place.on_postgres(60, 3)
        counted = {"subscriptions": 60, "slots": 60, "delivered": 3}
        assert counted.items() <= alone.told.items()
        assert alone.told == fleet.told
        assert 3 < alone.told["mails"] < 60
        assert len(server.messages) == 6
    assert alone.stages.keys() >= {"import", "take over", "match", "compose", "deliver"}
    assert fleet.stages.keys() >= alone.stages.keys() | {day.ONE, day.ALL}
    assert min(fleet.stages["compose"].ours, fleet.stages["import"].wal) > 0
    assert {alone.is_whole, fleet.is_whole} == {False}
    assert min(alone.stored_bytes, fleet.stored_bytes) > 100_000


def test_all_subscribers_are_brought_in(papers: list[Paper], tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[mail]\nfrom = "papers@example.org"\n')
    config = load(tmp_path / "config.toml", state_dir=tmp_path, environ={})
    asking = subscribers.draw(papers, 5)
    assert day.bring_in(config, Meter(), asking, at_once=2) == {"subscriptions": 5}
    with app.reading(config) as database, database.read() as connection:
        assert len(stored.definitions(connection)) == 5


def day_of(
    size: int, *, matching: float, mailing: float, delivered: int | None = None
) -> scale.Day:
    mails = size // 10
    sent = mails if delivered is None else delivered
    stages = {name: Stage(ours=size / 1_000) for name in ("take over", "compose")}
    stages |= {"match": Stage(ours=matching), "deliver": Stage(server=mailing * sent)}
    told = {"slots": size, "mails": mails, "bytes": mails * 9_000, "delivered": sent}
    return scale.Day("SQLite", size, stages, told, {"alone": size * 1_000}, size * 2_000)


def test_what_grows_faster_than_the_subscribers_misses_its_bound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    little = day_of(1_000, matching=1, mailing=0.01)
    assert scale.report([little, day_of(10_000, matching=12, mailing=0.012)])
    assert not scale.report([little, day_of(10_000, matching=14, mailing=0.012)])
    assert "MISSED" in capsys.readouterr().out
    assert not scale.report([little, day_of(10_000, matching=10, mailing=0.014)])


@pytest.mark.parametrize(("size", "one", "is_met"), [(9, 0.9, True), (10_000, 0.9, False)])
def test_one_that_has_changed_is_bound_by_what_all_take(
    size: int, one: float, *, is_met: bool
) -> None:
    whole = day_of(size, matching=1, mailing=1)
    stages = {**whole.stages, day.ONE: Stage(ours=one), day.ALL: Stage(ours=1)}
    [bound] = scale.following([whole, replace(whole, stages=stages)])
    assert bound.is_met is is_met


def test_what_was_not_measured_is_scaled_only_where_nothing_grew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    little = day_of(1_000, matching=1, mailing=0.01)
    scale.report([little, day_of(10_000, matching=9, mailing=0.011, delivered=50)])
    assert "delivering 1,000 mails, scaled from 50 " in capsys.readouterr().out
    scale.report([little, day_of(10_000, matching=9, mailing=0.02, delivered=50)])
    assert "what a mail takes has grown: nothing is scaled from it" in capsys.readouterr().out
    a_part = day_of(10_000, matching=9, mailing=0.01, delivered=50)
    assert not [*scale.bottleneck([a_part])]
    some = replace(a_part, told={**a_part.told, "slots": 5_000})
    scale.report([little, some])
    out = capsys.readouterr().out
    assert "delivering 2,000 mails, scaled from 50 " in out
    assert "compose for 10,000, scaled from 5,000 " in out


def test_signing_is_measured_with_keys_that_sign() -> None:
    for key in signing.made_keys():
        signed = DkimSigner("example.org", [key]).sign(b"From: a@example.org\r\n\r\n", NOW)
        assert signed.startswith(b"DKIM-Signature:")


REPORT = """\
Running 10s test @ http://127.0.0.1:8466/
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    12.10ms    2.01ms  51.10ms   68.70%
    Req/Sec     4.10k   135.41     4.48k    62.00%
  Latency Distribution
     50%  980.00us
     75%   14.26ms
     90%  109.09ms
     99%    1.20s\x20
  40000 requests in 10.00s, 1.60GB read
Requests/sec:   4000.36
Transfer/sec:    165.58MB
"""


def test_what_wrk_says_is_read() -> None:
    load = web.read(REPORT, processor_seconds=8)
    assert (load.rate, load.p99) == (4000.36, 1200)
    assert (load.median, load.cpu) == pytest.approx((0.98, 0.2))
    with pytest.raises(RuntimeError, match="Non-2xx"):
        web.read(f"{REPORT}  Non-2xx or 3xx responses: 12\n", processor_seconds=8)
    errors = "  Socket errors: connect 0, read {}, write 0, timeout 50\n"
    assert web.read(REPORT + errors.format(0), processor_seconds=8) == load
    with pytest.raises(RuntimeError, match="read 3"):
        web.read(REPORT + errors.format(3), processor_seconds=8)


def test_without_wrk_the_pages_are_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert web.measure() == []
    assert "wrk is not here; on Debian it comes with `apt install wrk`" in capsys.readouterr().out
