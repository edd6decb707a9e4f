from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.digest.builders import NOW, chosen
from watcher.digest.language import ENGLISH
from watcher.digest.papers import PaperView, paper_view
from watcher.models import Author, DigestPaper, Hit, Organization, Reason


def view(paper: DigestPaper) -> PaperView:
    return paper_view(
        paper, tz=dt.UTC, today=NOW.date(), hub_url="https://huggingface.co", language=ENGLISH
    )


def authors(paper: DigestPaper) -> str:
    pieces = view(paper).authors
    return "".join(f"[{piece.text}]" if piece.is_marked else piece.text for piece in pieces)


def named(count: int) -> tuple[Author, ...]:
    return tuple(Author(f"Name {n}") for n in range(count))


@pytest.mark.parametrize(
    ("known", "count", "shown"),
    [
        (None, None, ""),
        (None, 12, "12 authors"),
        (None, 1, "1 author"),
        (named(2), None, "Name 0, Name 1"),
        (named(6), 6, "Name 0, Name 1, Name 2, Name 3, Name 4, Name 5"),
        (named(8), 8, "Name 0, Name 1, Name 2, Name 3, Name 4, Name 5 and\xa02\xa0more"),
        (named(2), 270, "Name 0, Name 1 and\xa0268\xa0more"),
        ((Author("A"), Author("Wrong", is_hidden=True)), 2, "A"),
        ((Author("Erd\\H{o}s"), Author("  "), Author("\u202ex")), 3, "Erdős, x and\xa01\xa0more"),
    ],
)
def test_who(known: tuple[Author, ...] | None, count: int | None, shown: str) -> None:
    assert authors(chosen(authors=known, author_count=count)) == shown


def test_who_matched_is_named_wherever_in_the_list() -> None:
    rule = Reason("people", (Hit("authors", "Name 42", "authors", ("Name 42",)),))
    shown = authors(chosen(rule, authors=named(50), author_count=50))
    assert shown.endswith("Name 5, [Name 42] and\xa043\xa0more")


@pytest.mark.parametrize(
    ("organization", "shown"),
    [
        (Organization("nus", "National University"), "National University"),
        (Organization("nus"), "nus"),
        (Organization("nus", "\u202e"), "nus"),
        (Organization(" "), None),
        (None, None),
    ],
)
def test_where(organization: Organization | None, shown: str | None) -> None:
    facts = view(chosen(organization=organization)).facts
    assert facts == (*([shown] if shown else []), "12 Feb", "34 votes", "1.7K stars")


def test_what_is_not_known_is_not_shown() -> None:
    paper = chosen(organization=None, published_at=None, upvotes=None, star_count=None)
    assert view(paper).facts == ()
    assert view(chosen(upvotes=0)).facts[2] == "0 votes"


def test_an_old_paper_shows_its_year() -> None:
    paper = chosen(published_at=dt.datetime(2024, 10, 15, tzinfo=dt.UTC))
    assert "15 Oct 2024" in view(paper).facts


def why(*hits: Hit, crossed: tuple[str, ...] = ()) -> tuple[str, ...]:
    return view(chosen(Reason("rule", hits, crossed))).why[0].words


def test_why() -> None:
    assert why() == ("every paper",)
    assert why(
        Hit("all", "agent", "keywords", ("agents", "zoo")),
        Hit("any", "agent", "abstract", ("agents",)),
        Hit("topics", "agent", "title", ("Agents",), "agents"),
        Hit("authors", "Ha", "authors", ("David Ha",)),
        Hit("organizations", "sakana", "organization", ("Sakana AI",)),
        Hit("has_code", "true", "code_url"),
    ) == ("“agents”", "by David Ha", "from Sakana AI", "has code", "“zoo” (keyword)")


def test_a_bound_is_told_once() -> None:
    hits = (Hit("min_upvotes", "20", "upvotes"), Hit("min_stars", "5", "star_count"))
    code = Hit("has_code", "true", "code_url")
    assert why(*hits, code) == ("at least 20 votes", "at least 5 stars", "has code")
    assert why(*hits, code, crossed=("min_upvotes",)) == ("at least 5 stars", "has code")
    assert why(code, crossed=("has_code",)) == ()


def test_votes_a_day_are_told_beside_votes() -> None:
    votes = Hit("min_upvotes", "20", "upvotes")
    gained = Hit("min_upvotes_per_day", "10", "upvotes", ("12.5",))
    assert why(votes, gained) == ("at least 20 votes", "12.5 votes a day")
    assert why(votes, gained, crossed=("min_upvotes_per_day",)) == (
        "at least 20 votes",
        "12.5 votes a day",
    )
    assert why(votes, gained, crossed=("min_upvotes",)) == ("12.5 votes a day",)


def test_many_words_are_bounded() -> None:
    hits = (Hit("any", "w*", "abstract", tuple(f"w{n}" for n in range(20))),)
    assert why(*hits)[-2:] == ("“w7”", "12 more")


@pytest.mark.parametrize(
    ("abstract", "reasons", "remark"),
    [
        (None, (True,), "judged without its abstract"),
        ("known", (True, True), "judged on what was known"),
        (None, (True, False), ""),
        (None, (False,), ""),
    ],
)
def test_judged_as_it_stood(abstract: str | None, reasons: tuple[bool, ...], remark: str) -> None:
    made = [Reason(f"{n}", is_incomplete=unsure) for n, unsure in enumerate(reasons)]
    assert view(chosen(*made, abstract=abstract)).remark == remark


def test_how_it_was_found_is_told() -> None:
    found = replace(chosen(Reason("rule", is_incomplete=True)), backfill_days=7)
    assert view(found).remark == "found looking back 7 days; judged on what was known"
    assert view(replace(found, reasons=(Reason("rule"),))).remark == "found looking back 7 days"


def test_links_only_lead_to_the_web() -> None:
    paper = chosen(id='2601.1"><a', code_url="javascript:alert(1)", project_url="//evil.example")
    assert [(link.label, link.url) for link in view(paper).links] == [
        ("Paper page", "https://huggingface.co/papers/2601.1%22%3E%3Ca"),
        ("arXiv", "https://arxiv.org/abs/2601.1%22%3E%3Ca"),
        ("PDF", "https://arxiv.org/pdf/2601.1%22%3E%3Ca"),
    ]


def test_a_paper_without_a_title_is_called_by_its_id() -> None:
    assert view(chosen(title="\u202e\n")).plain_title == "2410.11878"


def word(text: str, field: str = "abstract") -> Reason:
    return Reason("rule", (Hit("any", text, field, (text,)),))


def excerpt(paper: DigestPaper, limit: int = 200) -> str:
    pieces = view(paper).excerpt(limit)
    assert view(paper).plain_excerpt(limit) == "".join(piece.text for piece in pieces)
    return "".join(f"[{piece.text}]" if piece.is_marked else piece.text for piece in pieces)


LONG = "Beginning sentence. " * 20 + "Here the needle lies. " + "End sentence. " * 20


def test_the_summary_comes_before_the_abstract() -> None:
    assert excerpt(chosen(summary="One line.", abstract="Neural abstract.")) == "One line."
    assert excerpt(chosen(summary=None, abstract="An\n  abstract.")) == "An abstract."
    assert excerpt(chosen(summary=None, abstract=None)) == ""


def test_the_sentence_with_the_word_is_shown() -> None:
    shown = excerpt(chosen(word("needle"), abstract=LONG))
    assert shown.startswith("Beginning sentence. Beginning")
    assert "… Here the [needle] lies." in shown
    assert len(shown) < 230
    with_summary = chosen(word("needle"), summary="One line.", abstract=LONG)
    assert excerpt(with_summary).startswith("One line. … Here the [needle] lies.")


def test_a_long_sentence_is_entered_near_the_word() -> None:
    abstract = "word " * 200 + "needle here"
    assert "… word word" in excerpt(chosen(word("needle"), abstract=abstract))
    assert "[needle] here" in excerpt(chosen(word("needle"), abstract=abstract))
    unspaced = "超" * 500 + "needle"
    assert "… [needle]" in excerpt(chosen(word("needle"), abstract=unspaced))


def test_a_word_at_the_very_beginning() -> None:
    paper = chosen(word("needle"), summary="One line.", abstract="A needle lies here.")
    assert excerpt(paper) == "One line. … A [needle] lies here."


def test_what_is_marked_in_the_title_needs_no_further_sentence() -> None:
    paper = chosen(word("needle", "title"), title="A needle", abstract=LONG)
    assert "[needle]" not in excerpt(paper)
    assert [piece.text for piece in view(paper).title if piece.is_marked] == ["needle"]


def test_right_to_left_titles_are_isolated_around_their_marks() -> None:
    title = view(chosen(word("needle"), title="שלום needle")).title
    assert [piece.text for piece in title] == ["\u2068", "שלום ", "needle", "\u2069"]
