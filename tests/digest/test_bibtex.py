"""Digests as BibTeX: what another program reads out of it is what the papers say."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pybtex.database import (  # type: ignore[import-untyped]  # has no stubs
    BibliographyData,
    Entry,
    parse_string,
)
from pylatexenc.latex2text import LatexNodes2Text  # type: ignore[import-untyped]  # has no stubs

from tests.digest.builders import NASTY, chosen, content, texts
from watcher.digest import render_digest
from watcher.digest.bibtex import bibliography
from watcher.digest.text import clean
from watcher.models import Author, Paper


def read(text: str) -> BibliographyData:
    return parse_string(text, "bibtex")


def only(paper: Paper) -> Entry:
    [found] = read(bibliography([paper])).entries.values()
    return found


def plain(latex: str) -> str:
    return str(LatexNodes2Text(keep_braced_groups=False).latex_to_text(latex))


def test_a_paper_is_cited_as_arxiv_cites_it() -> None:
    paper = Paper(
        id="2410.11878",
        title="The Neural Metamorphosis of $\\alpha$",
        authors=(Author("Xingyi Yang"), Author("Xinchao Wang")),
        published_at=dt.datetime(2024, 10, 10, tzinfo=dt.UTC),
    )
    assert bibliography([paper]) == (
        "@misc{yang2024neural,\n"
        "  title = {{The Neural Metamorphosis of {\\ensuremath{\\alpha}}}},\n"
        "  author = {Xingyi Yang and Xinchao Wang},\n"
        "  year = {2024},\n"
        "  eprint = {2410.11878},\n"
        "  archiveprefix = {arXiv},\n"
        "  url = {https://arxiv.org/abs/2410.11878}\n"
        "}\n"
    )


def test_names_are_read_as_the_names_they_are() -> None:
    names = ("Éric Müller", "Ha, David", "Rock and Roll", "山田 太郎", "others", "O'Neil {x")
    found = only(Paper("1", "x", authors=tuple(map(Author, names)), author_count=9))
    told = [plain(str(person)) for person in found.persons["author"]]
    assert told[1:3] == ["Ha, David", "Rock and Roll"]
    assert told[0] == "Müller, Éric"
    assert told[4:] == ["others", "x, O'Neil", "others"]


def test_who_is_hidden_is_not_named() -> None:
    authors = (Author("Ada Lovelace", is_hidden=True), Author("Charles Babbage"))
    found = only(Paper("1", "x y", authors=authors, author_count=2))
    assert [str(person) for person in found.persons["author"]] == ["Babbage, Charles"]


def test_papers_that_would_be_called_the_same_are_told_apart() -> None:
    first = Paper("2410.00001", "Agents at work", authors=(Author("Ada Ha"),))
    second = Paper("2410.00002", "The agents", authors=(Author("Bob Ha"),))
    nameless = Paper("2410.00003", "超网络")
    keys = list(read(bibliography([first, second, nameless])).entries)
    assert keys == ["ha2024agents", "ha2024agents-2410.00002", "2410.00003"]


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_breaks_out_of_its_field(nasty: str) -> None:
    paper = Paper(f"1{nasty}", f"a {nasty} b", authors=(Author(f"a {nasty} b"),))
    found = read(bibliography([paper, Paper("2", "after", authors=(Author("Ada Ha"),))]))
    assert len(found.entries) == 2
    assert "after" in str(found.entries["2"].fields["title"] if "2" in found.entries else found)


@given(st.lists(st.tuples(texts, texts, texts), max_size=4))
def test_whatever_papers_say_is_read_back(said: list[tuple[str, str, str]]) -> None:
    papers = [
        Paper(f"24{n}", title, authors=(Author(name),)) for n, (title, name, _) in enumerate(said)
    ]
    found = read(bibliography(papers))
    assert len(found.entries) == len(papers)
    for one in found.entries.values():
        assert set(one.fields) <= {"title", "year", "eprint", "archiveprefix", "url"}
        assert set(one.persons) <= {"author"}


def test_it_goes_with_a_digest_that_wants_it() -> None:
    papers = (chosen(), chosen(id="2602.00001", title="Another"))
    rendered = render_digest(content(*papers, wants_bibtex=True))
    [attached] = rendered.attachments
    assert attached.name == "weights-2026-02-19.bib"
    ids = {str(one.fields["eprint"]) for one in read(attached.text).entries.values()}
    assert ids == {paper.paper.id for paper in papers}
    assert render_digest(content(*papers)).attachments == ()
    named = render_digest(content(*papers, wants_bibtex=True, subscription='超 "x"\r\n'))
    assert clean(named.attachments[0].name).isascii()
