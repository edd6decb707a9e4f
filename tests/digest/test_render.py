from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest
from hypothesis import given

from tests.digest.builders import (
    AGENTS,
    NASTY,
    NOW,
    PAPER,
    WEIGHTS,
    chosen,
    content,
    contents,
)
from tests.digest.html import our_signatures, parsed, shown, signatures
from watcher.digest import render_digest
from watcher.digest.language import TAGS
from watcher.errors import RenderError
from watcher.models import Author, DigestContent, Failure, Hit, Outage, Reason

DAY = dt.timedelta(days=1)

CROSSED = Reason("weights as data", (Hit("min_upvotes", "20", "upvotes"),), ("min_upvotes",))


def test_a_digest_says_what_is_in_it() -> None:
    papers = (
        chosen(id="2601.00001", title="Neural Metamorphosis"),
        chosen(CROSSED, id="2601.00002", title="HyperNets: A Survey of Everything There Is"),
        chosen(AGENTS, id="2601.00003", title="Planning"),
    )
    rendered = render_digest(
        content(*papers, outages=(Outage("daily", NOW - 4 * DAY, NOW, "day", 3),))
    )
    assert rendered.subject == (
        "weights: 3 new papers, Thu 19 Feb: HyperNets, Neural Metamorphosis, Planning"
    )
    line = "3 new papers: 2 weights as data, 1 agents; 1 reached your votes"
    assert line.replace("papers:", "papers :") in shown(rendered.html)
    assert line in rendered.text
    for text in (rendered.text, shown(rendered.html)):
        assert "Thu 19 Feb 2026" in text
        assert "caught up 3 days" in " ".join(text.split())
        assert "The next one comes Fri 20 Feb 2026, 08:00 Europe/Paris" in text
        assert "papers@example.org" in text
        assert "reached 20 votes" in text
    headings = [node.text().strip() for node in parsed(rendered.html).css("h2")]
    assert headings == ["weights as data 2", "agents 1"]


def test_a_paper_says_who_when_how_much_and_why() -> None:
    rendered = render_digest(content(chosen(WEIGHTS, AGENTS)))
    html = shown(rendered.html)
    for text in (re.sub(r"\s+", " ", rendered.text), html):
        assert "Neural Metamorphosis" in text
        assert "Xingyi Yang, Xinchao Wang" in text
        for fact in ("National University of Singapore", "12 Feb", "34 votes", "1.7K stars"):
            assert fact in text
        assert "“hypernetworks”" in text
        assert "agents" in text
        assert "“planner”" in text
    links = {node.text(): node.attributes["href"] for node in parsed(rendered.html).css("p a")}
    assert links == {
        "Paper page": "https://huggingface.co/papers/2410.11878",
        "arXiv": "https://arxiv.org/abs/2410.11878",
        "PDF": "https://arxiv.org/pdf/2410.11878",
        "Code": "https://github.com/Adamdad/neumeta",
        "Project": "https://adamdad.github.io/neumeta/",
        "papers@example.org": "mailto:papers@example.org?subject=unsubscribe%20weights",
    }
    assert all(url in rendered.text for url in links.values() if url and url.startswith("https"))
    assert [node.text() for node in parsed(rendered.html).css("mark")] == ["hypernetworks"]
    title = parsed(rendered.html).css("h3 a")[0]
    assert title.attributes["href"] == "https://huggingface.co/papers/2410.11878"


def test_the_text_reads_well() -> None:
    papers = (chosen(WEIGHTS, CROSSED), chosen(AGENTS, id="2601.00003", title="Planning"))
    rendered = render_digest(content(*papers, max_papers=1, next_slot_at=None))
    assert (
        rendered.text
        == """\
weights, Thu 19 Feb 2026
2 new papers: 1 weights as data, 1 agents; 1 reached your votes


weights as data (1)
----------------------------------------------------------------------------

 1. Neural Metamorphosis
    Xingyi Yang, Xinchao Wang
    National University of Singapore, 12 Feb, 34 votes, 1.7K stars

    This paper introduces a new learning paradigm. It builds on
    hypernetworks, which generate weights. Experiments show that it works.

    Why: weights as data
         weights as data: “hypernetworks”
         reached 20 votes
    Paper page: https://huggingface.co/papers/2410.11878
    arXiv:      https://arxiv.org/abs/2410.11878
    PDF:        https://arxiv.org/pdf/2410.11878
    Code:       https://github.com/Adamdad/neumeta
    Project:    https://adamdad.github.io/neumeta/


More, by title
----------------------------------------------------------------------------

- Planning
  https://huggingface.co/papers/2601.00003


----------------------------------------------------------------------------
You get this mail because your address is in the subscription “weights”:
papers on Hugging Face that match its rules, each sent once.
The next one comes when there is news.
To stop it, write to papers@example.org.
"""
    )


def test_what_exceeds_max_papers_stands_below() -> None:
    papers = [chosen(id=f"2601.{n:05}", title=f"Paper {n}") for n in range(12)]
    rendered = render_digest(content(*papers, max_papers=5))
    page = parsed(rendered.html)
    assert [node.text() for node in page.css("h3")] == [f"Paper {n}" for n in range(5)]
    assert page.css("h2")[-1].text() == "More, by title 7"
    for n in range(12):
        assert len(page.css(f'a[href="https://huggingface.co/papers/2601.{n:05}"]')) in {1, 2}
        assert f"https://huggingface.co/papers/2601.{n:05}\n" in rendered.text


def test_no_papers_in_full() -> None:
    rendered = render_digest(content(chosen(), max_papers=0))
    assert parsed(rendered.html).css("h2")[0].text() == "All, by title 1"
    assert parsed(rendered.html).css("h3") == []
    assert "All, by title" in rendered.text


def test_titles_make_room_for_the_first_ten_in_full() -> None:
    papers = [chosen(id=f"2601.{n:05}", title=f"{n}: {'a long title ' * 12}") for n in range(600)]
    page = parsed(render_digest(content(*papers)).html)
    assert len(page.css("h3")) == 10
    listed = len(page.css(".listed p > a"))
    assert 100 < listed < 590
    [rest] = page.css(".listed .dim")
    assert rest.text().startswith(f"and {590 - listed} more")


def test_each_title_has_its_size_whatever_the_language() -> None:
    for code in TAGS:
        page = parsed(
            render_digest(content(chosen(), chosen(id="2"), max_papers=1, language=code)).html
        )
        [title], [listed] = page.css("h3"), page.css(".listed p")
        assert "font-size:18px" in (title.attributes["style"] or "").replace(" ", "")
        assert "margin:0 0 8px" in (listed.attributes["style"] or "")


def test_an_empty_digest_says_so() -> None:
    rendered = render_digest(content())
    assert rendered.subject == "weights: no new papers, Thu 19 Feb"
    assert "no new papers" in rendered.text


def test_gmail_does_not_clip_five_thousand_papers() -> None:
    names = tuple(Author(f"Some Quite Long Name {n}") for n in range(9))
    hits = (Hit("any", "x", "abstract", ("超网络",)),)
    papers = [
        chosen(
            *(Reason(f"rule {n % 7} {r}", hits) for r in range(6)),
            id=f"2601.{n:05}",
            title=f"{n}: {'超网络 generation ' * 30}",
            abstract="超网络生成，" * 300,
            authors=names,
            author_count=100,
        )
        for n in range(5000)
    ]
    rendered = render_digest(
        content(*papers, max_papers=5000, outages=(Outage("daily " * 99, NOW, NOW),) * 99)
    )
    assert 60_000 < len(rendered.html.encode()) <= 90_000
    page = parsed(rendered.html)
    full = len(page.css("h3"))
    listed = len(page.css("p > a")) - 5 * full - 1
    rest = re.search(r"and (\d+) more, all of them in the plain text", shown(rendered.html))
    assert rest is not None
    assert full + listed + int(rest[1]) == 5000
    assert all(f"/papers/2601.{n:05}\n" in rendered.text for n in range(5000))


@pytest.mark.parametrize("count", [20, 40, 80, 140])
def test_abstracts_shorten_before_papers_move(count: int) -> None:
    papers = [chosen(id=f"2601.{n:05}", abstract="many words " * 200) for n in range(count)]
    rendered = render_digest(content(*papers, max_papers=1000))
    page = parsed(rendered.html)
    about = [node.text() for node in page.css("h3 ~ p") if "many words" in node.text()]
    assert len({len(text) for text in about}) == 1
    if len(page.css("h3")) < count:
        assert len(about[0]) < 150
    assert len(about[0]) > 100
    assert len(rendered.html.encode()) <= 90_000
    assert f"https://huggingface.co/papers/2601.{count - 1:05}" in rendered.html


def test_titles_longer_than_all_room_still_fit() -> None:
    papers = [chosen(id=f"2601.{n:05}", title="超" * 5000, abstract=None) for n in range(700)]
    rendered = render_digest(content(*papers, max_papers=10))
    assert len(rendered.html.encode()) <= 90_000
    assert "more, all of them in the plain text" in shown(rendered.html)


@pytest.mark.parametrize(
    ("titles", "subject"),
    [
        (("One",), "weights: 1 new paper, Thu 19 Feb: One"),
        (("A" * 60, "B" * 60), f"weights: 2 new papers, Thu 19 Feb: {'A' * 60}, …"),
        (("word " * 40,), "weights: 1 new paper, Thu 19 Feb: " + "word " * 16 + "word…"),
        (("RL: Far", "It: is"), "weights: 2 new papers, Thu 19 Feb: RL: Far, It: is"),
        (("Big: " + "x" * 90,), "weights: 1 new paper, Thu 19 Feb: Big"),
    ],
)
def test_subjects_are_cut_between_titles_or_words(titles: tuple[str, ...], subject: str) -> None:
    papers = [chosen(id=str(n), title=title) for n, title in enumerate(titles)]
    assert render_digest(content(*papers)).subject == subject


def test_the_day_is_the_readers() -> None:
    late = replace(content(chosen()), composed_at=dt.datetime(2026, 2, 19, 20, tzinfo=dt.UTC))
    assert "Fri 20 Feb" in render_digest(replace(late, timezone="Asia/Tokyo")).subject
    assert "Thu 19 Feb" in render_digest(replace(late, timezone="America/New_York")).subject


def test_an_unknown_zone_is_no_digest() -> None:
    with pytest.raises(RenderError, match="Europe/Atlantis"):
        render_digest(content(chosen(), timezone="Europe/Atlantis"))


def test_latex_and_right_to_left_titles() -> None:
    papers = (
        chosen(id="1", title=r"$\mathcal{O}(n^2)$ na\"{\i}ve"),
        chosen(id="2", title="שלום\u202e עולם"),
    )
    rendered = render_digest(content(*papers))
    for text in (rendered.subject, rendered.text, rendered.html):
        assert "O(n²) naïve" in text
        assert "\u2068שלום עולם\u2069" in text
        assert "\u202e" not in text


def test_many_rules_are_summed_up() -> None:
    papers = [chosen(Reason(f"rule {n}"), id=f"{n}") for n in range(7)]
    line = "7 new papers: 1 rule 0, 1 rule 1, 1 rule 2, 1 rule 3, 3 by other rules\n"
    assert line in render_digest(content(*papers)).text


def test_every_kind_of_news_is_counted() -> None:
    papers = (
        chosen(CROSSED, id="1"),
        chosen(Reason("weights as data", crossed=("min_stars", "has_code")), id="2"),
        chosen(Reason("weights as data", crossed=("min_upvotes_per_day",)), id="3"),
    )
    told = "3 weights as data; 2 reached your votes, 1 reached your stars, 1 with code released"
    assert told in " ".join(render_digest(content(*papers)).text.split())


def test_many_notes_are_bounded() -> None:
    outages = tuple(Outage(f"page {n}", NOW - 2 * DAY, NOW) for n in range(20))
    text = render_digest(content(chosen(), outages=outages)).text
    assert "! page 7 could not be read" in text
    assert "! and 12 more like these\n" in text
    assert "page 8" not in text


def test_the_same_content_gives_the_same_mail() -> None:
    papers = [chosen(WEIGHTS, AGENTS, id=f"{n}") for n in range(9)]
    assert render_digest(content(*papers)) == render_digest(content(*reversed(papers)))


@given(contents)
def test_nothing_hostile_gets_into_the_markup(hostile: DigestContent) -> None:
    rendered = render_digest(hostile)
    assert signatures(rendered.html) <= our_signatures()
    assert len(rendered.html.encode()) <= 90_000
    for text in (rendered.subject, rendered.text, rendered.html):
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]", text
        )
    assert "\n" not in rendered.subject


def test_a_quote_in_a_link_is_encoded() -> None:
    paper = replace(PAPER, project_url="https://example.org/it's")
    html = render_digest(content(chosen(Reason("r"), paper=paper))).html
    assert 'href="https://example.org/it%27s"' in html


@pytest.mark.parametrize("nasty", NASTY)
def test_each_nasty_text_everywhere(nasty: str) -> None:
    paper = replace(
        PAPER,
        id=nasty,
        title=f"Neural {nasty}",
        summary=nasty,
        authors=(Author(nasty), Author(f"A {nasty}")),
        code_url=nasty,
        project_url=f"https://example.org/{nasty}",
    )
    hit = Hit("any", nasty, "title", (nasty, "Neural"))
    hostile = content(
        chosen(Reason(nasty, (hit,), (nasty,)), Reason(nasty * 2, is_incomplete=True), paper=paper),
        subscription=nasty,
        outages=(Outage(nasty, NOW, NOW),),
        failures=(Failure(nasty, NOW),),
        unsubscribe=nasty,
    )
    rendered = render_digest(hostile)
    assert signatures(rendered.html) <= our_signatures()
    assert "Neural" in rendered.subject
    assert rendered.html.count("<html") == rendered.html.count("</html>") == 1
    assert "evil.example" not in "".join(
        str(node.attributes["href"])
        for node in parsed(rendered.html).css("a")
        if not str(node.attributes["href"]).startswith(
            (
                "https://huggingface.co/papers/",
                "mailto:",
                "https://arxiv.org/",
                "https://example.org/",
            )
        )
    )


def test_jinja_in_a_title_is_not_run() -> None:
    assert "{{ 7 * 7 }}" in render_digest(content(chosen(title="{{ 7 * 7 }}"))).text


def test_old_matches_come_last() -> None:
    papers = (chosen(AGENTS, at=NOW - dt.timedelta(days=2), id="1"), chosen(id="2"))
    headings = parsed(render_digest(content(*papers)).html).css("h2")
    assert [node.text().strip() for node in headings] == ["weights as data 1", "agents 1"]


def test_the_page_to_change_it_is_named_where_there_is_one() -> None:
    rendered = render_digest(content(chosen(), manage_url="https://papers.example.org/manage/x"))
    links = {node.text(): node.attributes["href"] for node in parsed(rendered.html).css("p a")}
    assert links["Change it, pause it or end it"] == "https://papers.example.org/manage/x"
    assert "end it:\nhttps://papers.example.org/manage/x\n" in rendered.text
    assert "Change it" not in render_digest(content(chosen(), manage_url="ftp://x")).text


def test_the_archive_is_named_where_there_is_one() -> None:
    rendered = render_digest(content(chosen(), archive_url="https://papers.example.org/archive/x"))
    links = {node.text(): node.attributes["href"] for node in parsed(rendered.html).css("p a")}
    assert links["All digests so far"] == "https://papers.example.org/archive/x"
    assert "so far:\nhttps://papers.example.org/archive/x\n" in rendered.text
    assert "so far" not in render_digest(content(chosen())).text


def test_each_paper_in_full_asks_whether_more_like_it_is_wanted() -> None:
    site = "https://papers.example.org"
    asked = [
        replace(
            chosen(id=f"2601.{n:05}", title=f"Paper {n}"),
            more_url=f"{site}/more/{n}",
            not_url=f"{site}/not/{n}",
        )
        for n in range(3)
    ]
    rendered = render_digest(content(*asked, max_papers=2))
    links = [
        (node.text(), node.attributes["href"]) for node in parsed(rendered.html).css(".wishes a")
    ]
    assert links == [
        ("More like this", f"{site}/more/0"),
        ("Not this", f"{site}/not/0"),
        ("More like this", f"{site}/more/1"),
        ("Not this", f"{site}/not/1"),
    ]
    assert (
        "    Project:        https://adamdad.github.io/neumeta/\n"
        f"    More like this: {site}/more/0\n"
        f"    Not this:       {site}/not/0\n"
    ) in rendered.text
    assert "/more/2" not in rendered.text
    plain = render_digest(content(chosen()))
    assert "like this" not in plain.text + plain.html
    wrong = render_digest(content(replace(chosen(), more_url="javascript:alert(1)")))
    assert "like this" not in wrong.text + wrong.html
