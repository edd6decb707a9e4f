from __future__ import annotations

import datetime as dt
import json
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.reading import NOW, answer, hydrated, read, read_api, record, source
from watcher.models import Listing
from watcher.sources import clean
from watcher.sources.harvest import MAX_PAPERS

PAPER_FIELDS = (
    "id", "title", "summary", "authors", "publishedAt", "submittedOnDailyAt", "upvotes",
    "discussionId", "githubRepo", "githubStars", "projectPage", "ai_summary", "ai_keywords",
    "organization", "mediaUrls", "submittedOnDailyBy",
)  # fmt: skip
ENTRY_FIELDS = (
    "paper", "title", "summary", "publishedAt", "numComments", "thumbnail", "mediaUrls",
    "submittedBy", "organization", "isAuthorParticipating",
)  # fmt: skip

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["name", "user", "fullname", "hidden", "x"]), inner)
    ),
    max_leaves=6,
)


@given(field=st.sampled_from(PAPER_FIELDS), value=anything)
def test_a_field_of_the_wrong_type_costs_only_itself(field: str, value: object) -> None:
    good = record(id="2512.00002", upvotes=5)
    listing = read_api([record(**{field: value}), good])
    assert listing.papers[-1].id == "2512.00002"
    assert listing.papers[-1].upvotes == 5
    assert len(listing.papers) + len(listing.skipped) == 2
    if field not in {"id", "title"}:
        assert not listing.skipped
    assert_sound(listing)


@given(field=st.sampled_from(ENTRY_FIELDS), value=anything)
def test_an_entry_of_the_wrong_shape_costs_only_itself(field: str, value: object) -> None:
    listing = read_api([record() | {field: value}, record(id="2512.00002")])
    assert listing.papers[-1].id == "2512.00002"
    assert_sound(listing)


@given(records=st.lists(anything, min_size=1, max_size=5))
def test_records_of_any_shape_are_skipped(records: list[object]) -> None:
    listing = read_api(records)
    assert [skipped.position for skipped in listing.skipped] == list(range(len(records)))


@given(props=anything)
def test_props_of_any_shape_are_no_error(props: object) -> None:
    assert read(hydrated(json.dumps(props))).papers == ()


def assert_sound(listing: Listing) -> None:
    """Everything in the listing can be stored, and read back the same."""
    coded = msgspec.msgpack.encode(listing)
    assert msgspec.msgpack.decode(coded, type=Listing) == listing


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("upvotes", -1),
        ("upvotes", True),
        ("upvotes", "12"),
        ("upvotes", 10**10),
        ("upvotes", 10**30),
        ("upvotes", 1.5),
        ("upvotes", "\ud800"),
        ("githubStars", -3),
        ("githubRepo", "javascript:alert(1)//github.com/a/b"),
        ("githubRepo", "../../etc/passwd"),
        ("projectPage", "https://user:secret@example.org/"),
        ("projectPage", 'https://example.org/"onclick='),
        ("projectPage", "https://example.org/\u2028x"),
        ("projectPage", "https://[::1"),
        ("projectPage", "https://" + "a" * 3000),
        ("projectPage", "https:///nowhere"),
        ("publishedAt", "yesterday"),
        ("publishedAt", "0001-01-01T00:00:00+14:00"),
        ("publishedAt", "1989-12-31T00:00:00Z"),
        ("publishedAt", "2025-12-29T00:00:00Z"),
        ("publishedAt", "2025-12-29" * 99),
        ("publishedAt", 1766000000),
        ("summary", ["no"]),
        ("summary", "\x00\x1b"),
        ("authors", {"name": "x"}),
        ("organization", "acme"),
        ("organization", {}),
    ],
)
def test_an_unsound_value_is_left_out_and_noted(field: str, value: object) -> None:
    listing = read_api([record(**{field: value})])
    (paper,) = listing.papers
    plain = read_api([record()]).papers[0]
    assert paper == plain
    assert listing.notes == (f"unusable `{field}` in 1 record, first in 2512.00001",)


def test_unsound_elements_of_a_list_cost_only_themselves() -> None:
    listing = read_api(
        [
            record(
                authors=[
                    {"name": "Ada"},
                    {"name": ""},
                    "Bo",
                    {"user": {}},
                    {"name": "Cy", "user": 3},
                ],
                ai_keywords=["lora", 3, None, ""],
            )
        ]
    )
    (paper,) = listing.papers
    assert [author.name for author in paper.authors or ()] == ["Ada", "Cy"]
    assert paper.author_count == 5
    assert paper.keywords == ("lora",)
    assert {note.split("`")[1] for note in listing.notes} == {
        "authors[]",
        "authors[].user",
        "ai_keywords[]",
    }


def test_a_number_longer_than_python_reads_costs_only_itself() -> None:
    body = json.dumps([record(upvotes="MANY"), record(id="2512.00002", upvotes=5)])
    endless = "9" * (sys.get_int_max_str_digits() + 1)
    found = answer(body.replace('"MANY"', endless), path="/api/daily_papers", form="api")
    first, second = source("daily").parse(found, NOW).papers
    assert first == read_api([record()]).papers[0]
    assert (second.id, second.upvotes) == ("2512.00002", 5)


def test_notes_are_counted_not_repeated() -> None:
    listing = read_api([record(id=f"2512.{n:05}", upvotes="?") for n in range(9)])
    assert listing.notes == ("unusable `upvotes` in 9 records, first in 2512.00000",)


@pytest.mark.parametrize(
    "paper_id",
    [None, 2512.00001, "", "2512.1", "2512.123456", "25.12345", "٢٥١٢.00001", "2512.00001x",
     "cs/0112017", " 2512.00001", "2512.00001\n", "2512.00001v", "2512.00001v1234"],
)  # fmt: skip
def test_what_is_no_arxiv_id(paper_id: object) -> None:
    listing = read_api([record(id=paper_id)])
    assert listing.papers == ()
    assert "no arXiv id" in listing.skipped[0].reason


@pytest.mark.parametrize("title", [None, "", " \n", 3, ["T"], "\x00\ud800"])
def test_a_paper_without_a_title_is_skipped(title: object) -> None:
    listing = read_api([record(title=title)])
    assert listing.papers == ()
    assert listing.skipped[0].reason == "2512.00001 has no title"


def test_the_entry_has_the_title_too() -> None:
    (paper,) = read_api([record(title=None) | {"title": "Of the entry"}]).papers
    assert paper.title == "Of the entry"


def test_absurd_sizes_are_cut() -> None:
    listing = read_api(
        [
            record(
                title="t" * 5000,
                summary="word " * 10_000,
                authors=[{"name": "n" * 5000}] * 9000,
                ai_keywords=["k"] * 9000,
                mediaUrls=["https://example.org/"] * 9000,
            )
        ]
    )
    (paper,) = listing.papers
    assert len(paper.title) == clean.MAX_TITLE
    assert len(paper.abstract or "") <= clean.MAX_ABSTRACT
    assert len(paper.authors or ()) == clean.MAX_AUTHORS
    assert paper.authors
    assert len(paper.authors[0].name) == clean.MAX_NAME
    assert paper.author_count == 9000
    assert len(paper.keywords or ()) == clean.MAX_KEYWORDS
    assert len(paper.media_urls or ()) == clean.MAX_MEDIA
    assert any("longer than 1000 characters" in note for note in listing.notes)


def test_a_list_without_end_is_read_up_to_a_bound() -> None:
    listing = read_api([record(id=f"2512.{n:05}") for n in range(MAX_PAPERS + 5)])
    assert len(listing.papers) == MAX_PAPERS
    assert "1000 of 1005" in listing.skipped[0].reason


def test_a_record_of_hostile_depth_costs_the_answer_but_not_the_process() -> None:
    depth = sys.getrecursionlimit() // 3
    nested: object = "x"
    for _ in range(depth):
        nested = [nested]
    listing = read_api([record(summary=nested), record(id="2512.00002")])
    assert len(listing.papers) == 2


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("lab/project", "https://github.com/lab/project"),
        ("github.com/lab/project.py/", "https://github.com/lab/project.py"),
        ("https://gitlab.com/lab/project", "https://gitlab.com/lab/project"),
        (" http://example.org/x?a=b#c ", "http://example.org/x?a=b#c"),
        ("HTTPS://EXAMPLE.ORG/", "HTTPS://EXAMPLE.ORG/"),
        ("https://example.org/日本", "https://example.org/日本"),
        ("//example.org/x", None),
        ("ftp://example.org/x", None),
        ("lab", None),
        (None, None),
    ],
)
def test_repositories(given: object, url: str | None) -> None:
    assert read_api([record(githubRepo=given)]).papers[0].code_url == url


@pytest.mark.parametrize(
    ("shown", "number"),
    [("131", 131), ("1,234", 1234), ("1.66k", 1660), ("1,6k", 1600), ("110k", 110_000),
     ("2.1M", 2_100_000), ("0", 0), ("1.5", None), ("1.2.3k", None), ("k", None), ("", None),
     ("-", None), ("999999999M", None), ("1" + ",234" * 3000, None), ("١٢", None)],
)  # fmt: skip
def test_numbers_as_markup_shows_them(shown: str, number: int | None) -> None:
    assert clean.short_number(shown) == number


@pytest.mark.parametrize(
    ("shown", "on"),
    [("Oct 4, 2024", "2024-10-04"), ("May 29", "2025-05-29"), ("Dec 31", "2024-12-31"),
     ("September 9, 2025", "2025-09-09"), ("Feb 29", "2024-02-29"), ("Feb 30", None),
     ("Oct 4, 2031", None), ("Jan 1, 1800", None), ("Foo 3", None)],
)  # fmt: skip
def test_dates_as_markup_shows_them(shown: str, on: str | None) -> None:
    at = clean.shown_date(shown, NOW)
    assert (at.date().isoformat() if at else None) == on
    assert at is None or at.tzinfo is dt.UTC
