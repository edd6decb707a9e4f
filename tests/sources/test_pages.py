from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest

from tests.fakesite import make_day, make_paper
from tests.fakesite.markup import short_number
from tests.fakesite.site import Site
from tests.sources.reading import (
    HUB,
    NOW,
    answer,
    hydrated,
    read,
    read_api,
    record,
    sample,
    source,
)
from watcher.errors import ParseError
from watcher.models import Author, Listing, Organization, PageKind, Paper, Period, Submitter


def assert_markup_agrees(from_json: Listing, from_markup: Listing) -> None:
    """Whatever the markup shows is what the JSON says."""
    assert (from_json.origin, from_markup.origin) == ("json", "dom")
    assert [paper.id for paper in from_markup.papers] == [paper.id for paper in from_json.papers]
    assert from_markup.period == from_json.period
    assert not from_markup.skipped
    assert from_markup.has_marks
    for full, shown in zip(from_json.papers, from_markup.papers, strict=True):
        assert_shown(full, shown)


def assert_shown(full: Paper, shown: Paper) -> None:
    compared = {field.name for field in dataclasses.fields(Paper)}
    compared -= {"is_full", "authors", "author_count", "summary", "published_at", "star_count"}
    compared -= {"submitted_by"}
    for name in compared:
        value = getattr(shown, name)
        assert value is None or value == getattr(full, name), name
    if shown.authors is not None:
        assert full.authors is not None
        assert shown.authors == tuple(Author(author.name) for author in full.authors[:5])
        assert shown.author_count == full.author_count
    if shown.summary is not None:
        assert shown.summary == (full.summary or full.abstract)
    if shown.published_at is not None:
        assert full.published_at is not None
        assert shown.published_at.date() == full.published_at.date()
    if shown.submitted_by is not None:
        assert full.submitted_by is not None
        assert shown.submitted_by.name == full.submitted_by.name
    if shown.star_count is not None:
        assert full.star_count is not None
        assert short_number(shown.star_count) == short_number(full.star_count)


@pytest.mark.parametrize("page", ["daily", "trending", "search"])
def test_json_and_markup_of_a_captured_page_agree(page: PageKind) -> None:
    from_json, from_markup = (
        read(sample(f"{page}.html"), page),
        read(sample(f"{page}-dom-only.html"), page),
    )
    assert_markup_agrees(from_json, from_markup)
    assert len(from_json.papers) >= 2


@pytest.mark.parametrize(
    ("page", "path"),
    [
        ("daily", "/papers/date/2026-02-19"),
        ("weekly", "/papers/week/2026-W08"),
        ("monthly", "/papers/month/2026-02"),
        ("trending", "/papers/trending"),
        ("search", "/papers?q=benchmarks"),
    ],
)
def test_json_and_markup_of_a_large_page_agree(page: PageKind, path: str) -> None:
    now = dt.datetime(2026, 2, 19, 23, tzinfo=dt.UTC)
    days = [dt.date(2026, 2, day) for day in (19, 18, 17, 16, 3)]
    papers = [paper for i, on in enumerate(days) for paper in make_day(on, 30, first=i * 100)]
    site = Site(HUB, now, papers)
    from_json = read(site.answer(path, "").body, page, now=now, path=path)
    site.without_json = True
    from_markup = read(site.answer(path, "").body, page, now=now, path=path)
    assert_markup_agrees(from_json, from_markup)
    assert len(from_json.papers) > 25
    shown = from_markup.papers
    assert any(paper.upvotes for paper in shown)
    assert any(paper.authors for paper in shown)
    if page == "trending":
        assert all(paper.summary and paper.published_at for paper in shown)
        assert any(paper.code_url and paper.star_count for paper in shown)
    if page == "search":
        assert all(paper.abstract and paper.published_at for paper in shown)


def test_every_field_of_a_full_record() -> None:
    listing = read(sample("daily.html"))
    paper = listing.papers[-1]
    assert listing.period == Period("day", dt.date(2025, 12, 19))
    assert (paper.id, paper.is_full) == ("2512.16923", True)
    assert paper.published_at is not None
    assert paper.published_at.tzinfo is dt.UTC
    assert paper.submitted_at == dt.datetime(2025, 12, 19, tzinfo=dt.UTC)
    assert paper.submitted_by == Submitter("sub251216923", "Sub 2512.16923", "user")
    assert paper.summary is not None
    assert paper.summary.startswith("In one line: ")
    assert paper.keywords
    assert paper.authors
    assert paper.author_count == len(paper.authors)
    assert paper.code_url is not None
    assert paper.discussion_id is not None
    assert paper.is_author_participating is False
    assert paper.thumbnail_url is not None
    assert paper.media_urls is None
    assert paper.project_url is None


def test_fields_that_only_some_records_have() -> None:
    claimed = {
        "name": "Ada  Lovelace",
        "hidden": True,
        "status": "claimed_verified",
        "user": {"user": "ada", "fullname": "Ada L"},
    }
    entry = record(
        id="2512.00001v3",
        summary="First line\n  second\tline",
        authors=[claimed, {"name": "Bo", "user": "bo"}],
        githubRepo="lab/project",
        githubStars=12,
        projectPage="https://example.org/p",
        organization={"name": "acme", "fullname": "ACME"},
        publishedAt="2025-12-18T21:00:00-05:00",
        submittedOnDailyBy={"user": "bo"},
    )
    entry |= {"mediaUrls": ["https://example.org/a.mp4", "javascript:alert(1)"], "numComments": 0}
    entry |= {"publishedAt": "2025-12-18T17:00:00.000Z", "isAuthorParticipating": True}
    (paper,) = read(hydrated({"dailyPapers": [entry]})).papers
    assert paper == Paper(
        id="2512.00001",
        title="A title",
        abstract="First line second line",
        authors=(Author("Ada Lovelace", "ada", "claimed_verified", True), Author("Bo", "bo")),
        author_count=2,
        organization=Organization("acme", "ACME"),
        published_at=dt.datetime(2025, 12, 19, 2, tzinfo=dt.UTC),
        submitted_by=Submitter("bo"),
        comment_count=0,
        star_count=12,
        code_url="https://github.com/lab/project",
        project_url="https://example.org/p",
        media_urls=("https://example.org/a.mp4",),
        is_author_participating=True,
        is_full=True,
    )


def test_what_is_absent_is_none_and_never_zero() -> None:
    (paper,) = read(hydrated({"dailyPapers": [record()]})).papers
    assert paper == Paper("2512.00001", "A title", is_full=True)


def test_an_organization_may_stand_in_the_entry_only() -> None:
    entry = record() | {"organization": {"fullname": "ACME"}, "summary": "Of the entry"}
    (paper,) = read(hydrated({"dailyPapers": [entry]})).papers
    assert paper.organization == Organization("ACME", "ACME")
    assert paper.abstract == "Of the entry"


def test_a_week_begins_the_day_after_its_date() -> None:
    listing = read(sample("weekly.html"), "weekly")
    assert listing.period == Period("week", dt.date(2025, 12, 15))


@pytest.mark.parametrize(
    ("page", "path", "named", "key"),
    [
        ("daily", "date/2025-12-20", ("2025-12-19", "day"), "2025-12-19"),
        ("weekly", "week/2026-W08", ("2026-02-16", "week"), "2026-W08"),
        ("weekly", "week/2026-W09", ("2026-02-15", "week"), "2026-W08"),
        ("monthly", "month/2026-02", ("2026-02-01", "month"), "2026-02"),
        ("monthly", "month/2026-02", ("2026-01-31", "month"), "2026-02"),
        ("monthly", "month/2026-02", ("2026-02-28", "month"), "2026-02"),
        ("monthly", "month/2026-02", ("2026-02", "month"), "2026-02"),
        ("monthly", "month/2026-03", (), "2026-03"),
        ("daily", "date/2025-12-20", (7, "day"), "2025-12-20"),
        ("daily", "date/2025-12-20", ("9999-12-31", "day"), "2025-12-20"),
        ("daily", "date/2025-12-20", ("2025-12-19", []), "2025-12-20"),
        ("daily", "date/2025-99-20", (), None),
        ("weekly", "week/2025-W99", (), None),
        ("daily", "trending", (), None),
    ],
)
def test_the_period_a_page_names(
    page: PageKind, path: str, named: tuple[object, ...], key: str | None
) -> None:
    props = {"dailyPapers": [record()]} | dict(
        zip(("dateString", "periodType"), named, strict=False)
    )
    listing = read(hydrated(props), page, path=f"/papers/{path}")
    assert (listing.period.key if listing.period else None) == key


def test_search_results_are_never_the_daily_papers() -> None:
    daily = {"dailyPapers": [record()], "dateString": "2025-12-25", "periodType": "day"}
    listing = read(hydrated(daily | {"searchResults": [record(id="2512.00002")]}), "search")
    assert [paper.id for paper in listing.papers] == ["2512.00002"]
    assert listing.period is None
    nothing = read(hydrated(daily | {"searchResults": []}), "search")
    assert (nothing.papers, nothing.says_empty, nothing.has_marks) == ((), True, True)
    missing = read(hydrated(daily), "search")
    assert (missing.papers, missing.says_empty, missing.has_marks) == ((), False, True)


def test_a_page_that_forgot_the_query_holds_no_search_results() -> None:
    listing = read(sample("daily-dom-only.html"), "search")
    assert listing.papers == ()
    assert "no search result" in listing.skipped[0].reason


def test_a_page_says_that_it_is_empty() -> None:
    listing = read(sample("empty.html"), path="/papers/date/2025-12-20")
    assert (listing.papers, listing.says_empty, listing.has_marks) == ((), True, True)
    assert listing.period == Period("day", dt.date(2025, 12, 20))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff" * 1000,
        b"<!doctype html><title>Be right back</title><article><h3>News</h3></article>",
        b'{"dailyPapers": []}',
    ],
)
def test_what_is_no_papers_page_has_no_marks(body: bytes) -> None:
    listing = read(body)
    assert (listing.papers, listing.has_marks, listing.says_empty) == ((), False, False)


@pytest.mark.parametrize(
    "raw", ["", "{", "[" * 100_000, "[]", "null", '{"dailyPapers": 7}', '{"other": []}']
)
def test_markup_is_read_where_the_json_is_of_no_use(raw: str) -> None:
    cards = sample("daily-dom-only.html").decode()
    listing = read(hydrated(raw, cards))
    assert listing.origin == "dom"
    assert len(listing.papers) == 3
    bare = read(hydrated(raw))
    assert (bare.papers, bare.has_marks, bare.says_empty) == ((), True, False)


def test_markup_is_read_where_the_json_claims_to_be_empty_or_holds_nothing_readable() -> None:
    cards = sample("daily-dom-only.html").decode()
    for records in ([], [{"paper": {"title": "no id"}}]):
        listing = read(hydrated({"dailyPapers": records}, cards))
        assert (listing.origin, len(listing.papers)) == ("dom", 3)
        assert "its markup does" in listing.notes[0]


def test_a_card_within_which_the_page_breaks_off_is_no_paper() -> None:
    card = '<article><h3><a href="/papers/2512.0000{}">A title</a></h3>'
    whole = card.format(1) + "</article>"
    listing = read(whole + card.format(2)[:-12], "trending")
    assert [paper.id for paper in listing.papers] == ["2512.00001"]
    assert [skipped.reason for skipped in listing.skipped] == [
        "the page breaks off within the card"
    ]
    assert not read(whole * 2, "trending").skipped


def test_the_json_is_found_under_another_name() -> None:
    page = sample("daily.html").decode()
    renamed = page.replace('data-target="DailyPapers"', 'data-target="PapersFeed"')
    listing = read(renamed)
    assert listing.origin == "json"
    assert len(listing.papers) == 3


def test_lone_surrogates_and_nan_do_not_cost_a_page() -> None:
    entry = json.dumps(record(title="a\ud800b\x00", upvotes=float("nan")))
    raw = f'{{"dailyPapers": [{entry}]}}'
    (paper,) = read(hydrated(raw)).papers
    assert (paper.title, paper.upvotes) == ("ab", None)


def test_a_paper_that_stands_on_a_page_twice_is_one() -> None:
    twice = [
        record(upvotes=3),
        record(id="2512.00001v2", summary="Abstract"),
        record(id="2512.00002"),
    ]
    listing = read(hydrated({"dailyPapers": twice}))
    assert [paper.id for paper in listing.papers] == ["2512.00001", "2512.00002"]
    assert (listing.papers[0].upvotes, listing.papers[0].abstract) == (3, "Abstract")


def test_an_api_list() -> None:
    listing = read_api(json.loads(sample("api.json")))
    assert (listing.origin, len(listing.papers)) == ("api", 2)
    assert all(paper.is_full and paper.abstract for paper in listing.papers)
    assert read_api([]).says_empty
    assert not listing.says_empty


def test_an_api_list_is_of_the_period_that_was_asked_for() -> None:
    week = Period("week", dt.date(2025, 12, 15))
    listing = source("weekly").parse(answer("[]", form="api", period=week), NOW)
    assert listing.period == week


def test_an_api_record() -> None:
    site_paper = make_paper(7, dt.datetime(2025, 12, 18, tzinfo=dt.UTC))
    for found in (site_paper.paper_json(NOW), site_paper.entry_json(NOW, api=True)):
        (paper,) = read_api(found, "paper").papers
        assert (paper.id, paper.is_full) == (site_paper.id, True)
        assert paper.abstract == site_paper.abstract


@pytest.mark.parametrize(
    ("body", "form", "said"),
    [
        (b"<html>", "api", "does not decode"),
        (b"\xff\xfe", "api", "does not decode"),
        (b"[" * 200_000, "api", "nested too deeply"),
        (b"[NaN," + b"[" * 200_000, "api", "nested too deeply"),
        (b'{"error": "date must not be\\nin the future"}', "api", "not be in the future"),
        (b'{"error": {}}', "api", "no reason"),
        (b'{"papers": []}', "api", "no list"),
        (b'{"id": "x"}', "paper", "no arXiv id"),
        (b"[]", "paper", "no object"),
        (b'{"error": "Paper not found"}', "paper", "Paper not found"),
    ],
)
def test_an_api_answer_that_is_none(body: bytes, form: str, said: str) -> None:
    page = answer(body, form=form)  # type: ignore[arg-type]  # a Literal
    with pytest.raises(ParseError, match=said) as raised:
        source("daily").parse(page, NOW)
    assert (raised.value.source, raised.value.url) == ("daily", page.url)
