"""The fake site keeps the facts that the tests of everything else stand on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from tests.fakesite import FakeSite, Fault, faults, growing, make_day, make_paper

MONDAY = dt.date(2026, 2, 16)
NOW = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)


@pytest.fixture
def site() -> Iterator[FakeSite]:
    days = [dt.date(2026, 2, day) for day in (2, 3, 4, 5, 6, 16, 17, 18, 19)]
    papers = [paper for i, on in enumerate(days) for paper in make_day(on, 30, first=i * 100)]
    with FakeSite(papers, now=NOW) as running:
        yield running


@pytest.fixture
def client(site: FakeSite) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, trust_env=False) as opened:
        yield opened


def test_the_front_page_redirects_to_the_latest_day(site: FakeSite, client: httpx.Client) -> None:
    answer = client.get("/papers")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/papers/date/2026-02-19")
    site.now = dt.datetime(2026, 2, 22, 9, tzinfo=dt.UTC)
    assert client.get("/papers/date/2026-02-22").headers["Location"] == "/papers/date/2026-02-19"
    assert client.get("/papers/date/2026-01-01").status_code == 404
    assert client.get("/papers/date/2026-13-01").status_code == 404
    assert client.get("/papers/date/yesterday").status_code == 404
    assert client.get("/elsewhere").status_code == 404


def test_a_day_grows_past_midnight() -> None:
    late = list(make_day(MONDAY, 10, late=3))
    with FakeSite(late) as site, httpx.Client(base_url=site.url, trust_env=False) as client:
        counts = []
        for hour in (0, 12, 23, 26, 47):
            site.now = dt.datetime(2026, 2, 16, tzinfo=dt.UTC) + dt.timedelta(hours=hour)
            counts.append(client.get("/papers/date/2026-02-16").text.count("<article"))
    assert counts == [1, 4, 7, 8, 10]


def test_a_month_stops_at_105_and_the_api_has_the_rest(
    site: FakeSite, client: httpx.Client
) -> None:
    assert client.get("/papers/month/2026-02").text.count("<article") == 105
    url, ids = "/api/daily_papers?month=2026-02&limit=100", []
    while url:
        answer = client.get(url)
        ids += [entry["paper"]["id"] for entry in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
    assert len(set(ids)) == len(ids) == len([p for p in site.papers if p.arrives_at <= NOW])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("date=2026-02-14", 200),
        ("date=2026-02-20", 400),
        ("date=x", 400),
        ("week=2026-W60", 400),
        ("limit=101", 400),
        ("p=-1", 400),
        ("sort=trending&date=2000-01-01", 200),
        ("", 200),
    ],
)
def test_the_api(client: httpx.Client, query: str, status: int) -> None:
    answer = client.get(f"/api/daily_papers?{query}")
    assert answer.status_code == status
    assert ("error" in answer.json()) is (status == 400)
    assert (answer.json() == []) is (query == "date=2026-02-14")


def test_one_paper(site: FakeSite, client: httpx.Client) -> None:
    paper = site.papers[0]
    assert client.get(f"/api/papers/{paper.id}").json()["title"] == paper.title
    assert client.get("/api/papers/2001.00001").status_code == 404
    later = make_paper(99_999, NOW + dt.timedelta(hours=1))
    site.papers.append(later)
    assert client.get(f"/api/papers/{later.id}").status_code == 404


def test_votes_drift_and_old_papers_return(site: FakeSite, client: httpx.Client) -> None:
    old = make_paper(7, NOW - dt.timedelta(days=700), title="An old one")
    trends = (NOW, NOW + dt.timedelta(days=2))
    site.papers[:] = [replace(old, votes=growing(NOW, 50, days=1), trends=trends)]
    assert "An old one" in client.get("/papers/trending").text
    site.now = NOW + dt.timedelta(hours=12)
    assert client.get(f"/api/papers/{old.id}").json()["upvotes"] == 25
    site.now = NOW + dt.timedelta(days=3)
    assert "An old one" not in client.get("/papers/trending").text


def test_changes_overwrite_a_record(site: FakeSite, client: httpx.Client) -> None:
    paper = make_paper(99_998, NOW, changes={"upvotes": "many", "summary": None})
    site.papers.append(paper)
    found = client.get(f"/api/papers/{paper.id}").json()
    assert found["upvotes"] == "many"
    assert "summary" not in found


def test_etags(site: FakeSite, client: httpx.Client) -> None:
    path = "/papers/trending"
    assert "ETag" not in client.get(path).headers
    site.has_etags = True
    etag = client.get(path).headers["ETag"]
    assert etag.startswith('W/"')
    again = client.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    site.now += dt.timedelta(hours=20)
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_a_page_is_never_the_same_bytes_twice_unless_wanted(
    site: FakeSite, client: httpx.Client
) -> None:
    assert client.get("/papers/trending").content != client.get("/papers/trending").content
    site.is_stable = True
    assert client.get("/papers/trending").content == client.get("/papers/trending").content


def test_an_empty_day_can_say_so(site: FakeSite, client: httpx.Client) -> None:
    site.redirects_empty = False
    assert "&quot;dailyPapers&quot;:[]" in client.get("/papers/date/2026-02-14").text
    assert not site.redirects_empty


def test_a_layout_without_json(site: FakeSite, client: httpx.Client) -> None:
    site.without_json = True
    text = client.get("/papers?q=benchmarks").text
    assert site.without_json
    assert "searchResults" not in text
    assert "<article" in text


def test_the_ledger(site: FakeSite, client: httpx.Client) -> None:
    client.get("/papers?q=x", headers={"X-Own": "1"})
    site.wait_for("/papers")
    assert site.paths() == ["/papers?q=x"]
    assert (site.requests[0].path, site.requests[0].headers["x-own"]) == ("/papers", "1")
    with pytest.raises(TimeoutError, match="never"):
        site.wait_for("/never", timeout=0.01)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (faults.challenge(), 202),
        (faults.captcha(), 405),
        (faults.rate_limited(retry_after="9"), 429),
        (faults.server_error(), 503),
        (faults.redirect("http://127.0.0.1:1/"), 302),
        (faults.no_marks(), 200),
        (faults.renamed_markup(), 200),
        (faults.answering(999), 999),
    ],
)
def test_faults_in_the_answer(
    site: FakeSite, client: httpx.Client, fault: Fault, status: int
) -> None:
    site.faults["/papers/*"] = replace(fault, times=1)
    answer = client.get("/papers/trending")
    assert answer.status_code == status
    assert "dailyPapers" not in answer.text
    assert "dailyPapers" in client.get("/papers/trending").text


@pytest.mark.parametrize(
    "fault", [faults.hang(), faults.disconnect(), faults.truncated(), faults.drip(0.2)]
)
def test_faults_on_the_wire(site: FakeSite, client: httpx.Client, fault: Fault) -> None:
    site.faults["/papers/trending"] = fault
    with pytest.raises(httpx.TransportError):
        client.get("/papers/trending", timeout=0.1)


def test_bodies_that_unpack_to_more_than_they_seem(site: FakeSite, client: httpx.Client) -> None:
    site.faults["/papers/trending"] = faults.gzip_bomb(5_000_000)
    answer = client.get("/papers/trending")
    assert int(answer.headers["Content-Length"]) * 100 < len(answer.content) == 5_000_000
    site.faults["/papers/trending"] = faults.twice_compressed()
    assert client.get("/papers/trending").headers["Content-Encoding"] == "gzip, gzip"


async def test_the_site_serves_a_loop_too() -> None:
    async with (
        FakeSite([make_paper(1, NOW)], now=NOW) as site,
        httpx.AsyncClient(base_url=site.url, trust_env=False) as client,
    ):
        answer = await client.get("/papers/trending", headers={"Connection": "close"})
        assert answer.status_code == 200
        assert (await client.head("/papers/trending")).content == b""
    assert site.now == NOW
