from __future__ import annotations

import datetime as dt
from typing import Literal

import pytest

from tests.sources.reading import HUB, answer, source
from watcher.models import Listing, PageKind, Paper, Period

THURSDAY = dt.datetime(2026, 2, 19, 14, 30, tzinfo=dt.UTC)


def asked(page: PageKind, now: dt.datetime, last_good_at: dt.datetime | None = None) -> list[str]:
    return [request.url.removeprefix(HUB) for request in source(page).requests(now, last_good_at)]


def listing(count: int, *, origin: str = "json", period: Period | None = None) -> Listing:
    papers = tuple(Paper(f"2602.{number:05}", "T") for number in range(count))
    url = f"{HUB}/api/daily_papers?date=2026-02-19&limit=100&p=0"
    return Listing("s", url, papers, THURSDAY, origin, period)  # type: ignore[arg-type]  # a Literal


@pytest.mark.parametrize(
    ("page", "path"),
    [("trending", "/papers/trending"), ("search", "/papers?q=hypernetwork")],
)
def test_a_page_without_dates_is_one_request(page: PageKind, path: str) -> None:
    assert asked(page, THURSDAY, THURSDAY - dt.timedelta(days=9)) == [path]
    assert not source(page).is_dated


def test_a_query_is_quoted_and_a_base_url_may_end_in_a_slash() -> None:
    from watcher.settings import SourceSettings
    from watcher.sources import make_source

    settings = SourceSettings(name="s", page="search", query='"a&b" c/ü#')
    (request,) = make_source(settings, "http://127.0.0.1:8080/").requests(THURSDAY, None)
    assert request.url == "http://127.0.0.1:8080/papers?q=%22a%26b%22+c%2F%C3%BC%23"


@pytest.mark.parametrize(
    ("page", "kind", "path"),
    [("daily", "day", "date/2026-02-19"), ("weekly", "week", "week/2026-W08")],
)
def test_the_page_of_any_period_can_be_asked_for(
    page: PageKind, kind: Literal["day", "week"], path: str
) -> None:
    period = Period.containing(kind, THURSDAY)
    request = source(page).page_request(period)
    assert (request.url, request.period) == (f"{HUB}/papers/{path}", period)


def test_a_day_is_read_until_two_days_after_its_end() -> None:
    assert asked("daily", THURSDAY) == [
        "/papers/date/2026-02-19",
        "/papers/date/2026-02-18",
        "/papers/date/2026-02-17",
    ]
    just_before = dt.datetime(2026, 2, 19, 23, 59, 59, tzinfo=dt.UTC)
    assert asked("daily", just_before) == asked("daily", THURSDAY)
    assert asked("daily", just_before + dt.timedelta(seconds=1)) == [
        "/papers/date/2026-02-20",
        "/papers/date/2026-02-19",
        "/papers/date/2026-02-18",
    ]


def test_a_day_is_read_once_more_after_its_tail() -> None:
    midnight = dt.datetime(2026, 2, 20, 0, 10, tzinfo=dt.UTC)
    assert asked("daily", midnight, midnight - dt.timedelta(minutes=30))[3:] == [
        "/api/daily_papers?date=2026-02-17&limit=100&p=0"
    ]


def test_weekend_days_are_read_only_while_they_last() -> None:
    saturday = dt.datetime(2026, 2, 21, 10, tzinfo=dt.UTC)
    assert asked("daily", saturday) == [
        "/papers/date/2026-02-21",
        "/papers/date/2026-02-20",
        "/papers/date/2026-02-19",
    ]
    assert asked("daily", saturday + dt.timedelta(days=2)) == ["/papers/date/2026-02-23"]


def test_missed_days_are_caught_up_from_the_api() -> None:
    assert asked("daily", THURSDAY, THURSDAY - dt.timedelta(days=5)) == [
        "/papers/date/2026-02-19",
        "/papers/date/2026-02-18",
        "/papers/date/2026-02-17",
        "/api/daily_papers?date=2026-02-16&limit=100&p=0",
        "/api/daily_papers?date=2026-02-13&limit=100&p=0",
        "/api/daily_papers?date=2026-02-12&limit=100&p=0",
    ]


def test_nothing_older_than_two_weeks_is_caught_up() -> None:
    paths = asked("daily", THURSDAY, THURSDAY - dt.timedelta(days=300))
    assert paths[-1] == "/api/daily_papers?date=2026-02-05&limit=100&p=0"
    assert len(paths) == 11
    assert asked("weekly", THURSDAY, THURSDAY - dt.timedelta(days=300)) == [
        "/papers/week/2026-W08",
        "/api/daily_papers?week=2026-W07&limit=100&p=0",
        "/api/daily_papers?week=2026-W06&limit=100&p=0",
    ]


def test_a_clock_that_was_wrong_hides_no_page() -> None:
    assert asked("daily", THURSDAY, THURSDAY + dt.timedelta(days=99)) == asked("daily", THURSDAY)


@pytest.mark.parametrize(
    ("page", "now", "paths"),
    [
        ("weekly", "2026-02-19", ["/papers/week/2026-W08"]),
        ("weekly", "2026-02-24", ["/papers/week/2026-W09", "/papers/week/2026-W08"]),
        ("weekly", "2027-01-01", ["/papers/week/2026-W53"]),
        ("monthly", "2026-02-19", ["/papers/month/2026-02"]),
        ("monthly", "2026-03-02", ["/papers/month/2026-03", "/papers/month/2026-02"]),
        ("monthly", "2026-01-01", ["/papers/month/2026-01", "/papers/month/2025-12"]),
    ],
)
def test_weeks_and_months_have_their_tail_too(page: PageKind, now: str, paths: list[str]) -> None:
    assert asked(page, dt.datetime.fromisoformat(f"{now}T12:00:00Z")) == paths


def test_requests_name_their_period() -> None:
    for page in ("daily", "weekly", "monthly"):
        for request in source(page).requests(THURSDAY, THURSDAY - dt.timedelta(days=12)):
            assert request.period is not None
            assert request.period.key in request.url
            assert request.source == page


def test_a_page_that_stopped_at_a_hundred_is_completed_by_the_api() -> None:
    day = Period("day", dt.date(2026, 2, 19))
    assert source("daily").completion(listing(99, period=day)) is None
    request = source("daily").completion(listing(100, period=day))
    assert request is not None
    assert (request.form, request.period) == ("api", day)
    assert request.url == f"{HUB}/api/daily_papers?date=2026-02-19&limit=100&p=0"


def test_a_dated_page_read_from_its_markup_is_completed_by_the_api() -> None:
    week = Period("week", dt.date(2026, 2, 16))
    request = source("weekly").completion(listing(3, origin="dom", period=week))
    assert request is not None
    assert request.url == f"{HUB}/api/daily_papers?week=2026-W08&limit=100&p=0"
    assert source("trending").completion(listing(3, origin="dom")) is None
    assert source("weekly").completion(listing(0, origin="dom", period=week)) is None


def test_the_link_header_leads_through_a_list() -> None:
    following = f"{HUB}/api/daily_papers?date=2026-02-19&limit=100&p=1"
    page = answer("[]", form="api", next_url=following, period=Period("day", dt.date(2026, 2, 19)))
    request = source("daily").following(page, listing(7, origin="api"))
    assert request is not None
    assert (request.url, request.form, request.period) == (following, "api", page.request.period)


def test_a_list_without_a_link_header_is_counted() -> None:
    path = "/api/daily_papers?month=2026-02&limit=100&p=4"
    page = answer("[]", form="api", path=path)
    request = source("monthly").following(page, listing(100, origin="api"))
    assert request is not None
    assert request.url == f"{HUB}/api/daily_papers?month=2026-02&limit=100&p=5"
    assert source("monthly").following(page, listing(99, origin="api")) is None
    assert source("monthly").following(page, listing(0, origin="api")) is None
    assert source("monthly").following(answer("", form="page"), listing(100)) is None


def test_a_list_has_an_end_whatever_its_links_say() -> None:
    for part in ("20", "21", "-1", "1e9", "9" * 5000):
        path = f"/api/daily_papers?limit=100&p={part}"
        page = answer("[]", form="api", path=path, next_url=f"{HUB}/api/daily_papers?p=9999")
        assert source("daily").following(page, listing(100, origin="api")) is None


def test_only_dated_pages_can_be_had_from_the_api_instead() -> None:
    daily, trending = source("daily"), source("trending")
    (today, *_) = daily.requests(THURSDAY, None)
    request = daily.api_fallback(today)
    assert request is not None
    assert request.url == f"{HUB}/api/daily_papers?date=2026-02-19&limit=100&p=0"
    assert daily.api_fallback(request) is None
    assert trending.api_fallback(trending.requests(THURSDAY, None)[0]) is None


def test_one_paper_is_asked_for_by_its_id() -> None:
    request = source("daily").paper_request("2602.00001")
    assert (request.url, request.form) == (f"{HUB}/api/papers/2602.00001", "paper")
