from __future__ import annotations

import datetime as dt

import pytest

from tests.sources.reading import NOW, read
from watcher.models import Author, Organization, PageKind, Paper, Submitter


def card(inner: str = "", title: str = "T", href: str = "/papers/2512.00001") -> str:
    return f'<article><h3><a href="{href}">{title}</a></h3>{inner}</article>'


def paper(inner: str, page: PageKind = "daily", now: dt.datetime = NOW) -> Paper:
    (found,) = read(card(inner), page, now=now).papers
    return found


def abstract(inner: str) -> str | None:
    return paper(f"<p>{inner}</p>", "search").abstract


def test_a_bare_card_is_a_paper_with_nothing_known() -> None:
    listing = read(card())
    assert listing.papers == (Paper("2512.00001", "T"),)
    assert listing.has_marks
    assert not listing.says_empty


def test_an_abstract_in_1797_text_nodes_is_neither_glued_nor_split() -> None:
    words = [f"word{number}" for number in range(1797)]
    whole = " ".join(words)
    assert abstract("<!-- -->".join(words)) == whole
    assert abstract("".join(f"<span>{word}</span>" for word in words)) == whole
    assert abstract("".join(f"<span>{word} </span>" for word in words)) == whole
    assert abstract("<!-- --> <!-- -->".join(words)) == whole
    assert abstract("<br>".join(words)) == whole


def test_punctuation_in_a_node_of_its_own_stays_at_its_word() -> None:
    nodes = ["We", "study", "sparse", "nets", ",", "and", "show", "(", "5", "%", ")", "gains", "."]
    assert abstract("".join(f"<span>{node}</span>" for node in nodes)) == (
        "We study sparse nets, and show ( 5%) gains."
    )


def test_an_emphasised_word_is_not_split() -> None:
    text = "<em>Hyper</em>networks for H<sub>2</sub>O &amp; <mark>Lo</mark>RA, in <b>one</b> line"
    assert abstract(text) == "Hypernetworks for H2O & LoRA, in one line"


def test_a_text_in_single_letters_is_not_split() -> None:
    text = "".join(f"<i>{letter}</i>" for letter in "weight space learning")
    assert abstract(text) == "weight space learning"


def test_lines_of_a_title_are_words_apart() -> None:
    listing = read(card(title="A<br>title\n   in <span>two</span>  lines\x0b&#1;"))
    assert listing.papers[0].title == "A title in two lines"


@pytest.mark.parametrize(
    ("box", "votes"),
    [
        ('<div role="checkbox"><div class="leading-none">131</div></div>', 131),
        ('<div role="checkbox"><div class="leading-none">-</div></div>', 0),
        ('<div role="checkbox"><svg></svg> Upvote <div>117</div></div>', 117),
        ('<div role="checkbox"><div class="renamed">1.2k</div></div>', 1200),
        ('<div role="checkbox"><div class="leading-none"></div></div>', None),
        ('<div role="checkbox">Upvote</div>', None),
        ("<div>131</div>", None),
    ],
)
def test_votes(box: str, votes: int | None) -> None:
    assert paper(box).upvotes == votes


@pytest.mark.parametrize(
    ("link", "comments"),
    [
        ('<a href="/papers/2512.00001#community"><svg></svg>6</a>', 6),
        ('<a href="/papers/2512.00001#community"><svg></svg></a>', None),
        ("", None),
    ],
)
def test_comments(link: str, comments: int | None) -> None:
    found = paper(link)
    assert (found.comment_count, found.star_count) == (comments, None)


def test_authors_and_their_number() -> None:
    found = paper('<ul><li title="Ada"></li><li title=" "></li><li> · 1 authors</li></ul>')
    assert (found.authors, found.author_count) == ((Author("Ada"),), 1)
    bare = paper("<ul><li>menu</li></ul><ul><li title='Bo'></li></ul>")
    assert (bare.authors, bare.author_count) == ((Author("Bo"),), None)


def test_an_organization() -> None:
    chip = '<a href="/acme-ai"><span class="x truncate">ACME &lt;AI&gt;</span></a>'
    assert paper(chip).organization == Organization("acme-ai", "ACME <AI>")
    assert paper('<a href="/a/b"><span class="truncate">no</span></a>').organization is None
    assert paper('<a href="/acme">no chip</a>').organization is None


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ("<div>Submitted by <div><img></div> ada</div>", "ada"),
        ("<div>Submitted by ada</div>", "ada"),
        ("<div>Submitted by</div>", None),
    ],
)
def test_who_submitted(block: str, name: str | None) -> None:
    assert paper(f"<div>{block}</div>").submitted_by == (Submitter(name) if name else None)


@pytest.mark.parametrize(
    ("block", "on"),
    [
        ('<time datetime="2025-05-24T10:00:00Z">May 24</time>', "2025-05-24"),
        ('<time datetime="soon">May 24</time>', "2025-05-24"),
        ("<time>Feb 27, 2024</time>", "2024-02-27"),
        ("<time>ages ago</time>", None),
        ("<span>Published on Oct 4, 2025</span>", "2025-10-04"),
        ("<span>Oct 4, 2025</span>", "2025-10-04"),
        ("<span>Published on Oct 4, 2055</span>", None),
        ("<p>Oct 4, 2025</p>", None),
    ],
)
def test_dates(block: str, on: str | None) -> None:
    at = paper(block, "trending").published_at
    assert (at.date().isoformat() if at else None) == on


def test_code_and_stars_of_a_trending_card() -> None:
    found = paper(
        '<a href="https://github.com/lab/project"><span>GitHub</span> <span>1.66k</span></a>'
        '<a href="https://arxiv.org/abs/2512.00001">arXiv Page</a>'
    )
    assert (found.code_url, found.star_count) == ("https://github.com/lab/project", 1660)
    bare = paper('<a href="https://github.com/lab/project"><span>GitHub</span></a>')
    assert (bare.code_url, bare.star_count) == ("https://github.com/lab/project", None)


def test_stars_of_a_card_are_not_its_title() -> None:
    listing = read(card(title="131") + card("", "x", "/papers/2512.00002"))
    assert listing.papers[0].star_count is None
    starred = paper('<a href="/papers/2512.00001"><svg></svg><span>19.4k</span></a>')
    assert (starred.star_count, starred.code_url) == (19_400, None)


def test_a_hostile_picture_is_no_thumbnail() -> None:
    assert paper('<img src="javascript:thumbnail()">').thumbnail_url is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<h3>Sponsored</h3>", "no heading"),
        ('<h3><a href="/papers/trending">T</a></h3>', "no arXiv id"),
        ('<h3><a href="https://[x/papers/2512.00001">T</a></h3>', "no arXiv id"),
        ('<h3><a href="/papers/2512.00001"> </a></h3>', "no title"),
    ],
)
def test_a_card_that_is_no_paper_costs_only_itself(body: str, said: str) -> None:
    listing = read(f"<article>{body}</article>" + card(href="/papers/2512.00002v2?x=1"))
    assert [paper.id for paper in listing.papers] == ["2512.00002"]
    assert said in listing.skipped[0].reason


def test_text_of_a_card_is_an_abstract_only_where_it_must_be_one() -> None:
    found = paper("<p>Text</p>", "trending")
    assert (found.summary, found.abstract) == ("Text", None)
    searched = paper("<p>Text</p>", "search")
    assert (searched.summary, searched.abstract) == (None, "Text")
